"""Phones and calls of several servers on one PostgreSQL: whichever server a phone is registered at rings it, and
whichever is asked ends a call."""

import contextlib

import psycopg2
import pytest

from support import database, sip
from support.caller import Caller, Leg, Person, make_device
from support.people import fresh_number

pytestmark = pytest.mark.postgresql


@pytest.fixture
def nodes(launch, tmp_path):
    """Two servers on one database."""
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    return [launch(make=(), DATABASE_URL=url) for _ in range(2)]


@pytest.fixture
def linked(launch, tmp_path):
    """Two servers on one database that pass calls on for each other."""
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    return [launch(DATABASE_URL=url, SIP_NODE_ADDRESS="127.0.0.1") for _ in range(2)]


def move(person, server, registers=True, **options):
    """The phone of a person goes to another server, and is nowhere else."""
    person.phone.close()
    person.phone = Caller(server, person.device, **options)
    if registers:
        assert person.phone.register(expires=600).status == 200
    return person


def close(*people):
    for person in people:
        person.phone.close()


def talk(ann, bob):
    """Ann calls Bob, who answers: their legs."""
    leg = ann.phone.invite(bob.number)
    other = bob.phone.take(bob.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    sip.wait_until(lambda: ann.statuses() == ["in-progress"], "there is no record")
    return leg, other


def test_a_call_of_another_server_is_ended(nodes):
    """DELETE on a server that has not the call: it ends, once, as if the right one had been asked."""
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number())
    talk(ann, bob)
    [call] = ann.calls()
    for _ in range(2):
        reply = there.client(ann.account.token).delete(f"/calls/{call['id']}")
        assert (reply.status_code, reply.json()["id"]) == (202, call["id"])
    for person in (ann, bob):
        person.phone.answer(person.phone.request_heard("BYE"), 200, "OK")
    ended = ann.call()
    assert (ended["status"], ended["hangup_by"]) == ("completed", "system")
    reply = there.client(bob.account.token).delete(f"/calls/{call['id']}")
    assert (reply.status_code, reply.json()["ended_at"]) == (202, ended["ended_at"])
    close(ann, bob)


def test_a_call_that_rings_is_ended_from_elsewhere(nodes):
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number())
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)
    sip.wait_until(lambda: ann.statuses() == ["ringing"], "there is no record")
    assert there.client(ann.account.token).delete(f"/calls/{ann.calls()[0]['id']}").status_code == 202
    bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
    bob.phone.answer(came, 487, "Request Terminated")
    assert ann.phone.refused(leg).status >= 480
    assert ann.call()["status"] == "canceled"
    close(ann, bob)


def test_who_has_the_call_is_told(nodes):
    """The others hear of it by NOTIFY, and need not look for it."""
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number())
    talk(ann, bob)
    with contextlib.closing(psycopg2.connect(here.settings["DATABASE_URL"])) as listener:
        listener.autocommit = True
        listener.cursor().execute("LISTEN cloud_telephony_news")
        assert there.client(ann.account.token).delete(f"/calls/{ann.calls()[0]['id']}").status_code == 202

        def told():
            listener.poll()
            return {int(note.payload.split()[1]) & 2 for note in listener.notifies if note.payload.startswith("touched ")}
        sip.wait_until(lambda: 2 in told(), "nobody was told")
    for person in (ann, bob):
        person.phone.answer(person.phone.request_heard("BYE"), 200, "OK")
    close(ann, bob)


def test_calls_of_a_server_that_lives_are_left_alone(nodes, launch):
    """A third server that starts, and one that stops, change nothing about the calls of the others; those of one that
    dies are interrupted by the others."""
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number())
    carl, dora = move(Person(here, fresh_number()), there), move(Person(here, fresh_number()), there)
    talk(ann, bob)
    talk(carl, dora)
    third = launch(DATABASE_URL=here.settings["DATABASE_URL"])
    third.stop()
    assert ann.statuses() == carl.statuses() == ["in-progress"]
    there.kill()
    sip.wait_until(lambda: carl.statuses() == ["interrupted"], "the call goes on", seconds=180)
    assert ann.statuses() == ["in-progress"]
    [call] = ann.calls()
    assert ann.client.delete(f"/calls/{call['id']}").status_code == 202
    for person in (ann, bob):
        person.phone.answer(person.phone.request_heard("BYE"), 200, "OK")
    close(ann, bob, carl, dora)


