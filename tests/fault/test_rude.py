"""Slow, rude and many clients: whoever behaves is served as before."""

import contextlib
import os
import random
import resource
import socket
import statistics
import threading
import time

import pytest

from support.people import Account
from support.program import is_sanitized
from support.server import Server
from support.wire import Wire, head_of

# How much slower the others may become. Generous: what must not happen is that they wait for the rude.
PATIENCE = 20
# Faster than this nothing can be compared with: the scheduler alone takes as long.
LEAST_SECONDS = 0.002
# of <linux/in.h>: the port is chosen when the other end is known, which is faster by far
IP_BIND_ADDRESS_NO_PORT = 24


class Pulse:
    """An ordinary client, measured before and beside something rude."""

    def __init__(self, server):
        self.account = Account(server)
        self.number = self.account.create()["id"]
        self.before = self.seconds()
        self.bound = PATIENCE * max(self.before, LEAST_SECONDS)

    def beat(self):
        begin = time.perf_counter()
        assert self.account.client.get(f"/phone_numbers/{self.number}").status_code == 200
        self.account.create()
        return time.perf_counter() - begin

    def seconds(self, beats=40):
        return statistics.median(self.beat() for _ in range(beats))

    def _until_patient(self, beats):
        """Up to three measurements: the machine has other things to do as well."""
        for _ in range(3):
            yield (seconds := self.seconds(beats))
            if seconds < self.bound:
                return

    def check(self, beats=40):
        """Beside something rude: on the connection that it has, on a new one, and with a login."""
        beside = min(self._until_patient(beats))
        assert beside < self.bound, f"{self.before * 1000:.2f} ms before, {beside * 1000:.2f} ms beside"
        fresh = self.account.server.client(self.account.token)
        assert fresh.get("/auth/me").status_code == 200
        fresh.close()
        assert self.account.login().status_code == 200


@pytest.fixture
def pulse(server):
    return Pulse(server)


@contextlib.contextmanager
def connections(server, count):
    """So many connections, from as many loopback addresses as their ports need."""
    opened = []
    try:
        for turn in range(count):
            one = socket.socket()
            one.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            one.bind((f"127.0.0.{2 + turn // 2000}", 0))
            one.connect((server.host, server.port))
            opened.append(one)
        yield opened
    finally:
        for one in opened:
            one.close()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def let_go(server, before):
    """The server lets go of connections that were closed."""
    deadline = time.monotonic() + 30
    while descriptors(server) > before + 20:
        assert time.monotonic() < deadline, f"{descriptors(server)} descriptors, {before} before"
        time.sleep(0.05)


SLOW = [
    head_of("GET", "/healthz", "X-Slow: yes"),
    head_of("POST", "/auth/login", "Content-Type: application/json", "Content-Length: 1000"),
    head_of("POST", "/auth/register", "Transfer-Encoding: chunked") + "100\r\n" + "x" * 100,
    "\r\n\r\n" + head_of("GET", "/phone_numbers"),
]


def test_500_clients_that_send_a_byte_a_second(server, pulse):
    stop = threading.Event()

    def drip(opened):
        second = 0
        while not stop.is_set():
            for turn, one in enumerate(opened):
                text = SLOW[turn % len(SLOW)].encode()
                with contextlib.suppress(OSError):
                    # half of them have come further: they are slow in their body
                    one.send(text[:-10] if second == 0 and turn % 2 else text[second:second + 1])
            second += 1
            stop.wait(1)

    with connections(server, 500) as opened:
        thread = threading.Thread(target=drip, args=(opened,))
        thread.start()
        try:
            time.sleep(0.2)
            for _ in range(3):
                pulse.check()
                time.sleep(0.5)
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("half", [
    "", "G", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ", head_of("POST", "/auth/login", "Content-Length: 100") + '{"username": ',
    head_of("POST", "/auth/login", "Transfer-Encoding: chunked") + "10\r\n{",
    head_of("POST", "/auth/register", "Expect: 100-continue", "Content-Length: 50")])
def test_half_requests_and_then_silence(server, pulse, half):
    before = descriptors(server)
    with connections(server, 200) as opened:
        for one in opened:
            one.sendall(half.encode())
        pulse.check()
    # some are let go only when they have been silent for long; they hurt nobody
    pulse.check()
    assert descriptors(server) <= before + 220


