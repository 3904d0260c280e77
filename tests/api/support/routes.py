"""The routes of /openapi.json, and a good request for each of those that need more than their example."""

import functools
import itertools
import json
import os
import secrets
import tempfile
import time

from . import program
from .moment import wait_for
from .people import Account, fresh_name, fresh_number

_blocks = itertools.count()


class Route:
    """One operation of the document."""

    def __init__(self, method, template, operation):
        self.method = method
        self.template = template
        self.operation = operation

    def __str__(self):
        return f"{self.method} {self.template}"

    @property
    def key(self):
        return self.method, self.template

    @property
    def has_id(self):
        return "{" in self.template

    @property
    def is_public(self):
        return not self.operation["security"]

    @property
    def scopes(self):
        """The scopes that an API key must have."""
        return [scope for way in self.operation["security"] for scope in way["bearer"]]

    @property
    def headers(self):
        """The names of the header fields that it understands."""
        return {one["name"] for one in self.operation.get("parameters", []) if one["in"] == "header"}

    @property
    def example(self):
        """The body that the documentation shows; None for a route without one."""
        content = self.operation.get("requestBody", {}).get("content", {})
        return content["application/json"]["example"] if content else None

    def path(self, number):
        """The path with an id in its place."""
        head, _, tail = self.template.partition("{")
        return head + str(number) + tail.partition("}")[2] if tail else head


@functools.lru_cache(maxsize=None)
def routes():
    """Every route of the program, in the document's order."""
    with tempfile.TemporaryDirectory(prefix="ct-document-") as folder:
        document = json.loads(program.run(["openapi"], folder).stdout)
    return [Route(method.upper(), template, operation) for template, operations in document["paths"].items()
            for method, operation in operations.items()]


class World:
    """What there is on a server besides one account: an administrator, and things to be tried on."""

    def __init__(self, server):
        self.server = server
        self.admin = Account(server).promote()
        self.other = Account(server)

    def _done(self, reply, *statuses):
        assert reply.status_code in (statuses or (200,)), f"{reply.request.method} {reply.request.path_url}: {reply.text}"
        return reply

    def number(self, owner):
        """The id of a number."""
        return owner.create()["id"]

    def released(self, owner):
        """The id of a number that its owner can still restore."""
        number = self.number(owner)
        self._done(owner.client.delete(f"/phone_numbers/{number}"))
        return number

    def offered(self, owner):
        """The id of a number that is offered to a third account."""
        number = self.number(owner)
        self._done(owner.client.post(f"/phone_numbers/{number}/transfer", json={"username": self.other.name}), 202)
        return number

    def api_key(self, owner):
        """The id of an API key."""
        return owner.key()["id"]

    def device(self, owner):
        """The id of a device."""
        return self._done(owner.client.post("/devices", json={"name": "a phone"})).json()["id"]

    def call(self, owner, **columns):
        """The id of a call that the owner has got from a trunk: an hour ago, and for a minute, unless the columns
        say otherwise. Records are the SIP side's to write, so this one is put there."""
        row = {"call_key": secrets.token_hex(16), "node": "nobody", "callee_id": owner.id, "from_number": "+4989123456",
               "to_number": "+4930123456", "status": "completed", "hangup_by": "caller", "sip_code": 200, "reason": "OK"}
        began = columns.get("started_at", int(time.time() * 1000) - 3_600_000)
        row |= {"started_at": began, "ringing_at": began + 100, "answered_at": began + 2_000, "ended_at": began + 62_345, **columns}
        with self.server.opened() as database:
            # a process that is up for a long time to come: what it has is not taken for lost
            database.execute("INSERT INTO call_nodes (node, seen_at) VALUES ('nobody', 4102444800000) ON CONFLICT (node) DO NOTHING")
            row["id"] = 1 + database.execute(
                "SELECT max(id) FROM (SELECT last_id AS id FROM last_ids WHERE table_name = 'calls' "
                "UNION ALL SELECT id FROM calls) AS ids").fetchone()[0]
            database.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
        return row["id"]

    def webhook(self, owner):
        """The id of a webhook that leads to an address that is not allowed."""
        return self._done(owner.client.post("/webhooks", json={"url": "http://127.0.0.1:9/"})).json()["id"]

    def failed_delivery(self, owner):
        """The id of a delivery that nobody tries any more."""
        webhook = self.webhook(owner)
        self._done(owner.client.post(f"/webhooks/{webhook}/test"), 202)
        delivery = wait_for(lambda: next(
            (one for one in owner.client.get(f"/webhooks/{webhook}/deliveries").json()["items"] if one["error"]), None))
        with self.server.opened() as database:
            database.execute("UPDATE webhook_deliveries SET status = 'failed', due_at = NULL WHERE id = ?", (delivery["id"],))
        return delivery["id"]

    def trunk(self):
        """The id of a trunk."""
        return self._done(self.admin.client.post("/trunks", json={"name": fresh_name(), "host": "sip.example.com"})).json()["id"]

    def reserved(self):
        """The id of a number that nobody can have."""
        return self._done(self.admin.client.post("/reserved_numbers", json={"phone_number": fresh_number()})).json()["id"]

    def pool(self, size=100):
        """A pool that no other has a number of; the object that the server answers."""
        return self._done(self.admin.client.post("/number_pools", json=pool_body(size))).json()


def pool_body(size=100):
    """What makes a pool of up to a thousand numbers that no other has."""
    prefix = f"+4940{os.getpid() % 10000:04}{next(_blocks):04}"
    return {"name": fresh_name(), "first": f"{prefix}000", "last": f"{prefix}{size - 1:03}"}


def prefix_of(pool):
    """What all numbers of a pool by pool_body begin with, and no others."""
    return pool["first"][:-3]
