"""The inventory stays in step with the numbers, whatever is done to them."""

import random
import subprocess
import time

import pytest

from support import program
from support.clock import Clock
from support.database import opened, settings_of
from support.inventory import differences
from support.people import Account
from support.pools import plus

BASE = 493012000000
SPAN = 2500  # of the numbers that are created, in three blocks
SCATTERED = 12000


class Mix:
    """Random deeds of three accounts and an administrator, each of which may be refused."""

    def __init__(self, server, clock, folder, seed):
        self.server = server
        self.clock = clock
        self.folder = folder
        self.random = random.Random(seed)
        self.admin = Account(server).promote()
        self.people = [self.admin] + [Account(server) for _ in range(2)]
        # tokens end while the clock moves on, keys do not
        self.clients = {}
        for person in self.people:
            self.login(person)
        self.ids = []
        self.deeds = {name: 0 for name in self.weights}

    weights = {"create": 20, "claim": 10, "release": 20, "restore": 8, "offer": 12, "accept": 8, "refuse": 4, "reserve": 4,
               "unreserve": 3, "forward": 5, "delete_account": 1, "make_pool": 5, "delete_pool": 4, "import_killed": 2,
               "import_done": 2}

    def login(self, person):
        self.clients[person.name] = self.server.client(person.key()["key"])

    def client(self):
        return self.clients[self.random.choice(self.people).name]

    def number(self):
        return plus(BASE + self.random.randrange(SPAN))

    def note(self, reply, wanted=(200, 202)):
        assert reply.status_code in (200, 202, 204, 403, 404, 409), reply.text
        if reply.status_code in wanted:
            value = reply.json()
            self.ids += [one["id"] for one in (value if isinstance(value, list) else [value])]
        return reply.status_code < 300

    def path(self, tail=""):
        return f"/phone_numbers/{self.random.choice(self.ids[-60:] or [1])}{tail}"

    def step(self):
        [name] = self.random.choices(list(self.weights), list(self.weights.values()))
        if getattr(self, name)() is not False:
            self.deeds[name] += 1

    # ---- deeds ----

    def create(self):
        return self.note(self.client().post("/phone_numbers", json={"phone_number": self.number()}))

    def claim(self):
        return self.note(self.client().post("/phone_numbers/claim", json={"quantity": self.random.choice((1, 2, 9))}))

    def release(self):
        return self.note(self.client().delete(self.path()))

    def restore(self):
        client = self.client()
        return self.change_one(client, "/phone_numbers?status=quarantined", "POST", "/restore")

    def offer(self):
        to = self.random.choice(self.people).name
        return self.note(self.client().post(self.path("/transfer"), json={"username": to}))

    def accept(self):
        return self.change_one(self.client(), "/phone_number_transfers", "POST", "/transfer/accept")

    def refuse(self):
        return self.change_one(self.client(), "/phone_number_transfers", "DELETE", "/transfer")

    def change_one(self, client, listed, method, tail):
        """Of those that a list has, or else any."""
        items = client.get(listed).json()["items"]
        path = f"/phone_numbers/{self.random.choice(items)['id']}{tail}" if items else self.path(tail)
        return self.note(client.request(method, path), (200,))

    def reserve(self):
        return self.note(self.clients[self.admin.name].post("/reserved_numbers", json={"phone_number": self.number()}))

    def unreserve(self):
        reserved = self.clients[self.admin.name].get("/reserved_numbers").json()["items"]
        if not reserved:
            return False
        return self.note(self.clients[self.admin.name].delete(f"/reserved_numbers/{self.random.choice(reserved)['id']}"), ())

    def forward(self):
        self.clock.forward(hours=self.random.choice((1, 11, 25, 60)))
        if self.random.random() < 0.2:
            time.sleep(2.2)  # the sweeper comes by

    def delete_account(self):
        person = self.people.pop()
        # the token has ended with the clock
        token = person.login().json()["access_token"]
        assert self.server.client(token).delete("/auth/me", json={"password": person.password}).status_code == 204
        self.people.append(Account(self.server))
        self.login(self.people[-1])

    def make_pool(self):
        name = f"pool {self.random.randrange(10**9)}"
        first = BASE + self.random.randrange(SPAN)
        if self.random.random() < 0.5:
            body = {"first": plus(first), "last": plus(first + self.random.choice((0, 8, 300, 1300)))}
        else:
            body = {"numbers": [self.number() for _ in range(self.random.choice((1, 5, 40)))]}
        return self.note(self.clients[self.admin.name].post("/number_pools", json={"name": name, **body}), ())

    def delete_pool(self):
        pools = self.clients[self.admin.name].get("/number_pools").json()["items"]
        if not pools:
            return False
        return self.note(self.clients[self.admin.name].delete(f"/number_pools/{self.random.choice(pools)['id']}"), ())

    def write_file(self):
        first = BASE + self.random.randrange(SPAN)
        (self.folder / "pools.csv").write_text("pool,number\n" + "".join(
            f"file {first} {i // 5000},{plus(first + i * 7)}\n" for i in range(SCATTERED)))
        return [program.PROGRAM, "pool", "import", "pools.csv"]

    def import_killed(self):
        process = subprocess.Popen(self.write_file(), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=program.environment({"LOG_LEVEL": "error", **settings_of(self.folder)}))
        with opened(self.server.folder) as database:
            steps = None
            while process.poll() is None and (steps is None or steps[0] < 2):
                self.create()
                steps = database.execute("SELECT steps FROM pool_imports WHERE sha256 NOT LIKE 'd%'").fetchone()
        process.kill()
        process.communicate()
        return process.returncode == -9

    def import_done(self):
        """Goes on with the one that was killed, or gives it up for another."""
        if not (self.folder / "pools.csv").exists() or self.random.random() < 0.5:
            self.write_file()
        with opened(self.server.folder) as database:
            database.execute("UPDATE pool_imports SET touched_at = touched_at - 61000")
        done = program.run(["pool", "import", "pools.csv"], self.folder, {"LOG_LEVEL": "error"})
        assert done.returncode == 0 or "pools.csv:" in done.stderr, done.stderr
        return done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("seed,days", [(1, 0), (2, 2)])
