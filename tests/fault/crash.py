#!/usr/bin/python3
"""kill -9 under mixed load, again and again:   tests/fault/crash.py [KILLS] [--seed N] [--victim program|database]

Clients create, claim, name, release, restore and transfer numbers, log in and register, each on a connection
of its own, and keep a record of what was acknowledged. After each kill the program is started again; then
everything acknowledged must be there, what was on its way must be there wholly or not at all, and nothing twice,
neither its rows nor what the audit record says of it; requests with an Idempotency-Key whose answer got lost
are sent again and must have been done once; and the check command must find nothing.

The program is CT_PROGRAM, or build/cloud-telephony; with CT_DATABASE=postgresql it runs on PostgreSQL, and
then the victim may also be the server of the database. The last line says how it went; the exit status is 0
or 1.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

from support import database, program  # noqa: E402
from support.people import Account  # noqa: E402
from support.server import Server  # noqa: E402
from support.wire import Closed, Wire  # noqa: E402

LANES = 8
POOL = 4930200000000  # and the 99,999 numbers behind it
GENERATION = 50  # kills until a new database is begun, so that looking at all of it stays quick
ASSIGNED = None


class Lost(AssertionError):
    """Something acknowledged is not there, or something is there that must not be."""


def require(condition, *what):
    if not condition:
        raise Lost(*what)


@dataclasses.dataclass
class Number:
    """What a row must say."""
    id: int
    owner: int  # or the last one, in quarantine
    status: str = ASSIGNED
    name: str = None


@dataclasses.dataclass
class Request:
    """One that was sent, and what is true once it was done."""
    kind: str
    method: str
    path: str
    body: dict = None
    token: str = None
    key: str = None
    phone: str = None
    after: Number = None  # of the phone; None where its id is not known before
    quantity: int = 0
    records: collections.Counter = dataclasses.field(default_factory=collections.Counter)


class Lane:
    """A client with two accounts. Nobody else touches their numbers."""

    def __init__(self, server, index, seed):
        self.index = index
        self.random = random.Random(f"{seed} {index}")
        self.accounts = [Account(server) for _ in range(2)]
        self.ours = {one.id for one in self.accounts}
        self.token = self.accounts[0].token
        self.numbers = {}
        self.users = {one.name: one.id for one in self.accounts}
        self.records = collections.Counter()  # (action, subject)
        self.pending = None
        self.answered = None  # the last request with a key, and its answer
        self.made = 0
        self.done = 0
        self.trouble = None
        self.stopping = False

    # ---- what can be asked ----

    def some(self, *statuses, owner=None):
        found = [phone for phone, one in self.numbers.items()
                 if one.status in statuses and (owner is None or one.owner == owner)]
        return self.random.choice(found) if found else None

    def fresh_key(self):
        return f"key-{self.index}-{self.random.randrange(10 ** 12):012}" if self.random.random() < 0.5 else None

    def choose(self):
        kinds = (self.create,) * 4 + (self.claim, self.claim, self.name, self.release, self.restore, self.offer, self.accept,
                                      self.accept, self.log_in, self.register)
        while True:
            request = self.random.choice(kinds)()
            if request is not None:
                return request

    def create(self):
        self.made += 1
        phone = f"+48{self.index + 10}{self.made:07}"
        return Request("create", "POST", "/phone_numbers", {"phone_number": phone}, self.token, self.fresh_key(), phone,
                       records=collections.Counter([("number.created", phone)]))

    def claim(self):
        quantity = self.random.choice((1, 1, 3))
        return Request("claim", "POST", "/phone_numbers/claim", {"prefix": f"+{POOL}"[:6], "quantity": quantity}, self.token,
                       self.fresh_key(), quantity=quantity)

    def change(self, kind, method, path, phone, body=None, token=None, records=(), **fields):
        if phone is None:
            return None
        before = self.numbers[phone]
        return Request(kind, method, f"/phone_numbers/{before.id}{path}", body, token or self.token, None, phone,
                       dataclasses.replace(before, **fields), records=collections.Counter((action, phone) for action in records))

    def name(self):
        self.made += 1
        return self.change("name", "PATCH", "", self.some(ASSIGNED, owner=self.accounts[0].id),
                           {"friendly_name": f"name {self.made}"}, records=["number.changed"], name=f"name {self.made}")

    def release(self):
        return self.change("release", "DELETE", "", self.some(ASSIGNED, owner=self.accounts[0].id), records=["number.released"],
                           status="quarantined")

    def restore(self):
        return self.change("restore", "POST", "/restore", self.some("quarantined"), records=["number.restored"], status=ASSIGNED)

    def offer(self):
        return self.change("offer", "POST", "/transfer", self.some(ASSIGNED, owner=self.accounts[0].id),
                           {"username": self.accounts[1].name}, records=["number.offered"], status="transferring")

    def accept(self):
        return self.change("accept", "POST", "/transfer/accept", self.some("transferring"), token=self.accounts[1].token,
                           records=["number.given", "number.received"], status=ASSIGNED, owner=self.accounts[1].id, name=None)

    def log_in(self):
        return Request("log in", "POST", "/auth/login", self.accounts[0].body,
                       records=collections.Counter([("account.logged_in", self.accounts[0].id)]))

    def register(self):
        self.made += 1
        name = f"person of lane {self.index} number {self.made} in {os.getpid()}"
        return Request("register", "POST", "/auth/register", {"username": name, "password": "a password of the crash"},
                       records=collections.Counter([("account.registered", name)]))

    # ---- asking ----

    def ask(self, wire, request):
        body = b"" if request.body is None else json.dumps(request.body).encode()
        lines = [f"{request.method} {request.path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"Authorization: Bearer {request.token}"] if request.token else []
        lines += [f"Idempotency-Key: {request.key}"] if request.key else []
        lines += ["Content-Type: application/json"] if body else []
        wire.send("\r\n".join((*lines, "", "")).encode() + body)
        _, status, headers = wire.head()
        content = wire.take(int(headers.get("Content-Length", 0)))
        return status, json.loads(content) if content else None

    def run(self, server):
        """Until the connection ends, the server can write no more, or it is told to stop."""
        try:
            with Wire(server) as wire:
                while not self.stopping:
                    self.pending = self.choose()
                    status, reply = self.ask(wire, self.pending)
                    if status == 503:
                        return
                    self.take(self.pending, status, reply)
                    self.pending = None
                    if self.answered and self.random.random() < 0.02:
                        self.ask_again(wire)
        except (OSError, Closed):
            return
        except Exception as trouble:  # pylint: disable=broad-except; it is told by the main thread
            self.trouble = trouble

    def ask_again(self, wire):
        """What was answered is answered in the same way, and not done again."""
        request, before = self.answered
        status, reply = self.ask(wire, request)
        if status != 503:
            require((status, reply) == (200, before), f"{request} was answered {before}, and now {status} {reply}")

    def take(self, request, status, reply):
        """What an answer acknowledges."""
        require(status in (200, 202), f"{request} is answered with {status} {reply}")
        self.done += 1
        if request.kind == "create":
            self.numbers[request.phone] = Number(reply["id"], self.accounts[0].id)
        elif request.kind == "claim":
            require(len(reply) == request.quantity, f"{request}: {reply}")
            for one in reply:
                require(one["phone_number"] not in self.numbers, f"claimed once more: {one}")
                self.numbers[one["phone_number"]] = Number(one["id"], self.accounts[0].id)
                request.records["number.claimed", one["phone_number"]] += 1
        elif request.kind == "register":
            self.users[request.body["username"]] = None
        elif request.phone is not None:
            self.numbers[request.phone] = request.after
        self.records += request.records
        if request.key:
            self.answered = request, reply

    # ---- after a crash ----

    def settle(self, server, found, records, users):
        """Holds what is there against what was acknowledged. `found` has all rows of our accounts."""
        request = self.pending
        if request is not None and request.key is not None:
            with Wire(server) as wire:  # its answer got lost: whoever has a key just asks again
                status, reply = self.ask(wire, request)
            require(status != 503, "the server does not work again")
            if request.kind == "claim":
                new = set(found) - set(self.numbers)
                answer = {one["phone_number"] for one in reply} if status == 200 else set()
                require(not new or new == answer, f"{new} were claimed, and then {answer} with the same key")
            elif request.phone in found and status == 200:
                require(found[request.phone].id == reply["id"], f"{request} made {found[request.phone]}, and then {reply}")
            self.take(request, status, reply)
            self.pending = None
            return False  # look again: it may have been done only now
        unsure = set() if request is None else self._settle_pending(request, found, users)
        for phone in set(self.numbers) | set(found):
            if phone not in unsure:
                require(found.get(phone) == self.numbers.get(phone),
                        f"{phone}: {found.get(phone)} is there, {self.numbers.get(phone)} was acknowledged")
        for name, user_id in self.users.items():
            require(name in users and user_id in (None, users[name]), f"the account {name} is lost")
        self._settle_records(records, request)
        self.numbers.update({phone: found[phone] for phone in unsure if phone in found})
        self.pending = None
        if self.answered:
            with Wire(server) as wire:
                self.ask_again(wire)
        return True

    def _settle_pending(self, request, found, users):
        """What may or may not have been done; then the records of it are sure. The numbers it concerns."""
        done = False
        unsure = set()
        if request.kind == "claim":
            unsure = set(found) - set(self.numbers)
            require(len(unsure) in (0, request.quantity), f"of {request} there is a part: {unsure}")
            request.records.update(("number.claimed", phone) for phone in unsure)
            done = bool(unsure)
        elif request.kind == "create":
            unsure = {request.phone}
            done = request.phone in found
        elif request.kind == "register":
            done = request.body["username"] in users
            if done:
                self.users[request.body["username"]] = None
        elif request.phone is not None:
            unsure = {request.phone}
            before = self.numbers[request.phone]
            done = found.get(request.phone) == request.after
            require(done or found.get(request.phone) == before, f"{request}: {found.get(request.phone)}, before {before}")
        else:
            return unsure  # a login: its record alone tells
        if done:
            self.records += request.records
        request.records = collections.Counter()
        return unsure

    def _settle_records(self, records, request):
        """The audit record says once what was done, and nothing else."""
        maybe = collections.Counter() if request is None else request.records
        missing, extra = self.records - records, records - self.records
        require(not missing, f"the audit record lacks {missing}")
        require(not extra - maybe, f"the audit record also says {extra - maybe}")
        self.records = collections.Counter(records)


class Generation:
    """A database, from its first start on."""

    def __init__(self, folder, seed, victim):
        self.victim = victim
        self.random = random.Random(f"moments {seed}")
        self.server = Server(folder, errors=True)
        if victim == "database":
            # what is killed are processes: what the kernel has in its cache stays, and need not be waited for
            self.postgres = database.Postgres(durable=True, settings={"fsync": "off"}).__enter__()
            self.server.settings["DATABASE_URL"] = self.url = self.postgres.create()
        self.server.start()
        self.lanes = [Lane(self.server, index, seed) for index in range(LANES)]
        self.admin = Account(self.server).promote()
        reply = self.admin.client.post("/number_pools", json={"name": "stock", "first": f"+{POOL}", "last": f"+{POOL + 99_999}"})
        require(reply.status_code == 200, reply.text)
        self.seen = self.audit_rows = 0
        self.records = collections.defaultdict(collections.Counter)
        self._read()
        for lane in self.lanes:
            lane.records = collections.Counter(self.records[lane.index])

    def close(self):
        if self.server.process.poll() is None:
            self.server.stop()
        if self.victim == "database":
            self.postgres.close()

    def opened(self):
        if self.victim == "database":
            return database.opened_at(self.url)
        return self.server.opened()

    def _read(self):
        """All numbers and names by lane, and what is new in the audit record."""
        lanes = {user: lane.index for lane in self.lanes for user in lane.ours}
        numbers = collections.defaultdict(dict)
        with self.opened() as opened:
            users = dict(opened.execute("SELECT username, id FROM users").fetchall())
            rows = opened.execute("SELECT phone_number, id, user_id, last_owner_id, status, friendly_name "
                                  "FROM virtual_phone_numbers").fetchall()
            total = opened.execute("SELECT count(*) FROM audit").fetchone()[0]
            news = opened.execute("SELECT id, user_id, action, detail FROM audit WHERE id > ? ORDER BY id", (self.seen,)).fetchall()
        self.audit_rows += len(news)
        require(total == self.audit_rows, f"the audit record has {total} rows and had {self.audit_rows}")
        for phone, number_id, owner, last_owner, status, name in rows:
            owner = last_owner if status == "quarantined" else owner
            require(owner in lanes, f"{phone} belongs to nobody")
            numbers[lanes[owner]][phone] = Number(number_id, owner, status, name)
        names = {user_id: name for name, user_id in users.items()}
        for record, user, action, detail in news:
            self.seen = record
            if action.startswith("number."):
                self.records[lanes[user]][action, detail.split()[0]] += 1
            elif user in lanes and action == "account.logged_in":
                self.records[lanes[user]][action, user] += 1
            elif action == "account.registered" and names[user].startswith("person of lane "):
                self.records[int(names[user].split()[3])][action, names[user]] += 1
        return numbers, users

    def kill(self, sabotage=None):
        """One round: load, a kill in the midst of it, and what is there then; and what is then done to it."""
        threads = [threading.Thread(target=lane.run, args=(self.server,)) for lane in self.lanes]
        for thread in threads:
            thread.start()
        self._wait_for_load()
        if self.victim == "database":
            self._kill_database()
        else:
            self.server.kill()
        for thread in threads:
            thread.join()
        for lane in self.lanes:
            lane.stopping = False
            if lane.trouble is not None:
                raise lane.trouble
        if self.victim == "database":
            if not self.postgres.pids():
                self.postgres.start()
            self._wait_for_writes()
        else:
            self._start_again()
        self._check()
        if sabotage:
            with self.opened() as opened:
                sabotage(self, opened)
        settled = False
        while not settled:
            numbers, users = self._read()
            settled = all([lane.settle(self.server, numbers[lane.index], self.records[lane.index], users) for lane in self.lanes])
        numbers, _ = self._read()
        require(all(lane.numbers == numbers[lane.index] for lane in self.lanes), "what was asked again has changed something")

    def _kill_database(self):
        """Most often it is back before those that wait are told that they waited in vain."""
        self.postgres.kill()
        if self.random.random() < 0.9:
            self.postgres.start()
            time.sleep(self.random.random() * 0.2)
            for lane in self.lanes:
                lane.stopping = True

    def _wait_for_load(self):
        """Until some number of requests was acknowledged, and then a moment more."""
        wanted = sum(lane.done for lane in self.lanes) + self.random.choice((1, 10, 40, 120))
        deadline = time.monotonic() + 5
        while sum(lane.done for lane in self.lanes) < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(self.random.random() * 0.01)

    def _start_again(self):
        """Sometimes it is killed in its start too, and sometimes the check command opens what the crash left."""
        if self.random.random() < 0.2:
            process = subprocess.Popen([program.PROGRAM, "serve"], cwd=self.server.folder, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=program.environment(self._settings()))
            time.sleep(self.random.random() * 0.03)
            process.kill()
            process.wait()
        if self.random.random() < 0.3:
            self._check()
        self.server.start()

    def _settings(self):
        return {**self.server.settings, **database.settings_of(self.server.folder)}

    def _wait_for_writes(self):
        """The program finds the database again by itself."""
        deadline = time.monotonic() + 60
        while self.admin.login().status_code != 200:
            require(time.monotonic() < deadline, "the program does not find the database again")
            time.sleep(0.05)

    def _check(self):
        settings = {"SECRET_KEY": program.SECRET_KEY}
        if self.victim == "database":
            settings["DATABASE_URL"] = self.url
        done = program.run(["check"], self.server.folder, settings)
        require((done.returncode, done.stdout) == (0, ""), f"check: {done.stdout} {done.stderr}")


def crash(kills, seed, victim="program", say=print):
    """That many kills; how many requests were acknowledged. Raises Lost."""
    done = 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ct-crash-") as folder:
        for first in range(0, kills, GENERATION):
            place = pathlib.Path(folder) / str(first)
            place.mkdir()
            generation = Generation(place, seed + first, victim)
            try:
                for turn in range(first, min(first + GENERATION, kills)):
                    generation.kill()
                    if (turn + 1) % 10 == 0:
                        acknowledged = done + sum(lane.done for lane in generation.lanes)
                        say(f"{turn + 1} of {kills} kills, {acknowledged} requests acknowledged, none lost, none doubled, "
                            f"{time.monotonic() - begin:.0f} s", flush=True)
            except BaseException:
                generation.server.kill()
                say(f"seed {seed}, generation of kill {first}; the log ends:\n{generation.server.output()[-2000:]}", flush=True)
                raise
            finally:
                generation.close()
            done += sum(lane.done for lane in generation.lanes)
            database.drop_under(place)
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=50, metavar="KILLS")
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    parser.add_argument("--victim", choices=("program", "database"), default="program")
    options = parser.parse_args()
    if options.victim == "database" and database.ENGINE != "postgresql":
        parser.error("--victim database needs CT_DATABASE=postgresql")
    print(f"seed {options.seed}", flush=True)
    done = crash(options.kills, options.seed, options.victim)
    print(f"{options.kills} kills, {done} requests acknowledged: nothing was lost, nothing was doubled")


if __name__ == "__main__":
    try:
        main()
    except Lost as lost:
        print(f"LOST: {lost}")
        sys.exit(1)
