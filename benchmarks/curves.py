"""Throughput and latency by the number of connections."""

import chart
from common import create, fill
from load import Load
from result import DURABLE, Result
from servers import FastAPI, Ours

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128)
# a number's first digits differ from step to step
FIRST, STEP = 2000000000000, 10000000000


def creates_of(bench, kind, seconds):
    found = {}
    with kind(bench) as server:
        server.start()
        token = server.register()
        create(bench, server, token, 8, 1, FIRST - STEP)
        for index, connections in enumerate(CONNECTIONS):
            # some of the peer's connections wait for SQLite's lock all the time; it has its throughput all the same
            found[connections] = create(bench, server, token, connections, seconds, FIRST + index * STEP,
                                        allow_starved=kind is not Ours)
    return found


def reads_of(bench, seconds):
    with Ours(bench) as server:
        server.start()
        token = server.register()
        fill(bench, server, token, 10000)
        return {connections: Load(bench, server, connections, seconds, "get", token, 1, 10000).result()
                for connections in CONNECTIONS}


def by_connections(bench):
    result = Result("Throughput and latency by connections",
                    "POST /phone_numbers and GET /phone_numbers/{id} with 1 to 128 connections, one run each; the "
                    "figures are those at 32", "requests/s", DURABLE)
    seconds = max(bench.seconds // 2, 1)
    bench.say("  creates")
    creates = creates_of(bench, Ours, seconds)
    bench.say("  creates of the peer")
    peer = creates_of(bench, FastAPI, seconds)
    bench.say("  reads")
    reads = reads_of(bench, seconds)
    for name, found in (("cloud-telephony, creates", creates), ("cloud-telephony, reads", reads),
                        ("fastapi, creates", peer)):
        result.add_load(name, found[32])
    result.plot("throughput_by_connections", chart.lines(
        "Throughput by connections", "connections", "requests a second",
        {"creates": [(at, one["per_second"]) for at, one in creates.items()],
         "reads": [(at, one["per_second"]) for at, one in reads.items()],
         "creates of the FastAPI peer": [(at, one["per_second"]) for at, one in peer.items()]},
        x_log=2, y_log=10, subtitle="requests a second, both axes logarithmic"))
    for name, found in (("creates", creates), ("reads", reads)):
        result.plot(f"latency_of_{name}", chart.lines(
            f"Latency of {name} by connections", "connections", "ms",
            {label: [(at, max(one[key], 1) / 1000) for at, one in found.items()]
             for label, key in (("p50", "p50_us"), ("p90", "p90_us"), ("p99", "p99_us"), ("p99.9", "p999_us"))},
            x_log=2, y_log=10, subtitle="milliseconds as the client sees them, both axes logarithmic"))
    return result
