"""Bearer tokens: what opens an account, and everything that must not."""

import sqlite3
import time

import pytest

from support import tokens
from support.people import Account
from support.program import SECRET_KEY
from support.wire import ask, head_of

NONE = {"detail": "Not authenticated"}
REFUSED = {"detail": "Could not validate credentials"}


def me(server, authorization):
    return server.client().get("/auth/me", headers={"Authorization": authorization})


def test_a_token_made_by_hand_is_accepted(server, account):
    """So that what follows is refused for what is wrong with it, not for how it was made."""
    token = tokens.sign(tokens.claims_of(account.id), SECRET_KEY)
    assert me(server, f"Bearer {token}").json()["id"] == account.id


@pytest.mark.parametrize("changes", [
    {"jti": None}, {"iat": None}, {"jti": None, "iat": None}, {"more": {"claims": [1]}}, {"aud": None},
])
def test_what_a_good_token_may_have_or_lack(server, account, changes):
    """`sub` and `exp` are what a token must have: those of the original service had no more."""
    token = tokens.sign(tokens.claims_of(account.id, **changes), SECRET_KEY)
    assert me(server, f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("header", [{"alg": "HS256"}, {"typ": "JWT", "alg": "HS256"}])
def test_ways_to_write_a_header(server, account, header):
    token = tokens.sign(tokens.claims_of(account.id), SECRET_KEY, header=header)
    assert me(server, f"Bearer {token}").status_code == 200


def signed(user_id, **changes):
    return tokens.sign(tokens.claims_of(user_id, **changes), SECRET_KEY)


def unsigned(user_id, alg):
    return f"{tokens.encode({'alg': alg, 'typ': 'JWT'})}.{tokens.encode(tokens.claims_of(user_id))}."


def with_header(user_id, **header):
    return tokens.sign(tokens.claims_of(user_id), SECRET_KEY, header={"alg": "HS256", "typ": "JWT", **header})


def with_signature(user_id, change):
    head, _, signature = signed(user_id).rpartition(".")
    return f"{head}.{change(signature)}"


def stray_bits(signature):
    """The same 32 bytes, written with a last character whose two unused bits are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + alphabet[alphabet.index(signature[-1]) | 3]


def other_payload(user_id):
    head, _, signature = signed(user_id).split(".")
    return f"{head}.{tokens.encode(tokens.claims_of(user_id, exp=int(time.time()) + 9999))}.{signature}"


FORGED = {
    "alg none": lambda user: unsigned(user, "none"),
    "alg None": lambda user: unsigned(user, "None"),
    "alg NONE": lambda user: unsigned(user, "NONE"),
    "alg nOnE": lambda user: unsigned(user, "nOnE"),
    "alg empty": lambda user: unsigned(user, ""),
    "alg none, signed": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "none", digest="HS256"),
    "alg HS384": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "HS384"),
    "alg HS512": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "HS512"),
    "alg hs256": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "hs256"),
    "alg RS256": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "RS256"),
    "alg ES256": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "ES256"),
    "alg PS256": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, "PS256"),
    "alg a number": lambda user: with_header(user, alg=256),
    "alg a list": lambda user: with_header(user, alg=["HS256"]),
    "no alg": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, header={"typ": "JWT"}),
    "a crit header": lambda user: with_header(user, crit=["exp"]),
    "an unknown crit header": lambda user: with_header(user, crit=["urn:example"], **{"urn:example": 1}),
    "an empty crit header": lambda user: with_header(user, crit=[]),
    "an unencoded payload": lambda user: with_header(user, crit=["b64"], b64=False),
    "a header that is no object": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, header=["HS256"]),
    "a header that is no JSON": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY, header="{alg:HS256}"),
    "another key": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY + "x"),
    "the key with a newline": lambda user: tokens.sign(tokens.claims_of(user), SECRET_KEY + "\n"),
    "an empty key": lambda user: tokens.sign(tokens.claims_of(user), ""),
    "no exp": lambda user: signed(user, exp=None),
    "exp a second ago": lambda user: signed(user, exp=int(time.time()) - 1),
    "exp now": lambda user: signed(user, exp=int(time.time())),
    "exp zero": lambda user: signed(user, exp=0),
    "exp negative": lambda user: signed(user, exp=-1),
    "exp text": lambda user: signed(user, exp=str(int(time.time()) + 600)),
    "exp a list": lambda user: signed(user, exp=[int(time.time()) + 600]),
    "exp true": lambda user: signed(user, exp=True),
    "exp beyond 64 bits": lambda user: signed(user, exp=10 ** 30),
    "nbf ahead": lambda user: signed(user, nbf=int(time.time()) + 300),
    "no sub": lambda user: signed(user, sub=None),
    "sub a number": lambda user: signed(user, sub=user),
    "sub empty": lambda user: signed(user, sub=""),
    "sub zero": lambda user: signed(user, sub="0"),
    "sub negative": lambda user: signed(user, sub=f"-{user}"),
    "sub a name": lambda user: signed(user, sub="alice"),
    "sub with a space": lambda user: signed(user, sub=f"{user} "),
    "sub with a plus": lambda user: signed(user, sub=f"+{user}"),
    "sub with a zero in front": lambda user: signed(user, sub=f"0{user}"),
    "sub a fraction": lambda user: signed(user, sub=f"{user}.0"),
    "sub with a NUL": lambda user: signed(user, sub=f"{user}\0"),
    "sub beyond 64 bits": lambda user: signed(user, sub=str(2 ** 64 + user)),
    "sub of nobody": lambda _: signed(987654321),
    "claims that are a list": lambda user: tokens.sign([tokens.claims_of(user)], SECRET_KEY),
    "claims that are no JSON": lambda _: tokens.sign("sub=1&exp=9999999999", SECRET_KEY),
    "claims with more behind": lambda user: tokens.sign(
        f'{{"sub": "{user}", "exp": 9999999999}} x', SECRET_KEY),
    "no claims": lambda _: tokens.sign("", SECRET_KEY),
    "other claims under the same signature": other_payload,
    "a signature without its last character": lambda user: with_signature(user, lambda text: text[:-1]),
    "half a signature": lambda user: with_signature(user, lambda text: text[:21]),
    "no signature": lambda user: with_signature(user, lambda text: ""),
    "a padded signature": lambda user: with_signature(user, lambda text: text + "="),
    "a signature with more behind": lambda user: with_signature(user, lambda text: text + "A"),
    "a signature twice": lambda user: with_signature(user, lambda text: text + text),
    "a signature with its first character changed":
        lambda user: with_signature(user, lambda text: ("B" if text[0] == "A" else "A") + text[1:]),
    "a signature with stray bits": lambda user: with_signature(user, stray_bits),
    "a signature with a character of another alphabet":
        lambda user: with_signature(user, lambda text: "+" + text[1:]),
    "a dot behind": lambda user: signed(user) + ".",
    "a fourth part": lambda user: signed(user) + ".AAAA",
    "a word behind": lambda user: signed(user) + " AAAA",
    "a comma behind": lambda user: signed(user) + ",",
    "a dot in front": lambda user: "." + signed(user),
    "two parts": lambda user: signed(user).rpartition(".")[0],
    "one part": lambda user: signed(user).partition(".")[0],
    "dots": lambda _: "..",
    "a word": lambda _: "word",
    "5,000 characters": lambda _: "x" * 5000,
    "quotes": lambda user: f'"{signed(user)}"',
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(server, account, name):
    reply = me(server, f"Bearer {FORGED[name](account.id)}")
    assert (reply.status_code, reply.json()) == (401, REFUSED)
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_a_deleted_user_is_refused(server):
    account = Account(server)
    assert account.client.get("/auth/me").status_code == 200
    with sqlite3.connect(server.database, timeout=30) as database:
        database.execute("DELETE FROM users WHERE id = ?", (account.id,))
    database.close()
    for path in ("/auth/me", "/phone_numbers", "/phone_numbers/1"):
        reply = account.client.get(path)
        assert (reply.status_code, reply.json()) == (401, REFUSED)
    reply = account.client.post("/phone_numbers", json={"phone_number": "+4912345678"})
    assert (reply.status_code, reply.json()) == (401, REFUSED)


def test_the_token_of_a_deleted_user_opens_nobody_elses_account(launch):
    """SQLite may give the id of a row that is gone to the next one."""
    server = launch()
    gone = Account(server)
    old = tokens.sign(tokens.claims_of(gone.id, iat=int(time.time()) - 60), SECRET_KEY)
    assert me(server, f"Bearer {old}").status_code == 200
    with sqlite3.connect(server.database, timeout=30) as database:
        database.execute("DELETE FROM users WHERE id = ?", (gone.id,))
    database.close()
    Account(server)
    assert me(server, f"Bearer {old}").status_code == 401


def test_a_token_ends(launch):
    """A real token of a server, brought to its last minute by the clock of its claims."""
    server = launch(ACCESS_TOKEN_EXPIRE_MINUTES=1)
    account = Account(server)
    _, claims = tokens.parts(account.token)
    assert claims["exp"] - claims["iat"] == 60
    last = tokens.sign({**claims, "exp": int(time.time()) + 2}, SECRET_KEY)
    assert me(server, f"Bearer {last}").status_code == 200
    time.sleep(2.1)
    assert me(server, f"Bearer {last}").status_code == 401


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_configured_algorithm_and_no_other(launch, algorithm):
    server = launch(ALGORITHM=algorithm)
    account = Account(server)
    assert tokens.parts(account.token)[0]["alg"] == algorithm
    for other in ("HS256", "HS384", "HS512"):
        token = tokens.sign(tokens.claims_of(account.id), SECRET_KEY, other)
        assert me(server, f"Bearer {token}").status_code == (200 if other == algorithm else 401)


def test_a_token_of_another_server(launch, account):
    server = launch(SECRET_KEY="another key, just as long as the first one")
    Account(server)
    assert me(server, f"Bearer {account.token}").status_code == 401


def test_no_token(client):
    for path in ("/auth/me", "/phone_numbers", "/phone_numbers/1"):
        reply = client.get(path)
        assert (reply.status_code, reply.json()) == (401, NONE)
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token {}", "{}", "Bearer{}",
                                           "Bearer:{}", "Bearers {}", "Digest {}"])
def test_another_scheme(server, account, authorization):
    reply = me(server, authorization.format(account.token))
    assert reply.status_code == 401
    assert reply.json() in (NONE, REFUSED)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_without_regard_to_case(server, account, scheme):
    """RFC 9110 section 11.1."""
    assert me(server, f"{scheme} {account.token}").status_code == 200


def test_the_name_of_the_header_too(server, account):
    reply = ask(server, head_of("GET", "/auth/me", f"aUTHORIZATION: Bearer {account.token}"), "GET", "/auth/me")
    assert reply.status == 200


@pytest.mark.parametrize("first, second", [("good", "bad"), ("bad", "good"), ("good", "good")])
def test_two_authorization_headers(server, account, first, second):
    values = {"good": account.token, "bad": "not.a.token"}
    reply = ask(server, head_of("GET", "/auth/me", f"Authorization: Bearer {values[first]}",
                                f"Authorization: Bearer {values[second]}"), "GET", "/auth/me")
    assert reply.status in (400, 401)


def test_a_token_elsewhere_is_none(server, account):
    client = server.client()
    assert client.get("/auth/me", params={"access_token": account.token}).status_code == 401
    assert client.get("/auth/me", headers={"Cookie": f"access_token={account.token}"}).status_code == 401


def test_authentication_is_judged_first(server, client):
    """A stranger learns nothing of what would be wrong with the rest."""
    for options in ({"json": {}}, {"json": {"phone_number": 5}}, {"data": b"{"}):
        assert client.post("/phone_numbers", **options).status_code == 401
    assert client.get("/phone_numbers", params={"limit": "x"}).status_code == 401
    assert client.get("/phone_numbers/x").status_code == 401
