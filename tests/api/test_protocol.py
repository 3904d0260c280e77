"""HTTP itself: methods, paths, HEAD, CORS, request ids."""

import json
import re

import pytest

from support.people import Account
from support.wire import Wire, ask, head_of

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
    "/auth/register": {"POST"},
    "/auth/login": {"POST"},
    "/auth/me": {"DELETE", "GET", "HEAD"},
    "/auth/password": {"PUT"},
    "/auth/refresh": {"POST"},
    "/auth/logout": {"POST"},
    "/auth/logout_all": {"POST"},
    "/.well-known/jwks.json": {"GET", "HEAD"},
    "/api_keys": {"GET", "HEAD", "POST"},
    "/api_keys/1": {"DELETE"},
    "/audit": {"GET", "HEAD"},
    "/phone_numbers": {"GET", "HEAD", "POST"},
    "/phone_numbers/1": {"DELETE", "GET", "HEAD", "PATCH"},
    "/phone_numbers/1/restore": {"POST"},
    "/phone_numbers/1/transfer": {"DELETE", "POST"},
    "/phone_numbers/1/transfer/accept": {"POST"},
    "/phone_number_transfers": {"GET", "HEAD"},
    "/reserved_numbers": {"GET", "HEAD", "POST"},
    "/reserved_numbers/1": {"DELETE"},
    "/number_pools": {"GET", "HEAD", "POST"},
    "/number_pools/1": {"DELETE"},
    "/available_phone_numbers": {"GET", "HEAD"},
    "/devices": {"GET", "HEAD", "POST"},
    "/devices/1": {"DELETE", "GET", "HEAD", "PATCH"},
    "/phone_numbers/1/voice": {"GET", "HEAD", "PUT"},
    "/calls": {"GET", "HEAD", "POST"},
    "/calls.csv": {"GET", "HEAD"},
    "/calls/1": {"DELETE", "GET", "HEAD"},
    "/calls/1/ladder": {"GET", "HEAD"},
    "/events": {"GET", "HEAD"},
    "/webhooks": {"GET", "HEAD", "POST"},
    "/webhooks/1": {"DELETE"},
    "/webhooks/1/test": {"POST"},
    "/webhooks/1/deliveries": {"GET", "HEAD"},
    "/webhook_deliveries/1": {"GET", "HEAD"},
    "/webhook_deliveries/1/replay": {"POST"},
    "/trunks": {"GET", "HEAD", "POST"},
    "/trunks/1": {"DELETE", "GET", "HEAD", "PUT"},
    "/users/1/call_limits": {"GET", "HEAD", "PUT"},
    "/sip_bans": {"GET", "HEAD"},
    "/sip_bans/192.0.2.1": {"DELETE"},
    "/healthz": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/version": {"GET", "HEAD"},
    "/metrics": {"GET", "HEAD"},
}


def allowed(reply):
    return {method.strip() for method in reply.headers["Allow"].split(",")}


def get(server, target, *headers, path=None, **options):
    return ask(server, head_of("GET", target, *headers, **options), "GET", path)


# --- methods and paths

def test_the_table_of_paths_is_whole(server):
    documented = {template.replace("{id}", "1").replace("{address}", "192.0.2.1") for template in server.contract.document["paths"]}
    # for other methods than POST, "claim" is an id that is none
    assert documented <= set(METHODS) | {"/phone_numbers/claim"}


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
        # each reading of the metrics is a request that the next one tells of
        varying = {"X-Request-ID", "Date"} | ({"Content-Length"} if path == "/metrics" else set())
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
