"""The end of a server: what runs is finished, what was acknowledged stays, and the log can be rotated."""

import json
import signal
import socket
import sqlite3
import threading
import time

import pytest

from support import legacy
from support.database import opened
from support.people import Account
from support.wire import Closed, Wire, head_of


def login_request(body, *headers):
    text = json.dumps(body)
    return head_of("POST", "/auth/login", f"Content-Length: {len(text)}", *headers) + text


def slow_server(launch, tmp_path):
    """A server with a user whose login takes long: bcrypt at cost 12, then argon2id. It takes as long for others: all
    users that it finds at its start are such."""
    server = launch(folder=tmp_path)
    assert server.client().post("/auth/register", json={"username": "slow", "password": legacy.PASSWORD}).status_code == 200
    server.stop()
    with server.opened() as database:
        database.execute("UPDATE users SET hashed_password = ?", (legacy.HASHES["$2b$12$"],))
    return server.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_login_that_runs_is_finished(launch, tmp_path, number):
    server = slow_server(launch, tmp_path)
    with Wire(server) as wire:
        wire.send(login_request({"username": "slow", "password": legacy.PASSWORD}))
        time.sleep(0.05)
        server.send_signal(number)
        reply = wire.reply("POST", "/auth/login")
        assert reply.status == 200
        assert wire.is_closed()
    assert server.wait() == 0
    with opened(server.folder) as database:
        assert database.execute("SELECT hashed_password FROM users").fetchone()[0].startswith("$argon2id$")


def test_several_logins_that_wait_are_finished(launch, tmp_path):
    server = slow_server(launch, tmp_path)
    wires = [Wire(server) for _ in range(6)]
    for wire in wires:
        wire.send(login_request({"username": "nobody", "password": "not the password"}))
    time.sleep(0.05)
    server.send_signal(signal.SIGTERM)
    assert [wire.reply("POST", "/auth/login").status for wire in wires] == [401] * 6
    for wire in wires:
        wire.close()
    assert server.wait() == 0


def test_idle_and_half_open_connections_do_not_hold_it_up(launch):
    server = launch()
    with Wire(server) as idle, Wire(server) as half, Wire(server) as used:
        used.send(head_of("GET", "/healthz"))
        assert used.reply("GET", "/healthz").status == 200
        half.send("POST /auth/login HTTP/1.1\r\nHost: x\r\n")
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 20
        for wire in (idle, half, used):
            assert wire.is_closed()


def test_clients_that_went_in_the_middle_of_a_body_do_not_hold_it_up(launch):
    server = launch()
    for _ in range(20):
        with Wire(server) as wire:
            wire.send(head_of("POST", "/auth/login", "Content-Length: 100") + '{"username": ')
    assert server.client().get("/healthz").status_code == 200
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < 20


def test_nobody_is_let_in_any_more(launch, tmp_path):
    server = slow_server(launch, tmp_path)
    with Wire(server) as wire:
        wire.send(login_request({"username": "slow", "password": legacy.PASSWORD}))
        time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        refused = False
        while not refused and server.process.poll() is None:
            try:
                with Wire(server, timeout=1) as late:
                    late.send(head_of("GET", "/healthz"))
                    late.reply("GET", "/healthz")
            except (OSError, Closed):
                refused = True
        assert refused or server.process.poll() is not None
        assert wire.reply("POST", "/auth/login").status == 200
    assert server.wait() == 0


def test_the_write_ahead_log_is_copied(launch):
    server = launch()
    account = Account(server)
    made = [account.create() for _ in range(20)]
    wal = server.folder / "cloud_telephony.db-wal"
    assert wal.stat().st_size > 0
    server.stop()
    assert not wal.exists() or wal.stat().st_size == 0
    database = sqlite3.connect(f"file:{server.database}?mode=ro&immutable=1", uri=True)
    rows = database.execute("SELECT id, phone_number, user_id FROM virtual_phone_numbers ORDER BY id").fetchall()
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert rows == [(one["id"], one["phone_number"], one["user_id"]) for one in made]


def test_tokens_and_numbers_outlive_a_restart(launch):
    server = launch()
    account = Account(server)
    made = account.create()
    page = account.client.get("/phone_numbers").json()
    server.stop()
    server.start()
    client = server.client(account.token)
    assert client.get("/phone_numbers").json() == page
    assert client.get(f"/phone_numbers/{made['id']}").status_code == 200
    assert account.login().status_code == 200


def test_a_stop_under_load_loses_nothing_it_said_yes_to(launch):
    server = launch()
    accounts = [Account(server) for _ in range(4)]
    acknowledged = []

    def create(account, lane):
        client = server.client(account.token)
        for turn in range(10000):
            number = f"+49{lane}{turn:08}"
            try:
                reply = client.post("/phone_numbers", json={"phone_number": number})
            except OSError:
                return
            if reply.status_code != 200:
                return
            acknowledged.append((number, account.id))

    threads = [threading.Thread(target=create, args=(account, lane)) for lane, account in enumerate(accounts, 1)]
    for thread in threads:
        thread.start()
    time.sleep(0.4)
    server.stop()
    for thread in threads:
        thread.join()
    assert len(acknowledged) > 20
    with opened(server.folder) as database:
        rows = set(database.execute("SELECT phone_number, user_id FROM virtual_phone_numbers"))
    assert set(acknowledged) <= rows
    # each client has at most one that was written and not told of
    assert len(rows) - len(acknowledged) <= len(accounts)


def wait_for_line(server, path, event):
    for _ in range(1000):
        if path.exists() and f'"event":"{event}"' in path.read_text():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path.name} does not tell of {event}")


def test_sighup_opens_the_log_again(launch):
    server = launch(LOG_FILE="server.log")
    client = server.client()
    client.get("/healthz", headers={"X-Request-ID": "before"})
    wait_for_line(server, server.log_path, "request")
    rotated = server.folder / "server.log.1"
    server.log_path.rename(rotated)
    client.get("/healthz", headers={"X-Request-ID": "between"})
    server.send_signal(signal.SIGHUP)
    wait_for_line(server, server.log_path, "log_reopened")
    client.get("/healthz", headers={"X-Request-ID": "after"})
    server.stop()
    ids = [{json.loads(line).get("id") for line in path.read_text().splitlines()} - {None} for path in (rotated, server.log_path)]
    assert {"before", "between"} <= ids[0] and "after" not in ids[0]
    assert "after" in ids[1] and not {"before", "between"} & ids[1]


def test_sighup_without_a_log_file_changes_nothing(launch):
    server = launch()
    for _ in range(3):
        server.send_signal(signal.SIGHUP)
        assert server.client().get("/healthz").status_code == 200


def test_sighup_with_a_folder_that_is_gone_keeps_the_old_log(launch):
    server = launch(LOG_FILE="logs/server.log", errors=True, make=["logs"])
    (server.folder / "logs").rename(server.folder / "moved")
    server.send_signal(signal.SIGHUP)
    wait_for_line(server, server.folder / "moved" / "server.log", "log_not_reopened")
    assert server.client().get("/healthz").status_code == 200


def test_a_client_that_closes_while_it_is_written_to_is_no_end(launch):
    """SIGPIPE is nothing to die of."""
    server = launch()
    for _ in range(20):
        one = socket.create_connection((server.host, server.port))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.sendall((head_of("GET", "/openapi.json") * 20).encode())
        one.close()
    assert server.client().get("/healthz").status_code == 200
