"""Pools: made, listed, searched, deleted."""

import pytest

from support.database import ENGINE
from support.people import Account, fresh_name
from support.pools import pages, plus
from support.server import Server
from support.sip import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose pools are this file's alone; each test has a part of +49 30 for itself."""
    with Server(tmp_path_factory.mktemp("pools")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


@pytest.fixture
def person(server):
    return Account(server)


def make(admin, first, last, name=None):
    body = {"name": name or fresh_name(), "first": plus(first), "last": plus(last)}
    reply = admin.client.post("/number_pools", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def free(account, **query):
    return [item["phone_number"] for item in pages(account.client, "/available_phone_numbers", **query)]


def row(admin, pool):
    return next(one for one in pages(admin.client, "/number_pools") if one["id"] == pool["id"])


def test_a_range(admin, person):
    pool = make(admin, 493020000000, 493020000009, "a range")
    assert {**pool, "id": 0, "created_at": ""} == {
        "id": 0, "name": "a range", "size": 10, "taken": 0, "first": "+493020000000", "last": "+493020000009",
        "country": "DE", "created_at": ""}
    assert row(admin, pool) == pool
    assert free(person, prefix="4930200000") == [plus(493020000000 + i) for i in range(10)]
    number = person.create("+49 3020 000003")
    assert row(admin, pool)["taken"] == 1
    assert "+493020000003" not in free(person, prefix="4930200000")
    person.client.delete(f"/phone_numbers/{number['id']}")
    assert row(admin, pool)["taken"] == 1
    assert "+493020000003" not in free(person, prefix="4930200000")
    person.client.post(f"/phone_numbers/{number['id']}/restore")
    assert admin.client.delete(f"/number_pools/{pool['id']}").status_code == 204
    assert free(person, prefix="4930200000") == []
    assert person.client.get(f"/phone_numbers/{number['id']}").status_code == 200
    assert admin.client.delete(f"/number_pools/{pool['id']}").status_code == 404


def test_a_list(admin, person):
    numbers = ["+49 3021 000007", "+493021000001", "00493021000002", "+493021000001"]
    reply = admin.client.post("/number_pools", json={"name": "a list", "numbers": numbers})
    assert reply.status_code == 200
    assert (reply.json()["size"], reply.json()["first"], reply.json()["last"]) == (3, "+493021000001", "+493021000007")
    assert free(person, prefix="493021") == ["+493021000001", "+493021000002", "+493021000007"]


def test_what_is_shown_of_a_free_number(admin, person):
    make(admin, 493022120000, 493022120001)
    reply = person.client.get("/available_phone_numbers", params={"prefix": "+4930221"})
    assert reply.json() == {"items": [
        {"phone_number": plus(493022120000 + i), "country": "DE", "type": "fixed_line",
         "national_format": f"030 2212000{i}", "valid": True} for i in range(2)], "next": None}


def test_existing_numbers_stay_their_owners(admin, person):
    person.create("+493023000001")
    released = person.create("+493023000002")
    person.client.delete(f"/phone_numbers/{released['id']}")
    assert admin.client.post("/reserved_numbers", json={"phone_number": "+493023000003"}).status_code == 200
    pool = make(admin, 493023000000, 493023000004)
    assert pool["taken"] == 3
    assert free(person, prefix="493023") == ["+493023000000", "+493023000004"]


def test_a_number_is_in_one_pool(admin):
    make(admin, 493024000000, 493024000099, "first come")
    for body in ({"first": "+493024000099", "last": "+493024000200"}, {"numbers": ["+493024000050"]},
                 {"first": "+493023999000", "last": "+493024001000"}):
        reply = admin.client.post("/number_pools", json={"name": fresh_name(), **body})
        assert reply.status_code == 409
        assert "is in the pool first come already" in reply.json()["detail"]
    reply = admin.client.post("/number_pools", json={"name": "first come", "numbers": ["+493024999999"]})
    assert (reply.status_code, reply.json()["detail"]) == (409, "A pool of this name exists already")


@pytest.mark.parametrize("body, field, words", [
    ({}, "first", "required"),
    ({"first": "+493025000000"}, "last", "required"),
    ({"last": "+493025000000"}, "first", "required"),
    ({"numbers": []}, "first", "required"),
    ({"first": "+493025000001", "last": "+493025000000"}, "last", "before"),
    ({"first": "+493025000001", "last": "+4930250000010"}, "last", "digits"),
    ({"first": "+493025000000", "last": "+493035000000"}, "last", "10,000,000"),
    ({"first": "+41999999990", "last": "+42000000000"}, "last", "calling codes"),
    ({"first": "+493025000000", "last": "+493025000001", "numbers": ["+4912"]}, "numbers", "either"),
    ({"numbers": ["+493025000000", "nonsense"]}, "numbers", ""),
    ({"first": "nonsense", "last": "+493025000001"}, "first", ""),
])
def test_what_is_no_pool(admin, body, field, words):
    reply = admin.client.post("/number_pools", json={"name": fresh_name(), **body})
    assert reply.status_code == 422
    fault = reply.json()["detail"][0]
    assert fault["loc"][:2] == ["body", field]
    assert words in fault["msg"]


def test_the_largest_range(admin, person):
    pool = make(admin, 498000000000, 498009999999)
    assert pool["size"] == 10_000_000
    reply = person.client.get("/available_phone_numbers", params={"prefix": "4980", "contains": "7777777"})
    assert [item["phone_number"] for item in reply.json()["items"]] == ["+498007777777"]
    assert reply.json()["next"] is None


def test_filters(admin, person):
    make(admin, 493026000000, 493026009999)
    admin.client.post("/number_pools", json={"name": fresh_name(), "numbers": ["+33123456789", "+33612345678", "+819012345678"]})
    assert free(person, country="fr") == ["+33123456789", "+33612345678"]
    assert free(person, country="JP") == ["+819012345678"]
    assert free(person, country="FR", prefix="336") == ["+33612345678"]
    assert free(person, country="FR", contains="1*3*5") == ["+33123456789", "+33612345678"]
    assert free(person, country="FR", contains="456789") == ["+33123456789"]
    assert free(person, country="XX") == []
    wanted = [plus(n) for n in range(493026000000, 493026010000) if str(n)[-3] == str(n)[-1] == "7"]
    assert free(person, prefix="493026", contains="*********7*7", limit=13) == wanted
    for query in ({"country": "D"}, {"prefix": "x"}, {"contains": "*"}, {"contains": "1?"}, {"limit": 0}):
        assert person.client.get("/available_phone_numbers", params=query).status_code == 422


def test_pages(admin, person):
    make(admin, 493027000000, 493027000006)
    reply = person.client.get("/available_phone_numbers", params={"prefix": "493027", "limit": 3}).json()
    seen = [item["phone_number"] for item in reply["items"]]
    assert seen == [plus(493027000000 + i) for i in range(3)]
    person.create("+493027000001")
    person.create("+493027000003")
    reply = person.client.get("/available_phone_numbers", params={"prefix": "493027", "limit": 3, "after": reply["next"]}).json()
    assert [item["phone_number"] for item in reply["items"]] == [plus(493027000000 + i) for i in (4, 5, 6)]
    assert reply["next"] is None
    assert person.client.get("/available_phone_numbers", params={"after": "!"}).status_code == 422


def test_pools_page_by_page(admin):
    made = [make(admin, 493028000000 + i * 10, 493028000000 + i * 10 + 4)["id"] for i in range(5)]
    reply = admin.client.get("/number_pools", params={"limit": 2}).json()
    assert len(reply["items"]) == 2 and reply["next"] is not None
    listed = [pool["id"] for pool in pages(admin.client, "/number_pools", limit=2)]
    assert listed == sorted(listed)
    assert set(made) <= set(listed)


def test_only_administrators(admin, person):
    body = {"name": fresh_name(), "numbers": ["+493029000000"]}
    for reply in (person.client.post("/number_pools", json=body), person.client.get("/number_pools"),
                  person.client.delete("/number_pools/1")):
        assert (reply.status_code, reply.json()["detail"]) == (403, "This needs the role admin")
    key = admin.server.client(admin.key(scopes=["pools:read"])["key"])
    assert key.get("/number_pools").status_code == 200
    reply = key.post("/number_pools", json=body)
    assert (reply.status_code, "pools:write" in reply.json()["detail"]) == (403, True)
    assert key.delete("/number_pools/1").status_code == 403
    assert key.get("/available_phone_numbers").status_code == 403
    anyone = person.server.client()
    for reply in (anyone.post("/number_pools", json=body), anyone.get("/number_pools"), anyone.delete("/number_pools/1"),
                  anyone.get("/available_phone_numbers")):
        assert reply.status_code == 401


def test_audit(admin):
    pool = make(admin, 493019000000, 493019000001, "to be seen")
    admin.client.delete(f"/number_pools/{pool['id']}")
    rows = [(one["action"], one["target"], one["target_id"], one["detail"]) for one in pages(admin.client, "/audit")]
    assert rows[:2] == [("pool.deleted", "number_pool", pool["id"], "to be seen"),
                        ("pool.created", "number_pool", pool["id"], "to be seen")]


def test_a_key_repeats_no_pool(admin):
    body = {"name": "only once", "numbers": ["+493018000000"]}
    headers = {"Idempotency-Key": fresh_name()}
    first, second = (admin.client.post("/number_pools", json=body, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content


def test_numbers_of_pools_only(launch):
    server = launch(NUMBER_POLICY="pool")
    admin = Account(server).promote()
    person = Account(server)
    make(admin, 493017000000, 493017000001)
    reply = person.client.post("/phone_numbers", json={"phone_number": "+493017000002"})
    assert reply.status_code == 403
    assert person.client.post("/phone_numbers", json={"phone_number": "+493017000001"}).status_code == 200


def test_what_was_given_up_goes_whatever_the_planner_takes_it_for(launch):
    """PostgreSQL last saw the table empty: each row is looked at a few times all the same, not once with each other."""
    server = launch()
    rows = 12000
    fill = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO pool_ranges (first, last, pool_id) SELECT 493012000000 + 7 * i, 493012000000 + 7 * i, 901 + i % 3 FROM n")
    with server.opened() as database:
        if ENGINE == "postgresql":
            database.execute("ALTER TABLE pool_ranges SET (autovacuum_enabled = false)")
        database.execute("INSERT INTO pool_imports (id, sha256, steps, touched_at) VALUES (901, 'discarded 901', 1, 0)")
        for pool in (901, 902, 903):
            database.execute("INSERT INTO number_pools (id, name, size, ranges, first, last, created_at, import_id) "
                             "VALUES (?, ?, 1, 1, 1, 1, 1, 901)", (pool, f"pool {pool}"))
        database.execute(fill, (rows,))
        database.execute("DELETE FROM pool_ranges")
        database.execute("ANALYZE")
        database.execute(fill, (rows,))

    def left(statement):
        with server.opened() as database:
            return database.execute(statement).fetchone()[0]

    wait_until(lambda: left("SELECT count(*) FROM pool_imports") == 0, "it is not deleted")
    assert left("SELECT count(*) FROM pool_ranges") == left("SELECT count(*) FROM number_pools") == 0
    if ENGINE == "postgresql":
        deleted = "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'pool_ranges'"
        wait_until(lambda: left(deleted) >= 2 * rows, "it is not counted")
        assert left("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'pool_ranges'") < 50 * rows
