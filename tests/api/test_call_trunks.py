"""Calls to and from trunks: a carrier that is a socket of its own address, what accounts may do there, digest in both ways."""

import os

import pytest

from support import sip
from support.caller import ANSWER, OFFER, Caller, Leg, Person
from support.people import Account, fresh_name, fresh_number


class Carrier(Caller):
    """A carrier at an address of its own."""

    def __init__(self, server, address):
        self.address = address
        super().__init__(server, {"sip": {"username": "carrier", "password": "carrier's secret"}}, source=address)


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


@pytest.fixture
def ann(server):
    person = Person(server, fresh_number())
    yield person
    person.phone.close()


_hosts = iter(range(2, 250))


@pytest.fixture
def carrier(server):
    with Carrier(server, f"127.0.7.{next(_hosts)}") as one:
        yield one


def make_trunk(server, admin, carrier, **body):
    """A trunk that the SIP side has heard of."""
    reply = admin.client.post("/trunks", json={"name": fresh_name(), "host": carrier.via, "allow_from": [carrier.address], **body})
    assert reply.status_code == 200, reply.text

    def is_known():
        carrier.transport.send(carrier.request("OPTIONS", user="anybody"))
        return carrier.transport.receive(0.3) is not None
    sip.wait_until(is_known, "the trunk is not known")
    while carrier.transport.receive(0.1) is not None:
        pass
    return reply.json()


def allow(admin, person, **limits):
    reply = admin.client.put(f"/users/{person.account.id}/call_limits", json={"trunks": True, "prefixes": ["+"], **limits})
    assert reply.status_code == 200, reply.text


def test_nobody_calls_outside_unless_allowed(server, admin, ann, carrier):
    outside = "+88810001"
    trunk = make_trunk(server, admin, carrier, prefixes=[outside])
    assert ann.phone.refused(ann.phone.invite(outside)).status == 403
    call = ann.call()
    assert (call["status"], call["sip_code"], call["trunk_id"]) == ("failed", 403, trunk["id"])
    assert call["reason"] == "The account may not call outside"
    assert ann.events(call["id"]) == ["call.refused"]
    asked = ann.client.post("/calls", json={"from": ann.number, "to": outside}).json()
    assert (asked["status"], asked["sip_code"], asked["reason"]) == ("failed", 403, call["reason"])
    assert carrier.transport.receive(sip.SILENCE) is None


def test_a_call_outside(server, admin, ann, carrier):
    outside = "+88810002"
    trunk = make_trunk(server, admin, carrier, prefixes=[outside], out_strip=1, out_prepend="00", trusted=True)
    allow(admin, ann)
    leg = ann.phone.invite(outside)
    came = carrier.request_heard("INVITE")
    assert came.uri.startswith("sip:0088810002@") and ann.number in came.get("From")
    assert ann.number in came.get("P-Asserted-Identity")
    carrier.answer(came, 183, "Session Progress", ANSWER)
    ann.phone.ringing(leg, 183)
    carrier.take(came)
    ann.phone.connected(leg)
    leg.bye()
    carrier.answer(carrier.request_heard("BYE"), 200, "OK")
    call = ann.call()
    assert (call["status"], call["trunk_id"], call["direction"], call["to"]) == ("completed", trunk["id"], "outbound", outside)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status, header, answers", [(401, "WWW-Authenticate", "Authorization"),
                                                     (407, "Proxy-Authenticate", "Proxy-Authorization")])
def test_a_carrier_that_asks_for_a_password(server, admin, ann, carrier, status, header, answers, algorithm):
    outside = fresh_number().replace("+49", "+888")
    make_trunk(server, admin, carrier, prefixes=[outside], username="us", password="our secret")
    allow(admin, ann)
    leg = ann.phone.invite(outside)
    came = carrier.request_heard("INVITE")
    carrier.answer(came, status, "Unauthorized", headers=f'{header}: Digest realm="carrier", nonce="n1", algorithm={algorithm}, qop="auth"\r\n')
    carrier.request_heard("ACK")
    again = carrier.request_heard("INVITE")
    said = sip.parameters(again.get(answers))
    right = sip.digest(algorithm, sip.digest(algorithm, "us", "carrier", "our secret"), "n1", said["nc"], said["cnonce"], "auth",
                       sip.digest(algorithm, "INVITE", again.uri))
    assert (said["username"], said["response"]) == ("us", right)
    assert int(again.get("CSeq").split()[0]) == int(came.get("CSeq").split()[0]) + 1
    carrier.take(again)
    ann.phone.connected(leg)
    leg.bye()
    carrier.answer(carrier.request_heard("BYE"), 200, "OK")


