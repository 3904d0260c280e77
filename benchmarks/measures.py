"""What is measured. Each function runs its subjects in turn, several rounds, and gives a Result."""

import json
import sqlite3
import statistics
import subprocess
import time

import pools
from load import Load
from servers import PASSWORD, Failure, FastAPI, FastAPIPooled, Nginx, Ours

DURABLE = ("Every side commits with SQLite in WAL mode and synchronous=FULL: a reply of success follows "
           "fdatasync. After each round the rows in the file are counted against the replies.")


def spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values),
            "rounds": values}


class Result:
    """The figures of one measure, in the order of the rounds."""

    def __init__(self, title, what, unit, durability="Nothing is written."):
        self.title, self.what, self.unit, self.durability = title, what, unit, durability
        self.values, self.details, self.ratios, self.limits = {}, {}, [], []
        self.notes = []

    def add(self, name, value, **detail):
        self.values.setdefault(name, []).append(value)
        for key, number in detail.items():
            self.details.setdefault(name, {}).setdefault(key, []).append(number)

    def add_load(self, name, found):
        """A throughput, with what matters beside it."""
        self.add(name, found["per_second"],
                 **{key: found[key] for key in ("p50_us", "p99_us", "server_us_per_request",
                                                "server_cpu_share", "load_cpu_share")})
        if found["load_cpu_share"] > 0.95:
            note = f"The load generator's core was full against {name}: the server could do more."
            if note not in self.notes:
                self.notes.append(note)

    def compare(self, name, other, target=None, inverse=False):
        """name / other round by round (inverse: other / name); @p target is ("at least"|"at most", x)."""
        over, under = (other, name) if inverse else (name, other)
        rounds = [a / b for a, b in zip(self.values[over], self.values[under])]
        found = spread(rounds)
        self.ratios.append({"of": over, "to": under, **found, **judged(found["median"], target)})

    def limit(self, name, value, target):
        """A figure that has a bound of its own."""
        self.limits.append({"of": name, "value": value, **judged(value, target)})

    def record(self):
        subjects = [
            {"name": name, **spread(values),
             "detail": {key: statistics.median(numbers)
                        for key, numbers in self.details.get(name, {}).items()}}
            for name, values in self.values.items()
        ]
        return {"title": self.title, "what": self.what, "unit": self.unit,
                "durability": self.durability, "subjects": subjects, "ratios": self.ratios,
                "limits": self.limits, "notes": self.notes}


def judged(value, target):
    if target is None:
        return {}
    word, bound = target
    return {"target": f"{word} {bound:g}",
            "met": value >= bound if word == "at least" else value <= bound}


def rows(server):
    with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM virtual_phone_numbers").fetchone()[0]


def settled_rows(server):
    """Rows once the server is done with what the last load sent and did not wait for."""
    count, before = rows(server), -1
    while count != before:
        time.sleep(0.3)
        count, before = rows(server), count
    return count


def create(bench, server, token, connections, seconds, first):
    """POST /phone_numbers under load. Each reply must be a row: what was sent but not yet answered when
    the load ended may be one more, once a connection."""
    before = settled_rows(server)
    found = Load(bench, server, connections, seconds, "create", token, first).result()
    made = settled_rows(server) - before
    if not found["requests"] <= made <= found["requests"] + connections:
        raise Failure(f"{server.name}: {found['requests']} replies of success, but {made} rows")
    return found


def in_turn(bench, *kinds):
    """The subjects of every round; each second round in the opposite order."""
    for number in range(bench.rounds):
        bench.say(f"  round {number + 1} of {bench.rounds}")
        yield from kinds if number % 2 == 0 else reversed(kinds)


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
    result.compare("cloud-telephony", "fastapi", ("at least", 100))
    result.compare("cloud-telephony", "fastapi-pooled")
    return result


def limit_sqlite(bench, batch, first):
    """Rows a second of the loop with no server, in a database made by ours."""
    with Ours(bench) as server:
        server.start()
        server.register()
        server.stop()
        command = ["taskset", "-c", bench.server_cpus, str(bench.group_commits), str(server.database),
                   "1", str(batch), str(bench.seconds), str(first)]
        bench.commands.add(bench.shown({}, command, server))
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if rows(server) != found["rows"]:
            raise Failure("the loop of commits counted rows that are not there")
        return found["rows"] / (found["microseconds"] / 1e6)


