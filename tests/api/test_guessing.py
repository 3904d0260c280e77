"""Guessing passwords: how often one may try, and who is locked out by it."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import Account, fresh_name

MINUTES = 15


@pytest.fixture
def guessed(launch):
    """A server with the default limits that believes what the tests say of where requests come from."""
    return launch(TRUSTED_PROXIES="127.0.0.1")


def attempt(server, name, password="not the password", address="203.0.113.1"):
    return server.client().post("/auth/login", json={"username": name, "password": password},
                                headers={"X-Forwarded-For": address})


def exhaust(server, name, address, count=10):
    assert [attempt(server, name, address=address).status_code for _ in range(count)] == [401] * count


def check_limited(reply, whom):
    assert reply.status_code == 429
    seconds = int(reply.headers["Retry-After"])
    assert 0 < seconds <= MINUTES * 60
    assert reply.json() == {"detail": f"Too many wrong passwords {whom}; try again in {seconds} seconds"}


def addresses():
    """Addresses that no two share."""
    return (f"198.51.{number // 250}.{number % 250 + 1}" for number in itertools.count())


def test_ten_failures_and_no_more(launch):
    """With the default settings, and no proxy."""
    server = launch()
    owner = Account(server)
    for _ in range(10):
        assert server.client().post("/auth/login", json={**owner.body, "password": "wrong"}).status_code == 401
    check_limited(server.client().post("/auth/login", json={**owner.body, "password": "wrong"}), "from this address")
    # the right one is not looked at either: an answer would tell
    check_limited(owner.login(), "from this address")
    # who is in stays in
    assert owner.client.get("/auth/me").status_code == 200


def test_nobody_else_is_locked_out(guessed):
    owner, other = Account(guessed), Account(guessed)
    exhaust(guessed, owner.name, "203.0.113.1")
    check_limited(attempt(guessed, owner.name, owner.password, "203.0.113.1"), "from this address")
    check_limited(attempt(guessed, other.name, other.password, "203.0.113.1"), "from this address")
    assert attempt(guessed, owner.name, owner.password, "203.0.113.2").status_code == 200
    assert attempt(guessed, other.name, other.password, "203.0.113.2").status_code == 200


def test_right_passwords_do_not_count(guessed):
    owner = Account(guessed)
    for _ in range(3):
        exhaust(guessed, owner.name, "203.0.113.1", 3)
        for _ in range(4):
            assert attempt(guessed, owner.name, owner.password).status_code == 200
    exhaust(guessed, owner.name, "203.0.113.1", 1)
    assert attempt(guessed, owner.name, owner.password).status_code == 429


def test_a_network_of_ipv6_is_one_address(guessed):
    owner = Account(guessed)
    for host in range(10):
        assert attempt(guessed, owner.name, address=f"2001:db8:1:2::{host:x}").status_code == 401
    assert attempt(guessed, owner.name, address="2001:db8:1:2:ffff::1").status_code == 429
    assert attempt(guessed, owner.name, owner.password, "2001:db8:1:3::1").status_code == 200


def test_the_count_is_of_the_address_not_of_the_names(guessed):
    for turn in range(10):
        assert attempt(guessed, f"nobody-{turn}").status_code == 401
    check_limited(attempt(guessed, "nobody-else"), "from this address")


def test_guessing_from_many_addresses(guessed):
    """Ten times as many, whatever their addresses; then where the owner was last is let in, and nobody else."""
    owner, other = Account(guessed), Account(guessed)
    at_home = "192.0.2.77"
    assert attempt(guessed, owner.name, owner.password, at_home).status_code == 200
    strangers = addresses()
    for _ in range(100):
        assert attempt(guessed, owner.name, address=next(strangers)).status_code == 401
    check_limited(attempt(guessed, owner.name, address=next(strangers)), "for this account")
    check_limited(attempt(guessed, owner.name.upper(), owner.password, next(strangers)), "for this account")
    assert attempt(guessed, owner.name, owner.password, at_home).status_code == 200
    assert attempt(guessed, owner.name, owner.password, at_home).status_code == 200
    assert attempt(guessed, other.name, other.password, next(strangers)).status_code == 200
    # what was refused for the account does not count against the address
    stranger = next(strangers)
    for _ in range(12):
        check_limited(attempt(guessed, owner.name, address=stranger), "for this account")
    assert attempt(guessed, other.name, other.password, stranger).status_code == 200
    # at home ten wrong ones are too many as well
    exhaust(guessed, owner.name, at_home)
    check_limited(attempt(guessed, owner.name, owner.password, at_home), "from this address")


def test_a_name_that_nobody_has_is_counted_alike(guessed):
    """Or 429 would tell who exists."""
    name = fresh_name()
    strangers = addresses()
    for _ in range(100):
        assert attempt(guessed, name, address=next(strangers)).status_code == 401
    check_limited(attempt(guessed, name, address=next(strangers)), "for this account")


def test_who_just_registered_is_known(guessed):
    """Before the first login, it is where the account was made."""
    client = guessed.client()
    name = fresh_name()
    reply = client.post("/auth/register", json={"username": name, "password": "a good password"},
                        headers={"X-Forwarded-For": "192.0.2.5"})
    assert reply.status_code == 200
    strangers = addresses()
    for _ in range(100):
        assert attempt(guessed, name, address=next(strangers)).status_code == 401
    assert attempt(guessed, name, "a good password", next(strangers)).status_code == 429
    assert attempt(guessed, name, "a good password", "192.0.2.5").status_code == 200


def test_many_at_once_cannot_pass_all(launch):
    server = launch()
    owner = Account(server)
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(
            lambda _: server.client().post("/auth/login", json={**owner.body, "password": "wrong"}), range(64)))
    statuses = [reply.status_code for reply in replies]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 10


@pytest.mark.parametrize("method, path, body, good", [
    ("PUT", "/auth/password", lambda password: {"current_password": password, "new_password": "another good password"}, 204),
    ("DELETE", "/auth/me", lambda password: {"password": password}, 204),
])
def test_other_ways_to_try_a_password_count_too(guessed, method, path, body, good):
    owner = Account(guessed)

    def guess(password, address):
        return owner.client.request(method, path, json=body(password), headers={"X-Forwarded-For": address})

    for _ in range(5):
        assert guess("wrong", "203.0.113.1").status_code == 403
        assert attempt(guessed, owner.name).status_code == 401
    check_limited(guess(owner.password, "203.0.113.1"), "from this address")
    check_limited(attempt(guessed, owner.name, owner.password), "from this address")
    assert guess(owner.password, "203.0.113.2").status_code == good


def test_the_limit_by_setting(launch):
    server = launch(LOGIN_FAILURES_MAX=2, LOGIN_FAILURES_MINUTES=1)
    owner = Account(server)
    for _ in range(2):
        assert server.client().post("/auth/login", json={**owner.body, "password": "wrong"}).status_code == 401
    reply = owner.login()
    assert reply.status_code == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 60


def test_a_refusal_costs_no_hash(launch):
    """A wrong password takes a hash, and a refusal none: the server says how long each took."""
    guessed = launch(TRUSTED_PROXIES="127.0.0.1", CT_TEST_REAL_HASHES=1)
    owner = Account(guessed)
    exhaust(guessed, owner.name, "203.0.113.1")
    refused = [attempt(guessed, owner.name).headers["X-Request-ID"] for _ in range(5)]
    wrong = [attempt(guessed, owner.name, address=f"203.0.113.{turn + 2}").headers["X-Request-ID"] for turn in range(5)]

    def least(ids):
        return min(float(guessed.line_of(one)["ms"]) for one in ids)

    assert least(refused) * 3 < least(wrong)