def test_who_is_busy_is_busy_by_any_way(server, admin, ann, carrier):
    """The next host has its turn when one is out of order, and not when the phone behind it is busy."""
    outside = "+88810004"
    allow(admin, ann)
    with Carrier(server, f"127.0.7.{next(_hosts)}") as second, Carrier(server, f"127.0.7.{next(_hosts)}") as third:
        make_trunk(server, admin, carrier, prefixes=[outside], fallback_hosts=[second.via, third.via])
        leg = ann.phone.invite(outside)
        for one, status, reason in ((carrier, 503, "Away"), (second, 486, "Busy Here")):
            one.answer(one.request_heard("INVITE"), status, reason)
            one.request_heard("ACK")
        assert ann.phone.refused(leg).status == 486
        assert third.transport.receive(sip.SILENCE) is None


def call_in(carrier, number, said="+88870001", headers=""):
    """A call by the carrier, which is not challenged."""
    leg = Leg(carrier, os.urandom(8).hex(), f"<sip:{said}@carrier>;tag={os.urandom(4).hex()}", f"<sip:{number}@us>",
              f"sip:{number}@localhost")
    leg.branch = "z9hG4bK" + os.urandom(6).hex()
    leg.send("INVITE", headers=headers, body=OFFER, branch=leg.branch)
    return leg


@pytest.mark.parametrize("trusted", [True, False])
def test_a_call_from_outside(server, admin, ann, carrier, trusted):
    trunk = make_trunk(server, admin, carrier, trusted=trusted, in_strip=1, in_prepend="+49")
    leg = call_in(carrier, "0" + ann.number[3:], headers="P-Asserted-Identity: <sip:+88879999@carrier>\r\n")
    came = ann.phone.request_heard("INVITE")
    assert ("+88879999" if trusted else "+88870001") in came.get("From")
    ann.phone.take(came)
    carrier.connected(leg)
    leg.bye()
    ann.phone.answer(ann.phone.request_heard("BYE"), 200, "OK")
    call = ann.call()
    assert (call["direction"], call["trunk_id"], call["from"]) == ("inbound", trunk["id"], "+88879999" if trusted else "+88870001")


def test_a_carrier_does_not_call_through(server, admin, carrier):
    make_trunk(server, admin, carrier, prefixes=["+88810006"])
    assert carrier.refused(call_in(carrier, "+88810006")).status == 404


def test_a_carrier_that_must_say_its_password(server, admin, ann, carrier):
    make_trunk(server, admin, carrier, inbound_username="carrier-" + fresh_name(), inbound_password="carrier's secret")
    assert carrier.refused(call_in(carrier, ann.number)).status == 401
    assert ann.calls() == []


def test_channels(server, admin, ann, carrier):
    make_trunk(server, admin, carrier, channels=1)
    first = call_in(carrier, ann.number)
    came = ann.phone.request_heard("INVITE")
    second = call_in(carrier, ann.number)
    reply = carrier.refused(second)
    assert (reply.status, reply.get("Call-ID")) == (503, second.call_id)
    ann.phone.answer(came, 486, "Busy Here")
    assert carrier.refused(first).status == 486


def test_limits(server, admin, ann, carrier):
    outside = "+88810008"
    make_trunk(server, admin, carrier, prefixes=[outside])
    allow(admin, ann, prefixes=["+88"], concurrent_calls=1)
    leg = ann.phone.invite(outside)
    came = carrier.request_heard("INVITE")
    with_second = ann.client.post("/calls", json={"from": ann.number, "to": outside}).json()
    assert with_second["reason"] == "The account has too many calls at the same time"
    carrier.answer(came, 486, "Busy Here")
    ann.phone.refused(leg)
