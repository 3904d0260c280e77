"""kill -9 in the middle of 1,000 calls: afterwards each call that was paid for or known to the disk has one record, those that were
up are `interrupted` at the last moment they were known to be up, those that had ended keep their end, and nobody owes
more than his calls have lasted."""

import copy
import random
import re
import select
import socket
import time

import pytest

from support import sip
from support.clock import Clock
from support.people import Account, fresh_name
from support.server import Server

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
OUTSIDE = "+8837555000"
CALLS = 1000
OPEN = ("queued", "ringing", "in-progress")
SETTINGS = {"SIP_RATE_PER_ADDRESS": "100000", "CALLS_PER_ACCOUNT": "0", "CALLS_PER_MINUTE": "0", "SIP_TRANSACTIONS_PER_ADDRESS": "0"}


def header(text, name):
    return re.search(rf"(?im)^{name}\s*:\s*(.*?)\r$", text).group(1)


def reply(text, status, contact="", body=""):
    """A response of the called side, whose tag is always the same."""
    vias = "".join(f"{line}\r\n" for line in re.findall(r"(?im)^(Via\s*:.*?)\r$", text))
    to = header(text, "To")
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (f"SIP/2.0 {status}\r\n{vias}From: {header(text, 'From')}\r\nTo: {to}{'' if ';tag=' in to else ';tag=them'}\r\n"
            f"Call-ID: {header(text, 'Call-ID')}\r\nCSeq: {header(text, 'CSeq')}\r\n{contact}{kind}Content-Length: {len(body)}\r\n\r\n{body}")


class Load:
    """A carrier that calls a number, which is forwarded to another carrier: one socket each, one loop for both."""

    def __init__(self, server, folder_admin):
        self.server = server
        self.port = sip.ports(server)["udp"]
        self.calling, self.called = (self.open(address) for address in ("127.0.9.2", "127.0.9.3"))
        self.owner = Account(server)
        self.number = self.owner.create()
        for name, one, prefixes in (("called", self.called, [OUTSIDE]), ("calling", self.calling, [])):
            host, port = one.getsockname()
            made = folder_admin.client.post("/trunks", json={"name": fresh_name() + name, "host": f"{host}:{port}", "prefixes": prefixes,
                                                             "allow_from": [host]})
            assert made.status_code == 200, made.text
        done = self.owner.client.put(f"/phone_numbers/{self.number['id']}/voice", json={"ring": [], "forward_to": OUTSIDE})
        assert done.status_code == 200, done.text
        self.make_numbers()
        done = folder_admin.client.put(f"/users/{self.owner.id}/call_limits", json={"trunks": True, "prefixes": ["+"]})
        assert done.status_code == 200, done.text
        self.begun = set()     # an INVITE was sent
        self.out = set()       # it came out at the other carrier, so that its record is on the disk
        self.up = {}           # answered, and acknowledged: what a BYE needs
        self.hung_up = {}      # when the BYE was sent
        self.over = {}         # and answered

    def make_numbers(self):
        """One for each call, by which its record is known; all forwarded alike."""
        with self.server.opened() as database:
            columns = "user_id, created_at, status, version, voice"
            row = database.execute(f"SELECT {columns} FROM virtual_phone_numbers WHERE id = ?", (self.number["id"],)).fetchone()
            database.executemany(f"INSERT INTO virtual_phone_numbers (id, phone_number, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 [(100_000 + call, f"+4998{call:07}", *row) for call in range(CALLS)])

    def open(self, address, port=0):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        one.bind((address, port))
        one.connect(("127.0.0.1", self.port))
        return one

    def move(self):
        """To the process that has begun; the places stay the same, since they are the trunks'."""
        places = [one.getsockname() for one in (self.calling, self.called)]
        self.close()
        self.port = sip.ports(self.server)["udp"]
        self.calling, self.called = (self.open(*place) for place in places)

    def close(self):
        self.calling.close()
        self.called.close()

    def request(self, method, call, to_tag="", target=None, cseq=1):
        host, port = self.calling.getsockname()
        body = OFFER if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        number = f"+4998{call:07}"
        target = target or f"sip:{number}@localhost"
        self.calling.send((f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call}-{method}-{cseq};rport\r\n"
                           f"Max-Forwards: 70\r\nFrom: <sip:+88990000@carrier>;tag=f{call}\r\nTo: <sip:{number}@localhost>{to_tag}\r\n"
                           f"Call-ID: c{call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:me@{host}:{port}>\r\n{kind}"
                           f"Content-Length: {len(body)}\r\n\r\n{body}").encode())

    def begin(self, call):
        self.begun.add(call)
        self.request("INVITE", call)

    def hang_up(self, call):
        self.hung_up[call] = time.time() * 1000
        self.request("BYE", call, *self.up[call], cseq=2)

    def turn(self, seconds=0.0):
        """Handles what has come; whether anything has."""
        came = False
        for one in select.select([self.calling, self.called], [], [], seconds)[0]:
            while True:
                try:
                    text = one.recv(65536, socket.MSG_DONTWAIT).decode()
                except (BlockingIOError, ConnectionRefusedError):
                    break
                came = True
                (self.heard if one is self.calling else self.asked)(text)
        return came

    def heard(self, text):
        """At the carrier that calls."""
        if not text.startswith("SIP/2.0 "):
            return self.calling.send(reply(text, "200 OK").encode())
        call = int(header(text, "Call-ID")[1:])
        status, method = int(text[8:11]), header(text, "CSeq").split()[1]
        assert status < 300, text
        if method == "INVITE" and status >= 200:
            self.up[call] = (";tag=" + re.search(r"tag=([^;\s]+)", header(text, "To")).group(1),
                             re.search(r"<([^>]+)>", header(text, "Contact")).group(1))
            self.request("ACK", call, *self.up[call])
        elif method == "BYE":
            self.over[call] = time.time() * 1000
        return None

    def asked(self, text):
        """At the other one: it answers at once."""
        host, port = self.called.getsockname()
        if text.startswith("INVITE "):
            self.out.add(int(re.search(r"sip:\+4998(\d{7})@", header(text, "From")).group(1)))
            self.called.send(reply(text, "200 OK", f"Contact: <sip:them@{host}:{port}>\r\n", OFFER).encode())
        elif text.startswith("BYE "):
            self.called.send(reply(text, "200 OK").encode())

    def until(self, condition, what):
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, what
            self.turn(0.02)