def test_a_phone_rings_whose_server_is_another(nodes):
    """It registers while both servers run, and moves from one to the other."""
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number(), registers=False)
    for server in (there, here, there):
        move(bob, server, anybody=True)
        leg = ann.phone.invite(bob.number)
        bob.phone.take(bob.phone.request_heard("INVITE"))
        ann.phone.connected(leg)
        leg.bye()
        bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
        assert bob.phone.register(expires=0).status == 200
    # who has gone is known to be gone
    leg = ann.phone.invite(bob.number)
    assert ann.phone.refused(leg).status == 480
    close(ann, bob)


def test_phones_of_one_device_at_two_servers(nodes):
    """Neither takes the place of the other: both ring, each server names both, and each may go alone."""
    here, there = nodes
    ann, bob = Person(here, fresh_number()), Person(here, fresh_number())
    second = Caller(there, bob.device, anybody=True)
    reply = second.register(expires=600)
    assert (reply.status, len(reply.all("Contact"))) == (200, 2)
    assert len(bob.phone.register(contact="").all("Contact")) == 2
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)
    second.take(second.request_heard("INVITE"))
    ann.phone.connected(leg)
    bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
    bob.phone.answer(came, 487, "Request Terminated")
    bob.phone.request_heard("ACK")
    leg.bye()
    second.answer(second.request_heard("BYE"), 200, "OK")
    assert len(bob.phone.register(expires=0).all("Contact")) == 1
    [one] = bob.client.get(f"/devices/{bob.device['id']}").json()["registrations"]
    assert one["source"] == second.via
    leg = ann.phone.invite(bob.number)
    second.take(second.request_heard("INVITE"))
    ann.phone.connected(leg)
    leg.bye()
    second.answer(second.request_heard("BYE"), 200, "OK")
    second.close()
    close(ann, bob)


def test_a_device_that_is_made_elsewhere(nodes):
    """Its phone registers at a server that has not made it."""
    here, there = nodes
    ann = Person(here, fresh_number(), registers=False)
    phone = Caller(there, make_device(ann.account, "Kitchen"))
    assert phone.register(expires=600).status == 200
    phone.close()
    close(ann)


TRANSPORTS = {"udp": sip.Udp, "tcp": sip.Tcp, "ws": sip.WebSocket}


def phone_of(person, server, transport):
    """The phone of a person goes to a server, and hears nobody else."""
    return move(person, server, transport=TRANSPORTS[transport](sip.ports(server)[transport]))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_call_through_another_server(linked, transport):
    """The phone hears its own server alone. Either side hangs up, changes the session, and the caller gives up."""
    here, there = linked
    ann, bob = Person(here, fresh_number()), phone_of(Person(here, fresh_number(), registers=False), there, transport)
    for who in ("caller", "callee"):
        leg = ann.phone.invite(bob.number)
        came = bob.phone.request_heard("INVITE")
        bob.phone.answer(came, 180, "Ringing")
        ann.phone.ringing(leg)
        other = bob.phone.take(came)
        ann.phone.connected(leg)
        sip.wait_until(lambda: ann.statuses()[:1] == ["in-progress"], "there is no record")
        other.send("INVITE", body=came.body, branch="z9hG4bKagain" + who)
        again = ann.phone.request_heard("INVITE")
        ann.phone.answer(again, 200, "OK", again.body)
        assert bob.phone.response("INVITE").status == 200
        other.send("ACK", cseq=other.cseq)
        ann.phone.request_heard("ACK")
        first, second = (leg, bob.phone) if who == "caller" else (other, ann.phone)
        first.send("BYE")
        second.answer(second.request_heard("BYE"), 200, "OK")
        assert first.phone.response("BYE").status == 200
        call = ann.call()
        assert (call["status"], call["hangup_by"], bob.call()["device_id"]) == ("completed", who, bob.device["id"])
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)
    leg.send("CANCEL", cseq=leg.cseq, branch=leg.branch)
    bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
    bob.phone.answer(came, 487, "Request Terminated")
    bob.phone.request_heard("ACK")
    assert ann.phone.refused(leg).status == 487
    sip.wait_until(lambda: ann.statuses() == ["canceled", "completed", "completed"], "the record is another one")
    close(ann, bob)