def test_garbage(server, pulse):
    noise = random.Random(1)
    with connections(server, 300) as opened:
        for turn, one in enumerate(opened):
            with contextlib.suppress(OSError):
                one.sendall(noise.randbytes(1 + turn * 20))
        pulse.check()
    with connections(server, 100) as opened:
        for one in opened:
            with contextlib.suppress(OSError):
                one.sendall(b"\r\n" * 3000)
        pulse.check()


def test_tls_on_a_plain_port(server, pulse):
    hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(range(200))
    with connections(server, 200) as opened:
        for one in opened:
            one.sendall(hello)
        pulse.check()


def test_100_requests_in_one_segment(server, pulse):
    requests = "".join(head_of("GET", "/auth/me", f"Authorization: Bearer {pulse.account.token}", f"X-Request-ID: n{turn}")
                       for turn in range(100))
    wires = [Wire(server) for _ in range(10)]
    for wire in wires:
        wire.send(requests)
    pulse.check()
    for wire in wires:
        for turn in range(100):
            reply = wire.reply("GET", "/auth/me")
            assert (reply.status, reply.headers["X-Request-ID"]) == (200, f"n{turn}")
        wire.close()


def test_clients_that_never_read(server, pulse):
    """What they asked for waits in the kernel and in their own connection, nowhere else."""
    memory = resident_bytes(server)
    requests = head_of("GET", "/openapi.json").encode() * 200
    with connections(server, 200) as opened:
        for one in opened:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(20):
                    one.send(requests)
        pulse.check()
        grown = resident_bytes(server) - memory
        assert grown < 200 * 100_000 or is_sanitized(), f"{grown} bytes for 200 connections"


def test_clients_that_come_and_go(server, pulse):
    before = descriptors(server)
    stop = threading.Event()

    def hurry(reset):
        while not stop.is_set():
            with contextlib.suppress(OSError):
                one = socket.create_connection((server.host, server.port))
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.sendall(head_of("GET", "/healthz").encode())
                one.close()
            time.sleep(0.001)  # the pulse shares this process

    threads = [threading.Thread(target=hurry, args=(turn % 2 == 0,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    try:
        pulse.check()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    let_go(server, before)


def as_many_as_possible(wanted):
    """Raises the limit of open files as far as it goes; how many connections of those wanted that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY and hard < 100_000 else max(soft, 100_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return min(wanted, limit - 500)


def test_10_000_idle_connections(server, pulse):
    count = as_many_as_possible(10_000)
    before, memory = descriptors(server), resident_bytes(server)
    with connections(server, count) as opened:
        deadline = time.monotonic() + 30
        while descriptors(server) < before + count:
            assert time.monotonic() < deadline, f"{descriptors(server) - before} of {count} were let in"
            time.sleep(0.05)
        each = (resident_bytes(server) - memory) / count
        print(f"{count} idle connections, {each:.0f} bytes each")
        pulse.check()
        assert each < 10_000 or is_sanitized()
        # they are not only held: any of them may ask
        for one in opened[::count // 50]:
            one.sendall(head_of("GET", "/healthz").encode())
            assert one.recv(12) == b"HTTP/1.1 200"
        pulse.check()
    let_go(server, before)
    pulse.check()


def test_idle_connections_are_watched_not_visited(server, pulse):
    """A server with thousands of idle connections and nothing to do does nothing."""
    count = as_many_as_possible(2000)
    with connections(server, count):
        time.sleep(0.5)
        begin = time.process_time_ns(), _cpu_seconds(server)
        time.sleep(1)
        assert _cpu_seconds(server) - begin[1] < 0.3


def _cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_more_connections_than_are_let_in(tmp_path):
    """Beyond the limit one waits; whoever is in is served; and when others leave, those outside come in."""
    with Server(tmp_path, MAX_CONNECTIONS=64) as server:
        pulse = Pulse(server)
        with connections(server, 300) as opened:
            for one in opened:
                with contextlib.suppress(OSError):
                    one.sendall(head_of("GET", "/healthz").encode())
            pulse.seconds(10)
        for _ in range(200):
            try:
                pulse.account.server.client(pulse.account.token).get("/auth/me")
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("nobody is let in any more")
