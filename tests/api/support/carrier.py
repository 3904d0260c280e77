"""A carrier: a socket of an address of its own, where trunks register and calls come from and go to."""

import itertools
import os
import re

from . import sip
from .caller import OFFER, Caller, Leg
from .people import fresh_name

_hosts = itertools.count(2)


class Carrier(Caller):
    """It answers what a test makes it answer. network: the first three numbers of its address."""

    def __init__(self, server, network):
        self.address = f"{network}.{next(_hosts)}"
        super().__init__(server, {"sip": {"username": "carrier", "password": "carrier's secret"}}, source=self.address)

    def ask_password(self, request, status=401, algorithm="MD5", nonce="n1"):
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        self.answer(request, status, "Unauthorized",
                    headers=f'{name}: Digest realm="carrier", nonce="{nonce}", algorithm={algorithm}, qop="auth"\r\n')

    def accept(self, request, expires=120):
        """Answers a REGISTER with the contact that it has, as registrars do."""
        self.answer(request, 200, "OK", headers=f"Contact: {request.get('Contact')};expires={expires}\r\n")

    def registered(self, user="us", password="our secret", algorithm="MD5", status=401, expires=120):
        """Takes one registration, with its password: the REGISTER that had it."""
        first = self.request_heard("REGISTER")
        assert first.get("Authorization") is None and first.get("Proxy-Authorization") is None
        self.ask_password(first, status, algorithm)
        again = self.request_heard("REGISTER")
        said = sip.parameters(again.get("Authorization" if status == 401 else "Proxy-Authorization"))
        right = sip.digest(algorithm, sip.digest(algorithm, user, "carrier", password), "n1", said["nc"], said["cnonce"], "auth",
                           sip.digest(algorithm, "REGISTER", again.uri))
        assert (said["username"], said["uri"], said["response"]) == (user, again.uri, right)
        assert again.get("Call-ID") == first.get("Call-ID")
        assert int(again.get("CSeq").split()[0]) == int(first.get("CSeq").split()[0]) + 1
        self.accept(again, expires)
        return again

    def call(self, number, uri=None, said="+88870001"):
        """Begins a call to a number; uri: what the request line has in its place."""
        leg = Leg(self, os.urandom(8).hex(), f"<sip:{said}@carrier>;tag={os.urandom(4).hex()}", f"<sip:{number}@us>",
                  uri or f"sip:{number}@localhost")
        leg.branch = "z9hG4bK" + os.urandom(6).hex()
        leg.send("INVITE", body=OFFER, branch=leg.branch)
        return leg

    def is_ignored(self, number, **options):
        self.call(number, **options)
        return self.transport.receive(sip.SILENCE) is None


def contact_of(request):
    """The URI of its Contact."""
    return re.search(r"<([^>]+)>", request.get("Contact")).group(1)


def make(admin, host, **body):
    reply = admin.client.post("/trunks", json={"name": fresh_name(), "host": host, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


def change(admin, trunk, **body):
    """PUT of what it is, with these changes."""
    kept = {name: value for name, value in trunk.items() if name not in ("id", "created_at", "registration", "hosts")}
    reply = admin.client.put(f"/trunks/{trunk['id']}", json={**kept, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


def get(admin, trunk):
    reply = admin.client.get(f"/trunks/{trunk['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def becomes(admin, trunk, state):
    """Waits until its registration is in that state: the registration."""
    sip.wait_until(lambda: get(admin, trunk)["registration"]["state"] == state, f"it never is {state}")
    return get(admin, trunk)["registration"]


def events(admin, trunk):
    reply = admin.client.get("/events", params={"types": "trunk.*", "limit": 100})
    assert reply.status_code == 200, reply.text
    return [(one["type"], one["data"]) for one in reply.json()["items"] if one["subject_id"] == trunk["id"]]
