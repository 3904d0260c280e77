"""Two baresip processes register, call each other, hear each other and hang up."""

import pytest

import baresip


@pytest.fixture
def two(office, processes):
    devices = [office.device("Desk"), office.device("Kitchen")]
    phones = [baresip.Baresip(processes, office, device) for device in devices]
    for device in devices:
        device.wait_registered("udp")
    return phones, devices


def test_a_call(office, two):
    (caller, callee), devices = two
    number = office.number(devices[1])
    caller.dial(number)
    callee.event("CALL_INCOMING")
    office.the_call("ringing")
    callee.command("accept")
    for phone in (caller, callee):
        phone.event("CALL_ESTABLISHED")
        phone.event("CALL_RTPESTAB")  # sound arrives
    office.the_call("in-progress")
    callee.command("hangup")
    caller.event("CALL_CLOSED")
    record = office.the_call("completed")
    assert (record["from"], record["to"], record["hangup_by"]) == (number, number, "callee"), record


def test_a_call_that_is_declined(office, two):
    (caller, callee), devices = two
    caller.dial(office.number(devices[1]))
    callee.event("CALL_INCOMING")
    callee.command("hangup")
    assert "486" in caller.event("CALL_CLOSED")["param"]
    assert office.the_call("busy")["sip_code"] == 486


def test_a_call_that_is_given_up(office, two):
    (caller, callee), devices = two
    caller.dial(office.number(devices[1]))
    callee.event("CALL_INCOMING")
    caller.command("hangup")
    callee.event("CALL_CLOSED")
    assert office.the_call("canceled")["hangup_by"] == "caller"
