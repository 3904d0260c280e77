"""Phones that call: both sides of a call over UDP, one message after the other, as a test says (RFC 3261)."""

import os
import re

from support import sip
from support.people import Account

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace("40000", "40002")


class Request(sip.Reply):
    """A request, taken apart as a response is."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.method, self.uri, version = first.split(" ")
        assert version == "SIP/2.0", text
        self.text = text
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]


def read(text):
    return sip.Reply(text) if text.startswith("SIP/2.0 ") else Request(text)


class Leg:
    """A phone's side of one call."""

    def __init__(self, phone, call_id, local, remote, target, cseq=0, routes=()):
        self.phone, self.call_id, self.local, self.remote, self.target, self.cseq = phone, call_id, local, remote, target, cseq
        self.routes = "".join(f"Route: {route}\r\n" for route in routes)

    def send(self, method, cseq=None, headers="", body="", branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.phone.transport.send(
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.phone.transport.name} {self.phone.via};branch={branch or 'z9hG4bK' + os.urandom(6).hex()};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: {self.phone.contact}\r\n{self.routes}{headers}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}")

    def bye(self):
        """Hangs up."""
        self.send("BYE")
        assert self.phone.response("BYE").status == 200


class Caller(sip.Phone):
    """A phone that calls, and is called. transport: in place of UDP, one that is connected to the server."""

    def __init__(self, server, device, source=None, anybody=False, transport=None, **options):
        if transport is None:
            transport = sip.Udp(sip.ports(server)["udp"], source=source, anybody=anybody)
        super().__init__(transport, device["sip"]["username"], device["sip"]["password"], **options)

    def hear(self, seconds=sip.SECONDS):
        text = self.transport.receive(seconds)
        return None if text is None else read(text)

    def response(self, method, least=200, leg=None):
        """The next response to such a request, of that status or above; with a leg, of its call: those of others may come again."""
        while True:
            message = self.hear()
            assert message is not None, f"no response to {method}"
            if isinstance(message, Request):
                raise AssertionError(f"{message.method} in place of a response to {method}")
            if leg is not None and message.get("Call-ID") != leg.call_id:
                continue
            if message.get("CSeq").endswith(f" {method}") and message.status >= least:
                return message

    def request_heard(self, method):
        """The next request, which is that one; responses that come again, and requests too, are passed over."""
        while True:
            message = self.hear()
            assert message is not None, f"no {method} came"
            if isinstance(message, Request) and message.method == method:
                return message

    def answer(self, request, status, reason, body="", headers="", tag="answer"):
        to = request.get("To")
        to += "" if ";tag=" in to or status == 100 else f";tag={tag}"
        vias = "".join(f"Via: {via}\r\n" for via in request.all("Via"))
        routes = "".join(f"Record-Route: {route}\r\n" for route in request.all("Record-Route"))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.transport.send(f"SIP/2.0 {status} {reason}\r\n{vias}{routes}From: {request.get('From')}\r\nTo: {to}\r\n"
                            f"Call-ID: {request.get('Call-ID')}\r\nCSeq: {request.get('CSeq')}\r\n"
                            f"Contact: {self.contact}\r\n{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}")

    def invite(self, number, headers="", user=None):
        """Begins a call, answering the challenge; the leg, whose responses are still to come."""
        leg = Leg(self, os.urandom(8).hex(), f"<sip:{user or self.username}@{self.domain}>;tag={os.urandom(4).hex()}",
                  f"<sip:{number}@{self.domain}>", f"sip:{number}@{self.domain}")
        for attempt in range(2):
            credentials = self.authorization("INVITE", leg.target) if attempt else ""
            leg.branch = "z9hG4bK" + os.urandom(6).hex()
            leg.send("INVITE", headers=headers + credentials, body=OFFER, branch=leg.branch)
            if attempt == 0:
                reply = self.response("INVITE", leg=leg)
                self.learn(reply)
                self.acknowledge(leg, reply)
        return leg

    def acknowledge(self, leg, reply):
        """ACK of whatever final response came."""
        if reply.status < 300:
            leg.remote = reply.get("To")
            leg.target = re.search(r"<([^>]+)>", reply.get("Contact")).group(1)
            leg.send("ACK", cseq=leg.cseq)
            return
        remote, leg.remote = leg.remote, reply.get("To")
        leg.send("ACK", cseq=leg.cseq, branch=leg.branch)
        leg.remote = remote

    def refused(self, leg):
        """The final refusal of a call."""
        reply = self.response("INVITE", leg=leg)
        assert reply.status >= 300, reply.headers
        self.acknowledge(leg, reply)
        return reply

    def ringing(self, leg, status=180):
        assert self.response("INVITE", 101).status == status

    def connected(self, leg):
        reply = self.response("INVITE")
        assert reply.status == 200, (reply.status, reply.reason)
        self.acknowledge(leg, reply)
        return reply

    def take(self, request, tag="answer"):
        """Answers a call that came: the leg."""
        self.answer(request, 200, "OK", ANSWER if request.body else OFFER, tag=tag)
        return self.leg_of(request, self.request_heard("ACK"), tag)

    def leg_of(self, request, ack, tag="answer"):
        """The leg of a call that came, was answered and acknowledged."""
        target = re.search(r"<([^>]+)>", request.get("Contact")).group(1)
        leg = Leg(self, request.get("Call-ID"), f"{request.get('To')};tag={tag}", request.get("From"), target,
                  routes=request.all("Record-Route"))
        leg.ack = ack
        return leg


def make_device(account, name="Desk"):
    reply = account.client.post("/devices", json={"name": name})
    assert reply.status_code == 200, reply.text
    return reply.json()


class Person:
    """An account with a number, a device, and a phone that is registered."""

    def __init__(self, server, number, registers=True):
        self.account = Account(server)
        self.client = self.account.client
        reply = self.client.post("/phone_numbers", json={"phone_number": number})
        assert reply.status_code == 200, reply.text
        self.number, self.number_id = number, reply.json()["id"]
        self.device = make_device(self.account)
        self.phone = Caller(server, self.device)
        if registers:
            assert self.phone.register(expires=600).status == 200

    def call(self):
        """The latest record, once it is over."""
        sip.wait_until(lambda: self.calls() and self.calls()[0]["ended_at"], "the call does not end")
        return self.calls()[0]

    def calls(self):
        reply = self.client.get("/calls")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]

    def statuses(self):
        return [one["status"] for one in self.calls()]

    def events(self, subject_id):
        reply = self.client.get("/events", params={"limit": 100})
        assert reply.status_code == 200, reply.text
        return [one["type"] for one in reply.json()["items"]
                if one["subject"] == "call" and one["subject_id"] == subject_id]
