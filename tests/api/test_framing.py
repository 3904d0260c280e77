"""Where a request ends: lengths, limits, connections, and requests that are hardly any."""

import json
import socket
import time

import pytest

from support.people import Account, fresh_name, fresh_number
from support.wire import Closed, Wire, ask, head_of

BODY_ROUTES = ["/auth/register", "/auth/login", "/phone_numbers"]


def get(server, target, *headers, path=None, **options):
    return ask(server, head_of("GET", target, *headers, **options), "GET", path)


# --- bodies and their limits

@pytest.mark.parametrize("path", BODY_ROUTES)
def test_a_body_without_a_length_is_411(server, account, path):
    head = head_of("POST", path, f"Authorization: Bearer {account.token}", "Content-Type: application/json")
    assert ask(server, head, "POST", path).status == 411


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_413_by_what_the_header_says(server, account, path):
    for length in (65537, 10 ** 9, 2 ** 63 - 1):
        with Wire(server) as wire:
            wire.send(head_of("POST", path, f"Authorization: Bearer {account.token}", f"Content-Length: {length}"))
            assert wire.reply("POST", path).status == 413


def test_413_by_a_length_beyond_all_numbers(server):
    for length in (2 ** 63, 2 ** 64, 2 ** 64 + 10, 10 ** 50):
        assert ask(server, head_of("POST", "/auth/login", f"Content-Length: {length}"), "POST", None).status in (400, 413)


