"""Creates and reads by the size of the database."""

import contextlib
import json
import os
import shutil
import sqlite3
import time

import chart
from common import create, in_turn
from load import Load
from result import DURABLE, Result
from servers import PASSWORD, Ours

SMALL, LARGE = 10_000, 10_000_000
BETWEEN = (100_000, 1_000_000)
FIRST = 1000000000000
# Numbers and their records, as creates leave them.
FILL = (
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) "
    "INSERT INTO virtual_phone_numbers (phone_number, user_id, created_at) "
    "SELECT printf('+%013d', {first} + (i * 7919) % {count}), 1, 1700000000000 + i FROM n",
    "INSERT INTO audit (at, user_id, actor_id, action, target_id, detail, address) "
    "SELECT created_at, 1, 1, 'number.created', id, phone_number, '127.0.0.1' FROM virtual_phone_numbers",
)


def filled(bench, count):
    """The path of a database with so many numbers, which is made once for the schema that the program has."""
    cache = bench.cache
    with Ours(bench) as server:
        server.start()
        server.register()
        server.stop()
        with contextlib.closing(sqlite3.connect(server.database)) as db:
            schema = db.execute("SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema "
                                "WHERE sql IS NOT NULL ORDER BY name)").fetchone()[0]
        path = cache / f"numbers-{count}.db"
        note = cache / f"numbers-{count}.schema"
        if path.exists() and note.exists() and note.read_text() == schema:
            return path
        bench.say(f"  making a database of {count:,} numbers")
        cache.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        began = time.monotonic()
        db = sqlite3.connect(server.database, isolation_level=None)
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-1000000")
        indexes = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND "
                             "tbl_name IN ('virtual_phone_numbers', 'audit')").fetchall()
        # an index is made faster than it grows, and as compact as it will be after a while
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        db.execute("BEGIN")
        for statement in FILL:
            db.execute(statement.format(count=count, first=FIRST))
        for _, sql in indexes:
            db.execute(sql)
        db.execute("COMMIT")
        db.close()
        shutil.move(server.database, path)
        note.write_text(schema)
        bench.say(f"  made in {time.monotonic() - began:.0f} s, {path.stat().st_size / 2**20:,.0f} MiB")
        return path


class Sized:
    """A server on a copy of such a database."""

    def __init__(self, bench, count):
        self.bench, self.count = bench, count
        self.server = Ours(bench)
        shutil.copy(filled(bench, count), self.server.database)
        # what is still to be written of the copy is not the measure's
        with open(self.server.database, "rb+") as file:
            os.fsync(file.fileno())
        self.next = 3000000000000

    def login(self):
        reply = self.server.request("POST", "/auth/login", {"username": "bench", "password": PASSWORD})
        self.token = json.loads(reply)["access_token"]

    def creates(self, seconds):
        self.next += 5000000000
        return create(self.bench, self.server, self.token, 32, seconds, self.next)

    def reads(self, seconds):
        return Load(self.bench, self.server, 64, seconds, "get", self.token, 1, self.count).result()


def database_size(bench):
    result = Result("10 million numbers against 10,000",
                    "POST /phone_numbers over 32 connections and GET /phone_numbers/{id} of random numbers over 64, "
                    "in a database of 10 million numbers and in one of 10,000. The figure is the time a request: one "
                    "second divided by the requests in it", "µs", DURABLE)
    bench.say("  databases of 10,000 and 10,000,000 numbers")
    small, large = Sized(bench, SMALL), Sized(bench, LARGE)
    for sized in in_turn(bench, small, large):
        with sized.server as server:
            server.start()
            sized.login()
            # random pages of a file that nobody has read yet come from the disk once
            sized.reads(2)
            for name, found in (("creates", sized.creates(bench.seconds)), ("reads", sized.reads(bench.seconds))):
                result.add(f"{name}, {sized.count:,}", 1e6 / found["per_second"], p50_us=found["p50_us"],
                           p99_us=found["p99_us"], server_us_per_request=found["server_us_per_request"],
                           server_cpu_share=found["server_cpu_share"])
    why = {"reads": "of 10,000 numbers SQLite keeps all pages, of 10 million it reads the one that the number is in "
                    "from the file", "creates": ""}
    for name in ("creates", "reads"):
        result.compare(f"{name}, {LARGE:,}", f"{name}, {SMALL:,}", ("at most", 1.5), why=why[name])
    points = {name: {count: result.record_of(f"{name}, {count:,}") for count in (SMALL, LARGE)}
              for name in ("creates", "reads")}
    for count in BETWEEN:
        sized = Sized(bench, count)
        with sized.server as server:
            server.start()
            sized.login()
            sized.reads(1)
            points["creates"][count] = 1e6 / sized.creates(max(bench.seconds // 2, 1))["per_second"]
            points["reads"][count] = 1e6 / sized.reads(max(bench.seconds // 2, 1))["per_second"]
        (server.database).unlink()
    result.plot("database_size_curve", chart.lines(
        "Cost of a request by the size of the database", "numbers in the database", "µs a request",
        {name: sorted(found.items()) for name, found in points.items()}, x_log=10, zero=True))
    return result
