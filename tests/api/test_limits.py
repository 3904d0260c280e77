"""How many requests an address and an account may send: RATE_LIMIT_PER_ADDRESS, RATE_LIMIT_PER_ACCOUNT."""

import re

import pytest

from support.people import Account
from support.routes import routes

SENTENCE = re.compile(r"Too many requests (from this address|of this account); try again in (\d+) seconds?")


def refused(reply, whose):
    """Whether a reply is the 429 of a limit, and a good one."""
    if reply.status_code != 429:
        return False
    words = SENTENCE.fullmatch(reply.json()["detail"])
    assert words and words[1] == whose and words[2] == reply.headers["Retry-After"], reply.text
    return 1 <= int(words[2]) <= 60


def test_an_address_on_every_route(launch):
    """Nothing is asked of a request before: not who sends it, and not what its body is."""
    server = launch(RATE_LIMIT_PER_ADDRESS="1")  # and this one has been taken already
    client = server.client()
    for route in routes():
        if route.template not in ("/healthz", "/readyz", "/metrics"):
            reply = client.request(route.method, route.path(1), json=route.example)
            assert refused(reply, "from this address"), (str(route), reply.text)
    assert refused(client.get("/docs"), "from this address")
    assert refused(client.get("/nothing"), "from this address")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert {client.get(path).status_code for _ in range(20)} == {200}


def test_an_address_behind_a_proxy(launch):
    server = launch(RATE_LIMIT_PER_ADDRESS="2", TRUSTED_PROXIES="127.0.0.1")
    client = server.client()

    def ask(address):
        return client.get("/nothing", headers={"X-Forwarded-For": address})

    for address in ("192.0.2.1", "2001:db8::1"):
        assert [ask(address).status_code for _ in range(3)] == [404, 404, 429]
    # a host has all addresses of its network, and may write them as it likes
    assert refused(ask("2001:DB8:0:0:ffff::2"), "from this address")
    assert refused(ask("9.9.9.9, 192.0.2.1"), "from this address")
    assert ask("2001:db8:0:1::1").status_code == 404
    assert ask("192.0.2.2").status_code == 404


def test_what_a_client_says_of_itself_counts_for_nothing(launch):
    server = launch(RATE_LIMIT_PER_ADDRESS="2")
    client = server.client()
    statuses = [client.get("/nothing", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(3)]
    assert statuses[-1] == 429


def test_an_account_on_every_route(launch):
    """With and without a right body: the limit comes first. 401 and 403 come before, and are not counted."""
    server = launch(RATE_LIMIT_PER_ACCOUNT="2")
    account = Account(server)  # which asks who it is
    client = account.client
    assert client.get("/auth/me").status_code == 200
    for route in routes():
        if route.is_public:
            continue
        for body in (route.example, None):
            reply = client.request(route.method, route.path(1), json=body)
            assert reply.status_code == 403 or refused(reply, "of this account"), (str(route), reply.text)
    assert server.client("no token").get("/auth/me").status_code == 401
    # neither is anybody else concerned, nor what needs no account
    assert Account(server).client.get("/auth/me").status_code == 200
    assert account.login().status_code == 200
    # a login is no new account
    again = server.client(account.login().json()["access_token"])
    assert refused(again.get("/auth/me"), "of this account")


def test_the_keys_of_an_account_count_with_it(launch):
    server = launch(RATE_LIMIT_PER_ACCOUNT="3")
    account = Account(server)
    reply = account.client.post("/api_keys", json={"name": "a machine"})
    assert reply.status_code == 200, reply.text
    machine = server.client(reply.json()["key"])
    assert machine.get("/auth/me").status_code == 200
    assert refused(machine.get("/auth/me"), "of this account")
    assert refused(account.client.get("/auth/me"), "of this account")


@pytest.mark.parametrize("name", ["RATE_LIMIT_PER_ADDRESS", "RATE_LIMIT_PER_ACCOUNT"])
def test_zero_is_no_limit(launch, name):
    account = Account(launch(**{name: "0"}))
    assert {account.client.get("/auth/me").status_code for _ in range(200)} == {200}
