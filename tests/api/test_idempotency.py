"""Idempotency-Key on every route of /openapi.json that takes one: done once, answered the same, byte for byte."""

import itertools
import json
import os
import re
import signal
import threading
import time

import pytest

from support.clock import Clock
from support.database import ENGINE, opened
from support.people import Account, fresh_name, fresh_number
from support.routes import World, pool_body, prefix_of, routes
from support.wire import Wire, ask, head_of

# A call wants a phone that is registered: test_calls.py has it.
ALL = [route for route in routes() if "Idempotency-Key" in route.headers and str(route) != "POST /calls"]
RACERS = 24

MISUSED = {"detail": [{"type": "value_error", "loc": ["header", "Idempotency-Key"],
                       "msg": "Value error, this key was used with another request"}]}

_keys = itertools.count(1)


def fresh_key():
    return f"key-{os.getpid()}-{next(_keys)}"


def claim_body(world):
    return {"prefix": prefix_of(world.pool()), "quantity": 2}


# A body that makes something new each time it is asked for, and who sends it: world -> (client, body).
REQUESTS = {
    "POST /auth/register": lambda world: (
        world.server.client(), {"username": fresh_name(), "password": "a password of many words"}),
    "POST /api_keys": lambda world: (world.other.client, {"name": fresh_name()}),
    "POST /phone_numbers": lambda world: (world.other.client, {"phone_number": fresh_number()}),
    "POST /phone_numbers/claim": lambda world: (world.other.client, claim_body(world)),
    "POST /number_pools": lambda world: (world.admin.client, pool_body()),
    "POST /reserved_numbers": lambda world: (world.admin.client, {"phone_number": fresh_number()}),
    "POST /devices": lambda world: (world.other.client, {"name": fresh_name()}),
    # an account may have few of them
    "POST /webhooks": lambda world: (Account(world.server).client, {"url": "https://hooks.example/"}),
    "POST /trunks": lambda world: (world.admin.client, {"name": fresh_name(), "host": "sip.example.com"}),
}
# What the same request answers when it is done again without the key, or with one that is forgotten.
AGAIN = {
    "POST /auth/register": 409, "POST /api_keys": 200, "POST /phone_numbers": 409,
    "POST /phone_numbers/claim": 200, "POST /number_pools": 409, "POST /reserved_numbers": 409,
    "POST /devices": 200, "POST /webhooks": 200, "POST /trunks": 409,
}
# A body that differs from the one that was sent, and is as good.
OTHERS = {
    "POST /auth/register": lambda body: {**body, "username": body["username"] + "x"},
    "POST /api_keys": lambda body: {**body, "scopes": ["numbers:read"]},
    "POST /phone_numbers": lambda body: {**body, "friendly_name": "front desk"},
    "POST /phone_numbers/claim": lambda body: {**body, "quantity": 1},
    "POST /number_pools": lambda body: {**body, "name": body["name"] + "x"},
    "POST /reserved_numbers": lambda body: {"phone_number": fresh_number()},
    "POST /devices": lambda body: {**body, "caller_id": None},
    "POST /webhooks": lambda body: {**body, "events": ["call.*"]},
    "POST /trunks": lambda body: {**body, "name": body["name"] + "x"},
}


class Request:
    """A request that can be sent again and again: its route, its sender, its body as bytes."""

    def __init__(self, route, world):
        assert str(route) in REQUESTS, f"teach this test what to send to {route}: REQUESTS in {__file__}"
        self.route = route
        self.client, self.value = REQUESTS[str(route)](world)
        self.body = json.dumps(self.value).encode()

    def send(self, key=None, body=None, client=None):
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return (client or self.client).post(self.route.template, data=self.body if body is None else body, headers=headers)


def is_replayed(reply):
    value = reply.headers.get("Idempotent-Replayed")
    assert value in (None, "true")
    return value is not None


def is_nobodys_failure(request, reply):
    """What a stranger was refused is not kept: he could fill the disk with it."""
    return str(request.route) == "POST /auth/register" and reply.status_code == 409


def same(first, second):
    """The second is the first's answer again."""
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert not is_replayed(first) and is_replayed(second)
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(params=ALL, ids=str)
def request_of(request, world):
    """Makes a new request of one of the routes."""
    return lambda: Request(request.param, world)


def test_every_route_that_creates_takes_keys():
    """A route that stops to take them would drop out of all tests here."""
    assert {str(route) for route in ALL} == set(REQUESTS)


