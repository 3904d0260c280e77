"""SIPp as phones that call each other, and as a carrier."""

import pytest

import sipp
from office import Office
from processes import wait_until
from sipp import Dialog


class Phone:
    """A registered SIPp of a device."""

    def __init__(self, office, processes, transport="udp"):
        self.device = office.device()
        self.sipp = sipp.Sipp(processes, office.ports[transport], transport)
        self.sipp.run(sipp.register("localhost", self.device.username, self.device.password))
        self.device.wait_registered(transport)

    def dialog(self, number):
        return Dialog("localhost", self.device.username, self.device.password, number)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call(office, processes, transport):
    caller, callee = Phone(office, processes, transport), Phone(office, processes, transport)
    number = office.number(callee.device)
    other = callee.sipp.start(sipp.answer_a_call())
    call = caller.dialog(number)
    caller.sipp.run(call.challenged() + call.answered() + sipp.pause(1200) + call.bye())
    callee.sipp.finish(other)
    record = office.the_call("completed")
    assert (record["to"], record["device_id"], record["sip_code"]) == (number, caller.device.id, 200), record
    assert record["hangup_by"] == "caller" and record["seconds"] >= 1.2, record


def test_the_server_hangs_up(office, processes):
    caller, callee = Phone(office, processes), Phone(office, processes)
    number = office.number(callee.device)
    other = callee.sipp.start(sipp.answer_a_call())
    call = caller.dialog(number)
    process = caller.sipp.start(call.challenged() + call.answered() + sipp.receive("BYE") + sipp.reply("200 OK"))
    live = office.the_call("in-progress")
    assert office.client.delete(f"/calls/{live['id']}").status_code == 202
    caller.sipp.finish(process)
    callee.sipp.finish(other)
    assert office.the_call("completed")["id"] == live["id"]


def test_busy(office, processes):
    caller, callee = Phone(office, processes), Phone(office, processes)
    number = office.number(callee.device)
    other = callee.sipp.start(sipp.be_busy())
    call = caller.dialog(number)
    caller.sipp.run(call.challenged() + sipp.receive("100", True) + sipp.receive("180", True) + sipp.receive("486") + call.ack_failure())
    callee.sipp.finish(other)
    assert office.the_call("busy")["sip_code"] == 486


def test_given_up(office, processes):
    caller, callee = Phone(office, processes), Phone(office, processes)
    number = office.number(callee.device)
    other = callee.sipp.start(sipp.be_cancelled())
    call = caller.dialog(number)
    caller.sipp.run(call.challenged() + sipp.receive("100", True) + sipp.receive("180") + call.cancel() + sipp.receive("200")
                    + sipp.receive("487") + call.ack_failure())
    callee.sipp.finish(other)
    assert office.the_call("canceled")["hangup_by"] == "caller"


def test_nobody_is_there(office, processes):
    caller, away = Phone(office, processes), office.device()
    number = office.number(away)
    call = caller.dialog(number)
    caller.sipp.run(call.challenged() + sipp.receive("100", True) + sipp.receive("480") + call.ack_failure())
    [record] = wait_until(lambda: [one for one in office.calls() if one["ended_at"]], "the record has no end")
    assert record["sip_code"] == 480, record


class Carrier:
    """A SIPp that is a trunk, by its address."""

    def __init__(self, office, processes):
        self.sipp = sipp.Sipp(processes, office.ports["udp"], host="127.0.0.2")
        self.admin = Office(office.server).account.promote().client
        reply = self.admin.post("/trunks", json={"name": "carrier", "host": f"127.0.0.2:{self.sipp.port}", "prefixes": ["+44"],
                                                 "allow_from": ["127.0.0.2"]})
        assert reply.status_code == 200, reply.text
        self.id = reply.json()["id"]

    def allow(self, office):
        reply = self.admin.put(f"/users/{office.account.id}/call_limits", json={"trunks": True, "prefixes": ["+44"]})
        assert reply.status_code == 200, reply.text


def test_a_call_goes_out(office, processes):
    caller, carrier = Phone(office, processes), Carrier(office, processes)
    own = office.number(caller.device)
    refused = caller.dialog("+442071234567")

    def is_refused():
        """The trunk is known within a second or so; until then nobody has the number."""
        scenario = refused.challenged() + sipp.receive("100", True) + sipp.receive("403") + refused.ack_failure()
        return caller.sipp.start(scenario).wait() == 0

    wait_until(is_refused, "no account has to be allowed to call over a trunk")
    carrier.allow(office)
    other = carrier.sipp.start(sipp.answer_a_call())
    call = caller.dialog("+442071234567")
    caller.sipp.run(call.challenged() + call.answered() + sipp.pause(300) + call.bye())
    carrier.sipp.finish(other)
    completed = office.completed()
    assert len(completed) == 1 and completed[0]["trunk_id"] == carrier.id and completed[0]["from"] == own, office.calls()


def test_a_call_comes_in(office, processes):
    callee, carrier = Phone(office, processes), Carrier(office, processes)
    number = office.number(callee.device)
    other = callee.sipp.start(sipp.answer_a_call())
    call = Dialog("127.0.0.1", "+442071234567", "", number, credentials=False)
    carrier.sipp.run(call.invite(1) + call.answered(1) + sipp.pause(300) + call.bye(2))
    callee.sipp.finish(other)
    record = office.the_call("completed")
    assert (record["trunk_id"], record["to"], record["from"]) == (carrier.id, number, "+442071234567"), record
