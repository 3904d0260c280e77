"""POST /auth/login and GET /auth/me."""

import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import tokens
from support.people import Account, fresh_name
from support.wire import Wire, head_of

WRONG = {"detail": "Incorrect username or password"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_the_answer_is_that_of_register(account):
    reply = account.login()
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "token_type"}
    assert reply.json()["token_type"] == "bearer"
    assert tokens.parts(reply.json()["access_token"])[1]["sub"] == str(account.id)


def test_the_password_form_of_oauth2(account, client):
    reply = client.post("/auth/login", data={
        "grant_type": "password", "username": account.name, "password": account.password,
        "scope": "", "client_id": "", "client_secret": ""})
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "token_type"}


@pytest.mark.parametrize("form, media_type", [
    ("username={name}&password={password}", "application/x-www-form-urlencoded"),
    ("password={password}&username={name}", "application/x-www-form-urlencoded; charset=UTF-8"),
    ("&&username={name}&&password={password}&", "Application/X-WWW-Form-Urlencoded"),
    ("user%6eame={name}&p%61ssword={password}", "application/x-www-form-urlencoded"),
])
def test_ways_to_write_a_form(server, client, form, media_type):
    account = Account(server, password="a b+c&d=é%25")
    body = form.format(name=account.name, password="a+b%2Bc%26d%3D%C3%A9%2525")
    reply = client.post("/auth/login", data=body, headers={"Content-Type": media_type})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("body, fields", [
    ("", None),
    ("username=x", ["password"]),
    ("password=x", ["username"]),
    ("something=else", ["password", "username"]),
])
def test_a_form_with_fields_missing(client, body, fields):
    reply = client.post("/auth/login", data=body,
                        headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert reply.status_code == 422
    faults = reply.json()["detail"]
    assert {fault["type"] for fault in faults} == {"missing"}
    if fields:
        assert sorted(fault["loc"] for fault in faults) == [["body", field] for field in fields]


@pytest.mark.parametrize("body", ["username=%zz&password=%", "username=%ff%fe&password=%80", "username=a%00b&password=%00",
                                  "=&=&=", "&" * 1000, "username=" + "x" * 60000])
def test_forms_that_make_no_sense(client, body):
    reply = client.post("/auth/login", data=body,
                        headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert reply.status_code in (401, 422)


def test_a_form_registers_nobody(client):
    reply = client.post("/auth/register", data={"username": fresh_name(), "password": "a good password"})
    assert reply.status_code == 415


@pytest.mark.parametrize("change", [
    {"password": "not the password"}, {"password": ""}, {"password": "short"}, {"password": "x" * 1024},
    {"username": "nobody of this name"}, {"username": "nobody", "password": "x"},
])
def test_either_being_wrong_reads_the_same(account, client, change):
    for options in ({"json": {**account.body, **change}}, {"data": {**account.body, **change}}):
        reply = client.post("/auth/login", **options)
        if reply.status_code == 422:
            assert change["password"] == ""
            continue
        assert (reply.status_code, reply.json()) == (401, WRONG)
        assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_a_password_is_compared_exactly(account, client):
    for password in (account.password.upper(), account.password + " ", " " + account.password, account.password[:-1]):
        reply = client.post("/auth/login", json={**account.body, "password": password})
        assert reply.status_code == 401


def test_the_name_of_another_is_not_mine(server, client):
    one, two = Account(server), Account(server)
    reply = client.post("/auth/login", json={"username": one.name, "password": two.password})
    assert reply.status_code == 401


def test_me_tells_of_the_last_login(owner):
    before = owner.client.get("/auth/me").json()
    assert TIME.fullmatch(before["created_at"])
    assert before["last_login_at"] is None or TIME.fullmatch(before["last_login_at"])
    time.sleep(0.002)
    token = owner.login().json()["access_token"]
    after = owner.server.client(token).get("/auth/me").json()
    assert TIME.fullmatch(after["last_login_at"])
    assert after["last_login_at"] > (before["last_login_at"] or before["created_at"])
    assert {**after, "last_login_at": None} == {**before, "last_login_at": None}


def test_a_failed_login_is_not_the_last_login(owner, client):
    owner.login()
    before = owner.client.get("/auth/me").json()
    client.post("/auth/login", json={**owner.body, "password": "not the password"})
    assert owner.client.get("/auth/me").json() == before


def test_tokens_of_two_logins_both_work(owner):
    first, second = (owner.login().json()["access_token"] for _ in range(2))
    for token in (first, second, owner.token):
        assert owner.server.client(token).get("/auth/me").status_code == 200


def test_many_logins_at_once(server):
    account = Account(server)
    with ThreadPoolExecutor(12) as pool:
        assert {reply.status_code for reply in pool.map(lambda _: account.login(), range(24))} == {200}


def seconds_of_login(wire, name, password):
    body = f'{{"username": "{name}", "password": "{password}"}}'
    begin = time.perf_counter()
    wire.send(head_of("POST", "/auth/login", "Content-Type: application/json", f"Content-Length: {len(body)}") + body)
    reply = wire.reply("POST", "/auth/login", body)
    assert reply.status == 401
    return time.perf_counter() - begin


def test_an_unknown_name_costs_as_long_as_a_wrong_password(launch):
    server = launch(LOGIN_FAILURES_MAX=100)
    owner = Account(server)
    ratios = []
    with Wire(server) as wire:
        for _ in range(4):
            known, unknown = [], []
            for turn in range(12):
                known.append(seconds_of_login(wire, owner.name, "not the password"))
                unknown.append(seconds_of_login(wire, f"nobody-{turn}", "not the password"))
            ratios.append(statistics.median(unknown) / statistics.median(known))
            if 0.7 < ratios[-1] < 1.4:
                return
    raise AssertionError(f"unknown name to wrong password, medians: {ratios}")
