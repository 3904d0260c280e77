"""Phones and calls of several servers on one PostgreSQL: whichever server a phone is registered at rings it, and
whichever is asked ends a call."""

import contextlib

import psycopg2
import pytest

from support import database, sip
from support.caller import Caller, Person, make_device
from support.people import fresh_number

pytestmark = pytest.mark.postgresql


@pytest.fixture
def nodes(launch, tmp_path):
    """Two servers on one database."""
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    return [launch(make=(), DATABASE_URL=url) for _ in range(2)]


def move(person, server, registers=True, anybody=False):
    """The phone of a person goes to another server, and is nowhere else."""
    person.phone.close()
    person.phone = Caller(server, person.device, anybody=anybody)
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
