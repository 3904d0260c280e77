"""What the record and the events of a call say when its sides change: by REFER to one side or outside, by INVITE with Replaces."""

import time
from urllib.parse import quote

import pytest

from support import sip
from support.caller import ANSWER, OFFER
from support.people import Account
from support.toll import refer, replaces, talk, told


def settled(server, call_id):
    """What the database knows of a call besides what its record shows."""
    with server.opened() as database:
        return database.execute("SELECT payer_id, paid_from, to_trunk_id, answered_at, ended_at, transferred_at FROM calls WHERE id = ?",
                                (call_id,)).fetchone()


def used(server, person):
    with server.opened() as database:
        return database.execute("SELECT coalesce(sum(ms), 0) FROM call_usage WHERE user_id = ?", (person.account.id,)).fetchone()[0]


def transfer_events(person):
    items = person.client.get("/events", params={"limit": 100}).json()["items"]
    return [one for one in items if one["type"] == "call.transferred"]


def connect_with(transferred, newcomer):
    """The newcomer answers with an offer, which whoever is transferred answers."""
    leg = newcomer.phone.request_heard("INVITE")
    newcomer.phone.answer(leg, 200, "OK", OFFER)
    again = transferred.phone.request_heard("INVITE")
    transferred.phone.answer(again, 200, "OK", ANSWER)
    assert newcomer.phone.request_heard("ACK").body == ANSWER


def test_to_another_number(server, people):
    ann, bob, carl = people
    _, theirs = talk(ann, bob)
    call = ann.calls()[0]["id"]
    assert transfer_events(ann) == transfer_events(bob) == []
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    connect_with(ann, carl)
    assert told(bob.phone) == 200
    sip.wait_until(lambda: transfer_events(bob), "there is no event")
    for person, direction in ((ann, "outbound"), (bob, "inbound")):
        [event] = transfer_events(person)
        assert (event["subject"], event["subject_id"]) == ("call", call)
        assert (event["data"]["id"], event["data"]["status"], event["data"]["direction"]) == (call, "in-progress", direction)
        assert person.events(call)[-1] == "call.transferred"
    assert settled(server, call)[:3] == (None, None, None)


def test_nobody_is_told_of_what_has_failed(people):
    ann, bob, carl = people
    mine, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    carl.phone.answer(carl.phone.request_heard("INVITE"), 486, "Busy Here")
    assert told(bob.phone) == 486
    mine.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    call = bob.call()["id"]
    assert transfer_events(ann) == transfer_events(bob) == []
    assert bob.events(call)[-1] == "call.ended"


def test_one_that_fails_costs_nothing(server, people, carrier):
    """The account that asked for it has its place among its calls back, the record its sides, and nothing is owed."""
    ann, bob, carl = people
    carrier.allow(bob)
    mine, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    came = carrier.phone.request_heard("INVITE")
    call = bob.calls()[0]["id"]
    assert settled(server, call)[0] == bob.account.id and ann.calls()[0]["trunk_id"] == carrier.id
    carrier.phone.answer(came, 486, "Busy Here")
    assert told(bob.phone) == 486
    sip.wait_until(lambda: settled(server, call)[:3] == (None, None, None), "the record says still that it goes out")
    assert ann.calls()[0]["trunk_id"] is None
    # bob may have one such call at a time
    _, again = talk(carl, bob)
    assert refer(again, f"sip:{carrier.number}@localhost").status == 202
    carrier.phone.answer(carrier.phone.request_heard("INVITE"), 603, "Decline")
    assert told(bob.phone) == 603
    time.sleep(0.05)
    mine.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    ann.call()
    assert used(server, bob) == 0


def test_nor_does_one_that_ends_with_the_call(server, people, carrier):
    ann, bob, _ = people
    carrier.allow(bob)
    mine, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    came = carrier.phone.request_heard("INVITE")
    carrier.phone.answer(came, 180, "Ringing")
    sip.wait_until(lambda: settled(server, bob.calls()[0]["id"])[0] == bob.account.id, "bob does not pay")
    time.sleep(0.05)
    mine.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    carrier.phone.answer(carrier.phone.request_heard("CANCEL"), 200, "OK")
    carrier.phone.answer(came, 487, "Request Terminated")
    call = ann.call()
    assert (call["status"], call["trunk_id"]) == ("completed", None)
    assert settled(server, call["id"])[0] is None and used(server, bob) == 0


def test_one_that_goes_out_is_paid_for_from_its_answer_on(server, people, carrier):
    ann, bob, _ = people
    carrier.allow(bob)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    came = carrier.phone.request_heard("INVITE")
    call = bob.calls()[0]["id"]
    asked = settled(server, call)[1]
    time.sleep(0.05)
    carrier.phone.answer(came, 200, "OK", OFFER)
    ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
    carrier.phone.request_heard("ACK")
    assert told(bob.phone) == 200
    sip.wait_until(lambda: transfer_events(ann), "there is no event")
    assert transfer_events(ann)[0]["data"]["trunk_id"] == carrier.id
    time.sleep(0.05)
    assert ann.client.delete(f"/calls/{call}").status_code == 202
    ann.call()
    payer, paid_from, trunk, answered, ended, transferred = settled(server, call)
    assert (payer, trunk, paid_from) == (bob.account.id, carrier.id, transferred)
    assert answered < asked < transferred < ended
    assert used(server, bob) == ended - transferred


def test_who_took_a_place_is_told_of(people):
    """A second phone of Bob's takes the call from the first."""
    ann, bob, _ = people
    _, theirs = talk(ann, bob)
    call = bob.calls()[0]["id"]
    again = bob.phone.invite(ann.number, headers=f"Replaces: {replaces(theirs)}\r\n")
    # Ann is offered what the newcomer sent
    ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    bob.phone.connected(again)
    sip.wait_until(lambda: transfer_events(bob), "there is no event")
    assert [one["subject_id"] for one in transfer_events(ann)] == [call]


def test_an_attended_one(people):
    """Bob asks Carl, and connects Ann with him: one call goes on, the other has ended."""
    ann, bob, carl = people
    _, theirs = talk(ann, bob)
    first = bob.calls()[0]["id"]
    asking, _ = talk(bob, carl)
    assert refer(theirs, f"sip:{carl.number}@localhost?Replaces={quote(replaces(asking), safe='')}").status == 202
    sip.wait_until(lambda: transfer_events(bob), "there is no event")
    assert [one["subject_id"] for one in transfer_events(ann) + transfer_events(bob)] == [first, first]
    assert transfer_events(carl) == []
    ended = carl.call()
    assert (ended["status"], ended["reason"]) == ("completed", "Transferred")


def test_who_was_transferred_to_transfers_at_its_own_cost(server, people, carrier):
    """Whoever a side is now, not who it was: Carl, whom Bob has given the call, may not call outside, though Bob may."""
    ann, bob, carl = people
    carrier.allow(bob)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    came = carl.phone.request_heard("INVITE")
    carl.phone.answer(came, 200, "OK", OFFER)
    ann.phone.answer(ann.phone.request_heard("INVITE"), 200, "OK", ANSWER)
    leg = carl.phone.leg_of(came, carl.phone.request_heard("ACK"))
    assert told(bob.phone) == 200
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    assert refer(leg, f"sip:{carrier.number}@localhost").status == 202
    assert told(carl.phone) == 403
    assert carrier.hears_nothing()
    carrier.allow(carl)
    assert refer(leg, f"sip:{carrier.number}@localhost").status == 202
    carrier.phone.request_heard("INVITE")
    assert settled(server, ann.calls()[0]["id"])[0] == carl.account.id
