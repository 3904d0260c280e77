"""Calls end with the account, the device or the trunk that they are of; and with the minutes of a day, whoever uses them."""

import time

import pytest

from support import sip
from support.caller import ANSWER, OFFER, make_device
from support.toll import forward, refer, replaces, talk, told

DAY_MS = 86_400_000


def hung_up(*phones):
    for phone in phones:
        phone.answer(phone.request_heard("BYE"), 200, "OK")


def delete_account(person):
    reply = person.client.delete("/auth/me", json={"password": person.account.password})
    assert reply.status_code == 204, reply.text


def ended_for(person, reason):
    call = person.call()
    assert (call["status"], call["hangup_by"], call["reason"]) == ("completed", "system", reason)
    assert call["answered_at"] is not None


@pytest.mark.parametrize("gone", ["caller", "callee"])
def test_of_an_account(people, gone):
    ann, bob, _ = people
    talk(ann, bob)
    deleted, stays = (ann, bob) if gone == "caller" else (bob, ann)
    delete_account(deleted)
    hung_up(ann.phone, bob.phone)
    ended_for(stays, "The account was deleted")


def test_of_an_account_that_came_by_a_transfer(people):
    """Bob has given Carl the call, and it is no party's of its record."""
    ann, bob, carl = people
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    carl.phone.answer(carl.phone.request_heard("INVITE"), 200, "OK", OFFER)
    ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
    carl.phone.request_heard("ACK")
    assert told(bob.phone) == 200
    hung_up(bob.phone)
    delete_account(carl)
    hung_up(ann.phone, carl.phone)
    ended_for(ann, "The account was deleted")


