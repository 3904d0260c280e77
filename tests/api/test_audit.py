"""GET /audit: what was done to an account, by whom, when and from where."""

import re

import pytest

from support import program
from support.database import opened
from support.people import Account

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def entries(account, **query):
    reply = account.client.get("/audit", params={"limit": 100, **query})
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def actions(account):
    return [entry["action"] for entry in entries(account)]


def own(account, action, target_id=None, detail=None):
    """What an entry says that the account made itself, but for its id and time."""
    return {"action": action, "target": action.partition(".")[0], "target_id": target_id or account.id, "detail": detail,
            "actor_id": account.id, "actor": account.name, "key_id": None, "address": "127.0.0.1"}


def newest(account):
    entry = entries(account)[0]
    assert TIME.fullmatch(entry.pop("at")) and entry.pop("id") > 0
    return entry


def test_the_life_of_an_account(server):
    owner = Account(server)
    assert newest(owner) == own(owner, "account.registered")
    owner.token = owner.login().json()["access_token"]
    assert newest(owner) == own(owner, "account.logged_in")
    made = owner.key(name="billing")
    assert newest(owner) == own(owner, "api_key.created", made["id"], "billing")
    assert owner.client.delete(f"/api_keys/{made['id']}").status_code == 204
    assert newest(owner) == own(owner, "api_key.deleted", made["id"], "billing")
    assert server.client(owner.token).post("/auth/logout").status_code == 204
    assert newest(owner) == own(owner, "account.logged_out")
    assert owner.client.put("/auth/password", json={
        "current_password": owner.password, "new_password": "another good password"}).status_code == 204
    assert newest(owner) == own(owner, "account.password_changed")
    owner.password = "another good password"
    assert owner.client.post("/auth/logout_all").status_code == 204
    owner.client = server.client(owner.login().json()["access_token"])
    assert actions(owner) == [
        "account.logged_in", "account.logged_out_all", "account.password_changed", "account.logged_out",
        "api_key.deleted", "api_key.created", "account.logged_in", "account.registered"]


def test_the_record_outlives_the_account(server):
    owner = Account(server)
    assert owner.client.delete("/auth/me", json={"password": owner.password}).status_code == 204
    with opened(server.folder) as database:
        rows = database.execute("SELECT action, detail, actor_id, address FROM audit WHERE user_id = ? ORDER BY id",
                                (owner.id,)).fetchall()
    assert rows == [("account.registered", None, owner.id, "127.0.0.1"),
                    ("account.deleted", owner.name, owner.id, "127.0.0.1")]


def test_what_the_operator_does(server, owner):
    for arguments, password, action, detail in (
            (["grant-admin", owner.name], None, "account.role_changed", "admin"),
            (["grant-admin", owner.name], None, None, None),
            (["revoke-admin", owner.name], None, "account.role_changed", "user"),
            (["set-password", owner.name], "another good password", "account.password_changed", None)):
        before = rows_of(server, owner)
        done = program.run(["user", *arguments], server.folder, server.settings, input=f"{password}\n" if password else "")
        assert done.returncode == 0, done.stderr
        assert rows_of(server, owner)[len(before):] == ([(action, detail, None, None)] if action else [])
    name = owner.name + "-added"
    done = program.run(["user", "add", name], server.folder, server.settings, input="a good password\n")
    assert done.returncode == 0, done.stderr
    reply = server.client().post("/auth/login", json={"username": name, "password": "a good password"})
    client = server.client(reply.json()["access_token"])
    first = client.get("/audit").json()["items"][-1]
    assert first["action"] == "account.registered"
    assert first["actor_id"] is None and first["actor"] is None and first["address"] is None


def rows_of(server, owner):
    with opened(server.folder) as database:
        rows = database.execute("SELECT action, detail, actor_id, address FROM audit WHERE user_id = ? ORDER BY id",
                                (owner.id,)).fetchall()
    return rows


