"""API keys: what machines prove themselves with."""

import re
import time
from datetime import datetime, timedelta, timezone

import pytest

from support.clock import Clock
from support.database import opened
from support.people import Account, fresh_number

KEY = re.compile(r"ctk_[A-Za-z0-9_-]{38}")
REFUSED = {"detail": "Could not validate credentials"}
SCOPES = ["*", "numbers:read", "numbers:write", "pools:read", "pools:write", "calls:read", "calls:write", "audit:read"]


def later(**by):
    return (datetime.now(timezone.utc) + timedelta(**by)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def listed(owner):
    return owner.client.get("/api_keys").json()["items"]


def make(owner, **body):
    return owner.client.post("/api_keys", json={"name": "a key", **body})


def test_a_key_is_shown_once(owner):
    made = owner.key(name="billing")
    assert set(made) == {"id", "name", "key", "hint", "scopes", "created_at", "expires_at", "last_used_at",
                         "last_used_address"}
    assert KEY.fullmatch(made["key"]) and made["hint"] == made["key"][:8] + "…"
    assert made["name"] == "billing" and made["scopes"] == ["*"] and made["expires_at"] is None
    shown = made.pop("key")
    assert listed(owner) == [made]
    assert shown not in owner.client.get("/api_keys").text


def test_what_is_stored_is_a_hash(server, owner):
    made = owner.key()
    with opened(server.folder) as database:
        row = database.execute("SELECT * FROM api_keys WHERE id = ?", (made["id"],)).fetchone()
    assert not any(made["key"] in str(value) for value in row)


def test_a_key_opens_the_account(server, owner):
    client = server.client(owner.key()["key"])
    assert client.get("/auth/me").json()["id"] == owner.id
    number = client.post("/phone_numbers", json={"phone_number": fresh_number()})
    assert number.status_code == 200 and number.json()["user_id"] == owner.id
    assert client.get("/phone_numbers").status_code == 200


@pytest.mark.parametrize("scopes, path, missing", [
    (["numbers:write"], "/phone_numbers", "numbers:read"),
    (["audit:read", "calls:read"], "/phone_numbers", "numbers:read"),
    (["numbers:read", "numbers:write"], "/audit", "audit:read"),
])
def test_a_missing_scope_is_named(server, owner, scopes, path, missing):
    client = server.client(owner.key(scopes=scopes)["key"])
    reply = client.get(path)
    assert (reply.status_code, reply.json()) == (403, {"detail": f"This API key lacks the scope {missing}"})
    assert client.get("/auth/me").status_code == 200


def test_a_scope_to_read_does_not_write(server, owner):
    client = server.client(owner.key(scopes=["numbers:read"])["key"])
    assert client.get("/phone_numbers").status_code == 200
    reply = client.post("/phone_numbers", json={"phone_number": fresh_number()})
    assert (reply.status_code, reply.json()) == (403, {"detail": "This API key lacks the scope numbers:write"})


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_can_be_had(owner, scope):
    assert owner.key(scopes=[scope])["scopes"] == [scope]


def test_a_scope_counts_once(owner):
    assert owner.key(scopes=["calls:read", "numbers:read", "calls:read"])["scopes"] == ["calls:read", "numbers:read"]


@pytest.mark.parametrize("body, place, kind", [
    ({"name": ""}, ["body", "name"], "string_too_short"),
    ({"name": "x" * 65}, ["body", "name"], "string_too_long"),
    ({"name": "a\nb"}, ["body", "name"], "string_pattern_mismatch"),
    ({"name": None}, ["body", "name"], "string_type"),
    ({"scopes": []}, ["body", "scopes"], "value_error"),
    ({"scopes": "numbers:read"}, ["body", "scopes"], "list_type"),
    ({"scopes": ["everything"]}, ["body", "scopes", 0], "literal_error"),
    ({"scopes": ["calls:read", "NUMBERS:READ"]}, ["body", "scopes", 1], "literal_error"),
    ({"scopes": ["calls:read numbers:read"]}, ["body", "scopes", 0], "literal_error"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, ["body", "expires_at"], "value_error"),
    ({"expires_at": "tomorrow"}, ["body", "expires_at"], None),
])
def test_keys_that_cannot_be_made(owner, body, place, kind):
    reply = make(owner, **body)
    assert reply.status_code == 422
    fault = reply.json()["detail"][0]
    assert fault["loc"] == place and kind in (fault["type"], None)
    assert listed(owner) == []


def test_null_is_as_if_it_were_missing(owner):
    made = make(owner, scopes=None, expires_at=None).json()
    assert made["scopes"] == ["*"] and made["expires_at"] is None


def test_a_key_expires(launch):
    clock = Clock()
    server = launch(clock=clock)
    owner = Account(server)
    made = owner.key(expires_at=later(hours=1))
    client = server.client(made["key"])
    assert client.get("/auth/me").status_code == 200
    clock.forward(minutes=59)
    assert client.get("/auth/me").status_code == 200
    clock.forward(minutes=2)
    reply = client.get("/auth/me")
    assert (reply.status_code, reply.json()) == (401, REFUSED)
    owner.client = server.client(owner.login().json()["access_token"])
    assert [one["id"] for one in listed(owner)] == [made["id"]]


def test_a_revoked_key_is_refused_at_once(server, owner):
    kept, made = owner.key(), owner.key()
    client = server.client(made["key"])
    assert client.get("/auth/me").status_code == 200
    reply = owner.client.delete(f"/api_keys/{made['id']}")
    assert (reply.status_code, reply.content) == (204, b"")
    reply = client.get("/auth/me")
    assert (reply.status_code, reply.json()) == (401, REFUSED)
    assert server.client(kept["key"]).get("/auth/me").status_code == 200
    assert owner.client.delete(f"/api_keys/{made['id']}").status_code == 404


def test_a_revoked_key_after_a_power_cut(launch):
    server = launch()
    owner = Account(server)
    made = owner.key()
    assert owner.client.delete(f"/api_keys/{made['id']}").status_code == 204
    server.kill()
    server.start()
    assert server.client(made["key"]).get("/auth/me").status_code == 401


def test_the_keys_of_others_do_not_exist(server, owner):
    made = owner.key()
    stranger = Account(server)
    reply = stranger.client.delete(f"/api_keys/{made['id']}")
    assert (reply.status_code, reply.json()) == (404, {"detail": "API key not found"})
    assert listed(stranger) == []
    assert server.client(made["key"]).get("/auth/me").status_code == 200
    assert owner.client.delete("/api_keys/x").status_code == 422


def test_the_last_use_is_shown(server, owner):
    made = owner.key()
    assert made["last_used_at"] is None and made["last_used_address"] is None
    client = server.client(made["key"])
    assert client.get("/auth/me").status_code == 200
    deadline = time.monotonic() + 20
    while (one := listed(owner)[0])["last_used_at"] is None:
        assert time.monotonic() < deadline, "the last use is not noted"
        time.sleep(0.02)
    assert made["created_at"] <= one["last_used_at"] <= later(seconds=1)
    assert one["last_used_address"] == "127.0.0.1"
    for _ in range(5):
        assert client.get("/auth/me").status_code == 200
    time.sleep(0.1)
    assert listed(owner)[0]["last_used_at"] == one["last_used_at"], "written at most once a minute"


def test_the_last_use_is_noted_again_after_a_minute(launch):
    clock = Clock()
    server = launch(clock=clock)
    owner = Account(server)
    client = server.client(owner.key()["key"])

    def last_use(other_than):
        assert client.get("/auth/me").status_code == 200
        deadline = time.monotonic() + 20
        while (used := listed(owner)[0]["last_used_at"]) == other_than:
            assert time.monotonic() < deadline, "the last use is not noted"
            time.sleep(0.02)
        return used

    first = last_use(None)
    clock.forward(seconds=61)
    assert last_use(first) > first


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/api_keys", {"name": "more"}), ("GET", "/api_keys", None), ("DELETE", "/api_keys/1", None),
    ("POST", "/auth/refresh", None), ("POST", "/auth/logout", None), ("POST", "/auth/logout_all", None),
    ("PUT", "/auth/password", {"current_password": "x", "new_password": "another good password"}),
    ("DELETE", "/auth/me", {"password": "x"}),
])
def test_a_key_makes_no_keys_and_ends_no_sessions(server, owner, method, path, body):
    client = server.client(owner.key()["key"])
    reply = client.request(method, path, json=body)
    assert (reply.status_code, reply.json()) == (
        403, {"detail": "This needs the token of a login, not an API key"})
    assert owner.client.get("/auth/me").status_code == 200