def test_of_an_account_that_only_forwards(people, carrier):
    """Bob has no device in the call, and pays for it."""
    ann, bob, _ = people
    carrier.allow(bob)
    forward(bob, carrier.number)
    assert bob.client.delete(f"/devices/{bob.device['id']}").status_code == 204
    leg = ann.phone.invite(bob.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    delete_account(bob)
    hung_up(ann.phone, carrier.phone)
    ended_for(ann, "The account was deleted")


def test_of_a_device(people):
    ann, bob, carl = people
    talk(ann, bob)
    talk_on = carl.phone.invite(ann.number)
    ann.phone.take(ann.phone.request_heard("INVITE"))
    carl.phone.connected(talk_on)
    assert bob.client.delete(f"/devices/{bob.device['id']}").status_code == 204
    hung_up(ann.phone, bob.phone)
    sip.wait_until(lambda: bob.statuses()[:1] == ["completed"], "the call goes on")
    ended_for(bob, "The device was deleted")
    assert carl.statuses()[:1] == ["in-progress"]


def test_of_a_device_that_took_a_place(people):
    ann, bob, _ = people
    _, theirs = talk(ann, bob)
    second = make_device(bob.account, "Second")
    with type(bob.phone)(bob.account.server, second) as other:
        again = other.invite(ann.number, headers=f"Replaces: {replaces(theirs)}\r\n")
        ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
        hung_up(bob.phone)
        other.connected(again)
        assert bob.client.delete(f"/devices/{second['id']}").status_code == 204
        hung_up(ann.phone, other)
    ended_for(bob, "The device was deleted")


def test_a_device_that_rings(people):
    """It is rung no longer; another one of the number rings on."""
    ann, bob, carl = people
    second = make_device(bob.account, "Second")
    with type(bob.phone)(bob.account.server, second) as other:
        assert other.register(expires=600).status == 200
        reply = bob.client.put(f"/phone_numbers/{bob.number_id}/voice", json={"ring": [bob.device["id"], second["id"]]})
        assert reply.status_code == 200
        leg = ann.phone.invite(bob.number)
        came, too = bob.phone.request_heard("INVITE"), other.request_heard("INVITE")
        bob.phone.answer(came, 180, "Ringing")
        ann.phone.ringing(leg)
        assert bob.client.delete(f"/devices/{bob.device['id']}").status_code == 204
        bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
        bob.phone.answer(came, 487, "Request Terminated")
        other.take(too)
        ann.phone.connected(leg)
        leg.bye()
    assert ann.call()["status"] == "completed"


def out(person, carrier):
    leg = person.phone.invite(carrier.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    person.phone.connected(leg)
    return leg


def test_of_a_trunk(people, carrier):
    ann = people[0]
    carrier.allow(ann)
    leg = out(ann, carrier)
    # one that is disabled takes no more calls, and keeps those that it has
    carrier.enable(False)

    def takes_none():
        other = people[1].phone.invite(carrier.number)
        return people[1].phone.refused(other).status == 404
    sip.wait_until(takes_none, "the trunk takes calls")
    leg.send("INFO")
    carrier.phone.answer(carrier.phone.request_heard("INFO"), 200, "OK")
    assert ann.phone.response("INFO").status == 200
    carrier.enable(True)
    carrier.wait(people[1])
    assert carrier.admin.client.delete(f"/trunks/{carrier.id}").status_code == 204
    hung_up(ann.phone, carrier.phone)
    ended_for(ann, "The trunk was deleted")
    carrier.id = None


def leave(server, person, milliseconds):
    """So much is left of the one minute that the account has a day."""
    today = int(time.time() * 1000) // DAY_MS
    with server.opened() as database:
        for day in (today, today + 1):
            database.execute("INSERT INTO call_usage (user_id, day, ms) VALUES (?, ?, ?)",
                             (person.account.id, day, 60_000 - milliseconds))


def granted(server, person):
    with server.opened() as database:
        return [row[0] for row in database.execute("SELECT granted_ms FROM calls WHERE payer_id = ? ORDER BY id", (person.account.id,))]


def test_two_calls_do_not_use_the_same_minutes(server, people, carrier):
    """What both were granted is what was left; both end with it, and no other one begins."""
    ann, bob, carl = people
    carrier.allow(bob, concurrent_calls=0, minutes_per_day=1)
    leave(server, bob, 4000)
    forward(bob, carrier.number)
    for person in (ann, carl):
        leg = person.phone.invite(bob.number)
        carrier.phone.take(carrier.phone.request_heard("INVITE"))
        person.phone.connected(leg)
    assert 0 < sum(granted(server, bob)) <= 4000
    hung_up(carrier.phone, carrier.phone, ann.phone, carl.phone)
    for person in (ann, carl):
        ended_for(person, "The account has used its minutes of the day")
    shares = granted(server, bob)
    assert len(shares) == 2 and 2000 < sum(shares) <= 4000 and min(shares) >= 1000
    # whatever one of them has left is gone with the next one
    leave_none = 60_000 * 60
    with server.opened() as database:
        database.execute("UPDATE call_usage SET ms = ? WHERE user_id = ?", (leave_none, bob.account.id))
    assert ann.phone.refused(ann.phone.invite(bob.number)).status == 403


def test_what_is_not_allowed_any_more_ends(server, people, carrier):
    ann = people[0]
    carrier.allow(ann, minutes_per_day=1)
    leave(server, ann, 20_000)
    out(ann, carrier)
    carrier.allow(ann, minutes_per_day=1, trunks=False)
    hung_up(ann.phone, carrier.phone)
    ended_for(ann, "The account may not call outside")


def test_a_call_over_the_api_has_the_limits_of_its_number(server, people, carrier):
    """They are asked again while it goes on."""
    ann = people[0]
    carrier.allow(ann, prefixes=[carrier.number], minutes_per_day=1)
    leave(server, ann, 4000)
    assert ann.client.post("/calls", json={"from": ann.number, "to": carrier.number}).status_code == 202
    ann.phone.take(ann.phone.request_heard("INVITE"))
    carrier.phone.answer(carrier.phone.request_heard("INVITE"), 200, "OK", OFFER)
    ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
    carrier.phone.request_heard("ACK")
    hung_up(ann.phone, carrier.phone)
    ended_for(ann, "The account has used its minutes of the day")
    assert granted(server, ann)[0] > 2000
