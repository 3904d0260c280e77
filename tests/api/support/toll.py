"""A trunk that costs money, and what phones do with calls that may go there."""

import os
import re

from . import sip
from .caller import Caller
from .people import Account, fresh_name

LIMITS = {"trunks": True, "prefixes": ["+"], "concurrent_calls": 1}


class Carrier:
    """A trunk, and who is at its other end."""

    def __init__(self, server):
        self.admin = Account(server).promote()
        self.phone = Caller(server, {"sip": {"username": "carrier", "password": "none"}})
        self.number = f"+8835{int.from_bytes(os.urandom(4), 'big') % 10 ** 9:09}"
        self.body = {"name": fresh_name(), "host": self.phone.via, "prefixes": [self.number]}
        reply = self.admin.client.post("/trunks", json=self.body)
        assert reply.status_code == 200, reply.text
        self.id = reply.json()["id"]

    def allow(self, person, **limits):
        reply = self.admin.client.put(f"/users/{person.account.id}/call_limits", json={**LIMITS, **limits})
        assert reply.status_code == 200, reply.text

    def enable(self, enabled):
        reply = self.admin.client.put(f"/trunks/{self.id}", json={**self.body, "enabled": enabled})
        assert reply.status_code == 200, reply.text

    def wait(self, person):
        """Until the SIP side knows of the trunk: then it is the limits that say no."""
        def known():
            leg = person.phone.invite(self.number)
            return person.phone.refused(leg).status == 403
        sip.wait_until(known, "the trunk is not known")

    def hears_nothing(self):
        return self.phone.hear(sip.SILENCE) is None

    def close(self):
        if self.id is not None:
            assert self.admin.client.delete(f"/trunks/{self.id}").status_code == 204
        self.phone.close()


def forward(person, number):
    reply = person.client.put(f"/phone_numbers/{person.number_id}/voice", json={"ring": [person.device["id"]], "forward_to": number})
    assert reply.status_code == 200, reply.text


def talk(caller, callee):
    """Connects two: their legs."""
    mine = caller.phone.invite(callee.number)
    theirs = callee.phone.take(callee.phone.request_heard("INVITE"))
    caller.phone.connected(mine)
    sip.wait_until(lambda: "in-progress" in callee.statuses()[:1], "no record is in progress")
    return mine, theirs


def refer(leg, target):
    """Transfers whom the leg talks to; the response."""
    leg.send("REFER", headers=f"Refer-To: <{target}>\r\n")
    return leg.phone.response("REFER")


def told(phone):
    """What a transferor is told in the end."""
    while True:
        notify = phone.request_heard("NOTIFY")
        phone.answer(notify, 200, "OK")
        status = int(re.match(r"SIP/2.0 (\d+)", notify.body).group(1))
        if status >= 200:
            return status


def replaces(leg):
    """What names a dialog of ours to the server (RFC 3891)."""
    remote = re.search(r"tag=([^;>]+)", leg.remote).group(1)
    local = re.search(r"tag=([^;>]+)", leg.local).group(1)
    return f"{leg.call_id};to-tag={remote};from-tag={local}"
