"""What happens when a number is called: said, shown, and gone with the number."""

import pytest

from support.people import Account, fresh_number

DEFAULT = {"strategy": "all", "timeout_s": 30, "forward_to": None, "on_no_answer": None, "record": False}


def device(account):
    return account.client.post("/devices", json={"name": "a phone"}).json()["id"]


def path_of(number):
    return f"/phone_numbers/{number['id']}/voice"


def put(account, number, **body):
    reply = account.client.put(path_of(number), json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def full(account, number):
    return account.client.get(f"/phone_numbers/{number['id']}").json()


def test_all_devices_ring_at_first(owner):
    number = owner.create()
    assert full(owner, number)["voice"] is None
    assert owner.client.get(path_of(number)).json() == {"ring": [], **DEFAULT}
    ids = [device(owner) for _ in range(3)]
    assert owner.client.get(path_of(number)).json() == {"ring": ids, **DEFAULT}
    assert full(owner, number)["voice"] is None


def test_what_is_said_is_shown(owner):
    number = owner.create()
    first, second = device(owner), device(owner)
    said = {"ring": [second, first], "strategy": "in_order", "timeout_s": 7, "forward_to": "+49 89 1234-56",
            "on_no_answer": fresh_number(), "record": True}
    shown = {**said, "forward_to": "+4989123456"}
    assert put(owner, number, **said) == shown
    assert owner.client.get(path_of(number)).json() == shown
    assert full(owner, number)["voice"] == shown
    assert [one["voice"] for one in owner.client.get("/phone_numbers").json()["items"]] == [shown]
    # what is not said is as if nothing had been said before
    assert put(owner, number, ring=[first]) == {"ring": [first], **DEFAULT}
    assert put(owner, number, ring=[]) == {"ring": [], **DEFAULT}
    assert full(owner, number)["voice"] == {"ring": [], **DEFAULT}


def test_of_equal_devices_one_is_kept(owner):
    number = owner.create()
    first, second = device(owner), device(owner)
    assert put(owner, number, ring=[second, first, second])["ring"] == [second, first]


def test_the_entity_tag_changes(owner):
    number = owner.create()
    before = owner.client.get(f"/phone_numbers/{number['id']}").headers["ETag"]
    put(owner, number, ring=[])
    assert owner.client.get(f"/phone_numbers/{number['id']}").headers["ETag"] != before
    reply = owner.client.patch(f"/phone_numbers/{number['id']}", json={"friendly_name": "x"}, headers={"If-Match": before})
    assert reply.status_code == 412


def test_another_change_leaves_it(owner):
    number = owner.create()
    said = put(owner, number, ring=[device(owner)])
    owner.client.patch(f"/phone_numbers/{number['id']}", json={"friendly_name": "x", "tags": ["a"]})
    assert full(owner, number)["voice"] == said


@pytest.mark.parametrize("body, where, words", [
    ({}, "ring", "required"),
    ({"ring": None}, "ring", "list"),
    ({"ring": "1"}, "ring", "list"),
    ({"ring": ["1"]}, "ring", "integer"),
    ({"ring": [1.5]}, "ring", "integer"),
    ({"ring": [0]}, "ring", "greater"),
    ({"ring": [987654321]}, "ring", "no device of yours"),
    ({"ring": list(range(1, 22))}, "ring", "at most 20"),
    ({"ring": [10 ** 30]}, "ring", "size"),
    ({"ring": [], "strategy": "random"}, "strategy", "all"),
    ({"ring": [], "timeout_s": 4}, "timeout_s", "greater"),
    ({"ring": [], "timeout_s": 301}, "timeout_s", "less"),
    ({"ring": [], "forward_to": "nonsense"}, "forward_to", "pattern"),
    ({"ring": [], "on_no_answer": "12"}, "on_no_answer", "pattern"),
    ({"ring": [], "record": "yes"}, "record", "boolean"),
])
def test_what_cannot_be_said(owner, body, where, words):
    number = owner.create()
    reply = owner.client.put(path_of(number), json=body)
    assert reply.status_code == 422
    fault = reply.json()["detail"][0]
    assert fault["loc"][:2] == ["body", where]
    assert words in fault["msg"]
    assert full(owner, number)["voice"] is None


def test_no_device_of_somebody_else_rings(server, owner):
    number = owner.create()
    reply = owner.client.put(path_of(number), json={"ring": [device(owner), device(Account(server))]})
    assert reply.status_code == 422
    assert "no device of yours" in reply.json()["detail"][0]["msg"]


def test_a_number_is_not_forwarded_to_itself(owner):
    number = owner.create()
    for member in ("forward_to", "on_no_answer"):
        reply = owner.client.put(path_of(number), json={"ring": [], member: number["phone_number"]})
        assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["body", member])


def test_a_deleted_device_leaves_the_lists(owner):
    ids = [device(owner) for _ in range(12)]
    numbers = [owner.create() for _ in range(3)]
    put(owner, numbers[0], ring=[ids[1], ids[0], ids[11]])
    put(owner, numbers[1], ring=[ids[0]], timeout_s=60)
    put(owner, numbers[2], ring=[ids[2]])
    assert owner.client.delete(f"/devices/{ids[0]}").status_code == 204
    assert [full(owner, number)["voice"]["ring"] for number in numbers] == [[ids[1], ids[11]], [], [ids[2]]]
    assert full(owner, numbers[1])["voice"]["timeout_s"] == 60


def test_a_released_number_loses_it(owner):
    number = owner.create()
    put(owner, number, ring=[device(owner)], record=True)
    assert owner.client.delete(f"/phone_numbers/{number['id']}").json()["voice"] is None
    assert owner.client.get(path_of(number)).status_code == 404
    owner.client.post(f"/phone_numbers/{number['id']}/restore")
    assert full(owner, number)["voice"] is None


def test_a_number_that_is_given_away_loses_it(server, owner):
    number = owner.create()
    put(owner, number, ring=[device(owner)])
    other = Account(server)
    owner.client.post(f"/phone_numbers/{number['id']}/transfer", json={"username": other.name})
    assert full(owner, number)["voice"] is not None
    assert other.client.post(f"/phone_numbers/{number['id']}/transfer/accept").status_code == 200
    assert full(other, number)["voice"] is None
    assert owner.client.put(path_of(number), json={"ring": []}).status_code == 404


def test_numbers_of_an_account_that_ends_lose_it(server, owner):
    number = owner.create()
    put(owner, number, ring=[device(owner)])
    owner.client.delete("/auth/me", json={"password": owner.password})
    with server.opened() as database:
        assert database.execute("SELECT voice FROM virtual_phone_numbers WHERE id = ?", (number["id"],)).fetchone() == (None,)


def test_what_is_written_down(owner):
    number = owner.create()
    put(owner, number, ring=[])
    last = owner.client.get("/audit").json()["items"][0]
    assert (last["action"], last["target_id"], last["detail"]) == ("number.changed", number["id"], number["phone_number"])
