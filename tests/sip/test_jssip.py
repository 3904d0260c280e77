"""Two pages of a browser with JsSIP register over WebSocket, call each other and hear each other."""

import json
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
WEB = os.environ.get("CT_WEB") or HERE.parents[1] / "build" / "web"


def run(processes, office, accounts, number):
    folder = processes.new_folder("browser")
    process = processes.start(folder, ["node", str(HERE / "browser.mjs"), str(WEB), str(office.ports["ws"]), json.dumps(accounts), number])
    return process.wait(), process.text()


def test_two_pages(office, processes):
    devices = [office.device("Page one"), office.device("Page two")]
    number = office.number(devices[1])
    status, text = run(processes, office, [[device.username, device.password] for device in devices], number)
    assert status == 0, text[-3000:]
    packets = json.loads(text.splitlines()[-1])
    assert len(packets) == 2 and min(packets) > 20, packets
    record = office.the_call("completed")
    assert (record["to"], record["hangup_by"]) == (number, "caller"), record


def test_a_page_with_a_wrong_password(office, processes):
    device = office.device()
    status, text = run(processes, office, [[device.username, "not the password"]], "1")
    assert status != 0 and "Authentication Error" in text, text[-3000:]