def test_the_same_key_gets_the_same_answer(request_of):
    request = request_of()
    key = fresh_key()
    first = request.send(key)
    assert first.status_code == 200, first.text
    for _ in range(3):
        same(first, request.send(key))
    again = request.send(fresh_key())
    assert again.status_code == AGAIN[str(request.route)] and again.content != first.content
    assert request.send().status_code == AGAIN[str(request.route)]


def test_another_body_is_refused(request_of):
    request = request_of()
    key = fresh_key()
    other = json.dumps(OTHERS[str(request.route)](request.value)).encode()
    first = request.send(key)
    for body in (other, b"{}"):
        reply = request.send(key, body)
        assert reply.status_code == 422
        if body == other:
            assert reply.json() == MISUSED
    same(first, request.send(key))


def test_another_route_is_refused(world):
    key = fresh_key()
    number = Request(next(route for route in ALL if str(route) == "POST /phone_numbers"), world)
    assert number.send(key).status_code == 200
    reply = world.other.client.post("/api_keys", json={"name": "a"}, headers={"Idempotency-Key": key})
    assert (reply.status_code, reply.json()) == (422, MISUSED)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_across_a_restart(launch, tmp_path, end):
    """An answer that was given is kept with what it tells of: kill -9 loses neither."""
    server = launch(folder=tmp_path)
    world = World(server)
    asked = []
    for route in ALL:
        request = Request(route, world)
        key = fresh_key()
        asked.append((request, key, request.send(key)))
        assert asked[-1][2].status_code == 200
    getattr(server, end)()
    server.start()
    for request, key, first in asked:
        request.client.close()
        same(first, request.send(key))
        other = json.dumps(OTHERS[str(request.route)](request.value)).encode()
        assert request.send(key, other).json() == MISUSED


def test_a_kill_between_the_work_and_the_answer(launch, tmp_path):
    """Whatever became of requests that were under way, sent again they are done exactly once."""
    server = launch(folder=tmp_path)
    account = Account(server)
    bodies = {fresh_key(): json.dumps({"phone_number": fresh_number()}) for _ in range(120)}
    wires = []
    for key, body in bodies.items():
        wires.append(Wire(server))
        wires[-1].send(head_of("POST", "/phone_numbers", f"Authorization: Bearer {account.token}", f"Idempotency-Key: {key}",
                               "Content-Type: application/json", f"Content-Length: {len(body)}") + body)
    server.kill()
    for wire in wires:
        wire.close()
    server.start()
    account.client.close()
    made = {}
    for _ in range(2):
        for key, body in bodies.items():
            reply = account.client.post("/phone_numbers", data=body,
                                        headers={"Idempotency-Key": key, "Content-Type": "application/json"})
            assert reply.status_code == 200, reply.text
            assert made.setdefault(key, reply.content) == reply.content
    assert len({json.loads(content)["id"] for content in made.values()}) == len(bodies)


def race(send, count=RACERS):
    """The replies to the same request sent at the same moment by many."""
    barrier = threading.Barrier(count)
    replies = [None] * count

    def run(place):
        barrier.wait(60)
        replies[place] = send()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in replies
    return replies


def test_a_race_is_won_once(request_of, world):
    """Each racer has a connection of its own."""
    request = request_of()
    key = fresh_key()

    def send():
        with world.server.client() as client:
            client.headers.update(request.client.headers)
            return request.send(key, client=client)

    replies = race(send)
    assert {reply.status_code for reply in replies} == {200}, [reply.text for reply in replies]
    assert len({reply.content for reply in replies}) == 1
    assert sum(not is_replayed(reply) for reply in replies) == 1


def test_a_race_of_two_bodies_has_one_winner(world, owner):
    """One of them is done; the other's are refused, whoever came first."""
    key = fresh_key()
    bodies = itertools.cycle([{"phone_number": fresh_number()}, {"phone_number": fresh_number()}])
    lock = threading.Lock()

    def send():
        with lock:
            body = next(bodies)
        with world.server.client(owner.token) as client:
            return client.post("/phone_numbers", json=body, headers={"Idempotency-Key": key})

    replies = race(send)
    good = [reply for reply in replies if reply.status_code == 200]
    assert len(good) == RACERS // 2 and len({reply.content for reply in good}) == 1
    assert all(reply.json() == MISUSED for reply in replies if reply.status_code != 200)
    assert len(owner.client.get("/phone_numbers").json()["items"]) == 1


