"""HTTP itself: methods, limits, ids, connections, and requests that are hardly any."""

import json
import re
import socket
import time

import pytest

from support.people import Account, fresh_name, fresh_number
from support.wire import Closed, Wire, ask, head_of

NOT_FOUND = {"detail": "Not Found"}
NOT_ALLOWED = {"detail": "Method Not Allowed"}
MADE_ID = re.compile(r"[0-9a-f]{16}")

# every path, with the methods that it has
METHODS = {
    "/": {"GET", "HEAD"},
    "/docs": {"GET", "HEAD"},
    "/redoc": {"GET", "HEAD"},
    "/favicon.ico": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD"},
    "/docs/assets/x": {"GET", "HEAD"},
    "/healthz": {"GET", "HEAD"},
    "/auth/register": {"POST"},
    "/auth/login": {"POST"},
    "/auth/me": {"GET", "HEAD"},
    "/phone_numbers": {"GET", "HEAD", "POST"},
    "/phone_numbers/1": {"GET", "HEAD"},
}
BODY_ROUTES = ["/auth/register", "/auth/login", "/phone_numbers"]


def allowed(reply):
    return {method.strip() for method in reply.headers["Allow"].split(",")}


def get(server, target, *headers, path=None, **options):
    return ask(server, head_of("GET", target, *headers, **options), "GET", path)


# --- methods and paths

def test_the_table_of_paths_is_whole(server):
    documented = {template.replace("{id}", "1") for template in server.contract.document["paths"]}
    assert documented <= set(METHODS)


@pytest.mark.parametrize("path", METHODS)
def test_other_methods_are_405(account, path):
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X"} - METHODS[path]:
        reply = account.client.request(method, path)
        assert reply.status_code == 405, f"{method} {path}"
        assert allowed(reply) - {"OPTIONS"} == METHODS[path]
        if method != "HEAD":
            assert reply.json() == NOT_ALLOWED


def test_the_name_of_a_method_has_a_case(server):
    assert ask(server, head_of("get", "/healthz"), "get", None).status == 405


def test_405_comes_before_401(client):
    assert client.delete("/phone_numbers").status_code == 405


def test_connect_is_no_tunnel(server):
    with Wire(server) as wire:
        wire.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
        assert wire.reply("CONNECT", None).status in (400, 404, 405, 501)


@pytest.mark.parametrize("path", [
    "/nothing", "/auth", "/auth/", "/auth/nothing", "/auth/login/", "/phone_numbers/", "/phone_numbers/1/", "/phone_numbers/1/2",
    "/healthz/", "//healthz", "/healthz//", "//", "/./healthz", "/../healthz", "/x/../healthz", "/HEALTHZ", "/healthz%00", "/%",
    "/healthz;x", "/healthz%2F", "/phone_numbers%2F1", "/%2e%2e/%2e%2e/etc/passwd", "/docs/../../etc/passwd", "/docs/assets/",
    "/docs/assets/nothing.js", "/docs/assets/..%2f..%2fx", "/.env", "/cloud_telephony.db", "/%FF", "/ü", "/\\healthz",
])
def test_unknown_paths(server, path):
    reply = ask(server, head_of("GET", path).encode("utf-8"), "GET", None)
    assert reply.status == 404, reply
    assert json.loads(reply.body) == NOT_FOUND


def test_an_unknown_path_is_404_with_every_method(client):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, "/nothing").status_code == 404


@pytest.mark.parametrize("target, path", [
    ("/healthz?x=1", "/healthz"), ("/healthz?", "/healthz"), ("/healthz?a=b?c=d", "/healthz"), ("/%68ealthz", "/healthz"),
    ("/health%7A", "/healthz"), ("http://localhost/healthz", "/healthz"), ("http://localhost:8000/healthz?x", "/healthz"),
    ("HTTP://LOCALHOST/healthz", "/healthz"), ("https://example.org/healthz", "/healthz"),
])
def test_ways_to_write_a_target(server, target, path):
    """Percent-encoding what needs none changes nothing (RFC 3986 section 6.2.2.2), and a server takes
    the absolute form (RFC 9112 section 3.2.2)."""
    reply = get(server, target, path=path)
    assert reply.status == 200, reply
    assert json.loads(reply.body) == {"status": "ok"}


@pytest.mark.parametrize("target", ["*", "healthz", "?", "#", "/#x", "http:healthz", "localhost:80"])
def test_targets_in_no_form(server, target):
    for method in ("GET", "OPTIONS"):
        assert ask(server, head_of(method, target), method, None).status in (400, 404, 405)


@pytest.mark.parametrize("target", ["http://", "http:///", "://"])
def test_an_absolute_target_without_a_host(server, target):
    assert get(server, target, path="/").status in (307, 400, 404)


def test_a_percent_in_the_id(owner):
    made = owner.create()["id"]
    reply = owner.client.get("/phone_numbers/" + "".join(f"%{ord(digit):02x}" for digit in str(made)))
    assert reply.json()["id"] == made


# --- HEAD

@pytest.mark.parametrize("path", [path for path, methods in METHODS.items() if "HEAD" in methods])
def test_head_is_get_without_the_body(owner, path):
    if path == "/phone_numbers/1":
        path = f"/phone_numbers/{owner.create()['id']}"
    for client in (owner.client, owner.server.client()):
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code
        assert head.content == b""
        varying = {"X-Request-ID", "Date"}
        assert {name: value for name, value in head.headers.items() if name not in varying} == \
               {name: value for name, value in got.headers.items() if name not in varying}


