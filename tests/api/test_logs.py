"""The log: one line a request, enough to find out what happened, and nothing that is secret."""

import json
import re
import socket
import time

import pytest

from support.people import Account, fresh_name, fresh_number
from support.wire import Wire, ask, head_of

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = {"time", "level", "event", "id", "method", "route", "status", "bytes", "ms", "user", "client"}


def logged(server, reply):
    return server.line_of(reply.headers["X-Request-ID"])


def test_the_fields_of_a_line(server, account):
    number = account.create()
    reply = account.client.get(f"/phone_numbers/{number['id']}")
    line = logged(server, reply)
    assert set(line) == FIELDS
    assert TIME.fullmatch(line["time"])
    assert line["level"] == "info"
    assert line["method"] == "GET"
    assert line["route"] == "/phone_numbers/{id}"
    assert line["status"] == 200
    assert line["bytes"] == len(reply.content)
    assert 0 <= line["ms"] < 60000
    assert line["user"] == account.id
    assert line["client"] == "127.0.0.1"


def test_a_line_for_each_kind_of_reply(server, account):
    stranger = server.client()
    cases = [
        (stranger.get("/healthz"), "GET", "/healthz", 200, 0),
        (stranger.get("/nothing"), "GET", "-", 404, 0),
        (stranger.delete("/healthz"), "DELETE", "-", 405, 0),
        (stranger.get("/auth/me"), "GET", "/auth/me", 401, 0),
        (stranger.post("/auth/register", json={}), "POST", "/auth/register", 422, 0),
        (stranger.post("/auth/login", data="x", headers={"Content-Type": "text/plain"}), "POST", "/auth/login", 415, 0),
        (stranger.post("/auth/login", data=b"x" * 70000), "POST", "/auth/login", 413, 0),
        (stranger.get("/"), "GET", "/", 307, 0),
        (stranger.get("/docs", headers={"If-None-Match": "*"}), "GET", "/docs", 304, 0),
        (account.client.get("/auth/me"), "GET", "/auth/me", 200, account.id),
        (account.client.get("/phone_numbers?limit=0"), "GET", "/phone_numbers", 422, account.id),
        (account.client.get("/phone_numbers/987654321"), "GET", "/phone_numbers/{id}", 404, account.id),
        (account.client.post("/phone_numbers", json={"phone_number": fresh_number()}), "POST", "/phone_numbers", 200, account.id),
        (account.client.post("/phone_numbers", json={}), "POST", "/phone_numbers", 422, account.id),
        (account.login(), "POST", "/auth/login", 200, None),
    ]
    for reply, method, route, status, user in cases:
        line = logged(server, reply)
        assert set(line) == FIELDS
        assert (line["method"], line["route"], line["status"]) == (method, route, status)
        assert line["bytes"] == int(reply.headers.get("Content-Length", 0))
        assert user is None or line["user"] == user, line


def test_a_head_is_logged_with_what_was_sent(server, client):
    line = logged(server, client.head("/healthz"))
    assert (line["method"], line["route"], line["status"], line["bytes"]) == ("HEAD", "/healthz", 200, 0)