def chunked(body, size=4096):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def padded(size):
    """A valid body for every body route, of so many bytes."""
    body = {"username": fresh_name(), "password": "a good password", "phone_number": fresh_number(), "padding": ""}
    body["padding"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


@pytest.mark.parametrize("path", BODY_ROUTES)
def test_413_by_what_comes(server, account, path):
    head = head_of("POST", path, f"Authorization: Bearer {account.token}", "Transfer-Encoding: chunked").encode()
    for size in (65537, 200_000):
        assert ask(server, head + chunked(padded(size)), "POST", path).status == 413


@pytest.mark.parametrize("path, statuses", [("/auth/register", {200}), ("/auth/login", {401}), ("/phone_numbers", {200})])
def test_a_body_of_just_the_limit(server, account, path, statuses):
    body = padded(65536)
    head = head_of("POST", path, f"Authorization: Bearer {account.token}", "Content-Length: 65536").encode()
    assert ask(server, head + body, "POST", path, body).status in statuses
    body = padded(65536)
    head = head_of("POST", path, f"Authorization: Bearer {account.token}", "Transfer-Encoding: chunked").encode()
    assert ask(server, head + chunked(body), "POST", path, body).status in statuses


def test_the_limit_by_setting(launch):
    server = launch(MAX_BODY_BYTES=1024)
    client = server.client()
    assert client.post("/auth/register", data=padded(1024)).status_code == 200
    assert client.post("/auth/register", data=padded(1025)).status_code == 413


def test_an_endless_body_ends(server):
    """What is far too much is cut off, not read for ever."""
    with Wire(server) as wire:
        wire.send(head_of("POST", "/auth/login", "Transfer-Encoding: chunked"))
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with pytest.raises((ConnectionError, Closed)):
            for _ in range(1000):
                wire.send(piece)
            wire.reply("POST", "/auth/login")
            raise AssertionError("64 MB were read to their end")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_body_in_small_chunks(server, size):
    body = json.dumps({"username": fresh_name(), "password": "a good password"}).encode()
    head = head_of("POST", "/auth/register", "Transfer-Encoding: chunked").encode()
    assert ask(server, head + chunked(body, size), "POST", "/auth/register", body).status == 200


def test_chunks_with_extensions_and_trailers(server):
    body = json.dumps({"username": fresh_name(), "password": "a good password"}).encode()
    data = b"%X;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
    head = head_of("POST", "/auth/register", "Transfer-Encoding: chunked").encode()
    with Wire(server) as wire:
        wire.send(head + data + head_of("GET", "/healthz").encode())
        assert wire.reply("POST", "/auth/register", body).status == 200
        assert wire.reply("GET", "/healthz").status == 200


def test_a_request_byte_by_byte(server):
    body = json.dumps({"username": fresh_name(), "password": "a good password"})
    data = head_of("POST", "/auth/register", f"Content-Length: {len(body)}") + body
    with Wire(server) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            wire.send(byte)
        assert wire.reply("POST", "/auth/register", body).status == 200


def test_a_body_where_none_is_wanted(server, account):
    for method in ("GET", "DELETE"):
        with Wire(server) as wire:
            wire.send(head_of(method, "/healthz", "Content-Length: 5") + "hello" + head_of("GET", "/healthz"))
            assert wire.reply(method, "/healthz").status == (200 if method == "GET" else 405)
            assert wire.reply("GET", "/healthz").status == 200


def test_a_refused_body_is_no_second_request(server):
    """What follows a header that is answered 401, 404 or 405 is its body, whatever it looks like."""
    inner = head_of("GET", "/healthz", "X-Request-ID: smuggled")
    for path, status in (("/phone_numbers", 401), ("/nothing", 404), ("/healthz", 405)):
        with Wire(server) as wire:
            wire.send(head_of("POST", path, f"Content-Length: {len(inner)}") + inner)
            assert wire.reply("POST", path if status != 404 else None).status == status
            wire.send(head_of("GET", "/healthz", "X-Request-ID: second"))
            try:
                assert wire.reply("GET", "/healthz").headers["X-Request-ID"] == "second"
            except (Closed, ConnectionError):
                pass  # the server may close instead
    assert "smuggled" not in {line["id"] for line in server.requests()}


# --- header limits

def test_headers_up_to_the_limit(server):
    assert get(server, "/healthz", "X-Padding: " + "x" * 5000, path="/healthz").status == 200


@pytest.mark.parametrize("headers", [
    ["X-Padding: " + "x" * 7000], ["X-Padding: " + "x" * 100_000], [f"X-{number}: " + "x" * 50 for number in range(200)],
    ["Authorization: Bearer " + "x" * 7000],
])
def test_headers_that_are_too_large(server, headers):
    for path in ("/healthz", "/phone_numbers", "/nothing"):
        with Wire(server) as wire:
            try:
                wire.send(head_of("GET", path, *headers))
            except ConnectionError:
                pass  # the server need not read it all
            assert wire.reply("GET", None).status == 431


@pytest.mark.parametrize("size", [7000, 100_000])
def test_a_target_that_is_too_long(server, size):
    with Wire(server) as wire:
        try:
            wire.send(head_of("GET", "/" + "x" * size))
        except ConnectionError:
            pass
        assert wire.reply("GET", None).status in (404, 414, 431)


# --- connections

def test_connections_are_kept(server):
    with Wire(server) as wire:
        for _ in range(20):
            wire.send(head_of("GET", "/healthz"))
            reply = wire.reply("GET", "/healthz")
            assert (reply.version, reply.status) == ("HTTP/1.1", 200)
            assert reply.headers.get("Connection", "keep-alive").lower() != "close"


def test_connections_are_closed_when_asked(server):
    with Wire(server) as wire:
        wire.send(head_of("GET", "/healthz", "Connection: close"))
        assert wire.reply("GET", "/healthz").status == 200
        assert wire.is_closed()


def test_http_1_0(server):
    with Wire(server) as wire:
        wire.send("GET /healthz HTTP/1.0\r\n\r\n")
        reply = wire.reply("GET", "/healthz")
        assert reply.status == 200
        assert json.loads(reply.body) == {"status": "ok"}
        assert wire.is_closed()
    with Wire(server) as wire:
        for _ in range(2):
            wire.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert wire.reply("GET", "/healthz").status == 200


def test_pipelining(server, account):
    """RFC 9112 section 9.3.2: replies come in the order of the requests."""
    ways = [("GET", "/healthz", 200), ("GET", "/auth/me", 200), ("HEAD", "/healthz", 200), ("GET", "/nothing", 404),
            ("GET", "/phone_numbers", 200), ("PUT", "/healthz", 405), ("GET", "/docs", 200)]
    with Wire(server) as wire:
        wire.send("".join(head_of(method, path, f"Authorization: Bearer {account.token}", f"X-Request-ID: p{turn}-{at}")
                          for turn in range(5) for at, (method, path, _) in enumerate(ways)))
        for turn in range(5):
            for at, (method, path, status) in enumerate(ways):
                reply = wire.reply(method, None if status == 404 else path)
                assert (reply.status, reply.headers["X-Request-ID"]) == (status, f"p{turn}-{at}")


def test_pipelining_with_bodies(server, account):
    made = []
    with Wire(server) as wire:
        for _ in range(10):
            body = json.dumps({"phone_number": fresh_number()})
            wire.send(head_of("POST", "/phone_numbers", f"Authorization: Bearer {account.token}",
                              f"Content-Length: {len(body)}") + body + head_of("GET", "/healthz"))
        for _ in range(10):
            reply = wire.reply("POST", "/phone_numbers", body)
            assert reply.status == 200
            made.append(json.loads(reply.body)["id"])
            assert wire.reply("GET", "/healthz").status == 200
    assert made == sorted(made)


def test_100_continue(server):
    body = json.dumps({"username": fresh_name(), "password": "a good password"})
    with Wire(server) as wire:
        wire.send(head_of("POST", "/auth/register", "Expect: 100-continue", f"Content-Length: {len(body)}"))
        assert wire.reply("POST", "/auth/register").status == 100
        wire.send(body)
        assert wire.reply("POST", "/auth/register", body).status == 200


@pytest.mark.parametrize("path, headers, status", [
    ("/auth/register", ["Content-Length: 100000"], 413),
    ("/auth/register", ["Content-Length: 10", "Content-Type: text/plain"], 415),
    ("/phone_numbers", ["Content-Length: 10"], 401),
])
def test_no_100_for_what_is_refused_anyway(server, path, headers, status):
    with Wire(server) as wire:
        wire.send(head_of("POST", path, "Expect: 100-continue", *headers))
        assert wire.reply("POST", path).status == status


def test_an_empty_line_in_front(server):
    """RFC 9112 section 2.2: a server should ignore at least one."""
    with Wire(server) as wire:
        wire.send("\r\n" + head_of("GET", "/healthz"))
        assert wire.reply("GET", "/healthz").status == 200


# --- what is no HTTP

@pytest.mark.parametrize("data", [
    b"GET\r\n\r\n", b"\xff\xfe\xfd\r\n\r\n", b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /healthz FTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n", b"GET  /healthz  HTTP/1.1\r\n: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n{}",
    b"POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    b"POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
])
def test_what_is_no_request(server, data):
    """Either an error in the form of all errors, or a closed connection; and never a hang."""
    with Wire(server, timeout=10) as wire:
        wire.send(data)
        try:
            reply = wire.reply(None, None)
        except (Closed, ConnectionError):
            return
        assert reply.status in (400, 404, 405, 413, 431, 501, 505)
        assert wire.is_closed()


def test_a_request_without_a_host_is_400(server):
    with Wire(server) as wire:
        wire.send("GET /healthz HTTP/1.1\r\n\r\n")
        assert wire.reply(None, None).status == 400


def test_a_length_that_is_none_is_400(server):
    for length in ("x", "-1", "1x", "0x10"):
        with Wire(server) as wire:
            wire.send(head_of("POST", "/auth/login", f"Content-Length: {length}") + "{}")
            assert wire.reply(None, None).status == 400


@pytest.mark.parametrize("headers", [
    ["Content-Length: 4", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 4"],
    ["Content-Length: 4", "Content-Length: 60"], ["Content-Length: 60", "Content-Length: 4"],
    ["Transfer-Encoding: chunked, identity"], ["Transfer-Encoding: identity, chunked"], ["Transfer-Encoding : chunked"],
    ["Transfer-Encoding: xchunked", "Content-Length: 4"], ["Transfer-Encoding: nothing"],
])
def test_two_lengths_smuggle_nothing(server, headers):
    """RFC 9112 sections 6.1 and 6.3: a request whose length can be read in two ways, or not at all, is
    refused, and nothing behind it is taken for a second request: the connection ends."""
    data = head_of("POST", "/auth/login", *headers) + "0\r\n\r\n" + head_of("GET", "/healthz", "X-Request-ID: smuggled-2")
    with Wire(server, timeout=10) as wire:
        wire.send(data)
        reply = wire.reply("POST", None)
        assert reply.status in (400, 411, 501)
        assert wire.is_closed(), "more came than one reply"


def test_half_a_request_and_then_the_end(server, client):
    for data in ("G", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nHost: x\r\n",
                 head_of("POST", "/auth/login", "Content-Length: 10") + "{",
                 head_of("POST", "/auth/login", "Transfer-Encoding: chunked") + "5\r\n{"):
        with Wire(server) as wire:
            wire.send(data)
            time.sleep(0.02)
    assert client.get("/healthz").status_code == 200


def test_clients_that_leave_before_the_reply(server):
    account = Account(server)
    for _ in range(5):
        body = json.dumps(account.body)
        with Wire(server) as wire:
            wire.send(head_of("POST", "/auth/login", f"Content-Length: {len(body)}") + body)
    time.sleep(0.05)
    assert account.login().status_code == 200
