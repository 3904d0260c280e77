"""The records of calls: what lists, exports and ladders show of them, and to whom."""

import csv
import io
from datetime import datetime, timedelta, timezone

import pytest

from support.people import Account
from support.routes import World

NOW = datetime.now(timezone.utc).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def ms(time):
    return int(time.timestamp() * 1000)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture
def other(server):
    return Account(server)


def ids(account, **query):
    """Of all calls that a query finds, in their order."""
    found, after = [], None
    while True:
        reply = account.client.get("/calls", params={**query, **({"after": after} if after else {})})
        assert reply.status_code == 200, reply.text
        found += [one["id"] for one in reply.json()["items"]]
        after = reply.json()["next"]
        if after is None:
            return found


def test_a_call(world, owner):
    began = NOW - 5 * MINUTE
    call = world.call(owner, to_device_id=5, to_number_id=7, from_trunk_id=9, started_at=ms(began), ringing_at=ms(began) + 250,
                      answered_at=ms(began) + 5_000, ended_at=ms(began) + 67_345)
    shown = {
        "id": call, "from": "+4989123456", "to": "+4930123456", "direction": "inbound", "status": "completed",
        "device_id": 5, "trunk_id": 9, "phone_number_id": 7, "started_at": text(began),
        "ringing_at": text(began + timedelta(milliseconds=250)), "answered_at": text(began + timedelta(seconds=5)),
        "ended_at": text(began + timedelta(seconds=67, milliseconds=345)), "seconds": 62.345, "hangup_by": "caller",
        "sip_code": 200, "reason": "OK"}
    reply = owner.client.get(f"/calls/{call}")
    assert reply.json() == shown
    assert '"seconds":62.345,' in reply.text
    assert owner.client.get("/calls").json() == {"items": [shown], "next": None}


def test_both_sides_see_their_own(world, owner, other):
    call = world.call(owner, caller_id=other.id, from_device_id=1, from_number_id=2, to_device_id=3, to_number_id=4)
    called, calls = (account.client.get(f"/calls/{call}").json() for account in (owner, other))
    assert (called["direction"], called["device_id"], called["phone_number_id"], called["trunk_id"]) == ("inbound", 3, 4, None)
    assert (calls["direction"], calls["device_id"], calls["phone_number_id"], calls["trunk_id"]) == ("outbound", 1, 2, None)
    assert ids(owner) == ids(other) == [call]


def test_a_call_to_oneself_is_one(world, owner):
    call = world.call(owner, caller_id=owner.id, from_device_id=1, to_device_id=2)
    assert ids(owner) == [call]
    shown = owner.client.get(f"/calls/{call}").json()
    assert (shown["direction"], shown["device_id"]) == ("internal", 1)


def test_who_calls_anonymously_stays_so(world, owner, other):
    call = world.call(owner, caller_id=other.id, anonymous=1, from_number="+4930999999")
    assert owner.client.get(f"/calls/{call}").json()["from"] == "anonymous"
    assert other.client.get(f"/calls/{call}").json()["from"] == "+4930999999"
    assert "+4930999999" not in owner.client.get("/calls").text + owner.client.get("/calls.csv").text
    # nor does a search tell
    for query in ({}, {"to": "+4930123456"}):
        assert ids(owner, **{"from": "+4930999999"}, **query) == []
        assert ids(other, **{"from": "+4930999999"}, **query) == [call]


def test_a_call_that_goes_on(world, owner):
    call = world.call(owner, status="in-progress", ended_at=None, hangup_by=None, sip_code=None, reason=None)
    ringing = world.call(owner, status="ringing", answered_at=None, ended_at=None, hangup_by=None)
    busy = world.call(owner, status="busy", answered_at=None, sip_code=486, reason="Busy Here")
    shown = owner.client.get(f"/calls/{call}").json()
    assert [shown[name] for name in ("ended_at", "seconds", "hangup_by", "sip_code", "reason")] == [None] * 5
    assert owner.client.get(f"/calls/{busy}").json()["seconds"] == 0
    assert ids(owner, status="in-progress") == [call]
    assert ids(owner, status="ringing") == [ringing]
    assert ids(owner, status="ringing", to="+4930123456", **{"from": "+4989123456"}) == [ringing]
    assert ids(owner, status="ringing", to="+4930123457") == []
    assert ids(owner, status="ringing", **{"from": "+4930123457"}) == []
    assert ids(owner, status="queued") == []


