"""Release, quarantine and restoring, with the clock moved; the audit record of it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.clock import Clock
from support.database import opened
from support.people import Account, fresh_number

TAKEN = {"detail": "Phone number already registered"}
UNKNOWN = {"detail": "Phone number not found"}


def create(account, number):
    return account.client.post("/phone_numbers", json={"phone_number": number})


def release(account, number_id):
    return account.client.delete(f"/phone_numbers/{number_id}")


def restore(account, number_id):
    return account.client.post(f"/phone_numbers/{number_id}/restore")


def listed(account, **query):
    return [one["id"] for one in account.client.get("/phone_numbers", params=query).json()["items"]]


def rows(server):
    with opened(server.folder) as database:
        return database.execute("SELECT id, status, transfer_to FROM virtual_phone_numbers ORDER BY id").fetchall()


def actions(account):
    """What the account's record says of numbers, the oldest first."""
    items = account.client.get("/audit", params={"limit": 100}).json()["items"]
    return [(one["action"], one["detail"], one["actor"]) for one in reversed(items) if one["action"].startswith("number.")]


def test_a_number_that_was_released(server, owner):
    other = Account(server)
    number = fresh_number()
    made = owner.create(number)
    before = owner.client.get(f"/phone_numbers/{made['id']}").json()
    reply = release(owner, made["id"])
    assert reply.status_code == 200
    assert reply.json() == {**before, "status": "quarantined", "user_id": None}
    # nobody's, and nobody can have it
    assert (owner.client.get(f"/phone_numbers/{made['id']}").status_code, listed(owner)) == (404, [])
    for account in (owner, other):
        reply = create(account, number)
        assert (reply.status_code, reply.json()) == (409, TAKEN)
    for again in (release(owner, made["id"]), release(other, made["id"]), restore(other, made["id"])):
        assert (again.status_code, again.json()) == (404, UNKNOWN)
    # only its last owner sees it where he looks for it
    assert (listed(owner, status="quarantined"), listed(other, status="quarantined")) == ([made["id"]], [])


def test_restoring(owner):
    made = owner.create()
    assert owner.client.patch(f"/phone_numbers/{made['id']}", json={"friendly_name": "desk", "tags": ["a"]}).status_code == 200
    before = owner.client.get(f"/phone_numbers/{made['id']}")
    release(owner, made["id"])
    reply = restore(owner, made["id"])
    assert reply.status_code == 200
    assert reply.json() == before.json()
    after = owner.client.get(f"/phone_numbers/{made['id']}")
    assert after.json() == before.json()
    assert after.headers["ETag"] != before.headers["ETag"]
    assert (listed(owner), listed(owner, status="quarantined")) == ([made["id"]], [])
    again = restore(owner, made["id"])
    assert (again.status_code, again.json()) == (409, {"detail": "This number is not in quarantine"})


def test_what_cannot_be_released_or_restored(server, owner):
    other = Account(server)
    made = owner.create()
    for reply in (release(other, made["id"]), restore(other, made["id"]), release(owner, 987654321), restore(owner, 987654321)):
        assert (reply.status_code, reply.json()) == (404, UNKNOWN)
    assert listed(owner) == [made["id"]]


def test_the_end_of_a_quarantine(launch):
    clock = Clock()
    server = launch(clock=clock, NUMBER_QUARANTINE_DAYS="30")
    owner, other = Account(server), Account(server)
    ends, stays = owner.create("+493012345670"), owner.create("+493012345671")
    release(owner, ends["id"])
    clock.forward(days=29, hours=23)
    # a token is valid for 30 minutes
    owner.client, other.client = (server.client(one.login().json()["access_token"]) for one in (owner, other))
    assert create(other, "+493012345670").status_code == 409
    release(owner, stays["id"])
    clock.forward(hours=1)
    owner.client, other.client = (server.client(one.login().json()["access_token"]) for one in (owner, other))
    # over at once, whether or not a row was tidied up
    assert restore(owner, ends["id"]).status_code == 404
    assert listed(owner, status="quarantined") == [stays["id"]]
    made = create(other, "+493012345670").json()
    assert made["user_id"] == other.id and made["id"] > stays["id"]
    assert restore(owner, ends["id"]).status_code == 404
    assert restore(owner, stays["id"]).status_code == 200
    assert actions(owner) == [
        ("number.created", "+493012345670", owner.name), ("number.created", "+493012345671", owner.name),
        ("number.released", "+493012345670", owner.name), ("number.released", "+493012345671", owner.name),
        ("number.freed", "+493012345670", None), ("number.restored", "+493012345671", owner.name)]


