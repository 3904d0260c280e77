"""Trunks that this server registers with: the carrier is a socket of its own address."""

import concurrent.futures
import datetime
import time

import pytest

from support import metrics, sip
from support.carrier import Carrier, becomes, change, contact_of, events, get, make
from support.caller import Person
from support.clock import Clock
from support.people import Account, fresh_name, fresh_number

OURS = {"register": True, "username": "us", "password": "our secret"}


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


@pytest.fixture
def ann(server):
    person = Person(server, fresh_number())
    yield person
    person.phone.close()


@pytest.fixture
def carrier(server):
    with Carrier(server, "127.0.9") as one:
        yield one


def seconds_until(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - time.time()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_it_is_registered(server, admin, carrier, status, algorithm):
    trunk = make(admin, carrier.via, **OURS)
    taken = carrier.registered(status=status, algorithm=algorithm)
    assert taken.uri == f"sip:{carrier.via}" and taken.get("Expires") == "600"
    assert taken.get("To") == f"<sip:us@{carrier.address}>" and taken.get("From").startswith(taken.get("To") + ";tag=")
    user, _, place = contact_of(taken).removeprefix("sip:").partition("@")
    assert len(user) == 32 and place == f"127.0.0.1:{sip.ports(server)['udp']}"
    state = becomes(admin, trunk, "registered")
    assert (state["status"], state["reason"]) == (200, "OK") and 60 < seconds_until(state["until"]) <= 121
    assert state in [one["registration"] for one in admin.client.get("/trunks").json()["items"]]
    [(event, data)] = events(admin, trunk)
    assert (event, data["name"], data["until"]) == ("trunk.registered", trunk["name"], state["until"])


def test_events_are_for_administrators(server, admin, carrier):
    other = Account(server)
    trunk = make(admin, carrier.via, **OURS)
    carrier.registered()
    becomes(admin, trunk, "registered")
    assert other.client.get("/events", params={"types": "trunk.*"}).json()["items"] == []


def test_it_asks_for_as_long_as_the_carrier_wants(admin, carrier):
    trunk = make(admin, carrier.via, **OURS)
    carrier.answer(carrier.request_heard("REGISTER"), 423, "Interval Too Brief", headers="Min-Expires: 1800\r\n")
    again = carrier.request_heard("REGISTER")
    assert again.get("Expires") == "1800"
    carrier.answer(again, 200, "OK", headers="Expires: 1700\r\n")
    assert 1000 < seconds_until(becomes(admin, trunk, "registered")["until"]) <= 1701


def test_the_next_host_has_its_turn(server, admin, carrier):
    with Carrier(server, "127.0.9") as second:
        trunk = make(admin, carrier.via, fallback_hosts=[second.via], **OURS)
        carrier.answer(carrier.request_heard("REGISTER"), 503, "Away")
        assert second.registered().uri == f"sip:{second.via}"
        becomes(admin, trunk, "registered")


def test_a_refusal_is_told_and_a_new_password_tried_at_once(admin, carrier):
    trunk = make(admin, carrier.via, **OURS)
    carrier.ask_password(carrier.request_heard("REGISTER"))
    carrier.answer(carrier.request_heard("REGISTER"), 403, "Not you")
    state = becomes(admin, trunk, "failed")
    assert (state["until"], state["status"], state["reason"]) == (None, 403, "Not you")
    assert events(admin, trunk) == [("trunk.unregistered", {"name": trunk["name"], "status": 403, "reason": "Not you"})]
    change(admin, trunk, password="another")
    carrier.registered(password="another")
    becomes(admin, trunk, "registered")
    assert [event for event, _ in events(admin, trunk)] == ["trunk.unregistered", "trunk.registered"]


def test_a_wrong_password_is_not_tried_over_and_over(admin, carrier):
    trunk = make(admin, carrier.via, **OURS)
    for nonce in ("n1", "n2", "n3"):
        carrier.ask_password(carrier.request_heard("REGISTER"), nonce=nonce)
    assert becomes(admin, trunk, "failed")["status"] == 401
    assert carrier.transport.receive(sip.SILENCE) is None


@pytest.mark.parametrize("what", ["deleted", "disabled", "turned off", "moved"])
def test_a_contact_is_taken_back(server, admin, carrier, what):
    trunk = make(admin, carrier.via, **OURS)
    taken = carrier.registered()
    becomes(admin, trunk, "registered")
    with Carrier(server, "127.0.9") as other:
        if what == "deleted":
            assert admin.client.delete(f"/trunks/{trunk['id']}").status_code == 204
        elif what == "disabled":
            change(admin, trunk, enabled=False)
        elif what == "turned off":
            change(admin, trunk, register=False)
        else:
            change(admin, trunk, host=other.via)
        gone = carrier.registered(expires=0)
        assert (gone.get("Expires"), contact_of(gone), gone.get("Call-ID")) == ("0", contact_of(taken), taken.get("Call-ID"))
        if what == "disabled":
            becomes(admin, trunk, "pending")
        elif what == "turned off":
            assert get(admin, trunk)["registration"] is None
        elif what == "moved":
            assert contact_of(other.registered()) == contact_of(taken)
            becomes(admin, trunk, "registered")
    assert [event for event, _ in events(admin, trunk)][:1] == ["trunk.registered"]


def test_calls_come_from_where_it_is_registered(server, admin, ann, carrier):
    trunk = make(admin, carrier.via, **OURS)
    first = carrier.request_heard("REGISTER")
    assert carrier.is_ignored(ann.number)
    carrier.accept(first)
    becomes(admin, trunk, "registered")
    leg = carrier.call(ann.number)
    ann.phone.take(ann.phone.request_heard("INVITE"))
    carrier.connected(leg)
    leg.bye()
    ann.phone.answer(ann.phone.request_heard("BYE"), 200, "OK")
    assert ann.call()["trunk_id"] == trunk["id"]
    # who is elsewhere is nobody, whatever he says
    with Carrier(server, "127.0.9") as stranger:
        assert stranger.is_ignored(ann.number)
        assert stranger.is_ignored(ann.number, uri=contact_of(first))
    assert admin.client.delete(f"/trunks/{trunk['id']}").status_code == 204
    carrier.accept(carrier.request_heard("REGISTER"), 0)
    sip.wait_until(lambda: carrier.is_ignored(ann.number), "it is still answered")


def test_the_contact_says_which_trunk_it_is(admin, ann, carrier):
    """Two accounts with one carrier: calls to the contact of one name the number in To."""
    trunks = [make(admin, carrier.via, **{**OURS, "username": user}) for user in ("one", "two")]
    contacts = {}
    for _ in trunks:
        came = carrier.request_heard("REGISTER")
        contacts["one" if "sip:one@" in came.get("To") else "two"] = contact_of(came)
        carrier.accept(came)
    for number, (trunk, user) in enumerate(zip(trunks, ("one", "two")), 1):
        becomes(admin, trunk, "registered")
        leg = carrier.call(ann.number, uri=contacts[user])
        ann.phone.answer(ann.phone.request_heard("INVITE"), 486, "Busy Here")
        ann.phone.request_heard("ACK")
        assert carrier.refused(leg).status == 486
        sip.wait_until(lambda: len(ann.calls()) == number, "there is no record")
        assert (ann.call()["trunk_id"], ann.call()["to"]) == (trunk["id"], ann.number)


def test_where_calls_come_from_may_be_said(server, admin, ann, carrier):
    """With allow_from it is that alone, registered or not."""
    with Carrier(server, "127.0.9") as gateway:
        trunk = make(admin, carrier.via, allow_from=[gateway.address], **OURS)
        contact = contact_of(carrier.registered())
        becomes(admin, trunk, "registered")
        assert carrier.is_ignored(ann.number) and carrier.is_ignored(ann.number, uri=contact)
        leg = gateway.call(ann.number, uri=contact)
        ann.phone.answer(ann.phone.request_heard("INVITE"), 486, "Busy Here")
        assert gateway.refused(leg).status == 486


def test_nobody_calls_out_that_way(admin, carrier):
    """What is registered brings calls to numbers that are here, and takes none on to other networks."""
    trunk = make(admin, carrier.via, prefixes=["+8887"], **OURS)
    contact = contact_of(carrier.registered())
    becomes(admin, trunk, "registered")
    for uri in (None, contact):
        assert carrier.refused(carrier.call("+88870009", uri=uri)).status == 404


def test_goodbye(launch, tmp_path):
    """A server that stops takes its contact back, and one that starts has the same."""
    first = launch(tmp_path)
    admin = Account(first).promote()
    with Carrier(first, "127.0.9") as carrier:
        trunk = make(admin, carrier.via, **OURS)
        taken = carrier.registered()
        becomes(admin, trunk, "registered")
        told = metrics.read(first.client())
        assert told("cloud_telephony_trunk_registrations", state="registered") == 1
        assert told("cloud_telephony_trunk_registrations", state="failed") == 0
        with concurrent.futures.ThreadPoolExecutor() as another:
            stopped = another.submit(first.stop)
            gone = carrier.registered(expires=0)
            assert (gone.get("Expires"), contact_of(gone)) == ("0", contact_of(taken))
            stopped.result()
    second = launch(tmp_path)
    admin.client = second.client(admin.token)
    with Carrier(second, "127.0.9") as carrier:
        # the carrier of before is away
        change(admin, trunk, host=carrier.via)
        assert contact_of(carrier.registered()).split("@")[0] == contact_of(taken).split("@")[0]


def test_time_that_is_over(launch, tmp_path):
    """Who has not renewed it in time is not registered, and calls are not his."""
    clock = Clock()
    server = launch(tmp_path, clock=clock)
    admin = Account(server).promote()
    ann = Person(server, fresh_number())
    with Carrier(server, "127.0.9") as carrier:
        trunk = make(admin, carrier.via, **OURS)
        carrier.registered()
        becomes(admin, trunk, "registered")
        clock.forward(minutes=3)
        assert get(admin, trunk)["registration"]["state"] == "pending"
        assert carrier.is_ignored(ann.number)
    ann.phone.close()