def test_after_a_day_the_key_is_forgotten(launch):
    clock = Clock()
    server = launch(clock=clock, ACCESS_TOKEN_EXPIRE_MINUTES=10000)
    world = World(server)
    asked = []
    for route in ALL:
        request = Request(route, world)
        key = fresh_key()
        asked.append((request, key, request.send(key)))
    clock.forward(hours=23, minutes=58)
    for request, key, first in asked:
        same(first, request.send(key))
    clock.forward(minutes=3)
    for request, key, first in asked:
        later = request.send(key)
        assert later.status_code == AGAIN[str(request.route)], later.text
        assert later.content != first.content and not is_replayed(later)
        if not is_nobodys_failure(request, later):
            same(later, request.send(key))
        # what counts now is the later answer, for another day
    clock.forward(hours=23)
    for request, key, _ in asked:
        again = request.send(key)
        assert is_replayed(again) != is_nobodys_failure(request, again)


def test_what_is_forgotten_is_deleted(launch):
    clock = Clock()
    server = launch(clock=clock, ACCESS_TOKEN_EXPIRE_MINUTES=10000)
    account = Account(server)

    def create():
        reply = account.client.post("/phone_numbers", json={"phone_number": fresh_number()},
                                    headers={"Idempotency-Key": fresh_key()})
        assert reply.status_code == 200

    def rows():
        with opened(server.folder) as database:
            count, = database.execute("SELECT count(*) FROM idempotency_keys").fetchone()
        return count

    for _ in range(300):
        create()
    assert rows() == 300
    clock.forward(hours=25)
    deadline = time.monotonic() + 60
    written = 0
    while rows() > written and time.monotonic() < deadline:
        create()
        written += 1
        time.sleep(0.01)
    assert rows() == written


def test_many_old_answers_slow_nobody_down(server, owner):
    """Each request deletes a few of them, and looks at no others: all writes wait for it."""
    with opened(server.folder) as database:
        database.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
                         "INSERT INTO idempotency_keys (owner, key_hash, created_at, request_hash, status, reply) "
                         "SELECT ?, 'old' || i, i, 'r', 200, 's' FROM n", (owner.id,))
        database.commit()

    def seconds(headers):
        start = time.monotonic()
        for _ in range(30):
            reply = owner.client.post("/phone_numbers", json={"phone_number": fresh_number()}, headers=headers())
            assert reply.status_code == 200
        return time.monotonic() - start

    without = seconds(dict)
    assert seconds(lambda: {"Idempotency-Key": fresh_key()}) < without + 1


