"""A number that goes from one account to another: offered, accepted, refused, withdrawn, timed out."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.clock import Clock
from support.database import opened
from support.people import Account

UNKNOWN = {"detail": "Phone number not found"}
NO_OFFER = {"detail": "There is no offer of this number"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def receiver(server):
    return Account(server)


@pytest.fixture
def stranger(server):
    return Account(server)


def offer(giver, number_id, username):
    return giver.client.post(f"/phone_numbers/{number_id}/transfer", json={"username": username})


def accept(account, number_id):
    return account.client.post(f"/phone_numbers/{number_id}/transfer/accept")


def end(account, number_id):
    return account.client.delete(f"/phone_numbers/{number_id}/transfer")


def offers(account, **query):
    reply = account.client.get("/phone_number_transfers", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def actions(account):
    items = account.client.get("/audit", params={"limit": 100}).json()["items"]
    return [(one["action"], one["detail"], one["actor"], one["address"] is not None)
            for one in reversed(items) if one["action"].startswith("number.")]


@pytest.fixture
def offered(owner, receiver):
    """A number of the owner's that the receiver may have."""
    made = owner.create()
    changed = owner.client.patch(f"/phone_numbers/{made['id']}", json={"friendly_name": "hers", "tags": ["a"]})
    reply = offer(owner, made["id"], receiver.name)
    assert reply.status_code == 202
    assert reply.json() == {**changed.json(), "status": "transferring"}
    return made


def test_accepted(owner, receiver, stranger, offered):
    number_id, number = offered["id"], offered["phone_number"]
    assert accept(stranger, number_id).status_code == accept(owner, number_id).status_code == 404
    assert receiver.client.get(f"/phone_numbers/{number_id}").status_code == 404
    reply = accept(receiver, number_id)
    assert reply.status_code == 200
    mine = receiver.client.get(f"/phone_numbers/{number_id}")
    assert reply.json() == mine.json()
    # without what it was called before
    assert (mine.json()["user_id"], mine.json()["status"]) == (receiver.id, "assigned")
    assert (mine.json()["friendly_name"], mine.json()["tags"]) == (None, [])
    assert owner.client.get(f"/phone_numbers/{number_id}").status_code == 404
    assert owner.client.post(f"/phone_numbers/{number_id}/restore").status_code == 404
    for late in (accept(receiver, number_id), end(owner, number_id), end(receiver, number_id)):
        assert (late.status_code, late.json()) == (404, NO_OFFER)
    # the giver learns who took it, and not from where
    assert actions(owner)[-2:] == [("number.offered", f"{number} to {receiver.name}", owner.name, True),
                                   ("number.given", number, receiver.name, False)]
    assert actions(receiver) == [("number.received", number, receiver.name, True)]


def test_refused(owner, receiver, stranger, offered):
    number_id = offered["id"]
    assert end(stranger, number_id).status_code == 404
    reply = end(receiver, number_id)
    assert (reply.status_code, reply.content) == (204, b"")
    mine = owner.client.get(f"/phone_numbers/{number_id}").json()
    assert (mine["status"], mine["friendly_name"], mine["tags"]) == ("assigned", "hers", ["a"])
    assert accept(receiver, number_id).json() == end(owner, number_id).json() == NO_OFFER
    assert actions(owner)[-1] == ("number.offer_ended", f"{offered['phone_number']} refused", receiver.name, False)
    assert actions(receiver) == []


def test_withdrawn(owner, receiver, offered):
    assert end(owner, offered["id"]).status_code == 204
    assert (accept(receiver, offered["id"]).status_code, offers(receiver)) == (404, [])
    assert actions(owner)[-1] == ("number.offer_ended", f"{offered['phone_number']} withdrawn", owner.name, True)
    assert offer(owner, offered["id"], receiver.name).status_code == 202


def test_timed_out(launch):
    clock = Clock()
    server = launch(clock=clock, NUMBER_TRANSFER_HOURS="2", ACCESS_TOKEN_EXPIRE_MINUTES="1000")
    owner, receiver, next_one = Account(server), Account(server), Account(server)
    in_time, too_late = owner.create()["id"], owner.create()["id"]
    for number_id in (in_time, too_late):
        assert offer(owner, number_id, receiver.name).status_code == 202
    tag = owner.client.get(f"/phone_numbers/{too_late}").headers["ETag"]
    clock.forward(minutes=119)
    assert accept(receiver, in_time).status_code == 200
    assert len(offers(receiver)) == len(offers(owner)) == 1
    clock.forward(minutes=1)
    assert offers(receiver) == offers(owner) == []
    for late in (accept(receiver, too_late), end(receiver, too_late), end(owner, too_late)):
        assert (late.status_code, late.json()) == (404, NO_OFFER)
    mine = owner.client.get(f"/phone_numbers/{too_late}")
    assert mine.json()["status"] == "assigned"
    # time is a change as well
    assert mine.headers["ETag"] != tag
    assert offer(owner, too_late, next_one.name).status_code == 202
    assert accept(next_one, too_late).status_code == 200
    assert ("number.offer_ended", f"{mine.json()['phone_number']} expired", None, False) in actions(owner)