def test_what_is_no_request_has_a_line_too(server):
    before = len(server.requests())
    with Wire(server) as wire:
        wire.send(b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n")
        version, status, headers = wire.head()
    line = server.line_of(headers["X-Request-ID"])
    assert set(line) == FIELDS
    assert (line["method"], line["route"], line["status"]) == ("-", "-", status)
    assert len(server.requests()) == before + 1


def test_the_id_of_the_client_is_that_of_the_line(server, client):
    client.get("/healthz", headers={"X-Request-ID": "found-again.by_its-id"})
    assert server.line_of("found-again.by_its-id")["route"] == "/healthz"


def test_a_client_that_left_is_told_apart(server):
    """499: nobody waited for the reply."""
    account = Account(server)
    body = json.dumps(account.body)
    for turn in range(3):
        with Wire(server) as wire:
            wire.send(head_of("POST", "/auth/login", f"Content-Length: {len(body)}", f"X-Request-ID: left-{turn}") + body)
    assert {server.line_of(f"left-{turn}")["status"] for turn in range(3)} <= {499, 200}


@pytest.mark.parametrize("text", ["\x1b[31mred", 'a"b\\c', "a\\nb", "</script>", "\u2028", "%0aforged", "' or 1=1 --"])
def test_nobody_writes_lines_of_his_own(server, text):
    """Whatever a client sends, in whatever place, every line stays one JSON object."""
    before = len(server.log())
    quoted = text.encode().replace(b" ", b"+")
    ask(server, head_of("GET", "/healthz", "User-Agent: {}", "Referer: {}", "X-Forwarded-For: {}", "X-Request-ID: {}").encode()
        .replace(b"{}", text.encode()), "GET", "/healthz")
    ask(server, b"GET /" + quoted + b"?x=" + quoted + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET", None)
    server.client().post("/auth/login", json={"username": text, "password": text})
    for _ in range(200):
        lines = server.log()[before:]
        if len(lines) >= 3:
            break
        time.sleep(0.01)
    for line in lines:
        assert line["event"] == "request"
        assert text not in json.dumps(line, ensure_ascii=False)


def test_nothing_secret_is_logged_at_any_level(launch):
    """Every server of these tests looks for that when it stops; here at the level that says most."""
    server = launch(LOG_LEVEL="debug")
    account = Account(server, password="open sesame, open sesame")
    number = fresh_number()
    account.create(number)
    account.login()
    client = server.client()
    client.post("/auth/login", data=account.body)
    client.post("/auth/login", json={**account.body, "password": "a wrong password, long enough"})
    client.post("/auth/register", json={**account.body, "username": 5})
    client.post("/auth/register", data='{"username": "x", "password": "cut off sesame')
    client.get("/phone_numbers", params={"access_token": account.token})
    client.get(f"/auth/me/{account.token}")
    client.get("/auth/me", headers={"Authorization": "Basic b3BlbjpzZXNhbWU="})
    client.get("/auth/me", headers={"Cookie": "session=open-sesame-cookie"})
    client.get("/auth/me", headers={"Authorization": "Bearer a.forged-token.of-no-use"})
    with Wire(server) as wire:
        wire.send(f"GET /healthz HTTP/1.1\r\nAuthorization: Bearer {account.token}\r\n\r\n")
        wire.head()
    server.stop()
    output = server.output()
    for secret in (account.password, "sesame", account.token, account.token.rpartition(".")[2], "a wrong password", number, number[1:],
                   "b3BlbjpzZXNhbWU=", "forged-token", "$argon2"):
        assert secret not in output, secret


def test_a_text_log(launch):
    server = launch(LOG_FORMAT="text")
    server.client().get("/healthz", headers={"X-Request-ID": "in-text"})
    line = server.line_of("in-text")
    assert set(line) == FIELDS
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", "200")
    assert TIME.fullmatch(line["time"])


@pytest.mark.parametrize("level", ["warning", "error"])
def test_below_its_level_nothing_is_written(launch, level):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = launch(LOG_LEVEL=level, PORT=port)
    assert server.client().get("/healthz").status_code == 200
    server.stop()
    assert server.output() == ""


def test_a_log_file_is_for_few_eyes(launch):
    server = launch(LOG_FILE="server.log")
    server.client().get("/healthz")
    assert server.log_path.stat().st_mode & 0o137 == 0
    server.stop()
    assert (server.folder / "stderr").read_text() == ""


def test_names_are_no_secret_but_are_not_logged_either(server, client):
    """Who it was, the user's id tells."""
    name = fresh_name() + "-of-a-name-to-find"
    client.post("/auth/register", json={"username": name, "password": "a good password"})
    assert name not in server.output()
