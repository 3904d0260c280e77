"""Bearer tokens: what opens an account, and everything that must not."""

import subprocess
import time

import pytest

from support import program, tokens
from support.database import opened
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
    with opened(server.folder) as database:
        database.execute("DELETE FROM users WHERE id = ?", (account.id,))
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
    with opened(server.folder) as database:
        database.execute("DELETE FROM users WHERE id = ?", (gone.id,))
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


# --- keys: pairs, and those of before

def make_pair(folder, algorithm):
    """A private key for an algorithm; the path of its file."""
    path = folder / f"{algorithm}.pem"
    how = (["rsa", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256"
           else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
    subprocess.run(["openssl", "genpkey", "-algorithm", *how, "-out", path], check=True, capture_output=True, timeout=60)
    return path


@pytest.mark.parametrize("algorithm, members", [("RS256", {"n", "e"}), ("ES256", {"crv", "x", "y"})])
def test_a_key_pair_signs(launch, tmp_path, algorithm, members):
    server = launch(ALGORITHM=algorithm, JWT_PRIVATE_KEY_FILE=make_pair(tmp_path, algorithm), SECRET_KEY=None)
    account = Account(server)
    header, _ = tokens.parts(account.token)
    assert header["alg"] == algorithm
    key, = server.client().get("/.well-known/jwks.json").json()["keys"]
    assert key["kid"] == header["kid"] and key["alg"] == algorithm and key["use"] == "sig"
    assert members <= set(key) and not {"d", "p", "q", "k"} & set(key), "public members only"
    assert me(server, f"Bearer {account.token}").status_code == 200
    # neither the public key nor anything else known serves as a secret
    for secret in (SECRET_KEY, key["kid"], (tmp_path / f"{algorithm}.pem").read_text()):
        forged = tokens.sign(tokens.claims_of(account.id), secret)
        assert me(server, f"Bearer {forged}").status_code == 401
    head, _, signature = account.token.rpartition(".")
    changed = ("A" if signature[10] != "A" else "B").join((signature[:10], signature[11:]))
    assert me(server, f"Bearer {head}.{changed}").status_code == 401


def test_the_signature_is_that_of_the_published_key(launch, tmp_path):
    """By another program: openssl, with the key's public half."""
    path = make_pair(tmp_path, "RS256")
    server = launch(ALGORITHM="RS256", JWT_PRIVATE_KEY_FILE=path)
    signed, _, signature = Account(server).token.rpartition(".")
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", tmp_path / "public.pem"], check=True, timeout=60)
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature").write_bytes(tokens.decode(signature))
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature",
                    tmp_path / "signed"], check=True, timeout=60, capture_output=True)


def test_changing_the_key_logs_nobody_out(launch, tmp_path):
    """From one secret to another, to a pair, to another pair: each step keeps the tokens of the step before."""
    first, second = make_pair(tmp_path, "ES256"), make_pair(tmp_path, "RS256")
    new = "another secret of enough bytes, by chance 7f3b"
    steps = [
        {"SECRET_KEY": SECRET_KEY},
        {"SECRET_KEY": new, "SECRET_KEY_PREVIOUS": SECRET_KEY},
        {"SECRET_KEY": None, "SECRET_KEY_PREVIOUS": new, "ALGORITHM": "ES256", "JWT_PRIVATE_KEY_FILE": first},
        {"ALGORITHM": "RS256", "JWT_PRIVATE_KEY_FILE": second, "JWT_PREVIOUS_KEY_FILE": first, "SECRET_KEY": None},
    ]
    folder = tmp_path / "data"
    folder.mkdir()
    server = launch(folder=folder, **steps[0])
    account = Account(server)
    given = [account.token]
    for settings in steps[1:]:
        server.stop()
        server = launch(folder=folder, **settings)
        assert me(server, f"Bearer {given[-1]}").status_code == 200
        reply = server.client(given[-1]).post("/auth/refresh")
        assert reply.status_code == 200
        given.append(reply.json()["access_token"])
        assert me(server, f"Bearer {given[-1]}").status_code == 200
    assert [tokens.parts(token)[0]["alg"] for token in given] == ["HS256", "HS256", "ES256", "RS256"]
    assert [me(server, f"Bearer {token}").status_code for token in given] == [401, 401, 200, 200]


@pytest.mark.parametrize("settings, words", [
    ({"ALGORITHM": "ES256"}, ["JWT_PRIVATE_KEY_FILE", "openssl"]),
    ({"ALGORITHM": "ES256", "JWT_PRIVATE_KEY_FILE": "nowhere.pem"}, ["JWT_PRIVATE_KEY_FILE", "nowhere.pem"]),
    ({"ALGORITHM": "RS256", "JWT_PRIVATE_KEY_FILE": "ES256.pem"}, ["JWT_PRIVATE_KEY_FILE", "ES256.pem"]),
    ({"SECRET_KEY": None}, ["SECRET_KEY"]),
])
def test_without_a_key_the_server_does_not_start(tmp_path, settings, words):
    make_pair(tmp_path, "ES256")
    for command in (["serve"], ["token", "issue", "nobody"]):
        done = program.run(command, tmp_path, {"SECRET_KEY": SECRET_KEY, "PORT": "0", "LOG_FORMAT": "json", **settings})
        if command[0] == "token" and "JWT_PRIVATE_KEY_FILE" in settings:
            continue  # there is no such user: the key is not looked at
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        assert len(said) == 1 and all(word in said[0] for word in words), done.stderr


def test_a_token_by_the_command_line_counts_as_any(launch):
    server = launch()
    account = Account(server)
    assert account.client.post("/auth/logout_all").status_code == 204
    done = program.run(["token", "issue", account.name], server.folder, server.settings)
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    assert me(server, f"Bearer {token}").status_code == 200
    assert server.client(token).post("/auth/logout").status_code == 204
    assert me(server, f"Bearer {token}").status_code == 401
