"""Sessions: fresh tokens, and tokens that are ended before their time."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import tokens
from support.clock import Clock
from support.people import Account, fresh_name, fresh_number
from support.program import SECRET_KEY
from support.wire import Wire

REFUSED = {"detail": "Could not validate credentials"}
NEW_PASSWORD = "another good password"


def me(server, token):
    return server.client(token).get("/auth/me")


def opens(server, *given):
    """Whether each of these tokens opens an account."""
    statuses = [me(server, token).status_code for token in given]
    assert set(statuses) <= {200, 401}
    return [status == 200 for status in statuses]


def fresh(owner):
    """The token of one more login."""
    return owner.login().json()["access_token"]


def change(owner, token=None, **body):
    """Changes the password of somebody, with a token of theirs."""
    body = {"current_password": owner.password, "new_password": NEW_PASSWORD, **body}
    return owner.server.client(token or owner.token).put("/auth/password", json=body)


# --- refresh

def test_a_fresh_token_is_like_that_of_a_login(owner):
    reply = owner.client.post("/auth/refresh")
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "token_type"} and reply.json()["token_type"] == "bearer"
    _, old = tokens.parts(owner.token)
    _, new = tokens.parts(reply.json()["access_token"])
    assert new["auth_time"] == old["auth_time"]
    assert new["jti"] != old["jti"] and new["sub"] == old["sub"]
    assert new["exp"] - new["iat"] == 30 * 60
    assert opens(owner.server, owner.token, reply.json()["access_token"]) == [True, True]


def test_a_session_ends_at_its_longest(launch):
    """Refreshed again and again, but no token lives longer than SESSION_MAX_HOURS after the login."""
    clock = Clock()
    server = launch(clock=clock, SESSION_MAX_HOURS=2)
    owner = Account(server)
    login_at = tokens.parts(owner.token)[1]["auth_time"]
    token = owner.token
    for _ in range(4):
        clock.forward(minutes=25)
        reply = server.client(token).post("/auth/refresh")
        assert reply.status_code == 200
        token = reply.json()["access_token"]
        claims = tokens.parts(token)[1]
        assert claims["auth_time"] == login_at
        assert claims["exp"] == min(claims["iat"] + 30 * 60, login_at + 2 * 3600)
    assert opens(server, owner.token, token) == [False, True]
    clock.forward(seconds=login_at + 2 * 3600 - clock.now() + 1)
    assert opens(server, token) == [False]
    assert owner.login().status_code == 200


def test_an_old_login_must_log_in_again(server, account):
    """A token that lives longer than the session: ACCESS_TOKEN_EXPIRE_MINUTES was once larger, say."""
    now = int(time.time())
    for ago, status in ((24 * 3600 - 60, 200), (24 * 3600, 403), (100 * 3600, 403)):
        token = tokens.sign(tokens.claims_of(account.id, auth_time=now - ago), SECRET_KEY)
        reply = server.client(token).post("/auth/refresh")
        assert reply.status_code == status
        if status == 403:
            assert reply.json()["detail"].startswith("Log in again: ")
    # a token of the original service says only when it was issued
    token = tokens.sign(tokens.claims_of(account.id, iat=now - 25 * 3600), SECRET_KEY)
    assert server.client(token).post("/auth/refresh").status_code == 403


# --- logout

def test_a_token_is_refused_at_once_after_logout(owner):
    other = fresh(owner)
    reply = owner.client.post("/auth/logout")
    assert (reply.status_code, reply.content) == (204, b"")
    reply = me(owner.server, owner.token)
    assert (reply.status_code, reply.json()) == (401, REFUSED)
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    for method, path in (("POST", "/auth/refresh"), ("POST", "/auth/logout"), ("GET", "/phone_numbers")):
        assert owner.client.request(method, path).status_code == 401
    assert opens(owner.server, other) == [True]


def test_a_body_that_comes_after_the_logout_changes_nothing(server, owner):
    """The headers were accepted while the token was good; the write finds that it no longer is."""
    number = fresh_number()
    body = '{"phone_number": "%s"}' % number
    with Wire(server) as wire:
        wire.send(f"POST /phone_numbers HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {owner.token}\r\n"
                  f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body[:10]}")
        time.sleep(0.3)
        assert owner.client.post("/auth/logout").status_code == 204
        wire.send(body[10:])
        reply = wire.reply("POST", "/phone_numbers", body)
    assert reply.status == 401
    assert Account(server).create(number)["phone_number"] == number


@pytest.mark.parametrize("right", [True, False])
def test_an_ended_token_cannot_try_passwords(server, owner, right):
    """Nor with a body that comes after the logout."""
    body = json.dumps({"current_password": owner.password if right else "a wrong password", "new_password": NEW_PASSWORD})
    with Wire(server) as wire:
        wire.send(f"PUT /auth/password HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {owner.token}\r\n"
                  f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body[:10]}")
        time.sleep(0.3)
        assert owner.client.post("/auth/logout").status_code == 204
        wire.send(body[10:])
        assert wire.reply("PUT", "/auth/password", body).status == 401


def test_each_of_many_tokens_is_ended_alone(owner):
    given = [fresh(owner) for _ in range(6)]
    for token in given[::2]:
        assert owner.server.client(token).post("/auth/logout").status_code == 204
    assert opens(owner.server, *given) == [False, True] * 3


def test_a_token_without_an_id_is_ended_too(server, owner):
    """As the original service made them; the other one differs in a second of its life."""
    now = int(time.time())
    first, second = (tokens.sign({"sub": str(owner.id), "exp": now + more}, SECRET_KEY) for more in (600, 601))
    assert server.client(first).post("/auth/logout").status_code == 204
    assert opens(server, first, second, owner.token) == [False, True, True]


def test_logout_everywhere(owner):
    given = [owner.token, fresh(owner), owner.client.post("/auth/refresh").json()["access_token"]]
    stranger = Account(owner.server)
    key = owner.key()["key"]
    assert opens(owner.server, *given) == [True, True, True]
    reply = owner.client.post("/auth/logout_all")
    assert (reply.status_code, reply.content) == (204, b"")
    assert opens(owner.server, *given) == [False, False, False]
    assert opens(owner.server, fresh(owner), stranger.token, key) == [True, True, True]


def test_a_token_by_hand_of_an_earlier_epoch(owner):
    owner.client.post("/auth/logout_all")
    owner.server.client(fresh(owner)).post("/auth/logout_all")
    epochs = [0, 1, 2, 3, None]
    given = [tokens.sign(tokens.claims_of(owner.id, epoch=epoch, jti=f"epoch-{epoch}"), SECRET_KEY) for epoch in epochs]
    assert opens(owner.server, *given) == [False, False, True, False, False]


def test_ended_tokens_stay_ended_after_a_power_cut(launch):
    server = launch()
    out, all_out, changed = Account(server), Account(server), Account(server)
    others = [fresh(out), fresh(changed)]
    assert out.client.post("/auth/logout").status_code == 204
    assert all_out.client.post("/auth/logout_all").status_code == 204
    assert change(changed).status_code == 204
    server.kill()
    server.start()
    assert opens(server, out.token, all_out.token, others[1]) == [False, False, False]
    assert opens(server, others[0], changed.token) == [True, True]


def test_ended_tokens_are_refused_by_every_server_of_the_database(launch):
    first = launch()
    second = launch(folder=first.folder, LOG_FILE="second.log")
    out, all_out, changed, gone = (Account(first) for _ in range(4))
    other = fresh(changed)
    key = out.key()
    for account in (out, all_out, changed, gone):
        assert opens(second, account.token) == [True]
    assert opens(second, other, key["key"]) == [True, True]
    assert out.client.post("/auth/logout").status_code == 204
    assert opens(second, out.token) == [False]
    assert all_out.client.post("/auth/logout_all").status_code == 204
    assert opens(second, all_out.token) == [False]
    assert change(changed).status_code == 204
    assert opens(second, other, changed.token) == [False, True]
    assert gone.client.delete("/auth/me", json={"password": gone.password}).status_code == 204
    assert opens(second, gone.token) == [False]
    assert first.client(fresh(out)).delete(f"/api_keys/{key['id']}").status_code == 204
    assert opens(second, key["key"]) == [False]


def test_logging_out_twice_at_the_same_time(owner):
    with ThreadPoolExecutor(8) as pool:
        clients = [owner.server.client(owner.token) for _ in range(8)]
        statuses = list(pool.map(lambda client: client.post("/auth/logout").status_code, clients))
    assert set(statuses) <= {204, 401} and 204 in statuses
    assert opens(owner.server, owner.token) == [False]


# --- the password

def test_a_new_password_ends_every_other_token(owner):
    other, key = fresh(owner), owner.key()["key"]
    reply = change(owner)
    assert (reply.status_code, reply.content) == (204, b"")
    assert opens(owner.server, owner.token, other, key) == [True, False, True]
    assert owner.login().status_code == 401
    owner.password = NEW_PASSWORD
    assert opens(owner.server, fresh(owner)) == [True]
    # the token that stayed gives fresh ones, and can be ended like any
    again = owner.client.post("/auth/refresh").json()["access_token"]
    assert owner.client.post("/auth/logout").status_code == 204
    assert opens(owner.server, owner.token, again) == [False, True]


def test_a_second_new_password_ends_the_token_of_the_first(owner):
    assert change(owner).status_code == 204
    owner.password = NEW_PASSWORD
    second = fresh(owner)
    assert change(owner, second, new_password="a third good password").status_code == 204
    assert opens(owner.server, owner.token, second) == [False, True]
    assert owner.server.client(second).post("/auth/logout_all").status_code == 204
    assert opens(owner.server, owner.token, second) == [False, False]


def test_a_new_password_by_the_operator_ends_every_token(server, owner):
    from support import program
    done = program.run(["user", "set-password", owner.name], server.folder, server.settings, input=NEW_PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    assert opens(server, owner.token) == [False]


def test_the_wrong_current_password(owner):
    reply = change(owner, current_password="not the password")
    assert (reply.status_code, reply.json()) == (403, {"detail": "The current password is wrong"})
    assert owner.login().status_code == 200


@pytest.mark.parametrize("password, kind", [
    ("short", "string_too_short"), ("password123", "value_error"), ("x" * 1025, "string_too_long"), (None, "string_type")])
def test_a_new_password_is_judged_as_at_registration(owner, password, kind):
    reply = change(owner, new_password=password)
    assert reply.status_code == 422
    fault, = reply.json()["detail"]
    assert (fault["type"], fault["loc"]) == (kind, ["body", "new_password"])
    assert owner.login().status_code == 200


def test_a_new_password_that_is_the_username(server):
    owner = Account(server, name=fresh_name() + "-Somebody")
    reply = change(owner, new_password=owner.name.upper())
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["msg"] == "Value error, the password must not be the username"


def test_a_login_and_a_new_password_at_the_same_time(server):
    """Whoever was let in with the old password while it was changed is not in any more, or was not let in."""
    for _ in range(4):
        owner = Account(server)
        with ThreadPoolExecutor(4) as pool:
            logins = [pool.submit(owner.login) for _ in range(3)]
            changed = pool.submit(change, owner)
        assert changed.result().status_code == 204
        for login in logins:
            reply = login.result()
            assert reply.status_code in (200, 401)
            if reply.status_code == 200:
                assert opens(server, reply.json()["access_token"]) == [False]


# --- the end of an account

def test_a_deleted_account_is_gone(server):
    owner = Account(server)
    number = owner.create()
    other, key = fresh(owner), owner.key()["key"]
    reply = owner.client.delete("/auth/me", json={"password": owner.password})
    assert (reply.status_code, reply.content) == (204, b"")
    assert opens(server, owner.token, other, key) == [False, False, False]
    assert owner.login().status_code == 401
    # the name is free for somebody else, who is somebody else
    again = Account(server, name=owner.name, password=owner.password)
    assert again.id > owner.id
    assert again.client.get(f"/phone_numbers/{number['id']}").status_code == 404
    assert opens(server, owner.token, other, key) == [False, False, False]
    # nobody else gets the number before its quarantine is over
    assert again.client.post("/phone_numbers", json={"phone_number": number["phone_number"]}).status_code == 409


def test_deleting_an_account_takes_its_password(owner):
    for body in ({"password": "not the password"}, {"password": ""}):
        reply = owner.client.delete("/auth/me", json=body)
        assert (reply.status_code, reply.json()) == (403, {"detail": "The password is wrong"})
    assert owner.client.delete("/auth/me", json={}).status_code == 422
    assert owner.client.delete("/auth/me").status_code in (411, 422)
    assert opens(owner.server, owner.token) == [True]


# --- what has a body of its own to be refused

@pytest.mark.parametrize("method, path", [("PUT", "/auth/password"), ("DELETE", "/auth/me"), ("POST", "/api_keys")])
def test_bodies_that_are_too_large_or_of_another_kind(owner, method, path):
    assert owner.client.request(method, path, data=b"x" * 70000).status_code == 413
    assert owner.client.request(method, path, data="x", headers={"Content-Type": "text/plain"}).status_code == 415


def test_the_public_keys_of_a_secret_are_none(client):
    reply = client.get("/.well-known/jwks.json")
    assert (reply.status_code, reply.json()) == (200, {"keys": []})
    assert reply.headers["Cache-Control"] == "public, max-age=300"