def test_a_phone_that_refuses_through_another_server(linked):
    here, there = linked
    ann, bob = Person(here, fresh_number()), phone_of(Person(here, fresh_number(), registers=False), there, "tcp")
    leg = ann.phone.invite(bob.number)
    bob.phone.answer(bob.phone.request_heard("INVITE"), 486, "Busy Here")
    bob.phone.request_heard("ACK")
    assert ann.phone.refused(leg).status == 486
    close(ann, bob)


def test_a_message_through_another_server(linked):
    here, there = linked
    ann, bob = Person(here, fresh_number()), phone_of(Person(here, fresh_number(), registers=False), there, "tcp")
    leg = Leg(ann.phone, "a-message", f"<sip:{ann.phone.username}@localhost>;tag=m", f"<sip:{bob.number}@localhost>",
              f"sip:{bob.number}@localhost")
    leg.send("MESSAGE")
    ann.phone.learn(ann.phone.response("MESSAGE"))
    leg.send("MESSAGE", headers=ann.phone.authorization("MESSAGE", leg.target), body="hello")
    came = bob.phone.request_heard("MESSAGE")
    assert came.body == "hello"
    bob.phone.answer(came, 200, "OK")
    assert ann.phone.response("MESSAGE").status == 200
    close(ann, bob)


def test_a_connection_that_is_gone(linked):
    """The phone's server knows that it is not to be reached, and says so at once."""
    here, there = linked
    ann, bob = Person(here, fresh_number()), phone_of(Person(here, fresh_number(), registers=False), there, "ws")
    bob.phone.close()
    leg = ann.phone.invite(bob.number)
    assert ann.phone.refused(leg).status == 480
    close(ann)


def passed_on(bob, server, route, method="INVITE", to=""):
    """Whether a stranger's request with that Route comes to the phone of Bob."""
    stranger = sip.Udp(sip.ports(server)["udp"])
    stranger.send(f"{method} {bob.phone.contact.strip('<>')} SIP/2.0\r\n"
                  f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKstranger{method};rport\r\nMax-Forwards: 70\r\n"
                  f"Route: {route}\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:c@d>{to}\r\nCall-ID: stranger{method}{to}\r\n"
                  f"CSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n")
    heard = stranger.receive(sip.SILENCE)
    stranger.close()
    message = bob.phone.transport.receive(sip.SILENCE)
    return message is not None and f"{method} " in message, heard


def test_nobody_else_has_calls_passed_on(launch, tmp_path):
    """Neither with a Route that he has made up, nor with one that was a server's."""
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    here = launch(DATABASE_URL=url, SIP_NODE_ADDRESS="127.0.0.2", SIP_LISTEN="udp:127.0.0.2:0")
    there = launch(DATABASE_URL=url, SIP_NODE_ADDRESS="127.0.0.1", SIP_LISTEN="udp:127.0.0.1:0")
    ann, bob = Person(there, fresh_number(), registers=False), Person(there, fresh_number())
    ann.phone.close()
    ann.phone = Caller(here, ann.device, transport=sip.Udp(sip.ports(here)["udp"], host="127.0.0.2"))
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.take(came)
    ann.phone.connected(leg)
    [route] = came.all("Record-Route")
    good = passed_on(bob, there, route)
    assert good == (False, None)
    # it goes to the caller's server, which knows no such dialog
    found, heard = passed_on(bob, there, route, "BYE", ";tag=c")
    assert not found and (heard is None or heard.startswith("SIP/2.0 481"))
    forged = route.replace("ctr-", "ctr-0" if "ctr-1" in route else "ctr-1", 1)
    for wrong in (forged, forged.replace("0", "1"), "<sip:ctr-@127.0.0.1;lr>", "<sip:ctr--1@127.0.0.1;lr>"):
        assert passed_on(bob, there, wrong) == (False, None)
    leg.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    close(ann, bob)
