"""Whatever is sent: never a server error but 503, never a hang, and every error in the form of all errors."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.people import Account
from support.server import Server
from support.wire import Closed, Wire, ask, head_of

BODY_ROUTES = ["/auth/register", "/auth/login", "/phone_numbers", "/devices", "/trunks"]
FIELDS = ["username", "password", "phone_number", "name", "caller_id", "host", "prefixes", "allow_from", "channels"]

# Limits by time would make a slow machine fail; the same examples every time make a failure one that
# can be looked at. The server's own answers, not hypothesis' memory, are what is tested.
bounded = settings(max_examples=60, deadline=None, derandomize=True, database=None,
                   suppress_health_check=list(HealthCheck))
few = settings(bounded, max_examples=25)

text = st.text(max_size=80) | st.text(alphabet="+0123456789 ().-", max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12)
near = st.dictionaries(st.sampled_from(FIELDS) | text, values, max_size=5)

VALID = {
    "/auth/register": b'{"username": "somebody", "password": "a good password"}',
    "/auth/login": b'{"username": "somebody", "password": "a good password"}',
    "/phone_numbers": b'{"phone_number": "+1 (234) 567-8901"}',
    "/devices": b'{"name": "Desk", "caller_id": null}',
    "/trunks": b'{"name": "Carrier", "host": "[::1]:5060", "prefixes": ["+49"], "allow_from": ["192.0.2.0/24"], "channels": 3}',
}


@st.composite
def mutated(draw, valid):
    """A valid body with some of its bytes changed, removed, doubled or added."""
    body = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        what = draw(st.integers(0, 3))
        if what == 0 and body:
            body[at] = draw(st.integers(0, 255))
        elif what == 1:
            del body[at:at + draw(st.integers(1, 4))]
        elif what == 2:
            body[at:at] = body[at:at + draw(st.integers(1, 20))]
        else:
            body[at:at] = draw(st.binary(min_size=1, max_size=4))
    return bytes(body)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for this file alone: here come many wrong passwords."""
    with Server(tmp_path_factory.mktemp("property"), LOGIN_FAILURES_MAX="100", QUOTA_DEVICES="1000000") as running:
        yield running


@pytest.fixture(scope="module")
def target(server):
    """The account that asks, an administrator's; the contract is held by the client for every reply."""
    return Account(server).promote()


def send(target, path, body, media_type="application/json"):
    headers = {"Content-Type": media_type} if media_type is not None else {}
    reply = target.client.post(path, data=body, headers=headers, timeout=30)
    assert reply.status_code in (200, 401, 409, 411, 413, 415, 422, 503)
    return reply


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_any_json(target, path):
    @bounded
    @given(values | near)
    def run(value):
        reply = send(target, path, json.dumps(value))
        if not isinstance(value, dict):
            assert reply.status_code == 422
    run()


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_any_bytes(target, path):
    @bounded
    @given(st.binary(max_size=300))
    def run(body):
        assert send(target, path, body).status_code == 422
    run()


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_valid_bodies_with_faults(target, path):
    @bounded
    @given(mutated(VALID[path]))
    def run(body):
        send(target, path, body)
    run()


def test_any_form(target):
    @bounded
    @given(st.binary(max_size=200) | mutated(b"grant_type=password&username=somebody&password=a+good%20password"))
    def run(body):
        reply = send(target, "/auth/login", body, "application/x-www-form-urlencoded")
        assert reply.status_code in (401, 422)
    run()


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_any_media_type(target, path):
    @few
    @given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7e), max_size=40)
           | st.sampled_from(["application/json", "application/json;", "application/x-www-form-urlencoded"]))
    def run(media_type):
        send(target, path, b"{}", media_type)
    run()


def test_numbers_that_are_accepted_are_plain(target):
    @bounded
    @given(st.from_regex(r"\A(\+|00)[0-9 ().-]{1,24}\Z") | text)
    def run(number):
        reply = send(target, "/phone_numbers", json.dumps({"phone_number": number}))
        if reply.status_code == 200:
            stored = reply.json()["phone_number"]
            digits = "".join(character for character in number if character.isdigit())
            assert stored[1:] in (digits, digits[2:]) and 2 <= len(stored[1:]) <= 15 and stored[1] != "0"
            assert send(target, "/phone_numbers", json.dumps({"phone_number": stored})).status_code == 409
    run()


