"""POST and GET /phone_numbers, GET /phone_numbers/{id}."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import Account, fresh_number

PATTERN = r"^\+[1-9][0-9]{1,14}$"
TAKEN = {"detail": "Phone number already registered"}
UNKNOWN = {"detail": "Phone number not found"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def create(account, number):
    return account.client.post("/phone_numbers", json={"phone_number": number})


def test_the_first_number_ever(launch):
    account = Account(launch(), name="alice")
    reply = create(account, "+1234567890")
    assert reply.status_code == 200
    assert reply.json() == {"id": 1, "phone_number": "+1234567890", "user_id": 1}


def test_the_answer_has_exactly_three_fields(owner):
    number = fresh_number()
    answer = owner.create(number)
    assert set(answer) == {"id", "phone_number", "user_id"}
    assert answer["phone_number"] == number
    assert answer["user_id"] == owner.id


def test_the_number_in_full(owner):
    made = owner.create()
    reply = owner.client.get(f"/phone_numbers/{made['id']}")
    assert reply.status_code == 200
    full = reply.json()
    assert set(full) == {"id", "phone_number", "user_id", "created_at"}
    assert TIME.fullmatch(full.pop("created_at"))
    assert full == made


@pytest.mark.parametrize("written, plain", [
    ("+12", "+12"),
    ("+998877665544332", "+998877665544332"),
    ("00 49 (30) 123-456.78", "+493012345678"),
    ("+1 (234) 567-8999", "+12345678999"),
    ("0012345678111", "+12345678111"),
    ("  +44 20 7946 0958  ", "+442079460958"),
    ("+4-4.2(0)79461111", "+442079461111"),
    ("(+1) 2345559999", "+12345559999"),
    ("0033-1-23.45.67.89", "+33123456789"),
    ("+1\u00a0234\u202f567\u20108990", "+12345678990"),
])
def test_numbers_and_their_plain_form(owner, written, plain):
    reply = create(owner, written)
    assert reply.status_code == 200, reply.text
    assert reply.json()["phone_number"] == plain
    assert owner.client.get(f"/phone_numbers/{reply.json()['id']}").json()["phone_number"] == plain


@pytest.mark.parametrize("number", [
    "", "+", "+1", "+0", "+0123456789", "1234567890", "01234567", "0", "00", "000123456789", "00012",
    "+1234567890123456", "001234567890123456", "++1234567", "+1+234567", "+12a4567", "+12x",
    "+１２３４５６７", "+١٢٣٤٥٦٧", "+1\t234567", "+1234567\n", "+1234567\0", "+1\u2003234567", "+1\u2212234567",
    "tel:+1234567", "+1234567;ext=5", "+1/234567", "+1,234567", "+1_234567", "sip:x@example.org", "-", "()", " ",
])
def test_what_is_no_number(owner, number):
    reply = create(owner, number)
    assert reply.status_code == 422, reply.text
    assert reply.json() == {"detail": [{
        "type": "string_pattern_mismatch", "loc": ["body", "phone_number"],
        "msg": f"String should match pattern '{PATTERN}'", "ctx": {"pattern": PATTERN}}]}


@pytest.mark.parametrize("number", ["1" * 60000, "+1 234 567" + " " * 60, "+" + "1 " * 3000])
def test_what_is_too_long_for_a_number(owner, number):
    reply = create(owner, number)
    assert reply.status_code == 422
    assert reply.json() == {"detail": [{
        "type": "string_too_long", "loc": ["body", "phone_number"],
        "msg": "String should have at most 64 characters", "ctx": {"max_length": 64}}]}


def test_nothing_wrong_was_kept(owner):
    create(owner, "+0123456789")
    assert owner.client.get("/phone_numbers").json() == {"items": [], "next": None}


def test_a_number_is_taken_by_anyone(server, owner):
    other = Account(server)
    number = fresh_number()
    owner.create(number)
    for account in (owner, other):
        for written in (number, f" {number[:4]} ({number[4:]})", "00" + number[1:]):
            reply = create(account, written)
            assert (reply.status_code, reply.json()) == (409, TAKEN)
    assert other.client.get("/phone_numbers").json()["items"] == []


def test_at_the_same_time_one_gets_the_number(server):
    accounts = [Account(server) for _ in range(4)]
    number = fresh_number()
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda turn: create(accounts[turn % 4], number).status_code, range(16)))
    assert statuses == [200] + [409] * 15


def test_many_at_once_all_differ(server):
    accounts = [Account(server) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda turn: (accounts[turn % 4], accounts[turn % 4].create()), range(200)))
    assert len({one["id"] for _, one in made}) == 200
    for account in accounts:
        mine = {one["id"] for owner, one in made if owner is account}
        listed = account.client.get("/phone_numbers", params={"limit": 100}).json()
        assert {one["id"] for one in listed["items"]} == mine
        assert {one["user_id"] for one in listed["items"]} == {account.id}


def test_the_numbers_of_others_do_not_exist(server, owner):
    other = Account(server)
    made = owner.create()
    reply = other.client.get(f"/phone_numbers/{made['id']}")
    assert (reply.status_code, reply.json()) == (404, UNKNOWN)
    assert other.client.get("/phone_numbers").json() == {"items": [], "next": None}


@pytest.mark.parametrize("number_id", ["987654321", "9223372036854775807"])
def test_an_id_that_does_not_exist(account, number_id):
    reply = account.client.get(f"/phone_numbers/{number_id}")
    assert (reply.status_code, reply.json()) == (404, UNKNOWN)


@pytest.mark.parametrize("number_id", ["x", "1x", "1.0", "1e3", "0x1", "%20", "1%20", "+1", "%2B1", "1,2", "--1", "null", "%C3%BC", "%FF", "1%00"])
def test_an_id_that_is_no_integer(account, number_id):
    reply = account.client.get(f"/phone_numbers/{number_id}")
    assert reply.status_code == 422
    fault, = reply.json()["detail"]
    assert fault["loc"] == ["path", "id"]
    if number_id not in ("%FF",):
        assert fault["type"] == "int_parsing"
        assert fault["msg"] == "Input should be a valid integer, unable to parse string as an integer"


@pytest.mark.parametrize("number_id", ["0", "-1", "-9223372036854775808", "9223372036854775808", "1" * 1000])
def test_an_id_beyond_all_ids(account, number_id):
    reply = account.client.get(f"/phone_numbers/{number_id}")
    assert reply.status_code in (404, 422)


def pages(client, **query):
    """Follows a list to its end, page by page."""
    while True:
        reply = client.get("/phone_numbers", params=query)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        assert set(page) == {"items", "next"}
        yield page["items"]
        if page["next"] is None:
            return
        query["after"] = page["next"]


def test_a_list_in_pages(owner):
    made = [owner.create() for _ in range(7)]
    for limit, sizes in ((1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (8, [7]), (100, [7])):
        read = list(pages(owner.client, limit=limit))
        assert [len(page) for page in read] == sizes
        assert [{key: one[key] for key in made[0]} for page in read for one in page] == made
        assert all(set(one) == {"id", "phone_number", "user_id", "created_at"} for page in read for one in page)


def test_fifty_a_page_by_default(owner):
    made = [owner.create()["id"] for _ in range(51)]
    first, second = pages(owner.client)
    assert [one["id"] for one in first] == made[:50]
    assert [one["id"] for one in second] == made[50:]


def test_paging_is_stable_while_rows_come_and_go(server, owner):
    made = [owner.create()["id"] for _ in range(9)]
    walk = pages(owner.client, limit=3)
    seen = [one["id"] for one in next(walk)]
    with sqlite3.connect(server.database, timeout=30) as database:
        # one that was shown, the one that the cursor stands on, and one that is still to come
        gone = [made[0], made[2], made[4]]
        database.executemany("DELETE FROM virtual_phone_numbers WHERE id = ?", [(one,) for one in gone])
    database.close()
    late = owner.create()["id"]
    seen += [one["id"] for page in walk for one in page]
    assert seen == made[:4] + made[5:] + [late]


def test_a_cursor_shows_nothing_of_others(server, owner):
    other = Account(server)
    mine = [owner.create()["id"] for _ in range(2)]
    theirs = [other.create()["id"] for _ in range(2)]
    cursor = owner.client.get("/phone_numbers", params={"limit": 1}).json()["next"]
    assert [one["id"] for one in other.client.get("/phone_numbers", params={"after": cursor}).json()["items"]] == theirs
    assert [one["id"] for one in owner.client.get("/phone_numbers", params={"after": cursor}).json()["items"]] == mine[1:]


@pytest.mark.parametrize("limit, kind, context", [
    ("0", "greater_than_equal", {"ge": 1}), ("-1", "greater_than_equal", {"ge": 1}),
    ("101", "less_than_equal", {"le": 100}), ("9223372036854775807", "less_than_equal", {"le": 100}),
    ("x", "int_parsing", None), ("", "int_parsing", None), ("1.5", "int_parsing", None), ("1e1", "int_parsing", None),
    ("0x10", "int_parsing", None), ("ten", "int_parsing", None), ("10 ", "int_parsing", None),
])
def test_wrong_limits(account, limit, kind, context):
    messages = {
        "greater_than_equal": "Input should be greater than or equal to 1",
        "less_than_equal": "Input should be less than or equal to 100",
        "int_parsing": "Input should be a valid integer, unable to parse string as an integer",
    }
    reply = account.client.get("/phone_numbers", params={"limit": limit})
    fault = {"type": kind, "loc": ["query", "limit"], "msg": messages[kind]}
    assert reply.status_code == 422
    assert reply.json() == {"detail": [{**fault, "ctx": context} if context else fault]}


def test_a_limit_beyond_64_bits(account):
    reply = account.client.get("/phone_numbers", params={"limit": "9" * 30})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["query", "limit"]


@pytest.mark.parametrize("limit", ["1", "100", "007", "%31"])
def test_good_limits(account, limit):
    assert account.client.get(f"/phone_numbers?limit={limit}").status_code == 200


@pytest.mark.parametrize("after", ["x", "1", "-1", "AAAA", "%00", "%FF", "=", "null", "' OR 1=1 --", "A" * 4000])
def test_cursors_that_we_did_not_make(account, after):
    reply = account.client.get(f"/phone_numbers?after={after}")
    assert reply.status_code == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["query", "after"]]


def test_an_empty_cursor_is_the_beginning(owner):
    owner.create()
    assert len(owner.client.get("/phone_numbers?after=").json()["items"]) == 1


def test_both_faults_of_a_query_at_once(account):
    reply = account.client.get("/phone_numbers", params={"limit": "x", "after": b"\xff"})
    assert reply.status_code == 422
    assert sorted(fault["loc"][1] for fault in reply.json()["detail"]) == ["after", "limit"]


@pytest.mark.parametrize("query", ["?", "?&&", "?unknown=1", "?limit=5&unknown", "?=", "?LIMIT=0", "?a[b]=c", "?%zz=1"])
def test_what_a_query_may_hold_besides(account, query):
    assert account.client.get(f"/phone_numbers{query}").status_code == 200
