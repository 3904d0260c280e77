"""/reserved_numbers: what nobody is to have."""

import pytest

from support.clock import Clock
from support.people import Account, fresh_number

TAKEN = {"detail": "Phone number already registered"}


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


def reserve(admin, number):
    return admin.client.post("/reserved_numbers", json={"phone_number": number})


def test_a_reserved_number(server, admin, owner):
    number = fresh_number()
    reply = reserve(admin, number)
    assert reply.status_code == 200, reply.text
    made = reply.json()
    assert (made["phone_number"], made["status"], made["user_id"]) == (number, "reserved", None)
    for again in (reserve(admin, number), owner.client.post("/phone_numbers", json={"phone_number": number})):
        assert (again.status_code, again.json()) == (409, TAKEN)
    # it is nobody's, the administrator's neither
    for account in (owner, admin):
        path = f"/phone_numbers/{made['id']}"
        assert [account.client.get(path).status_code, account.client.delete(path).status_code,
                account.client.post(f"{path}/restore").status_code] == [404] * 3
    assert admin.client.delete(f"/reserved_numbers/{made['id']}").status_code == 204
    reply = admin.client.delete(f"/reserved_numbers/{made['id']}")
    assert (reply.status_code, reply.json()) == (404, {"detail": "Reserved number not found"})
    assert owner.create(number)["user_id"] == owner.id
    actions = [one["action"] for one in admin.client.get("/audit").json()["items"]
               if (one["target"], one["target_id"]) == ("phone_number", made["id"])]
    assert actions == ["number.unreserved", "number.reserved"]


def test_what_somebody_has(admin, owner):
    made = owner.create()
    reply = reserve(admin, made["phone_number"])
    assert (reply.status_code, reply.json()) == (409, TAKEN)
    assert admin.client.delete(f"/reserved_numbers/{made['id']}").status_code == 404
    owner.client.delete(f"/phone_numbers/{made['id']}")
    assert reserve(admin, made["phone_number"]).status_code == 409
    assert owner.client.get("/phone_numbers", params={"status": "quarantined"}).json()["items"][0]["id"] == made["id"]


def test_after_a_quarantine(launch):
    clock = Clock()
    server = launch(clock=clock, NUMBER_QUARANTINE_DAYS="1", ACCESS_TOKEN_EXPIRE_MINUTES="3000")
    admin, owner = Account(server).promote(), Account(server)
    made = owner.create()
    owner.client.delete(f"/phone_numbers/{made['id']}")
    clock.forward(days=1)
    assert reserve(admin, made["phone_number"]).status_code == 200


def test_the_list(launch):
    admin = Account(launch()).promote()
    numbers = [fresh_number() for _ in range(3)]
    for number in numbers:
        reserve(admin, number)
    page = admin.client.get("/reserved_numbers", params={"limit": 2}).json()
    assert [one["phone_number"] for one in page["items"]] == numbers[:2]
    page = admin.client.get("/reserved_numbers", params={"after": page["next"]}).json()
    assert ([one["phone_number"] for one in page["items"]], page["next"]) == (numbers[2:], None)


@pytest.mark.parametrize("number", ["", "+0", "12", "+1234567890123456"])
def test_what_is_no_number(admin, number):
    reply = reserve(admin, number)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "phone_number"]


def test_for_administrators_alone(admin, owner):
    made = reserve(admin, fresh_number()).json()
    for reply in (reserve(owner, fresh_number()), owner.client.get("/reserved_numbers"),
                  owner.client.delete(f"/reserved_numbers/{made['id']}")):
        assert (reply.status_code, reply.json()) == (403, {"detail": "This needs the role admin"})
    key = admin.server.client(admin.key(scopes=["pools:read", "numbers:write"])["key"])
    assert key.get("/reserved_numbers").status_code == 200
    for reply in (key.post("/reserved_numbers", json={"phone_number": fresh_number()}),
                  key.delete(f"/reserved_numbers/{made['id']}")):
        assert (reply.status_code, reply.json()) == (403, {"detail": "This API key lacks the scope pools:write"})
