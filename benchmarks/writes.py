"""Creating numbers: against the peers, against SQLite itself, alone, by connections."""

import json
import subprocess

from common import create, in_turn
from load import Load
from result import DURABLE, Result
from servers import Failure, FastAPI, FastAPIPooled, Ours


def post_numbers(bench):
    result = Result("Creating numbers, 32 connections",
                    "POST /phone_numbers with a bearer token, 32 connections, each number new",
                    "requests/s", DURABLE)
    for kind in in_turn(bench, Ours, FastAPI, FastAPIPooled):
        with kind(bench) as server:
            server.start()
            token = server.register()
            create(bench, server, token, 32, 1, 1000000000000)
            found = create(bench, server, token, 32, bench.seconds, 3000000000000)
            result.add_load(server.name, found)
    result.compare("cloud-telephony", "fastapi", ("at least", 200))
    result.compare("cloud-telephony", "fastapi-pooled")
    return result


def limit_sqlite(bench, batch, kind):
    """What the loop with no server counts, in a database made by ours."""
    with Ours(bench) as server:
        server.start()
        server.register()
        server.stop()
        command = ["taskset", "-c", bench.server_cpus, str(bench.tool("group_commits")), str(server.database),
                   "1", str(batch), str(bench.seconds), "3000000000000", kind]
        bench.commands.add(bench.shown({}, command, server))
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if server.rows() != found["rows"]:
            raise Failure("the loop of commits counted rows that are not there")
        return found


def ours_under(bench, connections):
    with Ours(bench) as server:
        server.start()
        token = server.register()
        create(bench, server, token, connections, 1, 1000000000000)
        return create(bench, server, token, connections, bench.seconds, 3000000000000)


def post_numbers_128(bench):
    result = Result("Creating numbers, 128 connections, against SQLite itself",
                    "POST /phone_numbers at 128 connections, against a loop in C that commits 128 to a "
                    "transaction, with no HTTP, JSON or token; both have the server's cores. `sqlite, same rows` "
                    "writes all that a create must: the number with its indexes, and the row of the audit record "
                    "with its index; `sqlite, numbers only` leaves the audit record out", "rows/s", DURABLE)
    for kind in in_turn(bench, "ours", "same", "bare"):
        if kind == "ours":
            result.add_load("cloud-telephony", ours_under(bench, 128))
        else:
            found = limit_sqlite(bench, 128, kind)
            result.add("sqlite, same rows" if kind == "same" else "sqlite, numbers only",
                       found["rows"] / (found["microseconds"] / 1e6))
    result.compare("cloud-telephony", "sqlite, same rows", ("at least", 0.8),
                   why="the loop has the core to itself; of ours HTTP, JSON, the token and waking each connection "
                   "take the larger part")
    result.compare("cloud-telephony", "sqlite, numbers only")
    return result


def lonely(bench):
    result = Result("A create alone",
                    "The median time of POST /phone_numbers with one connection, as its client sees it, against "
                    "that of a SQLite transaction with the same rows in a loop in C", "ms", DURABLE)
    for kind in in_turn(bench, "ours", "same"):
        if kind == "ours":
            found = ours_under(bench, 1)
            result.add("cloud-telephony", found["p50_us"] / 1000, p99_us=found["p99_us"])
        else:
            found = limit_sqlite(bench, 1, kind)
            result.add("sqlite", found["commit_p50_us"] / 1000)
    result.difference("cloud-telephony", "sqlite", ("at most", 0.2))
    return result
