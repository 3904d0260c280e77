"""Claims: free numbers of the pools, all or none, none to two."""

import random
import threading
import time

import pytest

from support.people import Account, fresh_name
from support.pools import pages, plus

CALLERS = 64


@pytest.fixture
def pool(launch):
    """A server with a pool of a hundred numbers, and its administrator."""
    def start(size=100, **settings):
        server = launch(**settings)
        admin = Account(server).promote()
        reply = admin.client.post("/number_pools", json={
            "name": "hundred", "first": plus(493012345600), "last": plus(493012345600 + size - 1)})
        assert reply.status_code == 200, reply.text
        return server, admin
    return start


def claim(account, **body):
    return account.client.post("/phone_numbers/claim", json=body)


def test_a_claim(pool):
    server, _ = pool()
    person = Account(server)
    reply = claim(person)
    assert reply.status_code == 200
    [number] = reply.json()
    assert number == person.client.get(f"/phone_numbers/{number['id']}").json()
    assert (number["phone_number"], number["user_id"], number["status"], number["country"]) == (
        "+493012345600", person.id, "assigned", "DE")
    reply = claim(person, quantity=3, contains="5")
    assert [one["phone_number"] for one in reply.json()] == [plus(493012345601 + i) for i in range(3)]
    assert len(claim(person, country="de", prefix="+4930", contains="99").json()) == 1
    actions = [(one["action"], one["detail"]) for one in pages(person.client, "/audit")][:5]
    assert actions[0] == ("number.claimed", "+493012345699")
    assert [action for action, _ in actions] == ["number.claimed"] * 5


def test_all_or_none(pool):
    server, admin = pool()
    person = Account(server)
    assert claim(person, quantity=97).status_code == 200
    reply = claim(person, quantity=4)
    assert (reply.status_code, reply.json()["detail"]) == (409, "Only 3 numbers match")
    reply = claim(person, quantity=2, contains="99")
    assert (reply.status_code, reply.json()["detail"]) == (409, "Only 1 number matches")
    reply = claim(person, country="FR")
    assert (reply.status_code, reply.json()["detail"]) == (409, "Only 0 numbers match")
    assert len(pages(person.client, "/phone_numbers")) == 97
    assert claim(person, quantity=3).status_code == 200
    assert claim(person).status_code == 409
    assert admin.client.get("/number_pools").json()["items"][0]["taken"] == 100


@pytest.mark.parametrize("body", [{"quantity": 0}, {"quantity": 101}, {"quantity": "many"}, {"country": "Germany"},
                                  {"prefix": ""}, {"contains": "**"}])
def test_what_is_no_claim(pool, body):
    server, _ = pool()
    assert claim(Account(server), **body).status_code == 422


def test_who_may(pool):
    server, _ = pool()
    person = Account(server)
    assert server.client().post("/phone_numbers/claim", json={}).status_code == 401
    reader = server.client(person.key(scopes=["numbers:read"])["key"])
    assert reader.get("/available_phone_numbers").status_code == 200
    reply = reader.post("/phone_numbers/claim", json={})
    assert (reply.status_code, "numbers:write" in reply.json()["detail"]) == (403, True)


def test_quota_of_numbers(pool):
    server, _ = pool(QUOTA_NUMBERS="3")
    person = Account(server)
    assert claim(person, quantity=2).status_code == 200
    reply = claim(person, quantity=2)
    assert reply.status_code == 403 and "3" in reply.json()["detail"]
    assert claim(person).status_code == 200
    assert claim(person).status_code == 403


def test_quota_of_claims(pool):
    server, _ = pool(QUOTA_CLAIMS_PER_DAY="5")
    person = Account(server)
    assert claim(person, quantity=3).status_code == 200
    assert claim(person, quantity=2, contains="99").status_code == 409  # does not count
    reply = claim(person, quantity=3)
    assert (reply.status_code, reply.json()["detail"]) == (
        403, "An account may claim 5 numbers a day (of UTC); today it can claim 2 more")
    number = claim(person, quantity=2).json()[0]
    person.client.delete(f"/phone_numbers/{number['id']}")  # to give one back earns none
    assert claim(person).status_code == 403
    assert claim(Account(server)).status_code == 200


def test_a_key_repeats_no_claim(pool):
    server, _ = pool()
    person = Account(server)
    headers = {"Idempotency-Key": fresh_name()}
    first, second = (person.client.post("/phone_numbers/claim", json={"quantity": 2}, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert len(pages(person.client, "/phone_numbers")) == 2


def race(people, body_of):
    """All at the same time; each goes on until nothing is left for its claims."""
    start = threading.Barrier(len(people))
    got = {person.id: [] for person in people}
    wrong = []

    def run(place, person):
        start.wait()
        for turn in range(20):
            reply = claim(person, **body_of(place, turn))
            if reply.status_code == 409:
                return
            if reply.status_code != 200 or len(reply.json()) != body_of(place, turn).get("quantity", 1):
                wrong.append((reply.status_code, reply.text))
                return
            got[person.id] += [number["phone_number"] for number in reply.json()]
            time.sleep(random.random() / 100)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    return got


def test_many_callers_and_a_hundred_numbers(pool):
    """Exactly one hundred are assigned, each once, to those who were told so."""
    server, admin = pool()
    people = [Account(server) for _ in range(CALLERS)]
    got = race(people, lambda place, turn: {})
    numbers = [number for mine in got.values() for number in mine]
    assert sorted(numbers) == [plus(493012345600 + i) for i in range(100)]
    for person in people:
        assert [one["phone_number"] for one in pages(person.client, "/phone_numbers")] == got[person.id]
    assert admin.client.get("/number_pools").json()["items"][0]["taken"] == 100
    assert pages(people[0].client, "/available_phone_numbers") == []


def test_many_at_once_against_single_ones(pool):
    """Those who want seven get seven or nothing."""
    server, admin = pool()
    people = [Account(server) for _ in range(24)]
    got = race(people, lambda place, turn: {"quantity": 7} if place % 2 else {})
    numbers = [number for mine in got.values() for number in mine]
    assert len(numbers) == len(set(numbers)) == 100
    for place, person in enumerate(people):
        mine = [one["phone_number"] for one in pages(person.client, "/phone_numbers")]
        assert mine == got[person.id]
        assert place % 2 == 0 or len(mine) % 7 == 0
    assert admin.client.get("/number_pools").json()["items"][0]["taken"] == 100