def test_the_newest_come_first_and_pages_are_stable(world, owner):
    calls = [world.call(owner, started_at=ms(NOW) + offset) for offset in (5, 3, 9, 3, 1)]
    expected = [calls[2], calls[0], calls[3], calls[1], calls[4]]
    for limit in (1, 2, 3, 5):
        assert ids(owner, limit=limit) == expected
    page = owner.client.get("/calls", params={"limit": 2}).json()
    world.call(owner, started_at=ms(NOW) + 100)
    rest = owner.client.get("/calls", params={"limit": 100, "after": page["next"]}).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == expected
    assert rest["next"] is None


@pytest.mark.parametrize("query, found", [
    ({}, "edcba"), ({"from": "+491"}, "da"), ({"from": "+49 1"}, "da"), ({"from": "0049 1"}, "da"), ({"from": "alice"}, "c"),
    ({"to": "+499"}, "dcb"), ({"from": "+491", "to": "+499"}, "d"), ({"from": "+49"}, ""), ({"status": "busy"}, "c"),
    ({"status": "completed", "from": "+491"}, "da"), ({"direction": "outbound"}, "eb"), ({"direction": "inbound"}, "da"),
    ({"direction": "internal"}, "c"), ({"since": 1}, "edcb"), ({"until": 3}, "cba"), ({"since": 1, "until": 3}, "cb"),
    ({"since": 3, "until": 3}, ""), ({"until": 3, "from": "+491"}, "a"), ({"status": "failed"}, ""),
])
@pytest.mark.parametrize("limit", (1, 50))
def test_filters(world, owner, other, query, found, limit):
    def call(minute, caller, callee, start, end, **columns):
        return world.call(owner, caller_id=caller and caller.id, callee_id=callee and callee.id, from_number=start,
                          to_number=end, started_at=ms(NOW + minute * MINUTE), **columns)

    calls = {
        "a": call(0, other, owner, "+491", "+498"),
        "b": call(1, owner, other, "+492", "+499"),
        "c": call(2, owner, owner, "alice", "+499", status="busy", answered_at=None),
        "d": call(3, None, owner, "+491", "+499"),
        "e": call(4, owner, None, "+492", "+497"),
    }
    names = {number: name for name, number in calls.items()}
    times = {name: text(NOW + query[name] * MINUTE) for name in ("since", "until") if name in query}
    assert "".join(names[one] for one in ids(owner, limit=limit, **{**query, **times})) == found


@pytest.mark.parametrize("query, name", [
    ({"status": "over"}, "status"), ({"direction": "up"}, "direction"), ({"since": "yesterday"}, "since"), ({"from": ""}, "from"),
    ({"until": "2026-01-01T00:00:00"}, "until"), ({"after": "MQ"}, "after"), ({"after": "!"}, "after"), ({"limit": "101"}, "limit"),
])
def test_what_is_no_query(owner, query, name):
    reply = owner.client.get("/calls", params=query)
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", name])


def exported(account, **query):
    reply = account.client.get("/calls.csv", params=query)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_the_export_says_the_same(world, owner, other):
    world.call(owner, to_device_id=5)
    world.call(owner, caller_id=other.id, from_trunk_id=4, status="no-answer", answered_at=None)
    world.call(owner, caller_id=owner.id, callee_id=None, status="ringing", answered_at=None, ended_at=None, hangup_by=None)
    items = owner.client.get("/calls").json()["items"]
    rows = exported(owner)
    assert len(rows) == len(items) == 3
    for row, item in zip(rows, items):
        assert list(row) == list(item)
        assert {name: value for name, value in row.items() if name != "seconds"} == {
            name: "" if value is None else str(value) for name, value in item.items() if name != "seconds"}
        assert row["seconds"] == ("" if item["seconds"] is None else f"{item['seconds']:.3f}")
    assert [row["status"] for row in exported(owner, status="no-answer")] == ["no-answer"]
    assert exported(owner, until=text(NOW - timedelta(days=1))) == []


def test_no_formula_comes_out(world, owner):
    world.call(owner, from_number="=1+1", reason='@x,"y"\r\nz')
    row, = exported(owner)
    assert (row["from"], row["to"], row["reason"]) == ("'=1+1", "+4930123456", "'@x,\"y\"\r\nz")