def test_what_is_said_of_a_number_is_shown(target):
    """Whatever PUT takes it answers, and so does GET; what it refuses changes nothing."""
    number = target.create()["id"]
    devices = [target.client.post("/devices", json={"name": "a phone"}).json()["id"] for _ in range(3)]
    path = f"/phone_numbers/{number}/voice"
    body = st.fixed_dictionaries({"ring": st.lists(st.sampled_from(devices), max_size=5) | values}, optional={
        "strategy": st.sampled_from(["all", "in_order"]) | values, "timeout_s": st.integers(0, 310) | values,
        "forward_to": st.from_regex(r"\A\+[1-9][0-9]{1,14}\Z") | values, "on_no_answer": st.none() | text,
        "record": st.booleans() | values})

    @bounded
    @given(body)
    def run(value):
        before = target.client.get(path).json()
        reply = target.client.put(path, json=value)
        assert reply.status_code in (200, 422)
        after = target.client.get(path).json()
        assert after == (reply.json() if reply.status_code == 200 else before)
        if reply.status_code == 200:
            assert after["ring"] == list(dict.fromkeys(value["ring"]))
    run()


def test_any_query_for_calls(target):
    @bounded
    @given(st.dictionaries(st.sampled_from(["from", "to", "status", "direction", "since", "until", "after", "limit"]), text, max_size=4))
    def run(query):
        sent = {name: value.encode("utf-8", "replace") for name, value in query.items()}
        for path in ("/calls", "/calls.csv"):
            reply = target.client.get(path, params=sent)
            assert reply.status_code in (200, 422)
    run()


def test_a_name_that_is_accepted_logs_in(target):
    @few
    @given(st.text(min_size=1, max_size=70), st.text(min_size=8, max_size=40))
    def run(name, password):
        body = json.dumps({"username": name, "password": password})
        if send(target, "/auth/register", body).status_code == 200:
            assert send(target, "/auth/login", body).status_code == 200
    run()


def test_any_query(target):
    @bounded
    @given(st.dictionaries(st.sampled_from(["limit", "after"]) | text, text | st.integers().map(str), max_size=4))
    def run(query):
        reply = target.client.get("/phone_numbers", params={name.encode("utf-8", "replace"): value.encode("utf-8", "replace")
                                                            for name, value in query.items()}, timeout=30)
        assert reply.status_code in (200, 422)
    run()


def test_any_id(target):
    @bounded
    @given(st.integers().map(str) | st.text(alphabet="0123456789-+. %xe", min_size=1, max_size=12))
    def run(number):
        with Wire(target.server, timeout=30) as wire:
            path = "/phone_numbers/" + number.replace(" ", "%20")
            wire.send(head_of("GET", path, f"Authorization: Bearer {target.token}"))
            assert wire.reply("GET", path).status in (200, 404, 422)
    run()


def test_any_token(target):
    @bounded
    @given(st.text(alphabet="ABCabc019-_.=+/ ", max_size=200) | mutated(target.token.encode()).map(
        lambda token: bytes(byte for byte in token if 0x20 <= byte < 0x7f).decode()))
    def run(token):
        reply = ask(target.server, head_of("GET", "/auth/me", f"Authorization: Bearer {token}"), "GET", "/auth/me")
        assert reply.status == 401 or token.strip() == target.token
    run()


def test_any_path_and_method(target):
    @bounded
    @given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "LOCK", "x"]),
           st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte not in b" \r\n\0?#\t\x0b\x0c")))
    def run(method, path):
        with Wire(target.server, timeout=30) as wire:
            wire.send(method.encode() + b" /" + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            assert wire.reply(method, "/" if path == b"" else None).status in (307, 404, 405)
    run()


def test_any_header(target):
    name = st.text(alphabet=st.characters(whitelist_categories=("Ll", "Lu", "Nd"), max_codepoint=0x7e), min_size=1, max_size=20)
    value = st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0"))
    known = st.sampled_from(["Authorization", "Content-Type", "Accept-Encoding", "If-None-Match", "Origin", "X-Request-ID", "Cookie",
                             "X-Forwarded-For", "Access-Control-Request-Method", "User-Agent", "Accept", "Range", "If-Match"])

    @bounded
    @given(st.lists(st.tuples(name | known, value), max_size=8))
    def run(headers):
        head = b"".join(one.encode() + b": " + content + b"\r\n" for one, content in headers
                        if one.lower() not in ("content-length", "transfer-encoding", "host", "connection", "expect", "upgrade"))
        with Wire(target.server, timeout=30) as wire:
            wire.send(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
            assert wire.reply("GET", "/docs").status in (200, 304, 400)
    run()


def test_any_bytes_at_all(target):
    """Either replies in good form, or a closed connection, or patience with what may still come."""
    @few
    @given(st.binary(min_size=1, max_size=200) | mutated(
        b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    def run(data):
        with Wire(target.server, timeout=0.2) as wire:
            wire.send(data)
            try:
                while True:
                    _, status, headers = wire.head()
                    assert status < 500 or status in (501, 503, 505)
                    wire.take(int(headers.get("Content-Length", 0)))
            except (Closed, ConnectionError, TimeoutError):
                pass  # no more for now
    run()


def test_afterwards_it_still_serves(target):
    assert target.client.get("/auth/me").json()["id"] == target.id
    assert target.login().status_code == 200
