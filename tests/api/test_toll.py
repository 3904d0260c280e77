"""Who pays for calls outside, whichever way they go out, and who may see what."""

import time
from urllib.parse import quote

from support import sip
from support.caller import ANSWER, OFFER
from support.toll import forward, refer, replaces, talk, told


def test_who_forwards_pays(people, carrier):
    ann, bob, carl = people
    carrier.allow(bob)
    forward(bob, carrier.number)
    first = ann.phone.invite(bob.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    ann.phone.connected(first)
    second = carl.phone.invite(bob.number)
    assert carl.phone.refused(second).status == 403
    assert carrier.hears_nothing()
    first.bye()
    carrier.phone.answer(carrier.phone.request_heard("BYE"), 200, "OK")


def test_what_is_forwarded_uses_up_the_minutes_of_who_forwards(server, people, carrier):
    ann, bob, _ = people
    carrier.allow(bob)
    forward(bob, carrier.number)
    leg = ann.phone.invite(bob.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    time.sleep(0.05)  # for less than a millisecond nothing is owed
    leg.bye()
    carrier.phone.answer(carrier.phone.request_heard("BYE"), 200, "OK")
    ann.call()
    with server.opened() as database:
        used = [row[0] for row in database.execute("SELECT user_id FROM call_usage WHERE user_id IN (?, ?)",
                                                   (ann.account.id, bob.account.id))]
    assert used == [bob.account.id]


def test_a_transfer_counts(people, carrier):
    ann, bob, carl = people
    carrier.allow(bob)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    came = carrier.phone.request_heard("INVITE")
    assert ann.calls()[0]["trunk_id"] == carrier.id
    _, again = talk(carl, bob)
    assert refer(again, f"sip:{carrier.number}@localhost").status == 202
    assert told(bob.phone) == 403
    carrier.phone.answer(came, 486, "Busy Here")


def test_a_transfer_is_no_longer_than_allowed(people, carrier):
    ann, bob, _ = people
    carrier.allow(bob, longest_call_s=1)
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carrier.number}@localhost").status == 202
    carrier.phone.answer(carrier.phone.request_heard("INVITE"), 200, "OK", OFFER)
    again = ann.phone.request_heard("INVITE")
    ann.phone.answer(again, 200, "OK", ANSWER)
    assert carrier.phone.request_heard("ACK").body == ANSWER
    carrier.phone.answer(carrier.phone.request_heard("BYE"), 200, "OK")
    sip.wait_until(lambda: bob.calls()[0]["reason"] == "Longest duration reached", "the call goes on")


def test_whoever_is_outside_is_not_transferred_outside(people, carrier):
    _, bob, _ = people
    carrier.allow(bob, concurrent_calls=0)
    leg = bob.phone.invite(carrier.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    bob.phone.connected(leg)
    assert refer(leg, f"sip:{carrier.number}@localhost").status == 403
    assert carrier.hears_nothing()


def test_a_call_that_goes_out_keeps_its_record(people, carrier):
    """Bob asks somebody outside, and connects Ann with him: the call outside goes on."""
    ann, bob, _ = people
    carrier.allow(bob)
    _, theirs = talk(ann, bob)
    out = bob.phone.invite(carrier.number)
    carrier.phone.take(carrier.phone.request_heard("INVITE"))
    bob.phone.connected(out)
    sip.wait_until(lambda: "in-progress" in bob.statuses()[:1], "no record is in progress")
    assert refer(theirs, f"sip:{carrier.number}@localhost?Replaces={quote(replaces(out), safe='')}").status == 202
    sip.wait_until(lambda: "completed" in bob.statuses()[:2], "neither call ends")
    by_trunk = {call["trunk_id"]: call["status"] for call in bob.calls()[:2]}
    assert by_trunk == {carrier.id: "in-progress", None: "completed"}


def test_a_number_that_becomes_another_while_the_device_rings(people, carrier):
    ann, bob, _ = people
    assert ann.client.post("/calls", json={"from": ann.number, "to": bob.number}).status_code == 202
    first = ann.phone.request_heard("INVITE")
    forward(bob, carrier.number)
    ann.phone.take(first)
    ann.phone.answer(ann.phone.request_heard("BYE"), 200, "OK")
    assert (ann.call()["status"], ann.call()["sip_code"]) == ("failed", 403)
    assert carrier.hears_nothing()


def seen(person, call):
    """The peers of a call's messages, as a person may see them."""
    return {one["peer"] for one in person.client.get(f"/calls/{call}/ladder").json()}


def test_the_messages_of_who_is_forwarded_to_are_not_those_of_who_forwards(people):
    ann, bob, carl = people
    forward(bob, carl.number)
    leg = ann.phone.invite(bob.number)
    theirs = carl.phone.take(carl.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    theirs.bye()
    ann.phone.answer(ann.phone.request_heard("BYE"), 200, "OK")
    call = bob.call()["id"]
    sip.wait_until(lambda: ann.phone.via in seen(ann, call), "there is no ladder")
    assert carl.phone.via not in seen(bob, call) | seen(ann, call)


def test_nor_those_of_who_is_transferred_to(people):
    ann, bob, carl = people
    _, theirs = talk(ann, bob)
    assert refer(theirs, f"sip:{carl.number}@localhost").status == 202
    carl.phone.answer(carl.phone.request_heard("INVITE"), 486, "Busy Here")
    assert told(bob.phone) == 486
    theirs.bye()
    ann.phone.answer(ann.phone.request_heard("BYE"), 200, "OK")
    call = bob.call()["id"]
    sip.wait_until(lambda: bob.phone.via in seen(bob, call), "there is no ladder")
    assert carl.phone.via not in seen(bob, call) | seen(ann, call)