def test_what_cannot_be_offered(server, owner, receiver, stranger):
    number_id = owner.create()["id"]
    reply = offer(owner, number_id, owner.name)
    assert (reply.status_code, reply.json()) == (409, {"detail": "This number is yours already"})
    reply = offer(owner, number_id, "nobody has this name")
    assert (reply.status_code, reply.json()) == (404, {"detail": "User not found"})
    for reply in (offer(stranger, number_id, receiver.name), offer(owner, 987654321, receiver.name)):
        assert (reply.status_code, reply.json()) == (404, UNKNOWN)
    assert offer(owner, number_id, "").status_code == 422
    # names are the same in any case
    assert offer(owner, number_id, receiver.name.upper()).status_code == 202
    for name in (receiver.name, stranger.name):
        reply = offer(owner, number_id, name)
        assert (reply.status_code, reply.json()) == (409, {"detail": "This number is being offered already"})


def test_a_number_that_is_offered_can_be_released(owner, receiver, offered):
    assert owner.client.delete(f"/phone_numbers/{offered['id']}").status_code == 200
    assert (accept(receiver, offered["id"]).status_code, offers(receiver)) == (404, [])
    assert owner.client.post(f"/phone_numbers/{offered['id']}/restore").json()["status"] == "assigned"


def test_lists(owner, receiver, offered):
    reply, = offers(owner)
    assert TIME.fullmatch(reply.pop("expires_at"))
    assert reply == {"id": offered["id"], "phone_number": offered["phone_number"], "from": owner.name,
                     "to": receiver.name, "direction": "outgoing"}
    reply, = offers(receiver)
    assert (reply["id"], reply["direction"]) == (offered["id"], "incoming")
    back = receiver.create()["id"]
    assert offer(receiver, back, owner.name).status_code == 202
    assert [(one["id"], one["direction"]) for one in offers(owner)] == [(offered["id"], "outgoing"), (back, "incoming")]
    page = owner.client.get("/phone_number_transfers", params={"limit": 1}).json()
    assert [one["id"] for one in page["items"]] == [offered["id"]]
    assert [one["id"] for one in offers(owner, after=page["next"])] == [back]
    assert owner.client.get("/phone_numbers", params={"status": "transferring"}).json()["items"][0]["id"] == offered["id"]
    assert owner.client.get("/phone_number_transfers", params={"after": "x"}).status_code == 422


def test_at_the_same_time(server, owner, receiver):
    """Accepted, refused, withdrawn and released at once: one of them happens."""
    for _ in range(5):
        number_id = owner.create()["id"]
        assert offer(owner, number_id, receiver.name).status_code == 202
        path = f"/phone_numbers/{number_id}"
        tries = [(receiver, "POST", f"{path}/transfer/accept"), (receiver, "POST", f"{path}/transfer/accept"),
                 (receiver, "DELETE", f"{path}/transfer"), (owner, "DELETE", f"{path}/transfer")]
        clients = [server.client(account.token) for account, _, _ in tries]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda turn: clients[turn].request(*tries[turn][1:]).status_code, range(4)))
        assert sorted(statuses)[1:] == [404] * 3, statuses
        taken = 200 in statuses
        assert receiver.client.get(path).status_code == (200 if taken else 404)
        assert owner.client.get(path).status_code == (404 if taken else 200)


def test_very_many_offers_to_an_account_that_is_deleted(launch):
    """Others wait for its end, so it must not take long; the offers are over at once."""
    server = launch()
    giver, receiver = Account(server), Account(server)
    later = int(time.time() * 1000) + 10 ** 8
    begun = time.monotonic()
    with opened(server.folder) as database:
        database.executemany(
            "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, status, status_until, transfer_to) "
            f"VALUES (?, ?, {giver.id}, 'transferring', {later}, {receiver.id})",
            [(i + 1, f"+49{i:08}") for i in range(40000)])
    inserted = time.monotonic()
    assert receiver.client.delete("/auth/me", json={"password": receiver.password}).status_code == 204
    assert time.monotonic() - inserted < 30 * (inserted - begun)
    assert offers(giver) == []
    [number] = giver.client.get("/phone_numbers", params={"limit": 1}).json()["items"]
    assert number["status"] == "assigned"
    assert offer(giver, number["id"], Account(server).name).status_code == 202
