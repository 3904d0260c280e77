"""Mixed load for a long time: memory, descriptors and latency must stay as they are."""

import os
import statistics
import time

import chart
import pools
from arithmetic import farthest, growth
from load import Load
from result import Result
from servers import PASSWORD, Failure, Ours

WINDOW = 10
CONNECTIONS, MOST_MS = 16, 6
FIRST_MINUTE = 60


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def memory_mib(server):
    """The least of some samples: a password that is being hashed takes 19 MiB for that moment, and the last ones may
    still be."""
    samples = []
    for _ in range(15):
        samples.append(server.memory_kib()[0] / 1024)
        time.sleep(0.1)
    return min(samples)


def window_of(bench, server, token, turn):
    first = 1000000000000 + turn * 4000000000
    mixed = Load(bench, server, CONNECTIONS, WINDOW, "mixed", token, first, MOST_MS)
    logins = Load(bench, server, 1, WINDOW, "login", "bench", PASSWORD)
    found, logged = mixed.result(), logins.result()
    return {"memory_mib": memory_mib(server), "descriptors": descriptors(server), "p50_us": found["p50_us"],
            "p99_us": found["p99_us"], "per_second": found["per_second"], "logins": logged["per_second"]}


def soak(bench):
    result = Result("Mixed load for a long time",
                    f"{bench.minutes:g} minutes of creates, reads, lists, updates, releases and claims over "
                    f"{CONNECTIONS} connections that pause up to {MOST_MS} ms, and logins without pause over one more; "
                    f"after every {WINDOW} s memory and descriptors are looked at", "requests/s",
                    "SQLite in WAL mode with synchronous=FULL. Any reply that should not be ends the run.")
    points = []
    with Ours(bench, NUMBER_QUARANTINE_DAYS="0") as server:
        server.start()
        token = pools.administrator(bench, server)
        server.request("POST", "/number_pools", {"name": "large", "first": f"+{pools.FIRST}",
                                                 "last": f"+{pools.FIRST + pools.SIZE - 1}"}, token)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < bench.minutes * 60:
            found = window_of(bench, server, token, len(points))
            points.append(((time.monotonic() - began) / 60, found))
            bench.say(f"  {passed + WINDOW:5.0f} s  {found['memory_mib']:6.1f} MiB  {found['descriptors']} descriptors  "
                      f"p99 {found['p99_us'] / 1000:.2f} ms  {found['per_second']:,.0f} requests/s")
    later = [found for minutes, found in points if minutes * 60 > FIRST_MINUTE]
    if len(later) < 3:
        raise Failure("a soak takes at least two minutes")
    for found in later:
        result.add("cloud-telephony", found["per_second"], p50_us=found["p50_us"], p99_us=found["p99_us"])
        result.add("logins", found["logins"])
    memory = [found["memory_mib"] for found in later]
    result.limit("memory after the first minute: farthest from where it was then",
                 farthest(memory) * 100, ("at most", 5), "%")
    result.limit("descriptors more than after the first minute, at the end",
                 later[-1]["descriptors"] - later[0]["descriptors"], ("at most", 0), "")
    result.limit("99th percentile, last third / first third", growth([found["p99_us"] for found in later]),
                 ("at most", 1.5), "")
    result.note(f"Memory {statistics.median(memory):.1f} MiB, {later[-1]['descriptors']} descriptors with no client.")
    marks = [(FIRST_MINUTE / 60, "first minute")]
    result.plot("soak_memory", chart.lines(
        "Soak: resident memory", "minutes", "MiB",
        {"resident set": [(at, found["memory_mib"]) for at, found in points]}, zero=True, marks=marks))
    result.plot("soak_descriptors", chart.lines(
        "Soak: open descriptors between the windows of load", "minutes", "descriptors",
        {"descriptors": [(at, found["descriptors"]) for at, found in points]}, zero=True, marks=marks))
    result.plot("soak_latency", chart.lines(
        "Soak: latency of the mixed load", "minutes", "ms",
        {"p50": [(at, found["p50_us"] / 1000) for at, found in points],
         "p99": [(at, found["p99_us"] / 1000) for at, found in points]}, zero=True, marks=marks))
    return result
