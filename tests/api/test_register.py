"""POST /auth/register."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support import tokens
from support.database import opened
from support.people import Account, fresh_name

TAKEN = {"detail": "Username already registered"}


def register(client, name, password="a good password"):
    return client.post("/auth/register", json={"username": name, "password": password})


def test_the_answer_is_a_token_and_nothing_else(client):
    reply = register(client, fresh_name())
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "token_type"}
    assert reply.json()["token_type"] == "bearer"
    assert reply.headers["Content-Type"].startswith("application/json")


def test_the_token_opens_the_account(owner):
    me = owner.client.get("/auth/me").json()
    assert set(me) == {"id", "username", "role", "created_at", "last_login_at"}
    assert me["role"] == "user"
    assert me["username"] == owner.name
    assert me["id"] == owner.id


def test_the_claims_of_the_token(owner):
    header, claims = tokens.parts(owner.token)
    assert header["alg"] == "HS256"
    assert set(claims) == {"sub", "iat", "exp", "jti", "auth_time"}
    assert claims["auth_time"] == claims["iat"]
    assert claims["sub"] == str(owner.id)
    assert claims["exp"] - claims["iat"] == 30 * 60


def test_no_two_tokens_are_the_same(owner):
    assert len({tokens.parts(owner.login().json()["access_token"])[1]["jti"] for _ in range(3)}) == 3


def test_a_name_is_taken_once(client):
    name = fresh_name()
    assert register(client, name).status_code == 200
    reply = register(client, name, "another password")
    assert (reply.status_code, reply.json()) == (409, TAKEN)


@pytest.mark.parametrize("first, second", [
    ("Anna.Case", "aNNA.cASE"),
    ("Ünal", "üNAL"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("Straße-1", "STRASSE-1"),
    ("Ole\u0301", "OL\u00c9"),
    ("ﬁnn", "FINN"),
])
def test_a_name_is_taken_without_regard_to_case(client, first, second):
    assert register(client, first).status_code == 200
    reply = register(client, second)
    assert (reply.status_code, reply.json()) == (409, TAKEN)


def test_a_name_is_kept_as_it_was_written(server):
    account = Account(server, name="Mixed Case Ünïcode 😀")
    assert account.client.get("/auth/me").json()["username"] == "Mixed Case Ünïcode 😀"


@pytest.mark.parametrize("name", ["x", "ü" * 64, "😀" * 64, " ", "'; DROP TABLE users; --", "<script>", "%00", "a\\u0000b",
                                  "null", "\u202eabc"])
def test_strange_names_are_names(server, name):
    assert Account(server, name=name).login().status_code == 200


@pytest.mark.parametrize("password", [
    "73195028", "éééé", "😀😀", "        ", "x" * 1024, "é" * 512, "nul \0 inside", "\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b",
    'quo"te\\back/slash', "+%26=&plain"])
def test_passwords_of_any_characters(server, password):
    account = Account(server, password=password)
    assert account.login().status_code == 200
    form = server.client().post("/auth/login", data=account.body)
    assert form.status_code == 200
    wrong = server.client().post("/auth/login", json={**account.body, "password": password[:-1] + "?"})
    assert wrong.status_code == 401


def test_a_password_does_not_end_at_a_nul(server):
    account = Account(server, password="before the nul\0behind it")
    for other in ("before the nul", "before the nul\0", "before the nul\0behind_it"):
        reply = server.client().post("/auth/login", json={**account.body, "password": other})
        assert reply.status_code == 401


def test_a_long_password_counts_to_its_end(server):
    account = Account(server, password="x" * 1023 + "y")
    reply = server.client().post("/auth/login", json={**account.body, "password": "x" * 1023 + "z"})
    assert reply.status_code == 401


def test_unknown_fields_are_ignored(client):
    reply = client.post("/auth/register", json={
        "username": fresh_name(), "password": "a good password", "id": 1, "is_admin": True,
        "nested": {"deep": [1, 2, 3]}})
    assert reply.status_code == 200


def test_at_the_same_time_one_gets_the_name(server):
    name = fresh_name()
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: register(server.client(), name).status_code, range(8)))
    assert statuses == [200] + [409] * 7


def test_what_is_stored_is_an_argon2id_hash(server, owner):
    with opened(server.folder) as database:
        username, stored = database.execute(
            "SELECT username, hashed_password FROM users WHERE id = ?", (owner.id,)).fetchone()
    assert username == owner.name
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_two_users_with_one_password_have_different_hashes(server):
    accounts = [Account(server, password="the same password") for _ in range(2)]
    with opened(server.folder) as database:
        stored = {database.execute("SELECT hashed_password FROM users WHERE id = ?", (one.id,)).fetchone()
                  for one in accounts}
    assert len(stored) == 2


def test_bcrypt_by_setting(launch):
    server = launch(PASSWORD_HASH="bcrypt")
    account = Account(server, password="x" * 72)
    with opened(server.folder) as database:
        stored, = database.execute("SELECT hashed_password FROM users WHERE id = ?", (account.id,)).fetchone()
    assert stored.startswith("$2b$12$")
    assert account.login().status_code == 200
    for password in ("x" * 73, "with a \0 inside"):
        reply = server.client().post("/auth/register", json={"username": fresh_name(), "password": password})
        assert reply.status_code == 422
        assert reply.json()["detail"][0]["loc"] == ["body", "password"]


def test_the_least_length_of_a_password_by_setting(launch):
    server = launch(PASSWORD_MIN_LENGTH=3)
    reply = server.client().post("/auth/register", json={"username": "short", "password": "ab"})
    assert reply.json() == {"detail": [{
        "type": "string_too_short", "loc": ["body", "password"],
        "msg": "String should have at least 3 characters", "ctx": {"min_length": 3}}]}
    assert Account(server, password="a7_").login().status_code == 200


COMMON = "Value error, this password is among the most common ones: choose another"
USERNAME = "Value error, the password must not be the username"


@pytest.mark.parametrize("name, password, message", [
    (None, "password1", COMMON), (None, "12345678", COMMON), (None, "QWERTYUIOP", COMMON), (None, "iloveyou1", COMMON),
    ("Zebra Crossing 9", "Zebra Crossing 9", USERNAME), ("Zebra Crossing 9", "zEBRA cROSSING 9", USERNAME),
    ("Straßenbahn 28", "STRASSENBAHN 28", USERNAME),
])
def test_a_password_that_is_tried_first_is_refused(client, name, password, message):
    reply = register(client, name or fresh_name(), password)
    assert reply.status_code == 422
    assert reply.json() == {"detail": [{"type": "value_error", "loc": ["body", "password"], "msg": message}]}


def test_a_role_in_the_body_is_ignored(server):
    client = server.client()
    name = fresh_name()
    reply = client.post("/auth/register", json={"username": name, "password": "a good password", "role": "admin"})
    assert reply.status_code == 200
    me = server.client(reply.json()["access_token"]).get("/auth/me").json()
    assert me["role"] == "user"