def test_after_head_the_connection_goes_on(server):
    with Wire(server) as wire:
        wire.send(head_of("HEAD", "/healthz") + head_of("GET", "/healthz"))
        assert wire.reply("HEAD", "/healthz").status == 200
        reply = wire.reply("GET", "/healthz")
        assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})


def test_a_head_of_a_post_is_405(client):
    reply = client.head("/auth/login")
    assert reply.status_code == 405


# --- CORS

def test_without_cors_nothing_of_it_is_said(client):
    reply = client.get("/healthz", headers={"Origin": "https://app.example.com"})
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    preflight = client.options("/auth/login", headers={
        "Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


def preflight(server, origin, method="POST", path="/phone_numbers"):
    return server.client().options(path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type"})


def names(header):
    return {name.strip().lower() for name in header.split(",")}


def test_cors_for_listed_origins(launch):
    server = launch(CORS_ORIGINS="https://app.example.com, http://localhost:3000")
    account = Account(server)
    for origin in ("https://app.example.com", "http://localhost:3000"):
        reply = preflight(server, origin)
        assert reply.status_code in (200, 204)
        assert reply.content == b""
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert {"get", "post"} <= names(reply.headers["Access-Control-Allow-Methods"])
        assert {"authorization", "content-type"} <= names(reply.headers["Access-Control-Allow-Headers"])
        assert "origin" in names(reply.headers["Vary"])
        assert "Access-Control-Allow-Credentials" not in reply.headers
        for path, status in (("/phone_numbers", 200), ("/phone_numbers/987654321", 404), ("/nothing", 404),
                             ("/phone_numbers/x", 422), ("/docs", 200), ("/healthz", 200)):
            reply = account.client.get(path, headers={"Origin": origin})
            assert reply.status_code == status
            assert reply.headers["Access-Control-Allow-Origin"] == origin
            assert "origin" in names(reply.headers["Vary"])
            assert "x-request-id" in names(reply.headers["Access-Control-Expose-Headers"])
    for origin in ("https://evil.example.com", "http://app.example.com", "https://app.example.com:444", "null",
                   "https://app.example.com.evil.com", "https://app.example.com, http://localhost:3000"):
        reply = preflight(server, origin)
        assert "Access-Control-Allow-Origin" not in reply.headers
        reply = account.client.get("/phone_numbers", headers={"Origin": origin})
        assert reply.status_code == 200
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "origin" in names(reply.headers["Vary"])
    assert "origin" in names(account.client.get("/healthz").headers["Vary"])
    assert preflight(server, "https://app.example.com", path="/nothing").status_code == 404
    reply = server.client().options("/phone_numbers", headers={"Origin": "https://app.example.com"})
    assert reply.status_code == 405


def test_cors_for_any_origin(launch):
    server = launch(CORS_ORIGINS="*")
    for origin in ("https://anything.example.com", "null"):
        reply = preflight(server, origin, path="/auth/login")
        assert reply.status_code in (200, 204)
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        reply = server.client().post("/auth/login", json={}, headers={"Origin": origin})
        assert reply.status_code == 422
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


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


# --- X-Request-ID

@pytest.mark.parametrize("sent", ["a", "0", "x" * 64, "7f3c-4b2a.9_Z", "-", "..", "3fa85f64-5717-4562-b3fc-2c963f66afa6"])
def test_a_sane_request_id_comes_back(client, sent):
    for path, status in (("/healthz", 200), ("/nothing", 404), ("/auth/me", 401)):
        reply = client.get(path, headers={"X-Request-ID": sent})
        assert reply.status_code == status
        assert reply.headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a,b", "a/b", "<script>", "ü", "a\tb", "%0d%0a", '"a"', "a;b", "{}"])
def test_another_request_id_is_replaced(server, sent):
    data = head_of("GET", "/healthz", f"X-Request-ID: {sent}").encode()
    made = ask(server, data, "GET", "/healthz").headers["X-Request-ID"]
    assert MADE_ID.fullmatch(made)


def test_request_ids_differ(client):
    made = {client.get("/healthz").headers["X-Request-ID"] for _ in range(50)}
    assert len(made) == 50
    assert all(MADE_ID.fullmatch(one) for one in made)


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
    assert client.get("/healthz").status_code == 200


def test_clients_that_leave_before_the_reply(server):
    account = Account(server)
    for _ in range(5):
        body = json.dumps(account.body)
        with Wire(server) as wire:
            wire.send(head_of("POST", "/auth/login", f"Content-Length: {len(body)}") + body)
    time.sleep(0.05)
    assert account.login().status_code == 200


# --- what every reply says

def test_data_is_not_cached_nor_sniffed(owner):
    made = owner.create()["id"]
    for reply in (owner.login(), owner.client.get("/auth/me"), owner.client.get("/phone_numbers"),
                  owner.client.get(f"/phone_numbers/{made}"), owner.client.get("/phone_numbers/x")):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Content-Type"] in ("application/json", "application/json; charset=utf-8")
        assert int(reply.headers["Content-Length"]) == len(reply.content)


def test_healthz(client):
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