def test_what_is_done_with_a_key(server, owner):
    made = owner.key()
    number = server.client(made["key"]).post("/phone_numbers", json={"phone_number": "+4930" + str(10000000 + owner.id)})
    assert number.status_code == 200
    entry = newest(owner)
    assert entry["action"] == "number.created" and entry["key_id"] == made["id"]
    assert entry["target"] == "phone_number" and entry["target_id"] == number.json()["id"]


@pytest.mark.parametrize("attempt", [
    lambda owner: owner.client.put("/auth/password", json={"current_password": "wrong", "new_password": "a good password"}),
    lambda owner: owner.client.delete("/auth/me", json={"password": "wrong"}),
    lambda owner: owner.client.delete("/api_keys/987654321"),
    lambda owner: owner.client.post("/api_keys", json={"name": ""}),
    lambda owner: owner.server.client().post("/auth/register", json=owner.body),
    lambda owner: owner.server.client().post("/auth/login", json={**owner.body, "password": "wrong"}),
    lambda owner: owner.client.post("/auth/refresh"),
], ids=["password", "delete", "key", "no key", "register", "login", "refresh"])
def test_what_changes_nothing_leaves_no_entry(server, owner, attempt):
    with opened(server.folder) as database:
        before = rows_of(server, owner)
        attempt(owner)
        assert rows_of(server, owner) == before


def test_each_sees_its_own(server, owner):
    stranger = Account(server)
    owner.key()
    assert {entry["actor"] for entry in entries(stranger)} == {stranger.name}
    assert actions(stranger) == ["account.registered"]


def test_paging_the_newest_first(owner):
    for _ in range(6):
        owner.key()
    whole = entries(owner)
    ids = [entry["id"] for entry in whole]
    assert ids == sorted(ids, reverse=True) and len(ids) == 7
    found, query = [], {"limit": 3}
    while True:
        page = owner.client.get("/audit", params=query).json()
        found += page["items"]
        assert len(page["items"]) <= 3
        if page["next"] is None:
            break
        query["after"] = page["next"]
        owner.key()  # what comes meanwhile does not move the rest
    assert found == whole


def test_only_some_actions(owner):
    made = [owner.key()["id"] for _ in range(5)]
    owner.client.delete(f"/api_keys/{made[0]}")
    found = entries(owner, action="api_key.created")
    assert [entry["target_id"] for entry in found] == made[::-1]
    page = owner.client.get("/audit", params={"limit": 2, "action": "api_key.created"}).json()
    assert [entry["target_id"] for entry in page["items"]] == made[:2:-1]
    page = owner.client.get("/audit", params={"limit": 100, "action": "api_key.created", "after": page["next"]}).json()
    assert [entry["target_id"] for entry in page["items"]] == made[2::-1] and page["next"] is None
    assert entries(owner, action="pool.deleted") == []
    reply = owner.client.get("/audit", params={"action": "account.hacked"})
    assert reply.status_code == 422 and reply.json()["detail"][0]["loc"] == ["query", "action"]


def test_a_page_looks_at_so_many_entries(server):
    """A rare action of an account with many entries: pages may be empty, and it is found all the same."""
    owner = Account(server)
    with opened(server.folder) as database:
        next_id, = database.execute("SELECT max(id) + 1 FROM audit").fetchone()
        database.executemany("INSERT INTO audit (id, at, user_id, actor_id, action) VALUES (?, 0, ?, ?, 'number.created')",
                             [(next_id + turn, owner.id, owner.id) for turn in range(4500)])
    query, pages = {"action": "account.registered"}, []
    while True:
        page = owner.client.get("/audit", params=query).json()
        pages.append([entry["action"] for entry in page["items"]])
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert pages == [[], [], ["account.registered"]]


def test_behind_a_proxy_the_address_is_the_real_one(launch):
    server = launch(TRUSTED_PROXIES="127.0.0.1")
    owner = Account(server)
    server.client().post("/auth/login", json=owner.body, headers={"X-Forwarded-For": "203.0.113.9"})
    assert newest(owner)["address"] == "203.0.113.9"
