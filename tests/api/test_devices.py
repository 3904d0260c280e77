"""Devices: made, shown, changed, deleted."""

import hashlib
import re
import time

from support.people import Account, fresh_number

SECRET = "[0-9abcdefghjkmnpqrstvwxyz]{26}"


def make(account, **body):
    reply = account.client.post("/devices", json={"name": "Desk", **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


def row(server, device):
    with server.opened() as database:
        return database.execute("SELECT username, ha1_md5, ha1_sha256 FROM devices WHERE id = ?", (device["id"],)).fetchone()


def digest(kind, device, realm="localhost"):
    sip = device["sip"]
    return hashlib.new(kind, f"{sip['username']}:{realm}:{sip['password']}".encode()).hexdigest()


def without_password(device):
    return {**device, "sip": {name: value for name, value in device["sip"].items() if name != "password"}}


def test_what_a_phone_is_told(server, owner):
    device = make(owner)
    assert set(device) == {"id", "name", "caller_id", "sip", "registrations", "created_at"}
    assert (device["name"], device["caller_id"], device["registrations"]) == ("Desk", None, [])
    assert set(device["sip"]) == {"username", "password", "domain", "transports"}
    assert re.fullmatch(f"d{device['id']}-{SECRET}", device["sip"]["username"])
    assert re.fullmatch(SECRET, device["sip"]["password"])
    assert device["sip"]["domain"] == "localhost"
    assert device["sip"]["transports"]
    shown = owner.client.get(f"/devices/{device['id']}").json()
    assert shown == without_password(device)
    assert owner.client.get("/devices").json() == {"items": [shown], "next": None}


def test_no_two_secrets_are_alike(owner):
    devices = [make(owner) for _ in range(20)]
    secrets = {text for device in devices for text in (device["sip"]["username"].partition("-")[2], device["sip"]["password"])}
    assert len(secrets) == 40


def test_only_digests_are_kept(server, owner):
    device = make(owner)
    assert row(server, device) == (device["sip"]["username"], digest("md5", device), digest("sha256", device))


def test_the_number_that_it_presents(owner):
    device = make(owner)
    first, second = (owner.create() for _ in range(2))
    path = f"/devices/{device['id']}"
    assert owner.client.get(path).json()["caller_id"] == first["phone_number"]
    reply = owner.client.patch(path, json={"caller_id": second["phone_number"]})
    assert (reply.status_code, reply.json()["caller_id"], reply.json()["name"]) == (200, second["phone_number"], "Desk")
    assert make(owner, caller_id=second["phone_number"])["caller_id"] == second["phone_number"]
    # a number that it has no more is no longer presented, until it comes back
    owner.client.delete(f"/phone_numbers/{second['id']}")
    assert owner.client.get(path).json()["caller_id"] == first["phone_number"]
    owner.client.post(f"/phone_numbers/{second['id']}/restore")
    assert owner.client.get(path).json()["caller_id"] == second["phone_number"]
    assert owner.client.patch(path, json={"caller_id": None}).json()["caller_id"] == first["phone_number"]
    owner.client.delete(f"/phone_numbers/{first['id']}")
    owner.client.delete(f"/phone_numbers/{second['id']}")
    assert owner.client.get(path).json()["caller_id"] is None


def test_a_number_of_somebody_else_is_none(server, owner):
    other = Account(server).create()
    device = make(owner)
    for number in (other["phone_number"], fresh_number()):
        for reply in (owner.client.post("/devices", json={"name": "x", "caller_id": number}),
                      owner.client.patch(f"/devices/{device['id']}", json={"caller_id": number})):
            assert reply.status_code == 422
            assert reply.json()["detail"] == [{"type": "value_error", "loc": ["body", "caller_id"],
                                               "msg": "Value error, this is no number of yours"}]
    assert [one["id"] for one in owner.client.get("/devices").json()["items"]] == [device["id"]]


def test_a_new_password(server, owner):
    device = make(owner)
    path = f"/devices/{device['id']}"
    before = row(server, device)
    assert "password" not in owner.client.patch(path, json={"name": "Kitchen"}).json()["sip"]
    assert "password" not in owner.client.patch(path, json={"new_password": False}).json()["sip"]
    assert owner.client.patch(path, json={}).json() == owner.client.get(path).json()
    assert row(server, device) == before
    changed = owner.client.patch(path, json={"new_password": True}).json()
    assert changed["sip"]["username"] == device["sip"]["username"]
    assert changed["sip"]["password"] != device["sip"]["password"]
    assert row(server, device) == (changed["sip"]["username"], digest("md5", changed), digest("sha256", changed))
    assert owner.client.get(path).json() == without_password(changed)
    assert changed["name"] == "Kitchen"


def test_the_realm_stays_when_the_domain_changes(launch):
    """Otherwise every phone would be locked out."""
    server = launch(SIP_DOMAIN="one.example")
    owner = Account(server)
    device = make(owner)
    assert row(server, device)[1] == digest("md5", device, "one.example")
    server.stop()
    again = launch(server.folder, SIP_DOMAIN="two.example")
    client = again.client(again.client().post("/auth/login", json=owner.body).json()["access_token"])
    assert client.get(f"/devices/{device['id']}").json()["sip"]["domain"] == "two.example"
    other = client.post("/devices", json={"name": "another"}).json()
    assert row(again, other)[1] == digest("md5", other, "one.example")


def test_the_transports_are_those_of_the_setting(launch):
    server = launch(SIP_LISTEN="tcp:127.0.0.1:0,udp:127.0.0.1:0,tcp:127.0.0.1:0")
    assert make(Account(server))["sip"]["transports"] == ["tcp", "udp"]


def test_without_sip_there_are_no_transports(launch):
    assert make(Account(launch(SIP_LISTEN="off")))["sip"]["transports"] == []


def test_how_many_one_may_have(launch):
    server = launch(QUOTA_DEVICES="2")
    owner = Account(server)
    first = make(owner)
    make(owner)
    reply = owner.client.post("/devices", json={"name": "x"})
    assert (reply.status_code, reply.json()) == (403, {"detail": "This account may have 2 devices (QUOTA_DEVICES)"})
    assert owner.client.delete(f"/devices/{first['id']}").status_code == 204
    assert make(owner)["id"] > first["id"] + 1


def bind(server, device, contact, seconds):
    now = int(time.time() * 1000)
    with server.opened() as database:
        place, = database.execute("SELECT count(*) FROM sip_bindings WHERE device_id = ?", (device["id"],)).fetchone()
        database.execute(
            "INSERT INTO sip_bindings (device_id, place, contact, path, user_agent, instance, reg_id, transport, source, q, "
            "call_id, cseq, registered_at, expires_at) VALUES (?, ?, ?, '', ?, '', 0, 'udp', '192.0.2.1:5060', 1000, 'a', 1, ?, ?)",
            (device["id"], place, contact, "phone 1.0" if place == 0 else "", now + place, now + seconds * 1000))


def test_where_it_is_registered(server, owner):
    device = make(owner)
    path = f"/devices/{device['id']}"
    bind(server, device, "sip:d1@192.0.2.1", 3600)
    bind(server, device, "sip:d1@192.0.2.2", 3600)
    bind(server, device, "sip:d1@192.0.2.3", -1)
    shown = owner.client.get(path).json()["registrations"]
    assert [(one["contact"], one["transport"], one["source"], one["user_agent"]) for one in shown] == [
        ("sip:d1@192.0.2.2", "udp", "192.0.2.1:5060", None), ("sip:d1@192.0.2.1", "udp", "192.0.2.1:5060", "phone 1.0")]
    assert [one["registrations"] for one in owner.client.get("/devices").json()["items"]] == [shown]
    # a phone with the old password is registered no more, nor is one of a device that is gone
    owner.client.patch(path, json={"name": "Kitchen"})
    assert owner.client.get(path).json()["registrations"] == shown
    assert owner.client.patch(path, json={"new_password": True}).json()["registrations"] == []
    bind(server, device, "sip:d1@192.0.2.1", 3600)
    assert owner.client.delete(path).status_code == 204
    with server.opened() as database:
        assert database.execute("SELECT count(*) FROM sip_bindings WHERE device_id = ?", (device["id"],)).fetchone() == (0,)


def test_pages(owner):
    ids = [make(owner)["id"] for _ in range(5)]
    seen, after = [], None
    while True:
        page = owner.client.get("/devices", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids


def test_a_deleted_device(server, owner):
    device = make(owner)
    path = f"/devices/{device['id']}"
    assert owner.client.delete(path).status_code == 204
    assert row(server, device) is None
    for reply in (owner.client.get(path), owner.client.delete(path), owner.client.patch(path, json={"name": "x"})):
        assert (reply.status_code, reply.json()) == (404, {"detail": "Device not found"})


def test_devices_end_with_the_account(server, owner):
    device = make(owner)
    reply = owner.client.delete("/auth/me", json={"password": owner.password})
    assert reply.status_code == 204
    assert row(server, device) is None
    # the SIP side hears of it: of the account first, whose calls end for that
    with server.opened() as database:
        events = database.execute("SELECT type, subject_id FROM events WHERE user_id = ? ORDER BY id", (owner.id,)).fetchall()
    assert events == [("device.deleted", 0), ("device.deleted", device["id"])]


def test_what_is_written_down(server, owner):
    device = make(owner)
    path = f"/devices/{device['id']}"
    owner.client.patch(path, json={"name": "Kitchen"})
    owner.client.patch(path, json={"new_password": True})
    owner.client.delete(path)
    rows = [one for one in owner.client.get("/audit").json()["items"] if one["action"].startswith("device.")]
    assert [(one["action"], one["target_id"], one["detail"]) for one in reversed(rows)] == [
        ("device.created", device["id"], "Desk"), ("device.changed", device["id"], "Kitchen"),
        ("device.password_changed", device["id"], "Kitchen"), ("device.deleted", device["id"], "Kitchen")]
    with server.opened() as database:
        events = database.execute("SELECT type, subject_id, data FROM events WHERE user_id = ? ORDER BY id", (owner.id,)).fetchall()
    assert events == [("device.created", device["id"], '{"name":"Desk"}'), ("device.updated", device["id"], '{"name":"Kitchen"}'),
                      ("device.updated", device["id"], '{"name":"Kitchen"}'),
                      ("device.deleted", device["id"], '{"name":"Kitchen"}')]


def test_a_key_with_the_scope(server, owner):
    device = make(owner)
    reader = server.client(owner.key(scopes=["devices:read"])["key"])
    assert reader.get(f"/devices/{device['id']}").status_code == 200
    assert reader.post("/devices", json={"name": "x"}).status_code == 403
    writer = server.client(owner.key(scopes=["devices:write"])["key"])
    assert writer.post("/devices", json={"name": "x"}).status_code == 200
    assert writer.get("/devices").status_code == 403

