"""The event log: its list, and its stream of Server-Sent Events."""

import datetime
import json
import os
import signal
import socket
import threading
import time

import pytest
import requests

from support import program, tokens
from support.clock import Clock
from support.moment import wait_for
from support.people import Account
from test_webhooks import make, send_test, write_event


class Stream:
    """An open stream; its events come from `next`."""

    def __init__(self, account, after=None, token=None, **query):
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token or account.token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        self.reply = requests.get(account.server.url + "/events", params=query, headers=headers, stream=True, timeout=60,
                                  proxies={"http": None, "https": None}, verify=account.server.certificate or True)
        self.comments = 0
        self._lines = self._read()

    def _read(self):
        """Lines as they come."""
        rest = b""
        for piece in self.reply.iter_content(chunk_size=None):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        assert rest == b""

    def __enter__(self):
        assert self.reply.status_code == 200, self.reply.text
        assert self.reply.headers["Content-Type"] == "text/event-stream"
        assert next(self._lines) == b"retry: 2000"
        assert next(self._lines) == b""
        return self

    def __exit__(self, *_):
        self.reply.close()

    def next(self):
        """The next event, or None at the end."""
        fields = {}
        deadline = time.monotonic() + 120
        for line in self._lines:  # a heartbeat at least
            assert time.monotonic() < deadline, "no event comes"
            if line.startswith(b":"):
                self.comments += 1
            elif line:
                name, _, value = line.decode().partition(": ")
                assert name not in fields
                fields[name] = value
            elif fields:
                event = json.loads(fields["data"])
                assert fields == {"id": str(event["id"]), "event": event["type"], "data": fields["data"]}
                return event
        return None

    def take(self, count):
        return [self.next() for _ in range(count)]


def listed(account, **query):
    reply = account.client.get("/events", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_list(server, owner):
    stranger = Account(server)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=123000)
    at_ms = round(now.timestamp() * 1000)
    for number in range(5):
        write_event(server, owner, "call.created" if number % 2 else "device.created", number, {"n": number}, at_ms)
        write_event(server, stranger)
    events = listed(owner)["items"]
    assert [one["data"] for one in events] == [{"n": number} for number in range(5)]
    assert [one["subject_id"] for one in events] == [None, 1, 2, 3, 4]
    assert events[1] == {"id": events[1]["id"], "type": "call.created", "created_at": f"{now:%Y-%m-%dT%H:%M:%S}.123Z",
                         "subject": "call", "subject_id": 1, "data": {"n": 1}}
    first = listed(owner, limit=2)
    second = listed(owner, limit=2, after=first["next"])
    third = listed(owner, limit=2, after=second["next"])
    assert first["items"] + second["items"] + third["items"] == events
    assert third["next"] is None
    assert [one["data"]["n"] for one in listed(owner, types="call.*")["items"]] == [1, 3]
    assert [one["data"]["n"] for one in listed(owner, types="call.created,device.created", limit=5)["items"]] == [0, 1, 2, 3, 4]
    assert listed(owner, types="call.ended") == {"items": [], "next": None}


@pytest.mark.parametrize("types", ["nothing", "call", "ca*", ",", "call.created,x", "CALL.CREATED"])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_types_that_are_none(owner, types, accept):
    reply = owner.client.get("/events", params={"types": types}, headers={"Accept": accept})
    assert reply.status_code == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["query", "types"]]


def test_an_event_of_a_later_version(server, owner):
    write_event(server, owner, "of.later")
    write_event(server, owner)
    assert [one["type"] for one in listed(owner)["items"]] == ["call.ringing"]


def test_a_stream_tells_what_happens(server, owner):
    webhook = make(owner, "https://hooks.example/")
    stranger = Account(server)
    with Stream(owner) as stream:
        assert "Content-Length" not in stream.reply.headers
        assert (stream.reply.headers["Cache-Control"], stream.reply.headers["Vary"]) == ("no-store", "Accept")
        write_event(server, stranger)
        for _ in range(3):
            send_test(owner, webhook)
        events = stream.take(3)
    assert events == listed(owner)["items"]
    assert {one["type"] for one in events} == {"webhook.test"}


def test_a_stream_begins_with_what_is_new(server, owner):
    write_event(server, owner, subject=1)
    with Stream(owner) as stream:
        write_event(server, owner, subject=2)
        assert stream.next()["subject_id"] == 2