def test_keys_are_an_accounts_own(server, owner):
    other = Account(server)
    key = fresh_key()
    replies = [account.client.post("/phone_numbers", json={"phone_number": fresh_number()}, headers={"Idempotency-Key": key})
               for account in (owner, other)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert [reply.json()["user_id"] for reply in replies] == [owner.id, other.id]
    reply = server.client().post("/auth/register", json={"username": fresh_name(), "password": "a password of many words"},
                                 headers={"Idempotency-Key": key})
    assert reply.status_code == 200 and not is_replayed(reply)


def test_a_key_of_the_account_and_a_token_share_them(server, owner):
    """They are the account's, however it proves who it is; but a right that is missing is missing."""
    key = fresh_key()
    body = {"phone_number": fresh_number()}
    first = owner.client.post("/phone_numbers", json=body, headers={"Idempotency-Key": key})
    writer = server.client(owner.key(scopes=["numbers:write"])["key"])
    same(first, writer.post("/phone_numbers", json=body, headers={"Idempotency-Key": key}))
    reader = server.client(owner.key(scopes=["numbers:read"])["key"])
    assert reader.post("/phone_numbers", json=body, headers={"Idempotency-Key": key}).status_code == 403
    assert server.client().post("/phone_numbers", json=body, headers={"Idempotency-Key": key}).status_code == 401


def test_a_stranger_who_guesses_the_key_gets_no_token(server):
    """Nobody's keys are everybody's: without the very same body there is nothing to have."""
    key = fresh_key()
    body = {"username": fresh_name(), "password": "a password of many words"}
    assert server.client().post("/auth/register", json=body, headers={"Idempotency-Key": key}).status_code == 200
    reply = server.client().post("/auth/register", json={**body, "password": "some other password"},
                                 headers={"Idempotency-Key": key})
    assert reply.status_code in (409, 422) and "access_token" not in reply.text


def test_a_stranger_cannot_try_passwords_with_it(launch):
    """A key that can be guessed tells whether a password is the one that was registered: not for long."""
    server = launch(LOGIN_FAILURES_MAX=3)
    account = Account(server)
    body = {"username": fresh_name(), "password": "a password of many words"}
    headers = {"Idempotency-Key": "1"}

    def register(password):
        return server.client().post("/auth/register", json={**body, "password": password}, headers=headers)

    assert register(body["password"]).status_code == 200
    replies = [register(f"some other password {i}") for i in range(4)] + [register(body["password"])]
    assert [reply.status_code for reply in replies] == [422, 422, 422, 429, 429]
    assert 880 <= int(replies[-1].headers["Retry-After"]) <= 900
    assert server.client().post("/auth/register", json={**body, "username": fresh_name()}).status_code == 200
    for _ in range(2):
        reply = account.client.post("/phone_numbers", json={"phone_number": fresh_number()}, headers=headers)
    assert (reply.status_code, reply.json()) == (422, MISUSED)


def test_an_error_of_the_handler_is_repeated(world, owner):
    number = fresh_number()
    reserved = world.admin.client.post("/reserved_numbers", json={"phone_number": number}).json()
    key = fresh_key()
    create = {"json": {"phone_number": number}, "headers": {"Idempotency-Key": key}}
    first = owner.client.post("/phone_numbers", **create)
    assert first.status_code == 409
    same(first, owner.client.post("/phone_numbers", **create))
    assert world.admin.client.delete(f"/reserved_numbers/{reserved['id']}").status_code == 204
    same(first, owner.client.post("/phone_numbers", **create))
    create["headers"] = {"Idempotency-Key": fresh_key()}
    assert owner.client.post("/phone_numbers", **create).status_code == 200


def test_what_a_stranger_is_refused_leaves_no_row(launch):
    """It costs him nothing, not even a hash: rows for it would be a way to fill the disk."""
    server = launch()
    account = Account(server)
    key = fresh_key()
    for _ in range(3):
        reply = server.client().post("/auth/register", json=account.body, headers={"Idempotency-Key": key})
        assert reply.status_code == 409 and not is_replayed(reply)
    with opened(server.folder) as database:
        assert database.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (0,)


def test_an_answer_is_not_for_a_token_that_was_ended(server):
    """Nor when it was ended while the body was on its way."""
    account = Account(server)
    body = json.dumps({"name": fresh_name()})
    key = fresh_key()
    head = head_of("POST", "/api_keys", f"Authorization: Bearer {account.token}", f"Idempotency-Key: {key}",
                   "Content-Type: application/json", f"Content-Length: {len(body)}")
    assert ask(server, head + body, "POST", "/api_keys", body).status == 200
    with Wire(server) as wire:
        wire.send(head + body[:5])
        time.sleep(0.2)  # the headers are judged when they come
        assert account.client.post("/auth/logout").status_code == 204
        wire.send(body[5:])
        assert wire.reply("POST", "/api_keys", body).status == 401


def test_a_quota_is_repeated_too(launch):
    """403: also when there would be room by now, until the client asks with another key."""
    account = Account(launch(QUOTA_API_KEYS=1))
    only = account.key()
    create = {"json": {"name": "one too many"}, "headers": {"Idempotency-Key": fresh_key()}}
    first = account.client.post("/api_keys", **create)
    assert first.status_code == 403
    assert account.client.delete(f"/api_keys/{only['id']}").status_code == 204
    same(first, account.client.post("/api_keys", **create))
    create["headers"] = {"Idempotency-Key": fresh_key()}
    assert account.client.post("/api_keys", **create).status_code == 200


def test_what_was_never_done_is_not_kept(server, owner):
    """A 401 or a 422 leaves the key as new as it was."""
    key = fresh_key()
    headers = {"Idempotency-Key": key}
    body = {"phone_number": fresh_number()}
    assert server.client("garbage").post("/phone_numbers", json=body, headers=headers).status_code == 401
    assert owner.client.post("/phone_numbers", json={"phone_number": "x"}, headers=headers).status_code == 422
    assert owner.client.post("/phone_numbers", json={}, headers=headers).status_code == 422
    reply = owner.client.post("/phone_numbers", json=body, headers=headers)
    assert reply.status_code == 200 and not is_replayed(reply)


@pytest.mark.parametrize("key", ["", "two words", "tab\there", "x" * 256, "x" * 4000, "\u00fc".encode(), b"\xff", b"del\x7f"])
def test_what_is_no_key(owner, key):
    number = fresh_number()
    reply = owner.client.post("/phone_numbers", json={"phone_number": number}, headers={"Idempotency-Key": key})
    assert reply.status_code == 422, reply.text
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["header", "Idempotency-Key"]]
    assert owner.client.get("/phone_numbers").json()["items"] == []


