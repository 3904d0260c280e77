"""kill -9 in the middle of a load, again and again on one database: what was acknowledged is there, the database
is whole, and the server starts again by itself."""

import json
import os
import random
import sqlite3
import subprocess
import threading
import time
import types

import pytest

from support import database as engine
from support import program
from support.people import Account
from support.server import Server
from support.wire import Closed, Wire, head_of

ROUNDS = 20
LANES = 10


class Lane:
    """A client that creates one number after the other and notes what was acknowledged."""

    def __init__(self, account, lane):
        self.account = account
        self.lane = lane
        self.next = 0
        self.acknowledged = {}

    def run(self, server):
        try:
            with Wire(server) as wire:
                while True:
                    self._create(wire)
        except (OSError, Closed):
            return  # the server is gone

    def _create(self, wire):
        self.next += 1
        number = f"+49{self.lane + 10}{self.next:08}"
        body = json.dumps({"phone_number": number})
        wire.send(head_of("POST", "/phone_numbers", f"Authorization: Bearer {self.account.token}",
                          f"Content-Length: {len(body)}") + body)
        _, status, headers = wire.head()
        made = json.loads(wire.take(int(headers["Content-Length"])))
        assert status == 200, made
        self.acknowledged[number] = made["id"]


def rows_of(path):
    """The rows and the state of the file, as another process sees them beside the server."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    rows = {number: (number_id, user_id) for number_id, number, user_id in
            database.execute("SELECT id, phone_number, user_id FROM virtual_phone_numbers")}
    integrity = database.execute("PRAGMA integrity_check").fetchall()
    orphans = database.execute("PRAGMA foreign_key_check").fetchall()
    database.close()
    assert integrity == [("ok",)]
    assert orphans == []
    return rows


def rows_in(server):
    """The same of whichever database the server has."""
    if engine.ENGINE == "sqlite":
        return rows_of(server.database)
    with server.opened() as opened:
        return {number: (number_id, user_id) for number_id, number, user_id in
                opened.execute("SELECT id, phone_number, user_id FROM virtual_phone_numbers")}


def check(rows, lanes, kills):
    """Every acknowledged number is there under its id and with its owner; how many those are."""
    count = 0
    for lane in lanes:
        for number, number_id in lane.acknowledged.items():
            assert rows.get(number) == (number_id, lane.account.id), f"after {kills} kills: {number} was acknowledged"
        count += len(lane.acknowledged)
    # a client waits for one reply at a time: that one may have been written and not told of
    assert count <= len(rows) <= count + len(lanes) * kills
    return count


def test_what_was_acknowledged_outlives_every_kill(tmp_path):
    seed = int(os.environ.get("CT_SEED", random.randrange(10 ** 6)))
    print(f"CT_SEED={seed}")
    moments = random.Random(seed)
    server = Server(tmp_path)
    server.start()
    lanes = [Lane(Account(server), lane) for lane in range(LANES)]
    for turn in range(ROUNDS):
        threads = [threading.Thread(target=lane.run, args=(server,)) for lane in lanes]
        for thread in threads:
            thread.start()
        time.sleep(moments.choice((0.02, 0.2, 0.5)) * moments.random() + 0.005)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        count = check(rows_in(server), lanes, turn + 1)
    assert count > ROUNDS * LANES, "the load was none"
    for lane in lanes:
        assert lane.account.client.get("/auth/me").json()["username"] == lane.account.name
        made = lane.account.create(f"+48{lane.lane + 10}00000000")
        assert lane.account.client.get(f"/phone_numbers/{made['id']}").status_code == 200
    server.stop()
    print(f"{count} creates were acknowledged")


@pytest.mark.parametrize("rows", [
    {}, {"+491": (1, 7)}, {"+491": (1, 7), "+492": (3, 7)}, {"+491": (1, 7), "+492": (2, 8)},
    {"+491": (1, 7), "+492": (2, 7), "+493": (3, 7), "+494": (4, 7)}])
def test_the_check_finds_what_is_missing_or_too_much(rows):
    lane = Lane(types.SimpleNamespace(id=7), 0)
    lane.acknowledged = {"+491": 1, "+492": 2}
    assert check({"+491": (1, 7), "+492": (2, 7), "+493": (3, 7)}, [lane], 1) == 2
    with pytest.raises(AssertionError):
        check(rows, [lane], 1)


def test_a_kill_in_the_first_start(tmp_path):
    """Killed at any moment while it makes its tables, it makes them at the next start."""
    seed = int(os.environ.get("CT_SEED", random.randrange(10 ** 6)))
    print(f"CT_SEED={seed}")
    moments = random.Random(seed)
    for turn in range(12):
        folder = tmp_path / str(turn)
        folder.mkdir()
        server = Server(folder)
        process = subprocess.Popen([program.PROGRAM, "serve"], cwd=folder, env=program.environment(server.settings),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.random() * 0.05)
        process.kill()
        process.wait()
        with server:
            assert Account(server).login().status_code == 200
