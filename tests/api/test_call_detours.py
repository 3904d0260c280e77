"""Calls that somebody on the other side sends elsewhere: by 302, and by REFER of who came by a transfer. Each pays for himself."""

import pytest

from support import sip
from support.caller import ANSWER, OFFER, Leg
from support.toll import forward, refer, talk, told


def move(phone, request, target, status=302):
    """A phone sends a call elsewhere."""
    contact, phone.contact = phone.contact, f"<{target}>"
    phone.answer(request, status, "Moved")
    phone.contact = contact
    assert phone.request_heard("ACK")


def moved(caller, callee, target, status=302):
    leg = caller.phone.invite(callee.number)
    move(callee.phone, callee.phone.request_heard("INVITE"), target, status)
    return leg


def connect(theirs, left, came):
    """Whom a transfer calls answers: his leg."""
    tag = "comes"
    came.answer(left, 200, "OK", OFFER, tag=tag)
    again = theirs.request_heard("INVITE")
    theirs.answer(again, 200, "OK", ANSWER)
    assert came.request_heard("ACK").body == ANSWER
    target = left.get("Contact").strip("<>")
    return Leg(came, left.get("Call-ID"), f"{left.get('To')};tag={tag}", left.get("From"), target)


def test_a_phone_that_sends_calls_to_another_number(people):
    ann, bob, carl = people
    leg = moved(ann, bob, f"sip:{carl.number}@localhost")
    came = carl.phone.request_heard("INVITE")
    assert came.body == OFFER and ann.number in came.get("From")
    carl.phone.take(came)
    ann.phone.connected(leg)
    leg.bye()
    carl.phone.answer(carl.phone.request_heard("BYE"), 200, "OK")
    assert (bob.call()["to"], bob.call()["status"]) == (bob.number, "completed")


def test_nobody_is_called_outside_who_may_not(people, carrier):
    ann, bob, _ = people
    carrier.allow(ann)
    leg = moved(ann, bob, f"sip:{carrier.number}@sip.example.com")
    assert ann.phone.refused(leg).status == 403
    assert carrier.hears_nothing()
    assert bob.call()["reason"] == "The account may not call outside"


def test_whose_phone_it_is_pays(people, carrier):
    ann, bob, carl = people
    carrier.allow(bob)
    first = moved(ann, bob, f"sip:{carrier.number}@sip.example.com")
    came = carrier.phone.request_heard("INVITE")
    assert bob.number in came.get("From") and ann.number not in came.text
    carrier.phone.take(came)
    ann.phone.connected(first)
    # one call at the same time is what Bob may have
    assert carl.phone.refused(moved(carl, bob, f"sip:{carrier.number}@localhost")).status == 403
    assert carrier.hears_nothing()
    first.bye()
    carrier.phone.answer(carrier.phone.request_heard("BYE"), 200, "OK")


@pytest.mark.parametrize("target", ["sip:mallory@{host}", "sip:{host}", "tel:0900", "sip:0900@{host}", "mailto:bob@example.com"])
def test_where_no_call_goes(people, target):
    ann, bob, carl = people
    leg = moved(ann, bob, target.format(host=carl.phone.via))
    assert ann.phone.refused(leg).status == 480
    assert carl.phone.hear(sip.SILENCE) is None


@pytest.mark.parametrize("status", [305, 380])
def test_other_redirections_are_not_followed(people, status):
    ann, bob, carl = people
    assert ann.phone.refused(moved(ann, bob, f"sip:{carl.number}@localhost", status)).status == 480
    assert carl.phone.hear(sip.SILENCE) is None


def test_circles_end(people):
    ann, bob, carl = people
    leg = moved(ann, bob, f"sip:{bob.number}@localhost")
    assert ann.phone.refused(leg).status == 480
    leg = moved(ann, bob, f"sip:{carl.number}@localhost")
    move(carl.phone, carl.phone.request_heard("INVITE"), f"sip:{bob.number}@localhost")
    assert ann.phone.refused(leg).status == 480
    forward(carl, bob.number)
    leg = moved(ann, bob, f"sip:{carl.number}@localhost")
    assert ann.phone.refused(leg).status == 480


def test_what_cannot_be_followed_is_as_if_nobody_answered(people):
    ann, bob, carl = people
    reply = bob.client.put(f"/phone_numbers/{bob.number_id}/voice", json={"ring": [bob.device["id"]], "on_no_answer": carl.number})
    assert reply.status_code == 200
    leg = moved(ann, bob, "sip:reception@localhost")
    carl.phone.answer(carl.phone.request_heard("INVITE"), 486, "Busy Here")
    assert ann.phone.refused(leg).status == 486


def test_the_other_phones_ring_on(server, people):
    ann, bob, carl = people
    reply = bob.client.put(f"/phone_numbers/{bob.number_id}/voice", json={"ring": [bob.device["id"]], "timeout_s": 5})
    assert reply.status_code == 200
    # the device on a second phone
    from support.caller import Caller
    with Caller(server, bob.device) as second:
        assert second.register(expires=600).status == 200
        leg = ann.phone.invite(bob.number)
        here, there = bob.phone.request_heard("INVITE"), second.request_heard("INVITE")
        move(bob.phone, here, f"sip:{carl.number}@localhost")
        assert carl.phone.hear(sip.SILENCE) is None
        second.take(there)
        ann.phone.connected(leg)
        leg.bye()
        second.answer(second.request_heard("BYE"), 200, "OK")


def test_the_own_device_of_a_call_over_the_api_sends_it_nowhere(people):
    ann, bob, carl = people
    assert ann.client.post("/calls", json={"from": ann.number, "to": bob.number}).status_code == 202
    move(ann.phone, ann.phone.request_heard("INVITE"), f"sip:{carl.number}@localhost")
    assert ann.call()["status"] == "no-answer"
    assert carl.phone.hear(sip.SILENCE) is None


def test_who_came_by_a_transfer_pays_for_himself(people, carrier):
    """Bob may call outside, and connects Ann with Carl, who may not: nor in the place of Bob."""
    ann, bob, carl = people
    carrier.allow(bob, concurrent_calls=0)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    leg = connect(ann.phone, carl.phone.request_heard("INVITE"), carl.phone)
    assert refer(leg, f"sip:{carrier.number}@localhost").status == 202
    assert told(carl.phone) == 403
    assert carrier.hears_nothing()


def test_who_is_outside_transfers_nobody(people, carrier):
    """Bob connects Ann with somebody outside, who then wants to have her called somewhere else at Bob's expense."""
    ann, bob, _ = people
    carrier.allow(bob, concurrent_calls=0)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    leg = connect(ann.phone, carrier.phone.request_heard("INVITE"), carrier.phone)
    assert refer(leg, f"sip:{carrier.number}@localhost").status == 403
    assert carrier.hears_nothing()
