"""The clock that tests move (support/clock.py) moves the program's, and nothing else."""

import time
from datetime import datetime, timezone

import pytest

from support import program, tokens
from support.clock import Clock
from support.people import Account


def seconds_of(moment):
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def test_a_token_ends_when_the_clock_says_so(launch):
    clock = Clock()
    server = launch(clock=clock)
    account = Account(server)
    assert account.client.get("/auth/me").status_code == 200
    clock.forward(minutes=29)
    assert account.client.get("/auth/me").status_code == 200
    clock.forward(minutes=2)
    assert account.client.get("/auth/me").status_code == 401
    assert account.login().status_code == 200


@pytest.mark.parametrize("days", [0, 1, 30, 36500])
def test_everything_that_tells_the_time_follows(launch, days):
    clock = Clock()
    clock.forward(days=days)
    server = launch(clock=clock)
    before = clock.now()
    account = Account(server)
    issued_at = tokens.parts(account.token)[1]["iat"]
    created_at = seconds_of(account.client.get("/auth/me").json()["created_at"])
    logged_at = seconds_of(server.requests()[0]["time"])
    for moment in (issued_at, created_at, logged_at):
        assert before - 1 <= moment <= clock.now() + 1
    assert abs(before - time.time() - days * 86400) < 1


def test_two_clocks_do_not_meet(launch):
    early, late = Clock(), Clock()
    servers = [launch(clock=clock) for clock in (early, late)]
    late.forward(days=400)
    ages = [tokens.parts(Account(server).token)[1]["iat"] - time.time() for server in servers]
    assert abs(ages[0]) < 60 and abs(ages[1] - 400 * 86400) < 60


def test_what_a_request_took_is_not_told_by_this_clock(launch):
    clock = Clock()
    server = launch(clock=clock)
    clock.forward(days=1000)
    reply = server.client().get("/healthz")
    assert float(server.line_of(reply.headers["X-Request-ID"])["ms"]) < 60000


def test_commands_follow_it_too(launch):
    clock = Clock()
    server = launch(clock=clock)
    account = Account(server)
    clock.forward(days=7)
    done = program.run(["token", "issue", account.name], server.folder, server.settings)
    claims = tokens.parts(done.stdout.strip())[1] if done.returncode == 0 else done.stderr
    assert abs(claims["iat"] - clock.now()) < 60, claims
