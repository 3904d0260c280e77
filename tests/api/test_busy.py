"""503: a full queue, a disk that takes nothing, a database that is away. Nothing is lost or half done, and all
is well again when the cause is gone."""

import json
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import program, tokens
from support.database import opened
from support.people import Account, fresh_name, fresh_number
from support.program import is_sanitized
from support.wire import Wire, head_of

ROUTES = [
    ("GET", "/auth/me", None), ("GET", "/phone_numbers", None), ("GET", "/phone_numbers/1", None),
    ("POST", "/phone_numbers", {"phone_number": "+1234567890"}),
    ("POST", "/auth/register", {"username": "alice", "password": "a good password"}),
    ("POST", "/auth/login", {"username": "alice", "password": "a good password"}),
]


def test_a_database_that_is_away(launch):
    """Each thread opens the database when it first needs it: until then it can be hidden from all."""
    server = launch(errors=True)
    client = server.client(tokens.sign(tokens.claims_of(1), program.SECRET_KEY))
    hidden = server.folder / "hidden"
    server.database.rename(hidden)
    for method, path, body in ROUTES:
        reply = client.request(method, path, json=body)
        assert reply.status_code == 503, (method, path)
        assert reply.headers["Retry-After"] == "1"
        assert reply.json()["detail"].endswith("again")
    assert client.get("/healthz").status_code == 200
    hidden.rename(server.database)
    statuses = [client.request(method, path, json=body).status_code for method, path, body in ROUTES]
    assert statuses == [401, 401, 401, 401, 200, 200]
    # and now that user 1 exists, the token is hers
    assert [client.request(method, path, json=body).status_code for method, path, body in ROUTES] == [200, 200, 404, 200, 409, 200]
    assert {line["event"] for line in server.log() if line["level"] == "error"} == {"database_error"}


def burst(server, requests):
    """Sends all requests, (path, body), at the same time, each on a connection of its own; the statuses."""
    wires = [Wire(server) for _ in requests]
    try:
        for wire, (path, body) in zip(wires, requests):
            wire.send(posted(path, body))
        return [wire.reply("POST", path, json.dumps(body)).status for wire, (path, body) in zip(wires, requests)]
    finally:
        for wire in wires:
            wire.close()


def posted(path, body):
    text = json.dumps(body)
    return head_of("POST", path, "Content-Type: application/json", f"Content-Length: {len(text)}") + text


def on_one_core():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.long
def test_a_burst_of_passwords_fills_the_queue(launch):
    """Who was told yes is there; who was told to try again is not, and can. The queue is some seconds long,
    which on one core is the fewest passwords."""
    server = launch(options={"preexec_fn": on_one_core}, LOGIN_FAILURES_MAX=100, CT_TEST_REAL_HASHES=1)
    account = Account(server)
    requests = []
    for _ in range(70):
        requests.append(("/auth/login", {**account.body, "password": "not the password"}))
        requests.append(("/auth/register", {"username": fresh_name(), "password": "a good password"}))
    statuses = burst(server, requests)
    assert set(statuses[0::2]) == {401, 503}
    assert set(statuses[1::2]) == {200, 503}
    with opened(server.folder) as database:
        stored = {name for name, in database.execute("SELECT username FROM users")}
    registered = {body["username"] for (path, body), status in zip(requests, statuses)
                  if path == "/auth/register" and status == 200}
    assert stored == registered | {account.name}
    again = next(body for (path, body), status in zip(requests, statuses) if path == "/auth/register" and status == 503)
    assert server.client().post("/auth/register", json=again).status_code == 200
    assert account.login().status_code == 200


@pytest.mark.long
def test_a_storm_of_logins_does_not_slow_the_rest(launch):
    """Passwords are hashed behind everything else: reads and creates go on beside a full queue."""
    server = launch(LOGIN_FAILURES_MAX=100, CT_TEST_REAL_HASHES=1)
    account = Account(server)
    made = account.create()

    def seconds():
        begin = time.perf_counter()
        assert account.client.get(f"/phone_numbers/{made['id']}").status_code == 200
        account.create(fresh_number())
        return time.perf_counter() - begin

    quiet = sorted(seconds() for _ in range(40))[20]
    # a stop waits for all of them, and a sanitizer makes each take a second
    wires = [Wire(server) for _ in range((8 if is_sanitized() else 40) * len(os.sched_getaffinity(0)))]
    for wire in wires:
        wire.send(posted("/auth/login", account.body))
    stormy = sorted(seconds() for _ in range(40))[20]
    # some of the storm was still to come: the figures are of the storm
    wires[-1].socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        wires[-1].socket.recv(1)
    for wire in wires:
        wire.close()
    assert stormy < 10 * max(quiet, 0.002), f"{quiet * 1000:.2f} ms, beside the storm {stormy * 1000:.2f} ms"


def test_a_disk_that_takes_nothing(launch):
    """The size of files is limited as a full disk limits them. See also tests/fault/test_disk_full.py."""
    server = launch(errors=True, options={"restore_signals": False})  # SIGXFSZ stays ignored, as here
    account = Account(server)
    made = [account.create() for _ in range(3)]
    size = (server.folder / "cloud_telephony.db-wal").stat().st_size
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    for method, path, body in (
            ("POST", "/phone_numbers", {"phone_number": fresh_number()}),
            ("POST", "/auth/register", {"username": "late", "password": "a good password"}),
            ("POST", "/auth/login", account.body)):
        reply = account.client.request(method, path, json=body)
        assert reply.status_code == 503, (method, path)
        assert reply.headers["Retry-After"] == "1"
    listed = account.client.get("/phone_numbers").json()["items"]
    assert [one["id"] for one in listed] == [one["id"] for one in made]
    assert account.client.get("/auth/me").status_code == 200
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
    account.create()
    assert account.login().status_code == 200
    assert server.client().post("/auth/register", json={"username": "late", "password": "a good password"}).status_code == 200


def test_more_writers_than_wait_in_line(launch):
    """Many writes at the same time are one queue, and each is answered for what it did."""
    server = launch()
    account = Account(server)
    with ThreadPoolExecutor(32) as pool:
        clients = [server.client(account.token) for _ in range(32)]
        numbers = [fresh_number() for _ in range(640)]
        replies = list(pool.map(lambda turn: clients[turn % 32].post("/phone_numbers", json={"phone_number": numbers[turn // 2]}),
                                range(1280)))
    statuses = [reply.status_code for reply in replies]
    assert statuses.count(200) == 640 and statuses.count(409) == 640
