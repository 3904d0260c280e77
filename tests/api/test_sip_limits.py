"""What one account, or one address, may take of the server's work without paying for it; and what a stranger gets back."""

import os

import pytest

from support import sip
from support.caller import Person
from support.people import fresh_number


def people(server, count):
    return [Person(server, fresh_number()) for _ in range(count)]


def test_calls_at_the_same_time(launch):
    server = launch(CALLS_PER_ACCOUNT="1")
    ann, bob, carl = people(server, 3)
    with ann.phone, bob.phone, carl.phone:
        first = ann.phone.invite(bob.number)
        came = bob.phone.request_heard("INVITE")
        reply = ann.phone.refused(ann.phone.invite(carl.number))
        assert (reply.status, reply.reason) == (403, "The account has too many calls at the same time")
        # calls to Ann's number are others'
        theirs = carl.phone.invite(bob.number)
        bob.phone.answer(bob.phone.request_heard("INVITE"), 486, "Busy Here")
        assert carl.phone.refused(theirs).status == 486
        # one over the API is a call as any other, and has a record
        assert ann.client.post("/calls", json={"from": ann.number, "to": carl.number}).status_code == 202
        sip.wait_until(lambda: ann.statuses()[:1] == ["failed"], "the call goes on")
        assert ann.calls()[0]["reason"] == "The account has too many calls at the same time"
        bob.phone.answer(came, 486, "Busy Here")
        ann.phone.refused(first)
        sip.wait_until(lambda: "busy" in ann.statuses(), "the call goes on")
        again = ann.phone.invite(carl.number)
        carl.phone.answer(carl.phone.request_heard("INVITE"), 486, "Busy Here")
        assert ann.phone.refused(again).status == 486
        sip.wait_until(lambda: len(ann.calls()) == 3, "there is no record")


def test_calls_in_a_minute(launch):
    server = launch(CALLS_PER_MINUTE="2")
    ann, bob = people(server, 2)
    with ann.phone, bob.phone:
        for _ in range(2):
            leg = ann.phone.invite(bob.number)
            bob.phone.answer(bob.phone.request_heard("INVITE"), 486, "Busy Here")
            bob.phone.request_heard("ACK")
            assert ann.phone.refused(leg).status == 486
        reply = ann.phone.refused(ann.phone.invite(bob.number))
        assert (reply.status, reply.reason) == (403, "The account has made too many calls in the last minute")
        assert bob.phone.hear(sip.SILENCE) is None
        sip.wait_until(lambda: len(ann.calls()) == 2, "not both calls have a record")


def test_requests_of_one_address(launch):
    server = launch(SIP_TRANSACTIONS_PER_ADDRESS="1")
    ann, bob = people(server, 2)
    with ann.phone, bob.phone:
        leg = ann.phone.invite(bob.number)
        came = bob.phone.request_heard("INVITE")
        bob.phone.answer(came, 180, "Ringing")
        # the call of Ann is one; what belongs to it is let through
        reply = bob.phone.ask(bob.phone.request("OPTIONS", call_id=os.urandom(8).hex()))
        assert reply.status == 503 and reply.get("Retry-After")
        leg.send("CANCEL", cseq=leg.cseq, branch=leg.branch)
        bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
        bob.phone.answer(came, 487, "Request Terminated")
        assert ann.phone.refused(leg).status == 487


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "CANCEL", "NONSENSE"])
def test_a_stranger_gets_nothing(server, method):
    """Whoever writes the address of somebody else as his own sends nobody there anything."""
    with sip.Phone(sip.Udp(sip.ports(server)["udp"]), "100", "none") as stranger:
        for headers in ("", "Require: nothing\r\n", "Content-Length: 100000\r\n", "Max-Forwards: 0\r\n",
                        'Authorization: Digest username="100", realm="x", nonce="x", uri="sip:x", response="x"\r\n'):
            stranger.transport.send(stranger.request(method, headers, call_id=os.urandom(8).hex()))
        assert stranger.transport.receive(sip.SILENCE) is None


def test_who_knows_a_name_gets_little(server):
    """The answer to a request without credentials is not sent again, and not much longer than the request."""
    (ann,) = people(server, 1)
    with ann.phone as phone:
        for method in ("REGISTER", "INVITE", "MESSAGE"):
            text = phone.request(method, call_id=os.urandom(8).hex())
            phone.transport.send(text)
            answer = phone.transport.receive(sip.SECONDS)
            assert answer.startswith("SIP/2.0 401 ") and len(answer) < 3 * len(text), (len(answer), len(text))
        assert phone.transport.receive(1) is None
