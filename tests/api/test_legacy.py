"""A database that the original Python service made: it opens, its users log in, and both may go on."""

import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError

from support import legacy
from support.people import Account
from support.server import Server


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A server on a database of the original service, with users of every kind of hash."""
    folder = tmp_path_factory.mktemp("legacy")
    users = {f"user of {kind}": (hashed, [f"+4940{number:07}"]) for number, (kind, hashed) in enumerate(legacy.HASHES.items())}
    users |= {
        "alice": (legacy.HASHES["$2b$"], ["+1234567890", "+1234567891"]),
        "Alice": (legacy.HASHES["$2y$"], []),
        "ALICE": (legacy.HASHES["$2a$"], ["+1234567892"]),
        "Bob": (legacy.HASHES["$2b$"], []),
        "": (legacy.HASHES["$2b$"], []),
        "x" * 200: (legacy.HASHES["$2b$"], []),
        "line\nbreak": (legacy.HASHES["$2b$"], []),
        "no hash": (None, []),
        "an empty hash": ("", []),
        "a plain password": ("correct horse battery", []),
        "a broken hash": ("$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2", []),
        "an unknown hash": ("$9z$" + "x" * 50, []),
    }
    legacy.create(folder / "cloud_telephony.db", users)
    with Server(folder, LOGIN_FAILURES_MAX="100") as server:
        yield server


def login(server, name, password=legacy.PASSWORD, **options):
    return server.client().post("/auth/login", json={"username": name, "password": password}, **options)


def stored_hash(server, name):
    database = sqlite3.connect(server.database)
    hashed, = database.execute("SELECT hashed_password FROM users WHERE username = ?", (name,)).fetchone()
    database.close()
    return hashed


@pytest.mark.parametrize("kind", legacy.HASHES)
def test_users_log_in_and_their_hash_is_renewed(old, kind):
    name = f"user of {kind}"
    assert stored_hash(old, name) == legacy.HASHES[kind]
    assert login(old, name, "not the password").status_code == 401
    assert stored_hash(old, name) == legacy.HASHES[kind]
    assert login(old, name).status_code == 200
    renewed = stored_hash(old, name)
    assert renewed.startswith("$argon2id$")
    assert login(old, name).status_code == 200
    assert login(old, name, "not the password").status_code == 401
    assert stored_hash(old, name) == renewed


def test_their_numbers_are_theirs(old):
    client = old.client(login(old, "alice").json()["access_token"])
    listed = client.get("/phone_numbers").json()["items"]
    assert [one["phone_number"] for one in listed] == ["+1234567890", "+1234567891"]
    assert [one["created_at"] for one in listed] == [None, None]
    assert client.get(f"/phone_numbers/{listed[0]['id']}").json() == listed[0]
    me = client.get("/auth/me").json()
    assert (me["username"], me["created_at"]) == ("alice", None)
    assert me["last_login_at"]


def test_names_that_differ_by_case_only(old):
    ids = set()
    for name in ("alice", "Alice", "ALICE"):
        reply = login(old, name)
        assert reply.status_code == 200
        me = old.client(reply.json()["access_token"]).get("/auth/me").json()
        assert me["username"] == name
        ids.add(me["id"])
    assert len(ids) == 3
    for name in ("alice", "aLICE", "ALICE", "bob", "BOB"):
        reply = old.client().post("/auth/register", json={"username": name, "password": "a good password"})
        assert reply.status_code == 409


def test_a_name_is_found_without_regard_to_case(old):
    for name in ("Bob", "bob", "BOB"):
        reply = login(old, name)
        assert reply.status_code == 200
        assert old.client(reply.json()["access_token"]).get("/auth/me").json()["username"] == "Bob"


@pytest.mark.parametrize("name", ["no hash", "an empty hash", "a plain password", "a broken hash", "an unknown hash"])
def test_what_is_no_hash_opens_nothing(old, name):
    for password in (legacy.PASSWORD, "", "x"):
        assert login(old, name, password).status_code in (401, 422)


@pytest.mark.parametrize("name", ["", "x" * 200, "line\nbreak"])
def test_names_that_nobody_could_register_now(old, name):
    """Whoever has one logs in as ever."""
    assert login(old, name).status_code == 200


def test_a_number_of_the_original_database_is_taken(old):
    account = Account(old)
    assert account.client.post("/phone_numbers", json={"phone_number": "+1 234 567 890"}).status_code == 409


def test_a_short_password_still_opens(tmp_path, launch):
    """Limits are for new passwords."""
    legacy.create(tmp_path / "cloud_telephony.db", {"old": (legacy.HASHES["$2b$"], [])})
    server = launch(folder=tmp_path, PASSWORD_MIN_LENGTH=1000)
    assert login(server, "old").status_code == 200


def test_bcrypt_stays_bcrypt_by_setting(tmp_path, launch):
    legacy.create(tmp_path / "cloud_telephony.db", {
        "weak": (legacy.HASHES["$2b$"], []), "current": (legacy.HASHES["$2b$12$"], [])})
    server = launch(folder=tmp_path, PASSWORD_HASH="bcrypt")
    for name in ("weak", "current"):
        assert login(server, name).status_code == 200
    assert stored_hash(server, "weak").startswith("$2b$12$")
    assert stored_hash(server, "current") == legacy.HASHES["$2b$12$"]
    assert login(server, "weak").status_code == 200


def test_an_argon2id_user_logs_in_under_bcrypt(launch, tmp_path):
    first = launch(folder=tmp_path)
    account = Account(first)
    first.stop()
    server = launch(folder=tmp_path, PASSWORD_HASH="bcrypt")
    assert login(server, account.name, account.password).status_code == 200
    assert stored_hash(server, account.name).startswith("$2b$12$")
    assert login(server, account.name, account.password).status_code == 200


def test_the_original_program_goes_on(tmp_path, launch):
    """Its queries and inserts work on the migrated file, beside the server and after it."""
    legacy.create(tmp_path / "cloud_telephony.db", {"old": (legacy.HASHES["$2b$"], ["+1234567890"])})
    server = launch(folder=tmp_path)
    account = Account(server, name="new")
    account.create("+1234567899")
    with legacy.session(server.database) as work:
        assert [user.username for user in work.query(legacy.User).order_by(legacy.User.id)] == ["old", "new"]
        new = work.query(legacy.User).filter(legacy.User.username == "new").first()
        assert [number.phone_number for number in new.phone_numbers] == ["+1234567899"]
        made = legacy.User(username="late", hashed_password=legacy.HASHES["$2b$"])
        made.phone_numbers = [legacy.VirtualPhoneNumber(phone_number="+1234567898")]
        work.add(made)
        work.commit()
        work.add(legacy.VirtualPhoneNumber(phone_number="+1234567899", user_id=made.id))
        with pytest.raises(IntegrityError):
            work.commit()
        work.rollback()
    late = server.client(login(server, "late").json()["access_token"])
    assert [one["phone_number"] for one in late.get("/phone_numbers").json()["items"]] == ["+1234567898"]
    taken = server.client().post("/auth/register", json={"username": "late", "password": "a good password"})
    assert taken.status_code == 409
    server.stop()
    server.start()
    for name in ("late", "LATE"):
        assert login(server, name).status_code == 200
    taken = server.client().post("/auth/register", json={"username": "LATE", "password": "a good password"})
    assert taken.status_code == 409


def test_the_original_columns_stay(tmp_path, launch):
    legacy.create(tmp_path / "cloud_telephony.db", {"old": (legacy.HASHES["$2b$"], ["+1234567890"])})
    before = shape(tmp_path / "cloud_telephony.db")
    launch(folder=tmp_path).stop()
    after = shape(tmp_path / "cloud_telephony.db")
    for table, columns in before.items():
        assert after[table][:len(columns)] == columns
        # a row of the original program names none of the new ones
        assert all(default is not None or not required for _, _, _, required, default, _ in after[table][len(columns):])
    database = sqlite3.connect(tmp_path / "cloud_telephony.db")
    indexes = {name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    database.close()
    assert {"ix_users_username", "ix_virtual_phone_numbers_phone_number"} <= indexes


def shape(path):
    database = sqlite3.connect(path)
    tables = {name: database.execute(f"PRAGMA table_info({name})").fetchall() for name in ("users", "virtual_phone_numbers")}
    database.close()
    return tables


def test_a_database_in_the_old_journal_mode_with_a_write_half_done(tmp_path, launch):
    """A hot rollback journal is rolled back at the start, as the original program would."""
    path = tmp_path / "cloud_telephony.db"
    legacy.create(path, {"old": (legacy.HASHES["$2b$"], [])})
    crashed = sqlite3.connect(path, isolation_level=None)
    crashed.execute("PRAGMA cache_size = 1")
    crashed.execute("BEGIN IMMEDIATE")
    crashed.executemany("INSERT INTO users (username, hashed_password) VALUES (?, 'x')", ((f"half {n}",) for n in range(2000)))
    half = path.read_bytes(), (tmp_path / "cloud_telephony.db-journal").read_bytes()
    crashed.close()
    path.write_bytes(half[0])
    (tmp_path / "cloud_telephony.db-journal").write_bytes(half[1])
    server = launch(folder=tmp_path)
    assert login(server, "old").status_code == 200
    database = sqlite3.connect(path)
    assert database.execute("SELECT count(*) FROM users").fetchone() == (1,)
    database.close()