def test_who_comes_back_has_missed_nothing(server, owner):
    with Stream(owner) as stream:
        write_event(server, owner, subject=1)
        seen = stream.next()["id"]
    for subject in range(2, 402):
        write_event(server, owner, "call.created" if subject % 2 else "call.ended", subject)
    with Stream(owner, after=seen) as stream:
        write_event(server, owner, subject=402)
        assert [one["subject_id"] for one in stream.take(401)] == list(range(2, 403))
    with Stream(owner, after=seen, types="call.ended") as stream:
        assert [one["subject_id"] for one in stream.take(200)] == list(range(2, 402, 2))
    with Stream(owner, after=0) as stream:
        assert stream.next()["subject_id"] == 1


def test_an_id_of_another_database(server, owner):
    """One that was never given here: what is new comes all the same."""
    with Stream(owner, after=10 ** 15) as stream:
        write_event(server, owner)
        assert stream.next()["type"] == "call.ringing"


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 30])
def test_an_id_that_is_none(owner, after):
    reply = owner.client.get("/events", headers={"Accept": "text/event-stream", "Last-Event-ID": after})
    assert reply.status_code == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["header", "Last-Event-ID"]]


@pytest.mark.parametrize("accept, streams", [
    ("text/event-stream", True), ("application/json, text/event-stream;q=0.5", True), ("TEXT/EVENT-STREAM; charset=utf-8", True),
    ("*/*", False), ("text/*", False), ("text/event-stream;q=0", False), ("text/event-stream ;Q=0.000", False), (None, False)])
def test_who_gets_a_stream(owner, accept, streams):
    reply = requests.get(owner.server.url + "/events", headers={"Authorization": f"Bearer {owner.token}", "Accept": accept},
                         stream=True, timeout=60)
    with reply:
        assert reply.headers["Content-Type"] == ("text/event-stream" if streams else "application/json")


def test_the_head_of_a_stream(owner):
    reply = owner.client.head("/events", headers={"Accept": "text/event-stream"})
    assert (reply.status_code, reply.content) == (200, b"")


def test_another_origin(launch):
    server = launch(CORS_ORIGINS="https://app.example")
    owner = Account(server)
    headers = {"Origin": "https://app.example", "Accept": "text/event-stream", "Authorization": f"Bearer {owner.token}"}
    with requests.get(server.url + "/events", headers=headers, stream=True, timeout=60) as reply:
        assert reply.headers["Access-Control-Allow-Origin"] == "https://app.example"
    preflight = server.client().options("/events", headers={**headers, "Access-Control-Request-Method": "GET"})
    assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]


def test_what_is_done_to_a_number(server, owner):
    other = Account(server)
    number = owner.create()
    path = f"/phone_numbers/{number['id']}"
    assert owner.client.delete(path).status_code == 200
    assert owner.client.post(f"{path}/restore").status_code == 200
    assert owner.client.post(f"{path}/transfer", json={"username": other.name}).status_code == 202
    assert other.client.post(f"{path}/transfer/accept").status_code == 200
    for account, types in ((owner, ["number.released", "number.restored", "number.given"]),
                           (other, ["number.offered", "number.received"])):
        events = listed(account)["items"]
        assert [one["type"] for one in events] == types
        assert {(one["subject"], one["subject_id"]) for one in events} == {("phone_number", number["id"])}
        assert {one["data"]["phone_number"] for one in events} == {number["phone_number"]}


# ---- how a stream ends ----

def ended(stream):
    """Whether it ends without another event."""
    return stream.next() is None


def log_out(owner, _):
    owner.server.client(owner.token).post("/auth/logout")


def log_out_everywhere(owner, _):
    owner.client.post("/auth/logout_all")


def delete_account(owner, _):
    assert owner.client.delete("/auth/me", json={"password": owner.password}).status_code == 204


@pytest.mark.parametrize("how", [log_out, log_out_everywhere, delete_account])
def test_a_token_that_is_revoked(server, owner, how):
    with Stream(owner) as stream:
        how(owner, server)
        write_event(server, owner)
        assert ended(stream)


def test_a_key_that_is_revoked(server, owner):
    key = owner.key(scopes=["events:read"])
    with Stream(owner, token=key["key"]) as stream:
        write_event(server, owner)
        assert stream.next() is not None
        assert owner.client.delete(f"/api_keys/{key['id']}").status_code == 204
        write_event(server, owner)
        assert ended(stream)


def test_a_token_that_expires(server, owner):
    token = tokens.sign(tokens.claims_of(owner.id, exp=int(time.time()) + 2), program.SECRET_KEY)
    with Stream(owner, token=token) as stream:
        assert ended(stream)


def test_a_stop_ends_streams_at_once(launch):
    server = launch()
    owner = Account(server)
    other = Account(server)
    unread = socket.create_connection(("127.0.0.1", server.port))
    unread.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {owner.token}\r\n\r\n"
                   .encode())
    assert unread.recv(1) == b"H"
    with Stream(owner) as one, Stream(other) as two:
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 25, "it has waited for its grace of 30 seconds"
        assert ended(one) and ended(two)
    unread.close()


