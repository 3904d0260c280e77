"""How a sequence of steps with numbers is played on a server, and held against the model (support/model.py)."""

import collections
import itertools
import json
import time
from urllib.parse import quote

from .client import judge
from .model import Model, Wrong
from .people import Account
from .wire import Wire

NAMES = ("ann", "bob", "cem", "root")  # the last one is an administrator
POOL_SIZE = 4
PHONES = POOL_SIZE + 3  # those behind the pool's belong to none
CHANGES = ({"friendly_name": "front desk"}, {"friendly_name": None}, {"tags": ["a", "b", "a"]}, {"tags": []},
           {"friendly_name": "lobby", "tags": ["x y"]})
NOBODYS_ID = 987654321
# Replies of one kind (method, path, status) that are held against /openapi.json; the model sees all.
JUDGED = 12


class Difference(AssertionError):
    """The program did not do what the model does."""


def require(condition, where, expected, got):
    if not condition:
        raise Difference(f"{where}\n    expected {expected}\n    got      {got}")


class Run:
    """A server, its accounts, and how a sequence is played on it."""

    def __init__(self, server, clock):
        self.server = server
        self.clock = clock
        self.hours = 0  # of this clock; a sequence begins wherever it is
        people = [Account(server, name=name) for name in NAMES]
        people[-1].promote()
        self.accounts = {one.name: one.id for one in people}
        # tokens end while the clock moves on, keys do not
        self.keys = {one.name: one.key()["key"] for one in people}
        self.wires = {name: Wire(server) for name in NAMES}
        server.secrets.update(self.keys.values())
        self.judged = collections.Counter()
        self.block = 0
        self.written = {name: collections.Counter() for name in NAMES}
        self.steps = []

    def close(self):
        for wire in self.wires.values():
            wire.close()

    # ---- requests ----

    def ask(self, who, method, path, body=None, **headers):
        """One request; the status, the value of the body, and the headers."""
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.keys[who]}"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        elif method != "GET":
            lines.append("Content-Length: 0")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        wire = self.wires[who]
        wire.send("\r\n".join((*lines, "", "")).encode() + data)
        _, status, fields = wire.head()
        content = wire.take(int(fields.get("Content-Length", 0)))
        plain = path.partition("?")[0]
        kind = (method, self.server.contract.template(plain), status)
        if self.judged[kind] < JUDGED:
            self.judged[kind] += 1
            judge(self.server, method, plain, status, fields, content, data)
        return status, json.loads(content) if content else None, fields

    def pages(self, who, path):
        """The items of a list, page by page."""
        after = ""
        while True:
            status, page, _ = self.ask(who, "GET", f"{path}{'&' if '?' in path else '?'}limit=100{after}")
            require(status == 200, f"GET {path} of {who}", 200, (status, page))
            yield from page["items"]
            if page["next"] is None:
                return
            after = f"&after={quote(page['next'])}"

    def ours(self, who, path):
        """The items of a list that are of this sequence."""
        return [one for one in self.pages(who, path) if one["phone_number"] in self.phones]

    # ---- a sequence ----

    def begin(self):
        """A world of its own: numbers that no sequence before has touched."""
        self.block += 1
        self.digits = f"4930{self.block:05}"
        self.phones = [f"+{self.digits}{last}" for last in range(PHONES)]
        self.model = Model(self.accounts, {NAMES[-1]})
        self.ids = {}
        self.facts = {}
        self.pool_id = NOBODYS_ID
        self.steps = []
        self.make_pool(NAMES[-1])

    def play(self, steps):
        """Plays steps, which may depend on what became of those before. Raises Difference."""
        self.begin()
        try:
            for step in steps:
                self.steps.append(step)
                self.do(*step)
            self.compare_everything()
            self.end()
            self.compare_everything()
        except Wrong as wrong:
            raise Difference(str(wrong)) from wrong
        # what is in quarantine now is freed while other sequences are played
        self.model.forward(31 * 24)
        for who in NAMES:
            self.written[who].update(entry[:3] for entry in self.model.audit[who])
            self.written[who].update(self.model.audit_of_time[who])

    def end(self):
        """Every quarantine and every offer is over; then nobody has anything."""
        self.forward(31 * 24)
        for who in NAMES:
            for number in self.model.mine(who):
                self.release(who, self.phones.index(number["phone_number"]))
        for number in self.model.reserved():
            self.unreserve(NAMES[-1], self.phones.index(number["phone_number"]))
        if self.pool_id != NOBODYS_ID:
            self.delete_pool(NAMES[-1])

    def do(self, action, *words):
        getattr(self, action)(*words)

    def id_of(self, phone):
        """The id that a number has, or had last."""
        number = self.model.numbers.get(phone)
        if number is not None:
            self.ids[phone] = number.id
        return self.ids.get(phone, NOBODYS_ID)

    def same(self, where, expected, got):
        """The status and the body are the model's."""
        status, body = got[0], got[1]
        expected_status, expected_body = expected
        require(status == expected_status, where, expected, (status, body))
        if expected_body is None and status == 409:
            return
        require(self.plain(where, body) == expected_body, where, expected, (status, body))

    def plain(self, where, value):
        """A body as the model has it. What it leaves out of a number must always be the same."""
        if isinstance(value, list):
            return [self.plain(where, one) for one in value]
        if not isinstance(value, dict) or "created_at" not in value and "valid" not in value:
            return value
        value = dict(value)
        for names, key in ((("country", "type", "national_format", "valid"), value.get("phone_number")),
                           (("created_at",), (value.get("phone_number", "a pool"), value.get("id")))):
            fact = tuple(value.pop(name) for name in names if name in value)
            require(not fact or self.facts.setdefault(key, fact) == fact, where, self.facts.get(key), fact)
        return value

    # ---- steps ----

    def create(self, who, slot, name=None):
        phone = self.phones[slot]
        body = {"phone_number": phone} if name is None else {"phone_number": phone, "friendly_name": name}
        got = self.ask(who, "POST", "/phone_numbers", body)
        self.same(f"{who} creates {phone}", self.model.create(who, phone, name, got[1]), got)

    def claim(self, who, slot, quantity, way):
        digits = self.phones[slot][1:]
        if way == "prefix":
            body, fits = {"prefix": self.digits}, lambda phone: True
        elif way == "one":
            body, fits = {"prefix": f"+{digits}"}, lambda phone: phone == self.phones[slot]
        else:
            # contains is anywhere in the number: only the whole number cannot be elsewhere
            body, fits = {"contains": f"{digits[:6]}*{digits[7:]}", "prefix": self.digits}, lambda phone: phone == f"+{digits}"
        if quantity != 1:
            body["quantity"] = quantity
        got = self.ask(who, "POST", "/phone_numbers/claim", body)
        self.same(f"{who} claims {quantity} of {body}", self.model.claim(who, fits, quantity, got[1]), got)

    def get(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} reads {number}", self.model.get(who, number), self.ask(who, "GET", f"/phone_numbers/{number}"))

    def patch(self, who, slot, changes, match):
        number = self.id_of(self.phones[slot])
        where = f"{who} changes {number}: {changes}, If-Match {match}"
        headers = {}
        if match != "none":
            status, _, fields = self.ask(who, "GET", f"/phone_numbers/{number}")
            headers["If_Match"] = fields["ETag"] if match == "right" and status == 200 else '"another"'
        got = self.ask(who, "PATCH", f"/phone_numbers/{number}", CHANGES[changes], **headers)
        if match == "wrong" and self.model.get(who, number)[0] == 200:
            require(got[0] == 412, where, 412, got[:2])
            return
        self.same(where, self.model.patch(who, number, CHANGES[changes]), got)
        if match == "right" and got[0] == 200:
            require(got[2]["ETag"] != headers["If_Match"], where, "another ETag", got[2]["ETag"])
            stale = self.ask(who, "PATCH", f"/phone_numbers/{number}", CHANGES[changes], **headers)
            require(stale[0] == 412, f"{where}, with what is stale now", 412, stale[:2])

    def release(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} releases {number}", self.model.release(who, number),
                  self.ask(who, "DELETE", f"/phone_numbers/{number}"))

    def restore(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} restores {number}", self.model.restore(who, number),
                  self.ask(who, "POST", f"/phone_numbers/{number}/restore"))

    def offer(self, who, slot, to):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} offers {number} to {to}", self.model.offer(who, number, to),
                  self.ask(who, "POST", f"/phone_numbers/{number}/transfer", {"username": to}))

    def accept(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} accepts {number}", self.model.accept(who, number),
                  self.ask(who, "POST", f"/phone_numbers/{number}/transfer/accept"))

    def end_offer(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} refuses or withdraws {number}", self.model.end_offer(who, number),
                  self.ask(who, "DELETE", f"/phone_numbers/{number}/transfer"))

    def reserve(self, who, slot):
        phone = self.phones[slot]
        got = self.ask(who, "POST", "/reserved_numbers", {"phone_number": phone})
        self.same(f"{who} reserves {phone}", self.model.reserve(who, phone, got[1]), got)

    def unreserve(self, who, slot):
        number = self.id_of(self.phones[slot])
        self.same(f"{who} ends the reservation of {number}", self.model.unreserve(who, number),
                  self.ask(who, "DELETE", f"/reserved_numbers/{number}"))

    def forward(self, hours):
        for phone in self.phones:
            self.id_of(phone)
        self.clock.forward(hours=hours)
        self.model.forward(hours)

    def make_pool(self, who):
        phones = self.phones[:POOL_SIZE]
        body = {"name": f"pool {self.digits}"}
        body.update({"numbers": phones[::-1]} if self.block % 3 == 0 else {"first": phones[0], "last": phones[-1]})
        got = self.ask(who, "POST", "/number_pools", body)
        self.same(f"{who} makes the pool", self.model.make_pool(who, body["name"], phones, got[1]), got)
        if got[0] == 200:
            self.pool_id = got[1]["id"]

    def delete_pool(self, who):
        self.same(f"{who} deletes the pool", self.model.delete_pool(who, self.pool_id),
                  self.ask(who, "DELETE", f"/number_pools/{self.pool_id}"))

    def look(self, who):
        self.compare_lists(who)
        self.compare_available(who)

    # ---- what must be the same at the end ----

    def compare_lists(self, who):
        mine = self.ours(who, f"/phone_numbers?prefix={self.digits}")
        self.same(f"the numbers of {who}", (200, self.model.mine(who)), (200, mine))
        gone = self.ours(who, f"/phone_numbers?status=quarantined&prefix={self.digits}")
        self.same(f"what {who} can restore", (200, self.model.restorable(who)), (200, gone))
        transfers = self.ours(who, "/phone_number_transfers")
        for one in transfers:
            del one["expires_at"]
        self.same(f"the offers to and by {who}", (200, self.model.transfers(who)), (200, transfers))

    def compare_available(self, who):
        items = self.ours(who, f"/available_phone_numbers?prefix={self.digits}")
        self.plain("the free numbers", items)
        phones = [one["phone_number"] for one in items]
        require(phones == self.model.available(), "the free numbers", self.model.available(), phones)

    def compare_everything(self):
        for who in NAMES:
            self.compare_lists(who)
            self.compare_audit(who)
        self.compare_available(NAMES[0])
        reserved = self.ours(NAMES[-1], "/reserved_numbers")
        self.same("the reserved numbers", (200, self.model.reserved()), (200, reserved))
        pools = [one for one in self.pages(NAMES[-1], "/number_pools") if self.digits in one["name"]]
        self.same("the pools", (200, [self.model.pool(name) for name in self.model.pools]),
                  (200, [{name: value for name, value in one.items() if name != "country"} for one in pools]))

    def compare_audit(self, who):
        """What was done, newest first. What time did may not have been noticed yet: see compare_record."""
        expected = self.model.audit[who][::-1]
        done = (entry_of(one) for one in self.pages(who, "/audit") if one["actor_id"] is not None)
        found = list(itertools.islice(done, len(expected)))
        require(found == expected, f"the record of {who}", expected, found)

    def compare_record(self):
        """The record of all sequences: each thing that was done, or that time did, exactly once."""
        self.clock.forward(days=31)
        deadline = time.monotonic() + 60
        while True:
            found = {who: collections.Counter(
                entry_of(one)[:3] for one in self.pages(who, "/audit")
                if one["action"].startswith(("number.", "pool."))) for who in NAMES}
            if found == self.written or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        for who in NAMES:
            require(found[who] == self.written[who], f"the whole record of {who}",
                    self.written[who] - found[who], found[who] - self.written[who])


def entry_of(one):
    return one["action"], one["detail"], one["target_id"], one["actor"]
