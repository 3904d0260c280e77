"""Reading numbers: against nginx, beside logins."""

import time

from common import fill, in_turn
from load import Load
from result import Result
from servers import PASSWORD, Nginx, Ours


def get_number(bench):
    result = Result("Reading a number, 64 connections, against nginx answering a constant",
                    "GET /phone_numbers/{id} with a bearer token, random ids among 10,000, read from the "
                    "database each time; nginx returns a constant of as many bytes; neither logs requests",
                    "requests/s")
    with Ours(bench) as server:
        server.start()
        token = server.register()
        fill(bench, server, token, 20000)
        body = server.request("GET", "/phone_numbers/15000", token=token)
        for kind in in_turn(bench, Ours, Nginx):
            if kind is Ours:
                Load(bench, server, 64, 1, "get", token, 10000, 19999).result()
                found = Load(bench, server, 64, bench.seconds, "get", token, 10000, 19999).result()
            else:
                with Nginx(bench, body) as constant:
                    constant.start()
                    Load(bench, constant, 64, 1, "get", token, 10000, 19999).result()
                    found = Load(bench, constant, 64, bench.seconds, "get", token, 10000, 19999).result()
            result.add_load(kind.name, found)
    result.compare("cloud-telephony", "nginx", ("at least", 1),
                   why="nginx sends a constant; ours verifies a token, reads a row and prints it")
    return result


def login_storm(bench):
    result = Result("Reading during a storm of logins",
                    "99th percentile of GET /phone_numbers/{id}, 8 connections that pause up to 5 ms between requests: alone, and "
                    "with more connections that log in without pause, each as soon as it was answered or refused. 16 of them are "
                    "fewer than may wait for a hash, 64 are more", "ms",
                    "Each login that is not refused writes its time, as durably as all else.")
    # A percentile is told by what is beyond it: some hundred requests.
    seconds = max(bench.seconds, 5)
    storms = {"storm": 16, "storm of refused ones": 64}
    with Ours(bench) as server:
        server.start()
        token = server.register()
        fill(bench, server, token, 1000)
        reading = ("get", token, 1, 1000, 5)
        Load(bench, server, 8, 1, *reading).result()
        for kind in in_turn(bench, "calm", *storms):
            time.sleep(1)  # what the storm before it has left
            if kind in storms:
                logins = Load(bench, server, storms[kind], seconds + 1, "login", "bench", PASSWORD)
                time.sleep(0.5)
            waited, turns = server.core_waits("MHD")
            found = Load(bench, server, 8, seconds, *reading).result()
            waited, turns = (after - before for after, before in zip(server.core_waits("MHD"), (waited, turns)))
            detail = {"p50_us": found["p50_us"], "p999_us": found["p999_us"], "per_second": found["per_second"],
                      "core_wait_us": waited / 1000 / turns}
            if kind in storms:
                over = logins.result(allow_refused=True)
                detail["hashes_per_second"] = over["per_second"] * (1 - over["over_399"] / over["requests"])
                detail["logins_refused_share"] = over["over_399"] / over["requests"]
            result.add(kind, found["p99_us"] / 1000, **detail)
    for kind in storms:
        result.compare(kind, "calm", ("at most", 2))
    return result
