"""Twinkle, a softphone with a SIP stack of its own: registers, calls, holds, transfers and hangs up."""

import pytest

import baresip
import twinkle
from processes import wait_until


@pytest.fixture
def two(office, processes):
    """Twinkle and baresip."""
    devices = [office.device("Desk"), office.device("Kitchen")]
    phones = twinkle.Twinkle(processes, office, devices[0]), baresip.Baresip(processes, office, devices[1])
    for device in devices:
        device.wait_registered("udp")
    return phones, devices


def methods(office, leg):
    """The requests of a side of the one call, as the ladder has them; SIP/2.0 is a response."""
    [call] = office.calls()
    reply = office.client.get(f"/calls/{call['id']}/ladder")
    assert reply.status_code == 200, reply.text
    return [one["message"].split(" ")[0] for one in reply.json() if one["leg"] == leg]


def test_it_calls_and_hangs_up(office, two):
    (desk, kitchen), devices = two
    desk.dial(office.number(devices[1]))
    kitchen.event("CALL_INCOMING")
    desk.said("received 180 Ringing")
    kitchen.command("accept")
    desk.said("far end answered call")
    kitchen.event("CALL_ESTABLISHED")
    office.the_call("in-progress")
    desk.type("bye")
    kitchen.event("CALL_CLOSED")
    assert office.the_call("completed")["hangup_by"] == "caller"
    desk.quit()
    assert devices[0].registrations() == []


@pytest.mark.parametrize(("transport", "reliable"), [("tcp", "supported"), ("udp", "required")])
def test_another_way(office, processes, transport, reliable):
    """Over TCP; and with provisional responses that must be acknowledged (RFC 3262)."""
    devices = [office.device("Desk"), office.device("Kitchen")]
    desk = twinkle.Twinkle(processes, office, devices[0], transport, reliable)
    kitchen = baresip.Baresip(processes, office, devices[1])
    devices[0].wait_registered(transport)
    devices[1].wait_registered()
    desk.dial(office.number(devices[1]))
    kitchen.event("CALL_INCOMING")
    desk.said("received 180 Ringing")
    kitchen.command("accept")
    desk.said("far end answered call")
    desk.type("bye")
    kitchen.event("CALL_CLOSED")
    office.the_call("completed")
    assert ("PRACK" in methods(office, "caller")) == (reliable == "required")


def test_it_answers_and_is_hung_up(office, two):
    (desk, kitchen), devices = two
    kitchen.dial(office.number(devices[0]))
    desk.said("incoming call")
    kitchen.event("CALL_RINGING")
    desk.type("answer")
    kitchen.event("CALL_ESTABLISHED")
    kitchen.command("hangup")
    desk.said("far end ended call")
    assert office.the_call("completed")["hangup_by"] == "caller"


def test_it_is_busy(office, two):
    (desk, kitchen), devices = two
    kitchen.dial(office.number(devices[0]))
    desk.said("incoming call")
    desk.type("reject")
    kitchen.event("CALL_CLOSED")
    assert office.the_call("busy")["sip_code"] == 486


def test_it_gives_up(office, two):
    (desk, kitchen), devices = two
    desk.dial(office.number(devices[1]))
    kitchen.event("CALL_INCOMING")
    desk.said("received 180 Ringing")
    desk.type("bye")
    kitchen.event("CALL_CLOSED")
    assert office.the_call("canceled")["hangup_by"] == "caller"


def test_it_holds(office, two):
    (desk, kitchen), devices = two
    desk.dial(office.number(devices[1]))
    kitchen.event("CALL_INCOMING")
    kitchen.command("accept")
    desk.said("far end answered call")
    office.the_call("in-progress")
    kitchen.event("CALL_REMOTE_SDP")
    for line in "hold", "retrieve":
        before = desk.sent("ACK")
        desk.type(line)
        assert kitchen.event("CALL_REMOTE_SDP")["param"] == "offer"
        wait_until(lambda: desk.sent("ACK") > before, f"no ACK follows the {line}")
    desk.type("bye")
    kitchen.event("CALL_CLOSED")
    assert office.the_call("completed")["hangup_by"] == "caller"


def test_it_transfers(office, processes, two):
    (desk, kitchen), devices = two
    cellar_device = office.device("Cellar")
    cellar = baresip.Baresip(processes, office, cellar_device)
    cellar_device.wait_registered("udp")
    desk.dial(office.number(devices[1]))
    kitchen.event("CALL_INCOMING")
    kitchen.command("accept")
    desk.said("far end answered call")
    desk.type(f"transfer sip:{office.number(cellar_device)}@127.0.0.1:{desk.port}")
    cellar.event("CALL_INCOMING")
    cellar.command("accept")
    for phone in (kitchen, cellar):
        phone.event("CALL_ESTABLISHED")
    cellar.command("hangup")
    kitchen.event("CALL_CLOSED")