def test_two_keys_are_none(server, owner):
    body = json.dumps({"phone_number": fresh_number()})
    reply = ask(server, head_of("POST", "/phone_numbers", f"Authorization: Bearer {owner.token}", "Idempotency-Key: a",
                                "Idempotency-Key: b", f"Content-Length: {len(body)}") + body, "POST", "/phone_numbers", body)
    assert reply.status == 422
    assert [fault["loc"] for fault in json.loads(reply.body)["detail"]] == [["header", "Idempotency-Key"]]


def test_the_key_and_the_body_are_judged_at_once(owner):
    reply = owner.client.post("/phone_numbers", json={}, headers={"Idempotency-Key": "two words"})
    assert reply.status_code == 422
    assert sorted(fault["loc"] for fault in reply.json()["detail"]) == [
        ["body", "phone_number"], ["header", "Idempotency-Key"]]


@pytest.mark.parametrize("key", ["x", "x" * 255, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "' OR 1=1 --".replace(" ", "")])
def test_what_is_a_key(owner, key):
    body = {"phone_number": fresh_number()}
    first = owner.client.post("/phone_numbers", json=body, headers={"Idempotency-Key": key})
    assert first.status_code == 200
    same(first, owner.client.post("/phone_numbers", json=body, headers={"Idempotency-Key": key}))


def test_keys_differ_by_case_and_end(owner):
    keys = ["A", "a", "aa", "a" * 254, "a" * 255]
    made = [owner.client.post("/phone_numbers", json={"phone_number": fresh_number()}, headers={"Idempotency-Key": key})
            for key in keys]
    assert [reply.status_code for reply in made] == [200] * len(keys)
    assert len({reply.json()["id"] for reply in made}) == len(keys)


def test_other_routes_take_no_notice(server, owner):
    headers = {"Idempotency-Key": fresh_key()}
    replies = [server.client().post("/auth/login", json=owner.body, headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[0].content != replies[1].content
    assert owner.client.get("/phone_numbers", headers=headers).json()["items"] == []
    owner.create()
    assert len(owner.client.get("/phone_numbers", headers=headers).json()["items"]) == 1


def kept_by(server):
    """Every byte that a server has written, by the name of the file or of the table."""
    kept = {path.name: path.read_bytes() for path in server.folder.iterdir() if path.is_file()}
    if ENGINE == "postgresql":
        with server.opened() as database:
            tables = [name for name, in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
            kept |= {name: repr(database.execute(f"SELECT * FROM {name}").fetchall()).encode() for name in tables}
    return kept


@pytest.mark.parametrize("end", [None, signal.SIGTERM])
def test_answers_are_not_readable_in_the_file(launch, tmp_path, end):
    """The key is shown once: not even the answer that is kept for a repetition has it in the clear."""
    server = launch(folder=tmp_path)
    account = Account(server)
    key = fresh_key()
    client_key = f"client-{key}"
    made = account.client.post("/api_keys", json={"name": "to be found"}, headers={"Idempotency-Key": client_key})
    name = fresh_name()
    registered = server.client().post("/auth/register", json={"username": name, "password": "a password of many words"},
                                      headers={"Idempotency-Key": f"register-{key}"})
    assert made.status_code == registered.status_code == 200
    if end is not None:
        server.stop(end)
    files = kept_by(server)
    assert any(b"to be found" in content for content in files.values()), "the search finds nothing at all"
    secret = made.json()["key"]
    token = registered.json()["access_token"]
    for text in (secret, secret[4:36], token, token.split(".")[2], client_key, f"register-{key}", "a password of many words"):
        found = [file for file, content in files.items() if text.encode() in content]
        assert found == [], f"{text!r} is in {found}"
    assert re.fullmatch(r"ctk_[A-Za-z0-9_-]{38}", secret)