@pytest.mark.long
def test_a_client_that_reads_nothing(launch):
    """It is cut off; others of the account go on, and it can come back for what it has missed."""
    server = launch(EVENT_STREAMS_PER_ACCOUNT="2")
    owner = Account(server)
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stuck.connect(("127.0.0.1", server.port))
    stuck.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {owner.token}\r\n\r\n"
                  .encode())
    assert stuck.recv(1) == b"H"
    big = {"text": "x" * 60000}
    with Stream(owner) as stream:
        for subject in range(150):
            write_event(server, owner, subject=subject, data=big)
        assert len(stream.take(150)) == 150
    wait_for(lambda: "cloud_telephony_event_streams_cut_total 1" in server.client().get("/metrics").text, "it is cut off", 120)
    wait_for(lambda: "\ncloud_telephony_event_streams 0\n" in server.client().get("/metrics").text)
    stuck.close()


# ---- how many ----

def test_streams_of_one_account(launch):
    server = launch(EVENT_STREAMS_PER_ACCOUNT="2", EVENT_STREAMS_MAX="3")
    owner, other, third = Account(server), Account(server), Account(server)
    with Stream(owner), Stream(owner) as second:
        reply = owner.client.get("/events", headers={"Accept": "text/event-stream"})
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "10")
        assert reply.json() == {"detail": "The account has too many streams of events open"}
        assert owner.client.get("/events").status_code == 200
        with Stream(other):
            reply = third.client.get("/events", headers={"Accept": "text/event-stream"})
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "10")
            assert reply.json() == {"detail": "Too many streams of events are open"}
        second.reply.close()
        wait_for(lambda: opens(owner), "one that was closed is noticed")


def opens(account):
    stream = Stream(account)
    with stream.reply:
        return stream.reply.status_code == 200


def test_many_streams(launch):
    """More than there are threads, all at once, each with all of its events; and requests go on."""
    server = launch(EVENT_STREAMS_PER_ACCOUNT="100", HTTP_THREADS="1")
    owner = Account(server)
    webhook = make(owner, "https://hooks.example/")
    streams = [Stream(owner).__enter__() for _ in range(60)]
    for _ in range(20):
        send_test(owner, webhook)
    expected = listed(owner)["items"]
    assert len(expected) == 20
    for stream in streams:
        assert stream.take(20) == expected
    for stream in streams:
        stream.reply.close()
    wait_for(lambda: "\ncloud_telephony_event_streams 0\n" in server.client().get("/metrics").text)


@pytest.mark.long
def test_an_idle_stream_is_no_slow_client(launch):
    """REQUEST_TIMEOUT_SECONDS is for requests; and a comment comes when nothing else does."""
    server = launch(REQUEST_TIMEOUT_SECONDS="1")
    owner = Account(server)
    with Stream(owner) as stream:
        timer = threading.Timer(17, write_event, (server, owner))
        timer.start()
        assert stream.next()["type"] == "call.ringing"
        timer.join()
        assert stream.comments == 1


def test_a_stream_is_one_line_of_the_log(launch):
    """When it begins; how long it lasts is no request's time."""
    server = launch()
    owner = Account(server)
    with Stream(owner) as stream:
        line = server.line_of(stream.reply.headers["X-Request-ID"])
        assert line["status"] == 200
    owner.client.get("/auth/me")


def test_events_are_kept_for_some_days(launch):
    clock = Clock()
    server = launch(clock=clock, EVENTS_KEEP_DAYS="2")
    owner = Account(server)
    webhook = make(owner, "https://hooks.example/")
    send_test(owner, webhook)
    clock.forward(days=3)
    owner.client = server.client(owner.login().json()["access_token"])
    wait_for(lambda: listed(owner)["items"] == [])
    send_test(owner, webhook)
    assert listed(owner)["items"][0]["id"] == 2, "ids are not used again"


def test_the_server_is_killed(launch):
    """What was written is there for who comes back."""
    server = launch()
    owner = Account(server)
    webhook = make(owner, "https://hooks.example/")
    with Stream(owner) as stream:
        send_test(owner, webhook)
        seen = stream.next()["id"]
        send_test(owner, webhook)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    server.start()
    with Stream(owner, after=seen) as stream:
        assert stream.next()["id"] == seen + 1


def test_the_command(tmp_path):
    plain = program.run(["events"], tmp_path)
    table = program.run(["events", "--markdown"], tmp_path)
    assert (plain.returncode, table.returncode) == (0, 0)
    assert "webhook.test (webhook)" in plain.stdout and "| `webhook.test` | webhook |" in table.stdout
    assert program.run(["events", "x"], tmp_path).returncode == 1