def records(server):
    """{number of the call: its record}, and nothing twice."""
    with server.opened() as database:
        rows = database.execute("SELECT to_number, status, started_at, ringing_at, answered_at, ended_at, payer_id, paid_from, node FROM calls"
                                ).fetchall()
        nodes = dict(database.execute("SELECT node, seen_at FROM call_nodes").fetchall())
    found = {}
    for row in rows:
        call = int(row[0][-7:])
        assert call not in found, f"{call} has two records"
        found[call] = dict(zip(("status", "started", "ringing", "answered", "ended", "payer", "paid", "node"), row[1:]))
    return found, nodes


def usage(server):
    with server.opened() as database:
        return database.execute("SELECT coalesce(sum(ms), 0) FROM call_usage").fetchone()[0]


def judge(before, nodes, after, used):
    """What a start makes of what a kill has left."""
    assert before.keys() == after.keys(), "a record is lost, or made up"
    owed = 0
    for call, was in before.items():
        row = after[call]
        assert row["status"] not in OPEN and row["ended"] is not None, (call, row)
        if was["status"] in OPEN:
            known = max(nodes[was["node"]], *(at for at in (was["started"], was["ringing"], was["answered"]) if at is not None))
            assert (row["status"], row["ended"]) == ("interrupted", known), (call, was, row)
        else:
            assert row == was, (call, was, row)
        assert row["answered"] == was["answered"] and row["payer"] is not None
        if row["answered"] is not None:
            owed += max(0, row["ended"] - max(row["answered"], row["paid"]))
    assert used == owed, f"{used} ms are charged, of calls of {owed} ms"


@pytest.fixture
def load(tmp_path):
    """A server, with a clock that lets a test skip the time that a process may be silent for, and the load on it."""
    clock = Clock()
    with Server(tmp_path, clock=clock, errors=True, **SETTINGS) as server:
        one = Load(server, Account(server).promote())
        one.clock = clock

        def is_known():  # the one that calls, and then the other too, which is older
            one.request("OPTIONS", 9_999_999)
            return select.select([one.calling], [], [], 0.2)[0]
        sip.wait_until(is_known, "the trunk is not known")
        sip.wait_until(lambda: not one.turn(0.3), "the answers to OPTIONS do not end")
        yield one
        one.close()


def kill(load, seconds=30):
    """kill -9, and a start; what was there before and after it."""
    load.server.kill()
    before, nodes = records(load.server)
    load.clock.forward(seconds=seconds)  # on a shared database a process is taken for gone after a while
    load.server.start()
    sip.wait_until(lambda: all(row["ended"] is not None for row in records(load.server)[0].values()), "records stay open")
    return before, nodes, records(load.server)[0], usage(load.server)