def test_rows_are_tidied_up_by_themselves(launch):
    clock = Clock()
    server = launch(clock=clock, NUMBER_QUARANTINE_DAYS="1", NUMBER_TRANSFER_HOURS="1")
    owner, other = Account(server), Account(server)
    released, offered, kept = (owner.create()["id"] for _ in range(3))
    release(owner, released)
    owner.client.post(f"/phone_numbers/{offered}/transfer", json={"username": other.name})
    clock.forward(days=1)
    tidy = [(offered, None, None), (kept, None, None)]
    patience = time.monotonic() + 30
    while (found := rows(server)) != tidy and time.monotonic() < patience:
        time.sleep(0.2)
    assert found == tidy
    owner.client = server.client(owner.login().json()["access_token"])
    assert {(action, actor) for action, _, actor in actions(owner)[-2:]} == {("number.freed", None), ("number.offer_ended", None)}


def test_without_a_quarantine(launch):
    server = launch(NUMBER_QUARANTINE_DAYS="0")
    owner, other = Account(server), Account(server)
    number = fresh_number()
    made = owner.create(number)
    reply = release(owner, made["id"])
    assert (reply.status_code, reply.json()["status"], reply.json()["user_id"]) == (200, "available", None)
    assert restore(owner, made["id"]).status_code == 404
    assert create(other, number).json() == {"id": made["id"] + 1, "phone_number": number, "user_id": other.id}


def test_the_numbers_of_an_account_that_ends(launch):
    clock = Clock()
    server = launch(clock=clock)
    owner, other = Account(server), Account(server)
    mine = [owner.create()["phone_number"] for _ in range(3)]
    theirs = other.create()["id"]
    other.client.post(f"/phone_numbers/{theirs}/transfer", json={"username": owner.name})
    reply = owner.client.delete("/auth/me", json={"password": owner.password})
    assert reply.status_code == 204, reply.text
    assert [create(other, number).status_code for number in mine] == [409] * 3
    assert other.client.get(f"/phone_numbers/{theirs}").json()["status"] == "assigned"
    # who has the name next is somebody else
    heir = Account(server, name=owner.name)
    assert listed(heir, status="quarantined") == []
    assert heir.client.get("/phone_number_transfers").json()["items"] == []
    clock.forward(days=30)
    other.client = server.client(other.login().json()["access_token"])
    assert [create(other, number).status_code for number in mine] == [200] * 3


def test_releasing_at_the_same_time(server):
    owner = Account(server)
    made = owner.create()["id"]
    clients = [server.client(owner.token) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda client: client.delete(f"/phone_numbers/{made}").status_code, clients))
        assert statuses == [200] + [404] * 7
        statuses = sorted(pool.map(lambda client: client.post(f"/phone_numbers/{made}/restore").status_code, clients))
    assert statuses == [200] + [409] * 7


def test_the_record(server, owner):
    number = fresh_number()
    made = owner.create(number)["id"]
    owner.client.patch(f"/phone_numbers/{made}", json={"friendly_name": "desk"})
    owner.client.patch(f"/phone_numbers/{made}", json={})
    release(owner, made)
    restore(owner, made)
    assert actions(owner) == [(f"number.{action}", number, owner.name)
                              for action in ("created", "changed", "released", "restored")]
    # what was refused is not there
    create(owner, number)
    restore(owner, made)
    assert len(actions(owner)) == 4


@pytest.mark.parametrize("method, path", [
    ("delete", "/phone_numbers/{id}"), ("patch", "/phone_numbers/{id}"), ("post", "/phone_numbers/{id}/restore")])
def test_a_key_that_may_only_read(owner, method, path):
    made = owner.create()["id"]
    key = owner.key(scopes=["numbers:read"])["key"]
    reader = owner.server.client(key)
    assert reader.get(f"/phone_numbers/{made}").status_code == 200
    reply = reader.request(method.upper(), path.format(id=made), json={})
    assert (reply.status_code, reply.json()) == (403, {"detail": "This API key lacks the scope numbers:write"})
