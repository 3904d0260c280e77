"""Requests that arrive too slowly, and addresses with too many connections."""

import contextlib
import socket
import time

import pytest

from support.wire import head_of

# However slow the machine: a client that is cut off knows it by then.
PATIENCE_S = 120


def dialed(server, source="127.0.0.1"):
    one = socket.socket()
    one.bind((source, 0))
    one.connect((server.host, server.port))
    one.settimeout(PATIENCE_S)
    return one


def is_closed(one):
    with contextlib.suppress(ConnectionError):
        return one.recv(1) == b""
    return True


def drips_until_closed(one, text, pause):
    """Sends a byte again and again; whether the other end closes before they all are sent."""
    one.setblocking(False)
    deadline = time.monotonic() + PATIENCE_S
    for byte in text:
        assert time.monotonic() < deadline
        try:
            one.send(bytes([byte]))
            if one.recv(1) == b"":
                return True
        except BlockingIOError:
            pass
        except ConnectionError:
            return True
        time.sleep(pause)
    return False


# each is longer than what can be sent before the time is over
ENDLESS = [
    "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " + "y" * 3000,
    head_of("POST", "/auth/login", "Content-Type: application/json", "Content-Length: 3000") + "x" * 2999,
]


@pytest.mark.parametrize("pause", [0.1, 0.002])
@pytest.mark.parametrize("turn", range(len(ENDLESS)))
def test_a_request_that_drips_is_cut_off(launch, turn, pause):
    server = launch(REQUEST_TIMEOUT_SECONDS=1)
    one = dialed(server)
    text = ENDLESS[turn].encode()
    first = text.index(b"\r\n") + 2
    one.sendall(text[:first])
    assert drips_until_closed(one, text[first:], pause)
    one.close()
    assert server.client().get("/healthz").status_code == 200


def test_a_request_that_takes_its_time_is_answered(launch):
    server = launch(REQUEST_TIMEOUT_SECONDS=60)
    one = dialed(server)
    for piece in ("GET /heal", "thz HTTP/1.1\r\nHo", "st: x\r\n", "\r\n"):
        one.sendall(piece.encode())
        time.sleep(0.2)
    assert one.recv(12) == b"HTTP/1.1 200"
    one.close()


def test_silence_between_requests_is_no_slow_request(launch):
    server = launch(REQUEST_TIMEOUT_SECONDS=1)
    one = dialed(server)
    for _ in range(2):
        time.sleep(3.5)
        one.sendall(head_of("GET", "/healthz").encode())
        assert one.recv(12) == b"HTTP/1.1 200"
        while b"}" not in one.recv(4096):
            pass
    one.close()


def test_an_address_with_too_many_connections(launch):
    server = launch(MAX_CONNECTIONS_PER_ADDRESS=3)
    kept = [dialed(server, "127.0.0.9") for _ in range(3)]
    for one in kept:
        one.sendall(head_of("GET", "/healthz").encode())
        assert one.recv(12) == b"HTTP/1.1 200"
    for _ in range(5):
        further = dialed(server, "127.0.0.9")
        assert is_closed(further)
        further.close()
    other = dialed(server, "127.0.0.10")
    other.sendall(head_of("GET", "/healthz").encode())
    assert other.recv(12) == b"HTTP/1.1 200"
    # when one leaves there is room for one
    kept.pop().close()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < deadline
        next_one = dialed(server, "127.0.0.9")
        with contextlib.suppress(ConnectionError):
            next_one.sendall(head_of("GET", "/healthz").encode())
            if next_one.recv(12) == b"HTTP/1.1 200":
                break
        next_one.close()
    for one in [*kept, other, next_one]:
        one.close()


def test_a_trusted_proxy_may_have_any_number(launch):
    server = launch(MAX_CONNECTIONS_PER_ADDRESS=2, TRUSTED_PROXIES="127.0.0.9")
    opened = [dialed(server, "127.0.0.9") for _ in range(20)]
    for one in opened:
        one.sendall(head_of("GET", "/healthz").encode())
        assert one.recv(12) == b"HTTP/1.1 200"
        one.close()
