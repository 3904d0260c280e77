"""Another process keeps the database locked: writes wait a while and are then refused, reads go on."""

import contextlib
import sqlite3
import threading
import time

import pytest

from support import database as engine
from support.people import Account, fresh_number
from support.server import Server


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path, errors=True) as running:
        yield running


# what a server that writes locks (src/store/postgres_commit.c)
WRITE_LOCK = 7166193823637730405


@contextlib.contextmanager
def locked(server):
    """Somebody else writes meanwhile, and does not come to an end."""
    if engine.ENGINE == "sqlite":
        with contextlib.closing(sqlite3.connect(server.database, isolation_level=None, timeout=30)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")
        return
    with server.opened() as database:
        database.execute("SELECT pg_advisory_xact_lock(?)", (WRITE_LOCK,))
        yield
        database.rollback()


def test_a_lock_of_a_moment_is_waited_for(server):
    account = Account(server)
    statuses = []
    waiting = threading.Thread(target=lambda: statuses.append(
        account.client.post("/phone_numbers", json={"phone_number": fresh_number()}).status_code))
    with locked(server):
        waiting.start()
        time.sleep(0.3)
        assert statuses == []
    waiting.join()
    assert statuses == [200]


def test_a_lock_that_stays_is_503_and_nothing_is_half_done(server):
    account = Account(server)
    made = account.create()
    refused = [None] * 4

    def write(turn):
        client = server.client(account.token)
        if turn < 2:
            reply = client.post("/phone_numbers", json={"phone_number": f"+4930555000{turn}"})
        elif turn == 2:
            reply = client.post("/auth/register", json={"username": "late", "password": "a good password"})
        else:
            reply = account.login()
        refused[turn] = reply.status_code, reply.headers.get("Retry-After")

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(4)]
    with locked(server):
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        reads = 0
        while any(thread.is_alive() for thread in threads):
            assert account.client.get(f"/phone_numbers/{made['id']}").status_code == 200
            assert time.monotonic() - begin < 60
            reads += 1
            time.sleep(0.01)
        assert refused == [(503, "1")] * 4
        assert reads > 10
        assert [one["id"] for one in account.client.get("/phone_numbers").json()["items"]] == [made["id"]]
    assert account.client.post("/phone_numbers", json={"phone_number": "+49305550000"}).status_code == 200
    assert server.client().post("/auth/register", json={"username": "late", "password": "a good password"}).status_code == 200


def test_the_time_that_the_server_takes_is_not_the_clients(tmp_path):
    """REQUEST_TIMEOUT_SECONDS ends when the request is complete."""
    with Server(tmp_path, REQUEST_TIMEOUT_SECONDS=1) as server:
        account = Account(server)
        statuses = []
        writing = threading.Thread(target=lambda: statuses.append(
            account.client.post("/phone_numbers", json={"phone_number": fresh_number()}).status_code))
        with locked(server):
            writing.start()
            time.sleep(3)
        writing.join()
        assert statuses == [200]