def change_one(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_what_is_nearly_a_key(server, owner):
    key = owner.key()["key"]
    near = [change_one(key, at) for at in (0, 3, 4, 20, 36, 41)]
    near += [key[:-1], key + "A", key.upper(), "ctk_", key[4:], key + ".", f'"{key}"']
    for text in near:
        assert server.client(text).get("/auth/me").status_code == 401, text


def test_how_many_keys_by_setting(launch):
    server = launch(QUOTA_API_KEYS=2)
    owner = Account(server)
    first, _ = owner.key(), owner.key()
    reply = make(owner)
    assert (reply.status_code, reply.json()) == (403, {"detail": "An account may have 2 API keys (QUOTA_API_KEYS)"})
    assert Account(server).key()
    assert owner.client.delete(f"/api_keys/{first['id']}").status_code == 204
    assert make(owner).status_code == 200


def test_paging(owner):
    ids = [owner.key(name=f"key {turn}")["id"] for turn in range(5)]
    found, after = [], {}
    while True:
        page = owner.client.get("/api_keys", params={"limit": 2, **after}).json()
        assert len(page["items"]) <= 2
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == ids
    assert owner.client.get("/api_keys", params={"after": "?"}).status_code == 422


def test_the_same_key_for_the_same_idempotency_key(owner):
    headers = {"Idempotency-Key": f"key-of-{owner.name}"}
    replies = [owner.client.post("/api_keys", json={"name": "once"}, headers=headers) for _ in range(2)]
    assert replies[0].status_code == 200
    assert replies[0].content == replies[1].content
    assert len(listed(owner)) == 1
