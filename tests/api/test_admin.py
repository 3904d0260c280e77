"""Roles: administrators are made on the command line, and nowhere else."""

import pytest

from support import program
from support.people import Account, fresh_name


def role(owner):
    return owner.client.get("/auth/me").json()["role"]


def run(server, *arguments):
    done = program.run(["user", *arguments], server.folder, server.settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_operator_gives_and_takes_the_role(server, owner):
    assert role(owner) == "user"
    assert owner.client.get("/number_pools").status_code == 403
    run(server, "grant-admin", owner.name)
    assert role(owner) == "admin"
    assert owner.client.get("/number_pools").status_code == 200
    run(server, "grant-admin", owner.name.upper())
    assert role(owner) == "admin"
    run(server, "revoke-admin", owner.name)
    assert role(owner) == "user"
    reply = owner.client.get("/number_pools")
    assert (reply.status_code, reply.json()) == (403, {"detail": "This needs the role admin"})


def test_the_keys_of_an_administrator(server, owner):
    """A key may what its account may, and no more: it loses the role with the account."""
    every, numbers = owner.key()["key"], owner.key(scopes=["numbers:read"])["key"]
    assert server.client(every).get("/number_pools").status_code == 403
    owner.promote()
    assert server.client(every).get("/number_pools").status_code == 200
    assert server.client(numbers).get("/number_pools").status_code == 403
    run(server, "revoke-admin", owner.name)
    assert server.client(every).get("/number_pools").status_code == 403


def test_the_operator_ends_all_sessions_of_a_user(server, owner):
    key = owner.key()["key"]
    assert "is logged out everywhere" in run(server, "log-out", owner.name.upper())
    assert owner.client.get("/auth/me").status_code == 401
    again = server.client(owner.login().json()["access_token"])
    assert again.get("/auth/me").status_code == 200
    assert server.client(key).get("/auth/me").status_code == 200
    newest = [entry for entry in again.get("/audit").json()["items"] if entry["action"] != "account.logged_in"][0]
    assert (newest["action"], newest["actor"], newest["address"]) == ("account.logged_out_all", None, None)


def test_the_operator_revokes_all_keys_of_a_user(server, owner):
    keys = [owner.key(name=f"key {number}") for number in range(3)]
    assert "has no API keys" in run(server, "revoke-keys", owner.name)
    assert [server.client(key["key"]).get("/auth/me").status_code for key in keys] == [401] * 3
    assert owner.client.get("/api_keys").json()["items"] == []
    entries = owner.client.get("/audit?action=api_key.deleted").json()["items"]
    assert [entry["target_id"] for entry in entries] == [key["id"] for key in reversed(keys)]
    run(server, "revoke-keys", owner.name)


def test_the_list_of_users_shows_the_role(server, owner):
    other = Account(server).promote()
    lines = {line.split("\t")[1]: line.split("\t")[-1] for line in run(server, "list").splitlines()}
    assert lines[owner.name] == "user" and lines[other.name] == "admin"


@pytest.mark.parametrize("value", ["admin", ["admin"], 1, True])
def test_no_way_to_become_administrator_over_http(server, owner, value):
    """Every route that takes a body is sent the role too; it is ignored, as any unknown field is."""
    more = {"role": value, "is_admin": True, "admin": True, "scopes": ["*"], "user": {"role": value}}
    client = server.client()
    name = fresh_name()
    for path in ("/auth/register", "/auth/login"):
        reply = client.post(path, json={"username": name, "password": "a good password", **more})
        assert reply.status_code == 200
        assert role(server_account(server, reply)) == "user"
    assert owner.client.put("/auth/password", json={
        "current_password": owner.password, "new_password": "another good password", **more}).status_code == 204
    key = owner.client.post("/api_keys", json={"name": "k", **more}).json()["key"]
    number = owner.create()
    assert owner.client.patch(f"/phone_numbers/{number['id']}", json={"tags": ["a"], **more}).status_code == 200
    assert owner.client.post("/auth/refresh", json=more).status_code in (200, 413, 415)
    for method in ("PATCH", "PUT", "POST"):
        assert owner.client.request(method, "/auth/me", json=more).status_code == 405
    assert role(owner) == "user"
    assert server.client(key).get("/number_pools").status_code == 403


def server_account(server, reply):
    """Something with a client, for role()."""
    class Somebody:
        client = server.client(reply.json()["access_token"])
    return Somebody


def test_a_role_in_a_token_means_nothing(server, owner):
    """The role is the database's, not the token's."""
    from support import tokens
    token = tokens.sign(tokens.claims_of(owner.id, role="admin", scope="*", admin=True), program.SECRET_KEY)
    assert server.client(token).get("/auth/me").json()["role"] == "user"
    assert server.client(token).get("/number_pools").status_code == 403
