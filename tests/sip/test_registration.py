"""SIPp and baresip register, and a stranger hears nothing."""

import pytest

import baresip
import sipp
from processes import wait_until


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_registers(office, processes, transport):
    device = office.device()
    phone = sipp.Sipp(processes, office.ports[transport], transport)
    phone.run(sipp.register("localhost", device.username, device.password))
    one = device.wait_registered(transport)
    assert one["user_agent"] == "SIPp" and f":{phone.port}" in one["contact"]


def test_a_wrong_password_is_refused(office, processes):
    device = office.device()
    phone = sipp.Sipp(processes, office.ports["udp"])
    with pytest.raises(AssertionError, match="401 Unauthorized"):
        phone.run(sipp.register("localhost", device.username, "not the password"))
    assert device.registrations() == []


def test_a_stranger_hears_nothing(office, processes):
    device = office.device()
    options = sipp.send(f"OPTIONS sip:localhost SIP/2.0\n{sipp.VIA}From: <sip:USER@localhost>;tag=[pid]o\nTo: <sip:100@localhost>\n"
                        "Call-ID: [call_id]\nCSeq: 1 OPTIONS\n", retrans=False)
    phone = sipp.Sipp(processes, office.ports["udp"])
    with pytest.raises(AssertionError, match="receive timeout") as silence:
        phone.run((options + sipp.receive("200", attributes=' timeout="2000"')).replace("USER", "100"))
    assert "SIP/2.0 " not in str(silence.value).replace("OPTIONS sip:localhost SIP/2.0", "")
    # who is registered from that very address is known, and gets the answer
    phone.run(sipp.register("localhost", device.username, device.password))
    phone.run((options + sipp.receive("200")).replace("USER", device.username))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_registers_and_leaves(office, processes, transport):
    device = office.device()
    phone = baresip.Baresip(processes, office, device, transport)
    one = device.wait_registered(transport)
    assert one["user_agent"].startswith("baresip")
    phone.quit()
    wait_until(lambda: device.registrations() == [], "baresip left, and is still registered")