def post_numbers_128(bench):
    result = Result("Creating numbers, 128 connections, against SQLite itself",
                    "POST /phone_numbers at 128 connections, against a loop in C that inserts the same "
                    "rows, 128 to a commit, with no HTTP, JSON or token; both have the server's cores",
                    "rows/s", DURABLE)
    for kind in in_turn(bench, Ours, limit_sqlite):
        if kind is limit_sqlite:
            result.add("limit_sqlite", limit_sqlite(bench, 128, 3000000000000))
            continue
        with Ours(bench) as server:
            server.start()
            token = server.register()
            create(bench, server, token, 128, 1, 1000000000000)
            found = create(bench, server, token, 128, bench.seconds, 3000000000000)
            result.add_load(server.name, found)
    result.compare("cloud-telephony", "limit_sqlite")
    return result


def fill(bench, server, token, wanted):
    """Creates at least so many numbers; their ids are 1 and up."""
    first = 1000000000000
    while rows(server) < wanted:
        create(bench, server, token, 64, 1, first)
        first += 10000000


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
    result.compare("cloud-telephony", "nginx")
    return result


def start_to_ready(bench):
    result = Result("Start to ready", "From exec to the first 200 for GET /healthz, the database exists",
                    "ms")
    with Ours(bench) as ours, FastAPI(bench) as peer:
        for server in ours, peer:
            server.start()
            server.register()
            server.stop()
        for server in in_turn(bench, ours, peer):
            result.add(server.name, server.start() * 1000)
            server.stop()
    result.compare("cloud-telephony", "fastapi", ("at least", 20), inverse=True)
    return result


def memory_at_rest(bench):
    result = Result("Memory at rest", "Resident set after the start, 5 s after a burst of creates over 32 "
                    "connections, and 5 s after a burst of reads, with which ours has loaded the numbering "
                    "plans of the world", "MiB", DURABLE)
    for kind in in_turn(bench, Ours, FastAPI):
        with kind(bench) as server:
            server.start()
            token = server.register()
            # the password hash of the registration is over; what it took must be given back
            time.sleep(2)
            resident, proportional = server.memory_kib()
            result.add(server.name, resident / 1024, pss_mib=proportional / 1024)
            create(bench, server, token, 32, 2, 1000000000000)
            time.sleep(5)
            resident, proportional = server.memory_kib()
            result.add(f"{server.name}, after creates", resident / 1024, pss_mib=proportional / 1024)
            Load(bench, server, 32, 2, "get", token, 1, 100).result()
            time.sleep(5)
            resident, proportional = server.memory_kib()
            result.add(f"{server.name}, after reads", resident / 1024, pss_mib=proportional / 1024)
    result.limit("cloud-telephony", max(result.values["cloud-telephony"]), ("at most", 15))
    result.limit("cloud-telephony, after creates",
                 max(result.values["cloud-telephony, after creates"]), ("at most", 15))
    result.compare("cloud-telephony", "fastapi", ("at least", 5), inverse=True)
    return result


def login_storm(bench):
    result = Result("Reading during a storm of logins",
                    "99th percentile of GET /phone_numbers/{id}, 8 connections that pause up to 5 ms "
                    "between requests, without and with 16 more connections that log in without pause",
                    "ms")
    with Ours(bench) as server:
        server.start()
        token = server.register()
        fill(bench, server, token, 1000)
        reading = ("get", token, 1, 1000, 5)
        Load(bench, server, 8, 1, *reading).result()
        for storm in in_turn(bench, False, True):
            if storm:
                logins = Load(bench, server, 16, bench.seconds + 1, "login", "bench", PASSWORD)
                time.sleep(0.5)
            found = Load(bench, server, 8, bench.seconds, *reading).result()
            detail = {"p50_us": found["p50_us"], "per_second": found["per_second"]}
            if storm:
                over = logins.result(allow_refused=True)
                detail["logins_per_second"] = over["per_second"]
                detail["logins_refused_share"] = over["over_399"] / over["requests"]
            result.add("storm" if storm else "calm", found["p99_us"] / 1000, **detail)
    result.compare("storm", "calm", ("at most", 2))
    return result


def number_pool(bench):
    result = Result("A pool of 10 million numbers",
                    "POST /number_pools with a range of 10,000,000 numbers; then, with 10,000 of them claimed "
                    f"here and there, {pools.SEARCHES} searches of each kind with GET /available_phone_numbers, "
                    "one after another, as their client sees them; GET /healthz is what HTTP alone takes", "ms",
                    "The pool is made in one transaction: WAL mode, synchronous=FULL. Searches write nothing.")
    for _ in in_turn(bench, Ours):
        pools.measure(bench, result, Ours)
    result.limit("making it", max(result.values["making it"]), ("at most", 1000))
    for name in result.values:
        if name not in ("making it", "healthz, 99th percentile"):
            result.limit(name, max(result.values[name]), ("at most", 5))
            result.compare(name, "healthz, 99th percentile")
    return result


MEASURES = {function.__name__: function for function in (
    post_numbers, post_numbers_128, get_number, start_to_ready, memory_at_rest, login_storm, number_pool)}