def test_in_the_middle_of_a_thousand_calls(load):
    for call in range(CALLS):
        load.begin(call)
        load.turn()
        if call % 20 == 0:
            load.until(lambda: len(load.up) > len(load.begun) - 100, "calls are not answered")
    load.until(lambda: len(load.up) == CALLS, "calls are not answered")
    ended = random.sample(range(CALLS), 400)
    for call in ended:
        load.hang_up(call)
        load.turn()
    load.until(lambda: len(load.over) == 400, "calls do not end")
    asked = time.time() * 1000

    def is_written():
        found, nodes = records(load.server)
        return (sum(row["status"] == "completed" for row in found.values()) == 400 and
                sum(row["status"] == "in-progress" for row in found.values()) == 600 and max(nodes.values()) > asked)
    load.until(is_written, "the records are not written")
    written = time.time() * 1000
    before, nodes, after, used = kill(load)
    assert set(after) == set(range(CALLS))
    judge(before, nodes, after, used)
    for call, row in after.items():
        assert row["status"] == ("completed" if call in load.over else "interrupted")
        assert row["payer"] == load.owner.id and used > 0
        if call in load.over:
            assert load.hung_up[call] - 1 <= row["ended"] <= written + 1
        else:
            assert row["ended"] > asked


def test_at_any_moment(load):
    """What came out at the other carrier has a record; what the record says has happened."""
    chance = random.Random(1)
    first = 0
    for _ in range(4):
        last = first + 150
        steps = chance.randrange(100, 900)
        for call in range(first, last):
            load.begin(call)
            for _ in range(3):
                steps -= load.turn()
            for one in [one for one in load.up if one >= first and one not in load.hung_up][:1 if chance.random() < 0.5 else 0]:
                load.hang_up(one)
            if steps < 0:
                break
        before, nodes, after, used = kill(load)
        load.turn()
        judge(before, nodes, after, used)
        assert load.out <= set(after), "a call that went out has no record"
        assert set(after) <= load.begun
        for call, row in after.items():
            assert row["status"] != "completed" or call in load.hung_up
            assert row["answered"] is None or call in load.out
        load.move()
        first = last


def first_of(rows, status):
    return next(call for call, row in rows.items() if row["status"] == status)


SABOTAGE = {
    "a record is lost": lambda after, used: (after.pop(first_of(after, "completed")), used)[1],
    "a record is made up": lambda after, used: (after.update({-1: after[first_of(after, "completed")]}), used)[1],
    "a call goes on": lambda after, used: (after[first_of(after, "interrupted")].update(status="in-progress"), used)[1],
    "one that was up has ended well": lambda after, used: (after[first_of(after, "interrupted")].update(status="completed"), used)[1],
    "it was up for longer": lambda after, used: (after[first_of(after, "interrupted")].update(ended=1 << 42), used)[1],
    "one that had ended ends later": lambda after, used: (after[first_of(after, "completed")].update(ended=1 << 42), used)[1],
    "one that had ended is interrupted": lambda after, used: (after[first_of(after, "completed")].update(status="interrupted"), used)[1],
    "what follows is charged": lambda after, used: used + 1,
}


def test_it_finds(load):
    """Each of these must be noticed."""
    for call in range(20):
        load.begin(call)
    load.until(lambda: len(load.up) == 20, "calls are not answered")
    for call in range(5):
        load.hang_up(call)
    load.until(lambda: [row["status"] for row in records(load.server)[0].values()].count("completed") == 5, "calls do not end")
    load.until(lambda: [row["status"] for row in records(load.server)[0].values()].count("in-progress") == 15, "calls are not up")
    before, nodes, after, used = kill(load)
    judge(before, nodes, after, used)
    for what, spoil in SABOTAGE.items():
        spoilt = copy.deepcopy(after)
        now_used = spoil(spoilt, used)
        try:
            judge(before, nodes, spoilt, now_used)
        except AssertionError:
            continue
        pytest.fail(f"{what}, and nothing notices")
    with load.server.opened() as database:
        database.execute("INSERT INTO calls (id, call_key, node, from_number, to_number, status, started_at) "
                         "SELECT 99999, 'twice', node, from_number, to_number, status, started_at FROM calls WHERE id = (SELECT min(id) FROM calls)")
    with pytest.raises(AssertionError, match="two records"):
        records(load.server)
    with load.server.opened() as database:
        database.execute("DELETE FROM calls WHERE id = 99999")
