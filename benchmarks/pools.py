"""The measure of a large pool: how long it takes to make, and to search."""

import http.client
import os
import random
import subprocess
import time

from common import in_turn
from result import Result
from servers import Failure, Ours

SIZE = 10_000_000
FIRST = 4915100000000
SEARCHES = 400


def administrator(bench, server):
    """The token of a new account that is one."""
    token = server.register()
    done = subprocess.run([str(bench.program), "user", "grant-admin", "bench"], cwd=server.directory, text=True,
                          env={"PATH": os.environ["PATH"], **server.environment()}, capture_output=True)
    if done.returncode != 0:
        raise Failure(f"user grant-admin: {done.stderr}")
    return token


def queries(chance):
    """Each kind of search: a place in the range, digits anywhere, digits with gaps, and what is not there."""
    return {
        "prefix": lambda: f"prefix=491510{chance.randrange(1000):03}",
        "contains": lambda: f"contains={chance.randrange(1000, 10000)}",
        "wildcards": lambda: f"contains={chance.randrange(10)}*{chance.randrange(10)}*{chance.randrange(10)}*7",
        "no match": lambda: f"prefix=491510&contains={chance.randrange(10000, 100000)}999999",
    }


def timed(connection, path, token):
    """Milliseconds of a GET, as its client sees it."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    reply = connection.getresponse()
    text = reply.read()
    took = (time.perf_counter() - began) * 1000
    if reply.status != 200:
        raise Failure(f"GET {path} answered {reply.status} {text[:200]!r}")
    return took


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


def measure(bench, result, kind):
    with kind(bench) as server:
        server.start()
        token = administrator(bench, server)
        began = time.perf_counter()
        server.request("POST", "/number_pools", {"name": "large", "first": f"+{FIRST}",
                                                 "last": f"+{FIRST + SIZE - 1}"}, token)
        result.add("making it", (time.perf_counter() - began) * 1000)
        # what is taken is spread over the pool
        chance = random.Random(SIZE)
        for _ in range(200):
            server.request("POST", "/phone_numbers/claim",
                           {"prefix": f"491510{chance.randrange(1000):03}", "quantity": 50}, token)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        result.add("healthz, 99th percentile", p99([timed(connection, "/healthz", None) for _ in range(SEARCHES)]))
        for name, query in queries(chance).items():
            times = [timed(connection, f"/available_phone_numbers?limit=50&{query()}", token)
                     for _ in range(SEARCHES)]
            result.add(f"{name}, 99th percentile", p99(times), p50_us=sorted(times)[SEARCHES // 2] * 1000)
        connection.close()


def number_pool(bench):
    result = Result("A pool of 10 million numbers",
                    "POST /number_pools with a range of 10,000,000 numbers; then, with 10,000 of them claimed "
                    f"here and there, {SEARCHES} searches of each kind with GET /available_phone_numbers, "
                    "one after another, as their client sees them; GET /healthz is what HTTP alone takes", "ms",
                    "The pool is made in one transaction: WAL mode, synchronous=FULL. Searches write nothing.")
    for _ in in_turn(bench, Ours, most=3):
        measure(bench, result, Ours)
    result.limit("making it", max(result.values["making it"]), ("at most", 1000))
    for name in result.values:
        if name not in ("making it", "healthz, 99th percentile"):
            result.limit(name, max(result.values[name]), ("at most", 5))
            result.compare(name, "healthz, 99th percentile")
    return result
