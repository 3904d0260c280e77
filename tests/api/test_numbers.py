"""POST and GET /phone_numbers, GET and PATCH /phone_numbers/{id}."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.database import opened
from support.people import Account, fresh_number

PATTERN = r"^\+[1-9][0-9]{1,14}$"
TAKEN = {"detail": "Phone number already registered"}
UNKNOWN = {"detail": "Phone number not found"}
FULL = {"id", "phone_number", "user_id", "friendly_name", "tags", "country", "type", "national_format", "valid",
        "status", "created_at", "voice"}
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
    number = fresh_number()
    made = owner.create(number)
    reply = owner.client.get(f"/phone_numbers/{made['id']}")
    assert reply.status_code == 200
    full = reply.json()
    assert set(full) == FULL
    assert TIME.fullmatch(full.pop("created_at"))
    assert {name: full.pop(name) for name in made} == made
    assert full == {"friendly_name": None, "tags": [], "country": "DE", "type": "fixed_line", "valid": True,
                    "national_format": full["national_format"], "status": "assigned", "voice": None}
    assert full["national_format"].replace(" ", "").replace("-", "") == "0" + number[3:]


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
        assert all(set(one) == FULL for page in read for one in page)


def test_fifty_a_page_by_default(owner):
    made = [owner.create()["id"] for _ in range(51)]
    first, second = pages(owner.client)
    assert [one["id"] for one in first] == made[:50]
    assert [one["id"] for one in second] == made[50:]


def test_paging_is_stable_while_rows_come_and_go(server, owner):
    made = [owner.create()["id"] for _ in range(9)]
    walk = pages(owner.client, limit=3)
    seen = [one["id"] for one in next(walk)]
    with opened(server.folder) as database:
        # one that was shown, the one that the cursor stands on, and one that is still to come
        gone = [made[0], made[2], made[4]]
        database.executemany("DELETE FROM virtual_phone_numbers WHERE id = ?", [(one,) for one in gone])
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


# ---- names and tags ----


def full(account, number_id):
    reply = account.client.get(f"/phone_numbers/{number_id}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def patch(account, number_id, body, **headers):
    return account.client.patch(f"/phone_numbers/{number_id}", json=body,
                                headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_name_from_the_beginning(owner):
    number = fresh_number()
    reply = owner.client.post("/phone_numbers", json={"phone_number": number, "friendly_name": "Empfang ☎"})
    made = reply.json()
    assert made == {"id": made["id"], "phone_number": number, "user_id": owner.id, "friendly_name": "Empfang ☎"}
    assert full(owner, made["id"])["friendly_name"] == "Empfang ☎"


def test_no_name_is_left_out(owner):
    reply = owner.client.post("/phone_numbers", json={"phone_number": fresh_number(), "friendly_name": None})
    assert set(reply.json()) == {"id", "phone_number", "user_id"}


def test_a_change_leaves_alone_what_is_not_there(owner):
    number_id = owner.create()["id"]
    before = full(owner, number_id)
    for body, changed in (
            ({"friendly_name": "Front desk"}, {"friendly_name": "Front desk"}),
            ({"tags": ["berlin", "sales"]}, {"tags": ["berlin", "sales"]}),
            ({"friendly_name": "x" * 64, "tags": ["ü", "berlin"]}, {"friendly_name": "x" * 64, "tags": ["ü", "berlin"]}),
            ({"friendly_name": None}, {"friendly_name": None}),
            ({}, {}),
            ({"unknown": 1, "phone_number": "+1", "user_id": 7}, {}),
            ({"tags": []}, {"tags": []})):
        reply = patch(owner, number_id, body)
        assert reply.status_code == 200, reply.text
        before.update(changed)
        assert reply.json() == before == full(owner, number_id)


def test_equal_tags_are_kept_once(owner):
    number_id = owner.create()["id"]
    tags = ["b", "a", "b", "A", "a", '"', "\\", "b"]
    assert patch(owner, number_id, {"tags": tags}).json()["tags"] == ["b", "a", "A", '"', "\\"]
    assert full(owner, number_id)["tags"] == ["b", "a", "A", '"', "\\"]


@pytest.mark.parametrize("body, kind, place", [
    ({"friendly_name": ""}, "string_too_short", ["friendly_name"]),
    ({"friendly_name": "x" * 65}, "string_too_long", ["friendly_name"]),
    ({"friendly_name": "a\nb"}, "string_pattern_mismatch", ["friendly_name"]),
    ({"friendly_name": 1}, "string_type", ["friendly_name"]),
    ({"tags": "a"}, "list_type", ["tags"]),
    ({"tags": ["a"] * 21}, "too_long", ["tags"]),
    ({"tags": ["a", ""]}, "string_too_short", ["tags", 1]),
    ({"tags": ["x" * 65]}, "string_too_long", ["tags", 0]),
    ({"tags": ["a", "b", "\0"]}, "string_pattern_mismatch", ["tags", 2]),
    ({"tags": [1]}, "string_type", ["tags", 0]),
])
def test_what_is_no_name_and_no_tag(owner, body, kind, place):
    made = owner.create()
    reply = patch(owner, made["id"], body)
    assert reply.status_code == 422, reply.text
    assert [(fault["type"], fault["loc"]) for fault in reply.json()["detail"]] == [(kind, ["body", *place])]
    assert full(owner, made["id"])["tags"] == []


def test_the_numbers_of_others_cannot_be_changed(server, owner):
    made = owner.create()
    reply = patch(Account(server), made["id"], {"friendly_name": "mine"})
    assert (reply.status_code, reply.json()) == (404, UNKNOWN)
    assert full(owner, made["id"])["friendly_name"] is None


def test_every_change_has_an_entity_tag_of_its_own(owner):
    number_id = owner.create()["id"]
    tags = []
    for name in ("a", "b", "b"):
        reply = patch(owner, number_id, {"friendly_name": name})
        tags.append(reply.headers["ETag"])
        assert owner.client.get(f"/phone_numbers/{number_id}").headers["ETag"] == tags[-1]
    assert len(set(tags)) == 3
    # nothing was changed
    assert patch(owner, number_id, {}).headers["ETag"] == tags[-1]


def test_a_stale_editor_overwrites_nothing(owner):
    number_id = owner.create()["id"]
    seen = owner.client.get(f"/phone_numbers/{number_id}").headers["ETag"]
    assert patch(owner, number_id, {"friendly_name": "first"}, If_Match=seen).status_code == 200
    reply = patch(owner, number_id, {"friendly_name": "second"}, If_Match=seen)
    assert reply.status_code == 412
    assert reply.json() == {"detail": "The number has changed since it was read: get it again"}
    assert full(owner, number_id)["friendly_name"] == "first"
    for tag in ('"nonsense"', "W/" + owner.client.get(f"/phone_numbers/{number_id}").headers["ETag"], '""'):
        assert patch(owner, number_id, {"friendly_name": "third"}, If_Match=tag).status_code == 412
    fresh = owner.client.get(f"/phone_numbers/{number_id}").headers["ETag"]
    assert patch(owner, number_id, {"friendly_name": "fourth"}, If_Match=f'"x", {fresh}').status_code == 200
    assert patch(owner, number_id, {"friendly_name": "fifth"}, If_Match="*").status_code == 200
    assert full(owner, number_id)["friendly_name"] == "fifth"


def test_of_many_editors_at_once_one_wins(server):
    owner = Account(server)
    number_id = owner.create()["id"]
    seen = owner.client.get(f"/phone_numbers/{number_id}").headers["ETag"]
    clients = [server.client(owner.token) for _ in range(8)]

    def edit(turn):
        return clients[turn].patch(f"/phone_numbers/{number_id}", json={"friendly_name": f"editor {turn}"},
                                   headers={"If-Match": seen})

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(edit, range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [412] * 7
    winner, = [reply.json() for reply in replies if reply.status_code == 200]
    assert full(owner, number_id) == winner


# ---- filters ----


@pytest.fixture(scope="module")
def collector(server):
    """Somebody who has numbers of several countries, named by their end."""
    account = Account(server)
    made = {}
    for number, tags in (("+4930770012345", ["berlin"]), ("+4989770012399", ["munich", "sales"]),
                         ("+442079460777", ["sales"]), ("+41446681877", []), ("+99977001234", ["sales"])):
        made[number] = account.create(number)["id"]
        if tags:
            assert patch(account, made[number], {"tags": tags}).status_code == 200
    return account


@pytest.mark.parametrize("query, numbers", [
    ({}, ["+4930770012345", "+4989770012399", "+442079460777", "+41446681877", "+99977001234"]),
    ({"country": "DE"}, ["+4930770012345", "+4989770012399"]),
    ({"country": "gb"}, ["+442079460777"]),
    ({"country": "FR"}, []),
    ({"prefix": "49"}, ["+4930770012345", "+4989770012399"]),
    ({"prefix": "+4"}, ["+4930770012345", "+4989770012399", "+442079460777", "+41446681877"]),
    ({"prefix": "+49307700"}, ["+4930770012345"]),
    ({"prefix": "307"}, []),
    ({"contains": "77001"}, ["+4930770012345", "+4989770012399", "+99977001234"]),
    ({"contains": "77*01*34"}, ["+4930770012345", "+99977001234"]),
    ({"contains": "0*23*5"}, ["+4930770012345"]),
    ({"contains": "98977001239*"}, ["+4989770012399"]),
    ({"tag": "sales"}, ["+4989770012399", "+442079460777", "+99977001234"]),
    ({"tag": "sal"}, []),
    ({"status": "assigned", "tag": "berlin"}, ["+4930770012345"]),
    ({"status": "transferring"}, []),
    ({"status": "quarantined"}, []),
    ({"country": "DE", "tag": "sales", "contains": "99"}, ["+4989770012399"]),
])
def test_filters(collector, query, numbers):
    reply = collector.client.get("/phone_numbers", params=query)
    assert reply.status_code == 200, reply.text
    assert [one["phone_number"] for one in reply.json()["items"]] == numbers
    assert reply.json()["next"] is None


def test_a_plus_that_a_browser_makes_a_blank_of(collector):
    assert len(collector.client.get("/phone_numbers?prefix=+49").json()["items"]) == 2


def test_filters_in_pages(collector):
    for limit, sizes in ((1, [1, 1, 1]), (2, [2, 1]), (3, [3])):
        read = list(pages(collector.client, limit=limit, tag="sales"))
        assert [len(page) for page in read] == sizes


@pytest.mark.parametrize("query, kind", [
    ({"country": "DEU"}, "string_pattern_mismatch"), ({"country": "1"}, "string_pattern_mismatch"),
    ({"country": ""}, "string_pattern_mismatch"),
    ({"prefix": "+"}, "string_pattern_mismatch"), ({"prefix": "49x"}, "string_pattern_mismatch"),
    ({"prefix": "1" * 16}, "string_pattern_mismatch"), ({"contains": "***"}, "string_pattern_mismatch"),
    ({"contains": "12?"}, "string_pattern_mismatch"), ({"contains": "%"}, "string_pattern_mismatch"),
    ({"tag": ""}, "string_too_short"), ({"tag": "x" * 65}, "string_too_long"),
    ({"status": "reserved"}, "literal_error"), ({"status": "available"}, "literal_error"),
])
def test_what_is_no_filter(account, query, kind):
    reply = account.client.get("/phone_numbers", params=query)
    assert reply.status_code == 422, reply.text
    assert [(fault["type"], fault["loc"]) for fault in reply.json()["detail"]] == [(kind, ["query", *query])]


def test_a_filter_that_few_pass_reads_a_part_at_a_time(launch):
    server = launch()
    owner = Account(server)
    with opened(server.folder) as database:
        database.executemany("INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES (?, ?, ?)",
                             [(turn + 1, f"+4930{turn:07}", owner.id) for turn in range(4500)])
    read = list(pages(owner.client, prefix="49300004499"))
    assert [len(page) for page in read] == [0, 0, 1]
    assert read[2][0]["phone_number"] == "+49300004499"


# ---- what settings refuse ----


def test_numbers_that_no_country_assigns(launch):
    owner = Account(launch(NUMBER_CHECK="strict"))
    for number in ("+1234567890", "+999123456", "+12"):
        reply = create(owner, number)
        assert reply.status_code == 422
        assert reply.json() == {"detail": [{"type": "value_error", "loc": ["body", "phone_number"],
                                            "msg": "Value error, no country assigns this number"}]}
    assert create(owner, "+493012345678").status_code == 200
    assert full(owner, 1)["valid"] is True


def test_numbers_that_no_pool_holds(launch):
    owner = Account(launch(NUMBER_POLICY="pool"))
    reply = create(owner, "+493012345678")
    assert reply.status_code == 403
    assert reply.json() == {"detail": "No pool holds this number: see GET /available_phone_numbers"}


def test_the_quota(launch):
    server = launch(QUOTA_NUMBERS="2")
    owner = Account(server)
    first, _ = owner.create(), owner.create()
    reply = create(owner, fresh_number())
    assert reply.status_code == 403
    assert reply.json() == {"detail": "This account may have 2 numbers (QUOTA_NUMBERS)"}
    assert owner.client.delete(f"/phone_numbers/{first['id']}").status_code == 200
    owner.create()
    reply = owner.client.post(f"/phone_numbers/{first['id']}/restore")
    assert (reply.status_code, reply.json()) == (403, {"detail": "This account may have 2 numbers (QUOTA_NUMBERS)"})
    # everyone has a quota of his own
    other = Account(server)
    other.create()
    offered = other.create()["id"]
    assert other.client.post(f"/phone_numbers/{offered}/transfer", json={"username": owner.name}).status_code == 202
    assert owner.client.post(f"/phone_numbers/{offered}/transfer/accept").status_code == 403
