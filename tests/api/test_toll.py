"""Who pays for calls outside, whichever way they go out, and who may see what."""

import os
import re
import time
from urllib.parse import quote

import pytest

from support import carrier as carriers
from support import sip
from support.caller import ANSWER, OFFER, Caller, make_device
from support.people import Account
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


def test_a_carrier_does_not_connect_two_who_pay_for_calls_to_it(people, carrier):
    """Both would have nobody outside any more, and one would go on paying."""
    ann, bob, _ = people
    legs = []
    for person in (ann, bob):
        carrier.allow(person)
        mine = person.phone.invite(carrier.number)
        legs.append((mine, carrier.phone.take(carrier.phone.request_heard("INVITE"))))
        person.phone.connected(mine)
    sip.wait_until(lambda: bob.statuses()[:1] == ["in-progress"], "no record is in progress")
    assert refer(legs[0][1], f"sip:anybody@localhost?Replaces={quote(replaces(legs[1][1]), safe='')}").status == 403
    for mine, _ in legs:
        mine.bye()
        carrier.phone.answer(carrier.phone.request_heard("BYE"), 200, "OK")


def test_nor_does_whoever_is_connected_by_it_pay_on(server, people):
    """Ann has called outside, and is connected from there with Bob, who was called from there: what Ann pays for has ended."""
    ann, bob, _ = people
    admin = Account(server).promote()
    with carriers.Carrier(server, "127.0.78") as gateway:
        number = f"+8836{int.from_bytes(os.urandom(4), 'big') % 10 ** 9:09}"
        trunk = carriers.make(admin, gateway.via, prefixes=[number], allow_from=[gateway.address])
        limits = {"trunks": True, "prefixes": ["+"]}
        assert admin.client.put(f"/users/{ann.account.id}/call_limits", json=limits).status_code == 200
        sip.wait_until(lambda: not gateway.is_ignored("+1"), "the trunk is not known")
        while gateway.hear(sip.SILENCE) is not None:
            pass
        mine = ann.phone.invite(number)
        theirs = gateway.take(gateway.request_heard("INVITE"))
        ann.phone.connected(mine)
        paid = ann.calls()[0]["id"]
        other = gateway.call(bob.number)
        bob.phone.take(bob.phone.request_heard("INVITE"))
        gateway.connected(other)
        sip.wait_until(lambda: bob.statuses()[:1] == ["in-progress"], "no record is in progress")
        assert refer(theirs, f"sip:anybody@localhost?Replaces={quote(replaces(other), safe='')}").status == 202
        sip.wait_until(lambda: ann.calls()[0]["ended_at"], "Ann pays on")
        assert (ann.calls()[0]["id"], ann.calls()[0]["reason"]) == (paid, "Transferred")
        assert bob.statuses()[:1] == ["in-progress"]
        assert admin.client.delete(f"/trunks/{trunk['id']}").status_code == 204


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


class Taciturn(Caller):
    """A phone whose From has no tag, as before RFC 3261; over TCP, as if a proxy were in between."""

    def __init__(self, person, proxy, **options):
        super().__init__(person.account.server, make_device(person.account, "Over TCP"),
                         transport=sip.Tcp(sip.ports(person.account.server)["tcp"]), **options)
        self.proxy = proxy

    def invite(self, number):
        send = self.transport.send
        self.transport.send = lambda text: send(re.sub("(From: [^\r]*);tag=[^\r]*", r"\1", text))
        return super().invite(number, headers=f"Record-Route: <{self.proxy}>\r\n" if self.proxy else "")


@pytest.mark.parametrize("way", ["contact", "route"])
def test_a_call_whose_connection_has_gone_goes_on_nowhere_else(people, way):
    """Where this server's address is trusted, at a carrier, it would be a new call, which nobody's limits were asked for."""
    ann, bob, _ = people
    carrier = sip.Udp(sip.ports(ann.account.server)["udp"], source="127.0.77.1", anybody=True)
    uri = f"sip:+88351234567@127.0.77.1:{carrier.socket.getsockname()[1]};lr"
    options = {"proxy": None, "contact": f"<{uri}>"} if way == "contact" else {"proxy": uri}
    with Taciturn(ann, **options) as phone:
        leg = phone.invite(bob.number)
        theirs = bob.phone.take(bob.phone.request_heard("INVITE"))
        phone.connected(leg)
    sip.wait_until(lambda: "in-progress" in bob.statuses()[:1], "no record is in progress")
    theirs.send("INVITE", body=OFFER)
    assert carrier.receive(sip.SILENCE) is None
    assert bob.phone.response("INVITE").status >= 400
    carrier.close()