def test_in_step(launch, tmp_path, seed, days):
    clock = Clock()
    server = launch(folder=tmp_path, clock=clock, NUMBER_QUARANTINE_DAYS=days, NUMBER_TRANSFER_HOURS=20)
    mix = Mix(server, clock, tmp_path, seed)
    for count in range(500):
        mix.step()
        if count % 20 == 0:
            assert differences(server.folder) == []
    assert differences(server.folder) == []
    # which of the rare ones succeed depends on how fast the processes are
    assert sum(times == 0 for times in mix.deeds.values()) <= 3, mix.deeds


def test_the_check_finds_differences(launch, tmp_path):
    """The check itself, on databases that were spoiled."""
    server = launch(folder=tmp_path)
    admin = Account(server).promote()
    admin.client.post("/number_pools", json={"name": "a", "first": plus(BASE), "last": plus(BASE + 9)})
    admin.create(plus(BASE + 3))
    released = admin.create(plus(BASE + 4))
    admin.client.delete(f"/phone_numbers/{released['id']}")
    server.stop()
    assert differences(server.folder) == []
    for spoil in ("UPDATE pool_blocks SET bits = 'f' || substr(bits, 2)",
                  "UPDATE pool_blocks SET bits = '0' || substr(bits, 2)",
                  "UPDATE pool_blocks SET free = free + 1",
                  "UPDATE pool_blocks SET next_free_at = NULL",
                  "UPDATE pool_quarantine SET free_at = free_at + 1",
                  "DELETE FROM pool_quarantine",
                  "DELETE FROM pool_blocks",
                  "UPDATE pool_ranges SET last = last + 1",
                  "UPDATE number_pools SET size = 3",
                  "DELETE FROM virtual_phone_numbers WHERE status IS NULL",
                  "UPDATE virtual_phone_numbers SET status = 'reserved' WHERE status IS NULL"):
        assert differences(server.folder, spoil) != [], spoil
    assert differences(server.folder) == []
