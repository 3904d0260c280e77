"""Calls over a trunk to Kamailio, which challenges them."""

import pytest

import baresip
import sipp
from kamailio import Kamailio
from office import Office
from processes import wait_until
from support.server import Server


class Trunk:
    def __init__(self, office, processes, password="secret of theirs", **settings):
        self.phone = sipp.Sipp(processes, office.ports["udp"])
        self.carrier = Kamailio(processes, self.phone.port, "4930", "secret of theirs")
        admin = Office(office.server).account.promote().client
        reply = admin.post("/trunks", json={"name": "carrier", "host": self.carrier.host, "prefixes": ["+44"], "username": "4930",
                                            "password": password, **settings})
        assert reply.status_code == 200, reply.text
        self.id, self.admin = reply.json()["id"], admin
        reply = admin.put(f"/users/{office.account.id}/call_limits", json={"trunks": True, "prefixes": ["+44"]})
        assert reply.status_code == 200, reply.text


@pytest.fixture
def server(tmp_path):
    """One that asks Kamailio whether it is there, as it does by default."""
    folder = tmp_path / "server"
    folder.mkdir()
    with Server(folder, SIP_DIGEST=None, SIP_TRUNK_PROBE_SECONDS=None) as running:
        yield running


@pytest.fixture
def caller(office, processes):
    device = office.device()
    office.number(device)
    phone = baresip.Baresip(processes, office, device)
    device.wait_registered("udp")
    return phone


def dial_until(caller, office, status, number="+442071234567"):
    """Dials until the trunk is known, which takes a second or so; until then nobody has the number."""
    def outcome():
        caller.dial(number)
        reason = caller.event("CALL_CLOSED")["param"]
        return "404" not in reason and reason
    assert status in wait_until(outcome, "the trunk is never taken")


def test_a_call_is_let_through(office, processes, caller):
    trunk = Trunk(office, processes)
    other = trunk.phone.start(sipp.answer_a_call(sipp.pause(300) + sipp.hang_up()))
    dial_until(caller, office, "")
    trunk.phone.finish(other)
    [record] = office.completed()
    assert record["trunk_id"] == trunk.id and record["to"] == "+442071234567" and record["hangup_by"] == "callee", record
    assert trunk.carrier.said("challenged +442071234567") == 1 and trunk.carrier.said("let through +442071234567") == 1


def test_a_wrong_password(office, processes, caller):
    trunk = Trunk(office, processes, password="not theirs")
    dial_until(caller, office, "403")
    assert trunk.carrier.said("challenged") >= 1
    assert trunk.carrier.said("let through") == 0
    assert [one for one in office.calls() if one["status"] == "completed"] == []


def test_the_trunk_is_registered(office, processes):
    trunk = Trunk(office, processes, register=True)
    wait_until(lambda: trunk.carrier.said("registered 4930"), lambda: f"it is not registered:\n{trunk.carrier.process.text()[-2000:]}")

    def registration():
        trunk.shown = trunk.admin.get(f"/trunks/{trunk.id}").json()
        return trunk.shown["registration"]["state"] == "registered" and trunk.shown["hosts"][0]["state"] == "up"
    wait_until(registration, lambda: f"it is not shown: {trunk.shown}")
    assert trunk.admin.delete(f"/trunks/{trunk.id}").status_code == 204
    wait_until(lambda: trunk.carrier.said("registered 4930") == 2, "it is not taken back")


def test_a_registration_with_a_wrong_password(office, processes):
    trunk = Trunk(office, processes, register=True, password="not theirs")

    def registration():
        trunk.shown = trunk.admin.get(f"/trunks/{trunk.id}").json()["registration"]
        return trunk.shown["state"] == "failed"
    wait_until(registration, lambda: f"it is not shown: {trunk.shown}")
    assert trunk.shown["status"] == 401 and trunk.carrier.said("registered 4930") == 0
