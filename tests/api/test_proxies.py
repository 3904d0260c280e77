"""X-Forwarded-For: believed from those who are trusted, and from nobody else."""

import pytest

from support.server import Server


def client_of(server, forwarded):
    """What the log says of who sent a request with this header."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    reply = server.client().get("/healthz", headers=headers)
    return server.line_of(reply.headers["X-Request-ID"])["client"]


@pytest.mark.parametrize("forwarded", [None, "203.0.113.7", "203.0.113.7, 127.0.0.1", "nonsense", ""])
def test_without_trust_the_header_says_nothing(server, forwarded):
    assert client_of(server, forwarded) == "127.0.0.1"


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("proxies"), TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8,2001:db8::/32") as running:
        yield running


@pytest.mark.parametrize("forwarded, client", [
    (None, "127.0.0.1"),
    ("", "127.0.0.1"),
    ("203.0.113.7", "203.0.113.7"),
    ("203.0.113.7  ,  10.1.2.3 ", "203.0.113.7"),
    ("2001:db9::7", "2001:db9::7"),
    # the last one that is not a proxy of ours: what stands in front of it anybody may have written
    ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
    ("198.51.100.1,203.0.113.7 , 10.1.2.3,2001:db8::1", "203.0.113.7"),
    ("nonsense, 203.0.113.7", "203.0.113.7"),
    ("10.1.2.3", "10.1.2.3"),
    ("10.1.2.3, 10.4.5.6", "10.1.2.3"),
    # a proxy of ours does not write these
    ("nonsense", "127.0.0.1"),
    ("203.0.113.7, nonsense", "127.0.0.1"),
    ("203.0.113.7:1234", "127.0.0.1"),
    ("203.0.113.300", "127.0.0.1"),
    (",", "127.0.0.1"),
    ("203.0.113.7,", "127.0.0.1"),
    ("x" * 4000, "127.0.0.1"),
    ("unknown", "127.0.0.1"),
])
def test_behind_a_trusted_proxy(behind, forwarded, client):
    assert client_of(behind, forwarded) == client


def test_somebody_who_is_no_proxy_of_ours(launch):
    server = launch(TRUSTED_PROXIES="10.0.0.0/8")
    assert client_of(server, "203.0.113.7") == "127.0.0.1"
