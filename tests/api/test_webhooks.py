"""Webhooks: what is sent, how it is signed, what is tried again, and what no receiver can do to the others."""

import json
import re
import socket
import threading
import time

import pytest

from support.clock import Clock
from support.moment import wait_for
from support.people import Account
from support.receiver import Receiver, answer_with

LOOPBACK = "127.0.0.1, ::1"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A server whose webhooks may lead to this machine."""
    from support.server import Server
    with Server(tmp_path_factory.mktemp("local"), WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK) as running:
        yield running


@pytest.fixture
def owner(local):
    return Account(local)


def make(owner, url, **fields):
    reply = owner.client.post("/webhooks", json={"url": url, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


def send_test(owner, webhook):
    reply = owner.client.post(f"/webhooks/{webhook['id']}/test")
    assert reply.status_code == 202, reply.text
    assert reply.json() == {"webhook_id": webhook["id"], "type": "webhook.test"}


def deliveries(owner, webhook):
    """The newest first."""
    reply = owner.client.get(f"/webhooks/{webhook['id']}/deliveries")
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def settled(owner, webhook, count=1, attempts=1):
    """The deliveries once there are so many, each with so many attempts behind it."""
    def look():
        items = deliveries(owner, webhook)
        return len(items) >= count and all(
            one["status"] != "sending" and one["attempts"] >= attempts for one in items) and items
    return wait_for(look, f"{count} deliveries with {attempts} attempts")


def in_full(owner, delivery):
    reply = owner.client.get(f"/webhook_deliveries/{delivery['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def write_event(server, owner, kind="call.ringing", subject=1, data=None, at_ms=None):
    """An event as the rooms above write it, now if no time is given: one that is old would be deleted. Streams and
    webhooks find it within a second."""
    with server.opened() as database:
        database.execute("UPDATE last_ids SET last_id = last_id + 1 WHERE table_name = 'events'")
        database.execute("INSERT INTO events (id, user_id, type, created_at, subject_id, data) VALUES ((SELECT max(id) FROM "
                         "(SELECT COALESCE(max(id), 0) + 1 AS id FROM events UNION ALL SELECT last_id FROM last_ids "
                         "WHERE table_name = 'events') AS ids), ?, ?, ?, ?, ?)",
                         (owner.id, kind, at_ms or int(time.time() * 1000), subject, json.dumps(data or {"status": "ringing"})))


# ---- making them ----

def test_a_webhook_is_made_shown_and_deleted(owner, receiver):
    made = make(owner, receiver.url("/hook?x=1"), events=["call.*", "device.created"])
    assert SECRET.fullmatch(made["secret"])
    shown = {key: value for key, value in made.items() if key != "secret"}
    assert owner.client.get("/webhooks").json() == {"items": [shown], "next": None}
    assert owner.client.delete(f"/webhooks/{made['id']}").status_code == 204
    assert owner.client.get("/webhooks").json() == {"items": [], "next": None}
    assert owner.client.delete(f"/webhooks/{made['id']}").status_code == 404
    assert owner.client.get(f"/webhooks/{made['id']}/deliveries").status_code == 404
    done = [(entry["action"], entry["target"], entry["target_id"], entry["detail"])
            for entry in owner.client.get("/audit").json()["items"]]
    assert done[:2] == [("webhook.deleted", "webhook", made["id"], made["url"]),
                        ("webhook.created", "webhook", made["id"], made["url"])]


def test_each_has_a_secret_of_its_own(owner, receiver):
    assert make(owner, receiver.url())["secret"] != make(owner, receiver.url())["secret"]


def test_pages_of_webhooks(owner, receiver):
    made = [make(owner, receiver.url())["id"] for _ in range(3)]
    first = owner.client.get("/webhooks", params={"limit": 2}).json()
    second = owner.client.get("/webhooks", params={"limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == made
    assert second["next"] is None


@pytest.mark.parametrize("url", ["", "ftp://example.com/", "example.com", "https://", "https://:80/", "http://a b/", "http://a/#x",
                                 "https://user:secret@example.com/", "https://example.com\\@127.0.0.1/", "http:///x",
                                 "https://example.com/ü", "https://e.com/" + "a" * 2048, "file:///etc/passwd", "gopher://a/"])
def test_a_url_that_is_none(owner, url):
    reply = owner.client.post("/webhooks", json={"url": url})
    assert reply.status_code == 422, reply.text
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["body", "url"]]


@pytest.mark.parametrize("events", [[], ["nothing"], ["call"], ["ca*"], ["call.*", "call.x"], [""], ["*.*"]])
def test_events_that_are_none(owner, receiver, events):
    reply = owner.client.post("/webhooks", json={"url": receiver.url(), "events": events})
    assert reply.status_code == 422, reply.text
    assert reply.json()["detail"][0]["loc"][:2] == ["body", "events"]


def test_the_quota(launch, receiver):
    owner = Account(launch(QUOTA_WEBHOOKS="2"))
    webhook = make(owner, receiver.url())
    make(owner, receiver.url())
    reply = owner.client.post("/webhooks", json={"url": receiver.url()})
    assert (reply.status_code, reply.json()) == (403, {"detail": "An account may have 2 webhooks (QUOTA_WEBHOOKS)"})
    assert owner.client.delete(f"/webhooks/{webhook['id']}").status_code == 204
    make(owner, receiver.url())


# ---- what is sent ----

def test_what_a_receiver_gets(owner, receiver):
    webhook = make(owner, receiver.url("/hook?x=1"))
    send_test(owner, webhook)
    request, = receiver.wait(1)
    assert request.path == "/hook?x=1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("cloud-telephony/")
    assert request.is_signed_with(webhook["secret"])
    assert not request.is_signed_with(make(owner, receiver.url())["secret"])
    delivery, = settled(owner, webhook)
    assert request.id == delivery["id"]
    event, = owner.client.get("/events").json()["items"]
    assert request.event == event
    assert (event["type"], event["subject"], event["subject_id"]) == ("webhook.test", "webhook", webhook["id"])
    assert delivery["event_id"] == event["id"]
    full = in_full(owner, delivery)
    assert full["request_body"].encode() == request.body
    assert full["request_headers"].split("\n") == [
        "Content-Type: application/json", *(f"{name}: {request.headers[name]}" for name in (
            "webhook-id", "webhook-timestamp", "webhook-signature"))]
    assert (full["status"], full["attempts"], full["reply_status"], full["reply_body"]) == ("delivered", 1, 200, "done")
    assert full["reply_headers"].startswith("HTTP/1.1 200 OK\r\n")
    assert (full["error"], full["next_attempt_at"]) == (None, None)


def test_only_what_was_asked_for(local, owner, receiver):
    calls = make(owner, receiver.url("/calls"), events=["call.*"])
    ended = make(owner, receiver.url("/ended"), events=["call.ended", "device.created"])
    everything = make(owner, receiver.url("/all"))
    stranger = Account(local)
    make(stranger, receiver.url("/stranger"))
    for kind in ("call.created", "call.ended", "device.created", "device.deleted", "of.a.later.version"):
        write_event(local, owner, kind)
    send_test(owner, ended)
    got = receiver.wait(2 + 2 + 4 + 1)
    settled(owner, everything, 4)
    settled(owner, calls, 2)
    settled(owner, ended, 3)
    assert len(receiver.requests) == len(got)
    by_path = {path: sorted(one.event["type"] for one in got if one.path == path) for path in {one.path for one in got}}
    assert by_path == {"/calls": ["call.created", "call.ended"], "/ended": ["call.ended", "device.created", "webhook.test"],
                       "/all": ["call.created", "call.ended", "device.created", "device.deleted"]}
    assert all(one.event["data"] == {"status": "ringing"} for one in got if one.event["type"] != "webhook.test")


def test_what_was_before_is_not_sent(local, owner, receiver):
    write_event(local, owner)
    webhook = make(owner, receiver.url())
    write_event(local, owner, "call.ended")
    receiver.wait(1)
    delivery, = settled(owner, webhook)
    assert delivery["type"] == "call.ended"


def test_what_was_sent_is_sent_again(owner, receiver):
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    reply = owner.client.post(f"/webhook_deliveries/{delivery['id']}/replay")
    assert reply.status_code == 202, reply.text
    assert (reply.json()["status"], reply.json()["attempts"]) == ("pending", 0)
    first, second = receiver.wait(2)
    assert (first.id, first.body) == (second.id, second.body)
    assert second.is_signed_with(webhook["secret"])


def test_a_deleted_webhook_gets_nothing(launch, receiver):
    clock = Clock()
    server = launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK, clock=clock)
    owner = Account(server)
    receiver.answer = answer_with(500)
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    settled(owner, webhook)
    assert owner.client.delete(f"/webhooks/{webhook['id']}").status_code == 204
    other = make(owner, receiver.url("/other"))
    clock.forward(minutes=1)
    send_test(owner, other)
    wait_for(lambda: any(one.path == "/other" for one in receiver.requests))
    assert [one.path for one in receiver.requests].count("/") == 1
    with server.opened() as database:
        gone = database.execute("SELECT count(*) FROM webhook_deliveries WHERE webhook_id = ?", (webhook["id"],))
        assert gone.fetchone()[0] in (0, 1)
    wait_for(lambda: count_of(server, webhook) == 0, "its deliveries are tidied up")


def count_of(server, webhook):
    with server.opened() as database:
        return database.execute("SELECT count(*) FROM webhook_deliveries WHERE webhook_id = ?", (webhook["id"],)).fetchone()[0]


def test_an_account_that_ends(local, owner, receiver):
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    settled(owner, webhook)
    assert owner.client.delete("/auth/me", json={"password": owner.password}).status_code == 204
    with local.opened() as database:
        # of its events, the one that tells the SIP side is left
        for statement in ("SELECT count(*) FROM webhooks WHERE user_id = ?",
                          "SELECT count(*) FROM events WHERE user_id = ? AND NOT (type = 'device.deleted' AND subject_id = 0)"):
            assert database.execute(statement, (owner.id,)).fetchone()[0] == 0
    assert count_of(local, webhook) == 0


# ---- what goes wrong ----

def break_off(handler, _):
    handler.connection.shutdown(socket.SHUT_RDWR)


def send_without_end(handler, _):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def send_headers_without_end(handler, _):
    handler.send_response_only(200)
    handler.flush_headers()
    while True:
        handler.wfile.write(b"a: " + b"b" * 8000 + b"\r\n")


def redirect(handler, request):
    answer_with(307, Location=f"http://127.0.0.1:{handler.server.server_port}/elsewhere")(handler, request)


@pytest.mark.parametrize("answer, status, why", [
    (answer_with(500, b"sorry"), 500, "answered with 500"), (answer_with(404), 404, "answered with 404"),
    (answer_with(304, b""), 304, "answered with 304"), (redirect, 307, "answered with 307"), (break_off, None, ""),
    (send_headers_without_end, 200, "")], ids=["500", "404", "304", "redirect", "closed", "endless header"])
def test_what_fails_is_tried_again(owner, receiver, answer, status, why):
    receiver.answer = answer
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    assert (delivery["status"], delivery["reply_status"]) == ("pending", status)
    assert delivery["error"] and why in delivery["error"]
    assert delivery["next_attempt_at"] > delivery["sent_at"]
    assert {one.path for one in receiver.requests} == {"/"}
    assert len(in_full(owner, delivery)["reply_headers"] or "") <= 4096
    reply = owner.client.post(f"/webhook_deliveries/{delivery['id']}/replay")
    assert (reply.status_code, reply.json()) == (409, {"detail": "The delivery is on its way already"})


def test_bytes_without_end(owner, receiver):
    receiver.answer = send_without_end
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    assert delivery["status"] == "delivered"
    assert in_full(owner, delivery)["reply_body"] == "x" * 4096


def test_a_reply_that_is_no_text(owner, receiver):
    receiver.answer = answer_with(200, b"a\0\xff\xc3\xa4\xe2\x82")
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    assert in_full(owner, delivery)["reply_body"] == "a\ufffd\ufffdä\ufffd\ufffd"


def test_nobody_listens(owner):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        webhook = make(owner, f"http://127.0.0.1:{closed.getsockname()[1]}/")
        send_test(owner, webhook)
        delivery, = settled(owner, webhook)
    assert (delivery["status"], delivery["reply_status"]) == ("pending", None)
    assert "onnect" in delivery["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0x7f000001",
                                  "2130706433", "[::]"])
def test_private_addresses(server, receiver, host):
    """On the server with the default settings."""
    owner = Account(server)
    port = receiver.url().rsplit(":", 1)[1].rstrip("/")
    webhook = make(owner, f"http://{host}:{port}/")
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    assert delivery["status"] == "pending"
    assert "which is not one of the open internet (WEBHOOK_PRIVATE_ADDRESSES)" in delivery["error"]
    assert receiver.requests == []


@pytest.mark.long
def test_it_is_tried_for_a_day(launch, receiver):
    clock = Clock()
    owner = Account(launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK, clock=clock, ACCESS_TOKEN_EXPIRE_MINUTES="10000"))
    receiver.answer = answer_with(503)
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    waits = []
    attempts = 0
    while True:
        attempts += 1
        delivery, = settled(owner, webhook, attempts=attempts)
        if delivery["status"] != "pending":
            break
        waits.append(seconds_between(delivery["sent_at"], delivery["next_attempt_at"]))
        clock.forward(seconds=waits[-1] + 1)
    assert delivery["status"] == "failed"
    assert 2 <= waits[0] <= 20 and all(1800 <= wait <= 3620 for wait in waits[11:]), waits
    assert 24 <= attempts <= 70
    assert len(receiver.requests) == attempts
    assert {one.id for one in receiver.requests} == {delivery["id"]}
    assert len({one.headers["webhook-timestamp"] for one in receiver.requests}) == attempts
    assert all(one.is_signed_with(webhook["secret"]) for one in receiver.requests)
    receiver.answer = answer_with(204, b"")
    assert owner.client.post(f"/webhook_deliveries/{delivery['id']}/replay").status_code == 202
    wait_for(lambda: deliveries(owner, webhook)[0]["status"] == "delivered")


def seconds_between(earlier, later):
    from datetime import datetime
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_receiver_that_asks_for_time(owner, receiver):
    receiver.answer = answer_with(429, Retry_After="1000")
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    delivery, = settled(owner, webhook)
    assert seconds_between(delivery["sent_at"], delivery["next_attempt_at"]) >= 1000


# ---- order, and others ----

def test_a_call_is_told_in_its_order(launch, receiver):
    """The first event of a call fails once; those of other calls do not wait for that."""
    clock = Clock()
    server = launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK, clock=clock)
    owner = Account(server)
    failed = threading.Event()

    def answer(handler, request):
        fails = request.event["subject_id"] == 1 and not failed.is_set()
        if fails:
            failed.set()
        answer_with(500 if fails else 200)(handler, request)

    receiver.answer = answer
    webhook = make(owner, receiver.url(), events=["call.created"])
    write_event(server, owner, "call.created", 1, {"n": 0})
    settled(owner, webhook)
    for number in range(1, 5):
        for call in (1, 2):
            write_event(server, owner, "call.created", call, {"n": number})
    wait_for(lambda: sum(one["status"] == "delivered" for one in deliveries(owner, webhook)) == 4)
    assert [one.event["subject_id"] for one in receiver.requests[1:]] == [2] * 4
    assert {one["attempts"] for one in deliveries(owner, webhook)} == {0, 1}
    clock.forward(seconds=20)
    wait_for(lambda: all(one["status"] == "delivered" for one in deliveries(owner, webhook)))
    for call, expected in ((1, [0, 0, 1, 2, 3, 4]), (2, [1, 2, 3, 4])):
        assert [one.event["data"]["n"] for one in receiver.requests if one.event["subject_id"] == call] == expected


def test_a_slow_receiver_slows_nobody(local, owner, receiver):
    """It holds every request; the other one, of the same account, gets all of its own."""
    let_go = threading.Event()

    def hold(handler, request):
        let_go.wait()
        answer_with(200)(handler, request)

    with Receiver() as slow:
        slow.answer = hold
        make(owner, slow.url(), events=["call.*"])
        quick = make(owner, receiver.url(), events=["call.*"])
        for call in range(1, 21):
            write_event(local, owner, subject=call)
        settled(owner, quick, 20)
        assert len(receiver.requests) == 20
        assert len(slow.wait(4)) == 4, "no more than four at a time"
        let_go.set()
        slow.wait(20)


def test_nothing_is_lost_when_the_server_is_killed(launch, receiver):
    """Killed while the receiver holds the request, and after the event was written."""
    clock = Clock()
    server = launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK, clock=clock)
    owner = Account(server)
    let_go = threading.Event()

    def hold(handler, request):
        let_go.wait()
        answer_with(200)(handler, request)

    receiver.answer = hold
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    receiver.wait(1)
    write_event(server, owner)
    server.kill()
    write_event(server, owner, subject=2)
    let_go.set()
    clock.forward(minutes=2)
    server.start()
    owner.client = server.client(owner.token)
    wait_for(lambda: sorted(one["status"] for one in deliveries(owner, webhook)) == ["delivered"] * 3)
    ids = [one.id for one in receiver.requests]
    assert len(set(ids)) == 3 and ids.count(min(ids)) >= 2, "at least once, with the same id"
    assert len({one.body for one in receiver.requests}) == 3


def test_a_stop_does_not_wait_for_receivers(launch, receiver):
    server = launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK)
    owner = Account(server)
    receiver.answer = lambda handler, request: receiver.ending.wait()
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    receiver.wait(1)
    server.stop()
    with server.opened() as database:
        row = database.execute("SELECT status, attempts, error FROM webhook_deliveries").fetchone()
    assert tuple(row) == ("pending", 1, "the server was stopped before there was an answer")


def test_deliveries_are_kept_for_a_week(launch, receiver):
    clock = Clock()
    server = launch(WEBHOOK_PRIVATE_ADDRESSES=LOOPBACK, clock=clock, ACCESS_TOKEN_EXPIRE_MINUTES="20000")
    owner = Account(server)
    webhook = make(owner, receiver.url())
    send_test(owner, webhook)
    settled(owner, webhook)
    clock.forward(days=6)
    send_test(owner, webhook)
    settled(owner, webhook, 2)
    clock.forward(days=2)
    wait_for(lambda: len(deliveries(owner, webhook)) == 1)
    assert len(owner.client.get("/events").json()["items"]) == 1
    assert len(receiver.requests) == 2
