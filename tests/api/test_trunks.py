"""Trunks, and what accounts may do on them: for administrators."""

import hashlib

import pytest

from support.people import Account, fresh_name

DEFAULTS = {"enabled": True, "fallback_hosts": [], "transport": "udp", "tls_verify": True, "username": None, "register": False, "prefixes": [],
            "allow_from": [], "trusted": False, "channels": 0, "out_strip": 0, "out_prepend": "", "in_strip": 0,
            "in_prepend": "", "inbound_username": None}
FULL = {"enabled": False, "host": "[2001:db8::1]:5061", "fallback_hosts": ["sip.example.com", "192.0.2.1:5080"], "transport": "tls", "tls_verify": False,
        "username": "4930123", "register": True, "prefixes": ["+49", "+"], "allow_from": ["192.0.2.0/24", "2001:db8::1"],
        "trusted": True, "channels": 30, "out_strip": 1, "out_prepend": "00", "in_strip": 2, "in_prepend": "+49"}


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


def make(admin, **body):
    reply = admin.client.post("/trunks", json={"name": fresh_name(), "host": "sip.example.com", **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


def row(server, trunk):
    with server.opened() as database:
        return database.execute("SELECT password, inbound_ha1_md5, inbound_ha1_sha256 FROM trunks WHERE id = ?", (trunk["id"],)).fetchone()


def test_a_trunk(admin):
    name = fresh_name()
    trunk = make(admin, name=name)
    assert {**trunk, "id": 0, "created_at": ""} == {
        "id": 0, "name": name, "host": "sip.example.com", "created_at": "", **DEFAULTS,
        "registration": None, "hosts": [{"host": "sip.example.com", "state": "unknown"}]}
    assert admin.client.get(f"/trunks/{trunk['id']}").json() == trunk
    full = make(admin, **{**FULL, "prefixes": ["49", "+"]})
    assert {name: full[name] for name in FULL} == FULL
    assert full["registration"] == {"state": "pending", "until": None, "status": None, "reason": None}
    assert full["hosts"] == [{"host": host, "state": "unknown"} for host in [FULL["host"], *FULL["fallback_hosts"]]]
    items = admin.client.get("/trunks").json()["items"]
    assert trunk in items and full in items


def test_all_of_it_is_put_in_place(admin):
    trunk = make(admin, **FULL)
    path = f"/trunks/{trunk['id']}"
    name = fresh_name()
    reply = admin.client.put(path, json={"name": name, "host": "192.0.2.7"})
    assert reply.status_code == 200, reply.text
    assert reply.json() == {"id": trunk["id"], "name": name, "host": "192.0.2.7", "created_at": trunk["created_at"], **DEFAULTS,
                            "registration": None, "hosts": [{"host": "192.0.2.7", "state": "unknown"}]}
    assert admin.client.get(path).json() == reply.json()
    assert admin.client.put(path, json={"name": name, **FULL}).json() == {**trunk, "name": name}


def test_who_registers_has_a_name(admin):
    reply = admin.client.post("/trunks", json={"name": fresh_name(), "host": "sip.example.com", "register": True})
    assert reply.status_code == 422 and reply.json()["detail"][0]["loc"] == ["body", "username"]


def test_names_are_there_once(admin):
    first, second = make(admin, inbound_username="them-1", inbound_password="x"), make(admin)
    detail = {"detail": "Another trunk has this name, or this inbound username"}
    for body in ({"name": first["name"]}, {"name": fresh_name(), "inbound_username": "them-1", "inbound_password": "y"}):
        reply = admin.client.post("/trunks", json={"host": "a", **body})
        assert (reply.status_code, reply.json()) == (409, detail)
        reply = admin.client.put(f"/trunks/{second['id']}", json={"host": "a", **body})
        assert (reply.status_code, reply.json()) == (409, detail)
    assert admin.client.put(f"/trunks/{second['id']}", json={"host": "a", "name": second["name"]}).status_code == 200


def test_passwords_are_not_shown(server, admin):
    trunk = make(admin, username="us", password="our password", inbound_username="them-2", inbound_password="their password")
    text = admin.client.get("/trunks").text + admin.client.get(f"/trunks/{trunk['id']}").text + str(trunk)
    assert "our password" not in text and "their password" not in text
    password, md5, sha256 = row(server, trunk)
    assert "our password" not in password
    realm = "localhost"
    assert md5 == hashlib.md5(f"them-2:{realm}:their password".encode()).hexdigest()
    assert sha256 == hashlib.sha256(f"them-2:{realm}:their password".encode()).hexdigest()
    # those of before stay when none is given
    path = f"/trunks/{trunk['id']}"
    body = {"name": trunk["name"], "host": "b", "username": "us", "inbound_username": "them-2"}
    assert admin.client.put(path, json=body).status_code == 200
    again = row(server, trunk)
    assert again[1:] == (md5, sha256) and again[0]
    reply = admin.client.put(path, json={**body, "inbound_username": "others"})
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["body", "inbound_password"])
    assert admin.client.put(path, json={**body, "inbound_username": None}).status_code == 200
    assert row(server, trunk)[1:] == (None, None)


@pytest.mark.parametrize("body, where", [
    ({"host": ""}, "host"), ({"host": "a b"}, "host"), ({"host": "-a"}, "host"), ({"host": "a."}, "host"), ({"host": "a:0"}, "host"),
    ({"host": "a:65536"}, "host"), ({"host": "a:"}, "host"), ({"host": "[::1"}, "host"), ({"host": "[]"}, "host"),
    ({"host": "sip:a"}, "host"), ({"fallback_hosts": ["a", "b/c"]}, "fallback_hosts"), ({"fallback_hosts": ["a"] * 9}, "fallback_hosts"),
    ({"transport": "ws"}, "transport"), ({"prefixes": ["4x"]}, "prefixes"), ({"prefixes": ["+" + "1" * 16]}, "prefixes"),
    ({"allow_from": ["sip.example.com"]}, "allow_from"), ({"allow_from": ["192.0.2.1/24"]}, "allow_from"),
    ({"allow_from": ["192.0.2.1, 192.0.2.2"]}, "allow_from"), ({"allow_from": [""]}, "allow_from"), ({"channels": -1}, "channels"),
    ({"out_strip": 17}, "out_strip"), ({"out_prepend": "a"}, "out_prepend"), ({"inbound_username": "x"}, "inbound_password"),
    ({"username": "a\nb"}, "username"), ({"name": ""}, "name"),
])
def test_what_is_no_trunk(admin, body, where):
    reply = admin.client.post("/trunks", json={"name": fresh_name(), "host": "a", **body})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"][:2] == ["body", where]


@pytest.mark.parametrize("host", ["a", "a-b.example", "1.2.3.4", "1.2.3.4:5060", "[::1]", "[2001:db8::1]:65535", "a:1"])
def test_what_is_a_host(admin, host):
    assert make(admin, host=host)["host"] == host


def test_a_deleted_trunk(admin):
    trunk = make(admin)
    path = f"/trunks/{trunk['id']}"
    assert admin.client.delete(path).status_code == 204
    for reply in (admin.client.get(path), admin.client.delete(path), admin.client.put(path, json={"name": "x", "host": "x"})):
        assert (reply.status_code, reply.json()) == (404, {"detail": "Trunk not found"})
    assert make(admin)["id"] > trunk["id"]


def test_pages(admin):
    made = [make(admin)["id"] for _ in range(3)]
    seen, after = [], None
    while True:
        page = admin.client.get("/trunks", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(seen) and set(made) <= set(seen)


def test_what_is_written_down(admin):
    trunk = make(admin)
    admin.client.put(f"/trunks/{trunk['id']}", json={"name": trunk["name"], "host": "b"})
    admin.client.delete(f"/trunks/{trunk['id']}")
    rows = admin.client.get("/audit", params={"limit": 3}).json()["items"]
    assert [(one["action"], one["target_id"], one["detail"]) for one in reversed(rows)] == [
        (action, trunk["id"], trunk["name"]) for action in ("trunk.created", "trunk.changed", "trunk.deleted")]


# ---- what accounts may do

NOTHING = {"trunks": False, "prefixes": [], "concurrent_calls": 0, "calls_per_minute": 0, "longest_call_s": 0, "minutes_per_day": 0}
SOME = {"trunks": True, "prefixes": ["+49", "+43"], "concurrent_calls": 2, "calls_per_minute": 10, "longest_call_s": 3600,
        "minutes_per_day": 120}


def test_nothing_is_allowed_at_first(admin, owner):
    assert admin.client.get(f"/users/{owner.id}/call_limits").json() == NOTHING


def test_limits(admin, owner):
    path = f"/users/{owner.id}/call_limits"
    assert admin.client.put(path, json={**SOME, "prefixes": ["49", "+43", "+49"]}).json() == SOME
    assert admin.client.get(path).json() == SOME
    assert admin.client.put(path, json={"trunks": True, "prefixes": ["+"]}).json() == {**NOTHING, "trunks": True, "prefixes": ["+"]}
    assert admin.client.get(path).json() == {**NOTHING, "trunks": True, "prefixes": ["+"]}
    entry = owner.client.get("/audit").json()["items"][0]
    assert (entry["action"], entry["detail"]) == ("account.call_limits_set", owner.name)


@pytest.mark.parametrize("body, where", [
    ({"prefixes": []}, "trunks"), ({"trunks": True}, "prefixes"), ({**SOME, "prefixes": ["x"]}, "prefixes"),
    ({**SOME, "concurrent_calls": -1}, "concurrent_calls"), ({**SOME, "longest_call_s": 86401}, "longest_call_s"),
    ({**SOME, "trunks": "yes"}, "trunks"),
])
def test_what_are_no_limits(admin, owner, body, where):
    reply = admin.client.put(f"/users/{owner.id}/call_limits", json=body)
    assert (reply.status_code, reply.json()["detail"][0]["loc"][:2]) == (422, ["body", where])
    assert admin.client.get(f"/users/{owner.id}/call_limits").json() == NOTHING


def test_of_an_account_that_is_none(server, admin, owner):
    admin.client.put(f"/users/{owner.id}/call_limits", json=SOME)
    assert owner.client.delete("/auth/me", json={"password": owner.password}).status_code == 204
    for number in (owner.id, 987654321):
        for reply in (admin.client.get(f"/users/{number}/call_limits"), admin.client.put(f"/users/{number}/call_limits", json=SOME)):
            assert (reply.status_code, reply.json()) == (404, {"detail": "Account not found"})
    with server.opened() as database:
        assert database.execute("SELECT count(*) FROM call_caps WHERE user_id = ?", (owner.id,)).fetchone() == (0,)


def test_nobody_allows_himself_anything(owner):
    for method in ("get", "put"):
        reply = owner.client.request(method, f"/users/{owner.id}/call_limits", json=SOME)
        assert reply.status_code == 403
