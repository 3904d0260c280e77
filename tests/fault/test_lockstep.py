"""Connections that become ready in the same moment, as group commit makes them."""

import contextlib
import signal

import pytest

from support.server import Server
from support.wire import Wire, head_of

REQUEST = head_of("GET", "/healthz")


# libmicrohttpd asks for 128 events at a time; with just as many ready it once waited for a 129th.
@pytest.mark.parametrize("count", [127, 128, 129, 256])
def test_connections_that_are_ready_together(tmp_path, count):
    with Server(tmp_path, HTTP_THREADS=1) as server, contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(server, timeout=20)) for _ in range(count)]
        for wire in wires:
            wire.send(REQUEST)
            assert wire.reply("GET", "/healthz").status == 200
        for _ in range(3):
            server.send_signal(signal.SIGSTOP)
            for wire in wires:
                wire.send(REQUEST)
            server.send_signal(signal.SIGCONT)
            for wire in wires:
                assert wire.reply("GET", "/healthz").status == 200


def test_a_stop_under_load_lets_nothing_hang(tmp_path):
    """Requests that arrive while the server stops are answered or cut off; the exit status is 0."""
    for _ in range(3):
        with Server(tmp_path) as server, contextlib.ExitStack() as stack:
            body = '{"username":"nobody","password":"at all"}'
            data = head_of("POST", "/auth/login", "Content-Type: application/json",
                           f"Content-Length: {len(body)}") + body
            wires = [stack.enter_context(Wire(server)) for _ in range(64)]
            for wire in wires:
                wire.send(data)
            server.stop()