def test_an_export_that_is_too_long(server, world, owner):
    call = world.call(owner)
    with server.opened() as database:
        columns = "node, callee_id, from_number, to_number, status, started_at, answered_at, ended_at"
        database.execute(
            f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            f"INSERT INTO calls (id, call_key, {columns}) SELECT {call} + i, 'long-{owner.id}-' || i, {columns} FROM calls, n "
            f"WHERE id = {call}")
    reply = owner.client.get("/calls.csv")
    assert reply.status_code == 422
    assert "too many calls" in reply.json()["detail"][0]["msg"]
    with server.opened() as database:
        database.execute(f"DELETE FROM calls WHERE id = {call + 1}")
    assert len(exported(owner)) == 10000


def add_message(server, call, place, leg, message="OPTIONS sip:a SIP/2.0\r\n\r\n", sent=0):
    with server.opened() as database:
        database.execute("INSERT INTO call_messages (call_id, place, at, sent, leg, transport, peer, message) "
                         "VALUES (?, ?, ?, ?, ?, 'udp', '192.0.2.1:5060', ?)", (call, place, ms(NOW) + place, sent, leg, message))


def ladder(account, call):
    reply = account.client.get(f"/calls/{call}/ladder")
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_ladder(server, world, owner):
    call = world.call(owner)
    assert ladder(owner, call) == []
    add_message(server, call, 1, "callee", "SIP/2.0 200 OK\r\n\r\n", 1)
    add_message(server, call, 0, "callee")
    assert ladder(owner, call) == [
        {"at": text(NOW), "direction": "received", "leg": "callee", "transport": "udp", "peer": "192.0.2.1:5060",
         "message": "OPTIONS sip:a SIP/2.0\r\n\r\n"},
        {"at": text(NOW + timedelta(milliseconds=1)), "direction": "sent", "leg": "callee", "transport": "udp",
         "peer": "192.0.2.1:5060", "message": "SIP/2.0 200 OK\r\n\r\n"}]


def test_whose_messages_one_sees(server, world, owner, other):
    """Those of the own side, and those with a trunk, unless the caller wants not to be known."""
    def legs(account, **columns):
        call = world.call(owner, **columns)
        add_message(server, call, 0, "caller")
        add_message(server, call, 1, "callee")
        return "".join(one["leg"] + " " for one in ladder(account, call))

    assert legs(owner, caller_id=other.id) == "callee "
    assert legs(other, caller_id=other.id) == "caller "
    assert legs(owner, caller_id=owner.id) == "caller callee "
    assert legs(owner, from_trunk_id=1) == "caller callee "
    assert legs(owner, from_trunk_id=1, anonymous=1) == "callee "
    assert legs(owner, caller_id=owner.id, callee_id=None) == "caller callee "


def test_calls_of_a_server_that_was_killed(launch):
    """They end at the next start, at the last moment that they were known to be up."""
    server = launch()
    owner = Account(server)
    began = ms(NOW - 10 * MINUTE)
    up = {"started_at": began, "node": "gone", "ended_at": None, "hangup_by": None, "sip_code": None, "reason": None}
    world = World(server)
    answered = world.call(owner, status="in-progress", **up)
    ringing = world.call(owner, status="ringing", answered_at=None, **up)
    over = world.call(owner, **{**up, "ended_at": began + 5_000})
    with server.opened() as database:
        database.execute("INSERT INTO call_nodes (node, seen_at) VALUES ('gone', ?)", (began + 62_345,))
    server.kill()
    again = launch(server.folder)
    client = again.client(owner.token)
    shown = client.get(f"/calls/{answered}").json()
    assert (shown["status"], shown["seconds"], shown["hangup_by"]) == ("interrupted", 60.345, None)
    assert shown["ended_at"] == text(NOW - 10 * MINUTE + timedelta(milliseconds=62_345))
    assert (client.get(f"/calls/{ringing}").json()["status"], client.get(f"/calls/{over}").json()["status"]) == ("interrupted", "completed")
    ended = [one["subject_id"] for one in client.get("/events", params={"types": "call.ended"}).json()["items"]]
    assert sorted(ended) == [answered, ringing]


def test_records_outlive_the_account_of_the_other_side(world, owner, other):
    call = world.call(owner, caller_id=other.id)
    other.client.delete("/auth/me", json={"password": other.password})
    assert owner.client.get(f"/calls/{call}").json()["from"] == "+4989123456"
