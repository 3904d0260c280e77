"""`migrate-database`: everything goes over, from either database to the other, also after it was interrupted."""

import contextlib
import sqlite3
import subprocess
import time

import psycopg2
import pytest

from support import program
from support.moment import wait_for
from support.people import Account, fresh_number
from support.postgres import Postgres
from support.routes import World
from support.server import Server

# what each engine keeps for itself
OWN = {"schema_migrations", "writer_batches"}
AUDIT_ROWS = 20000


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture
def fresh(postgres):
    """The URL of an empty database."""
    url = postgres.create()
    yield url
    postgres.drop(url)


def sqlite_url(folder):
    return f"sqlite:///{folder}/cloud_telephony.db"


def migrate(folder, source, target):
    return program.run(["migrate-database", "--from", source, "--to", target], folder,
                       {"DATABASE_URL": None, "LOG_LEVEL": "error"})


def tables_of_sqlite(folder):
    """Every table with all of its columns and rows, in the order of its primary key."""
    found = {}
    with contextlib.closing(sqlite3.connect(folder / "cloud_telephony.db")) as database:
        names = [name for name, in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        for name in set(names) - OWN:
            about = database.execute(f"PRAGMA table_info({name})").fetchall()
            columns = [one[1] for one in about]
            key = ", ".join(one[1] for one in sorted((one for one in about if one[5]), key=lambda one: one[5]))
            rows = database.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {key}").fetchall()
            found[name] = (columns, key, rows)
    return found


def rows_of_postgres(url, columns, key, name):
    with contextlib.closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {key}")
        return cursor.fetchall()


def same(folder, url):
    """Both have the same; how many rows of which table."""
    tables = tables_of_sqlite(folder)
    for name, (columns, key, rows) in tables.items():
        assert rows_of_postgres(url, columns, key, name) == rows, name
    return {name: len(rows) for name, (_, _, rows) in tables.items()}


def ring(server, account, number):
    """A row in every table of devices, trunks and calls. What the SIP side writes is put there."""
    world = World(server)
    device = world.device(account)
    call = world.call(account, to_device_id=device)
    world.trunk()
    for path, body in ((f"/phone_numbers/{number['id']}/voice", {"ring": [device]}),
                       (f"/users/{account.id}/call_limits", {"trunks": True, "prefixes": ["+"]})):
        assert account.client.put(path, json=body).status_code == 200
    with server.opened() as database:
        database.execute("INSERT INTO call_messages (call_id, place, at, sent, leg, transport, peer, message) "
                         "VALUES (?, 0, 4102444800000, 1, 'caller', 'udp', '192.0.2.1:5060', ?)", (call, "ACK\r\n☎"))
        database.execute("INSERT INTO call_usage (user_id, day, ms) VALUES (?, 20000, 62345)", (account.id,))
        database.execute(
            "INSERT INTO sip_bindings (device_id, place, contact, path, user_agent, instance, reg_id, transport, source, q, "
            "call_id, cseq, registered_at, expires_at) VALUES (?, 0, 'sip:a', '', 'é', '', 0, 'udp', 'a', 1000, 'a', 1, 5, 4102444800000)",
            (device,))


def live(folder, **settings):
    """A server's life that leaves a row in every table; the account, and a number of it."""
    with Server(folder, **{"DATABASE_URL": None, **settings}) as server:
        account = Account(server, name="Ælfrēd \"the\" 'Great'")
        account.promote()
        number = account.create()
        account.key()
        reply = account.client.post("/phone_numbers", json={"phone_number": fresh_number()},
                                    headers={"Idempotency-Key": "a-key"})
        assert reply.status_code == 200
        for name, first, last in (("range", "+498900000", "+498909999"), ("other", "+4989100000", "+4989100099")):
            assert account.client.post("/number_pools", json={"name": name, "first": first, "last": last}).status_code == 200
        claimed = account.client.post("/phone_numbers/claim", json={"prefix": "+49890", "quantity": 3}).json()
        assert account.client.delete(f"/phone_numbers/{claimed[0]['id']}").status_code == 200
        assert account.client.patch(f"/phone_numbers/{number['id']}",
                                    json={"friendly_name": "Straße ☎", "tags": ["a", "b"]}).status_code == 200
        gone = account.create()
        assert account.client.delete(f"/phone_numbers/{gone['id']}").status_code == 200
        assert server.client(account.login().json()["access_token"]).post("/auth/logout").status_code == 204
        ring(server, account, number)
        webhook = account.client.post("/webhooks", json={"url": "http://127.0.0.1:9/", "events": ["call.*"]}).json()
        assert account.client.post(f"/webhooks/{webhook['id']}/test").status_code == 202
        wait_for(lambda: account.client.get(f"/webhooks/{webhook['id']}/deliveries").json()["items"])
        (folder / "rest.csv").write_text("pool,first,last\nrest,+4989200000,+4989200999\n")
        done = program.run(["pool", "import", "rest.csv"], folder, server.settings)
        assert done.returncode == 0, done.stderr
    return account, number


def test_everything_goes_over_and_on(tmp_path, fresh):
    account, number = live(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "cloud_telephony.db")) as database, database:
        # of an import that has just begun, and of users of long ago
        database.execute("INSERT INTO pool_imports (id, sha256, steps, touched_at) VALUES (7, 'x', 1, 1)")
        database.execute("INSERT INTO users (id, username, hashed_password) VALUES (-5, NULL, '')")
        # of a trunk, unless the server has had the time to write it
        database.execute("INSERT OR IGNORE INTO trunk_states SELECT id, 'a', 0, 'c', 'pending', NULL, NULL, NULL, 5, '' FROM trunks")
    done = migrate(tmp_path, sqlite_url(tmp_path), fresh)
    assert done.returncode == 0, done.stderr
    counts = same(tmp_path, fresh)
    assert all(counts.values()), f"a table that the test leaves empty says nothing: {counts}"
    for name, count in counts.items():
        line, = [line.split() for line in done.stdout.splitlines() if line.split()[0] == name]
        assert line[1:4] == [str(count), "rows", "sha256"] and len(line[4]) == 64

    folder = tmp_path / "after"
    folder.mkdir()
    with Server(folder, DATABASE_URL=fresh) as server:
        client = server.client(account.token)
        assert client.get(f"/phone_numbers/{number['id']}").json()["friendly_name"] == "Straße ☎"
        made = client.post("/phone_numbers", json={"phone_number": fresh_number()}).json()
        ids = [one[0] for one in tables_of_sqlite(tmp_path)["virtual_phone_numbers"][2]]
        assert made["id"] > max(ids)
        again = client.post("/phone_numbers/claim", json={"prefix": "+49890", "quantity": 1}).json()
        assert again[0]["phone_number"] == "+498900003"


def test_it_goes_back_as_it_was(tmp_path, fresh):
    live(tmp_path)
    assert migrate(tmp_path, sqlite_url(tmp_path), fresh).returncode == 0
    back = tmp_path / "back"
    back.mkdir()
    done = migrate(tmp_path, fresh, sqlite_url(back))
    assert done.returncode == 0, done.stderr
    assert tables_of_sqlite(back) == tables_of_sqlite(tmp_path)


def test_an_interrupted_one_goes_on(tmp_path, fresh, postgres):
    live(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "cloud_telephony.db")) as database, database:
        database.executemany("INSERT INTO audit (id, at, user_id, action, detail) VALUES (?, 1, 1, 'x', ?)",
                             ((1000 + turn, "y" * (turn % 40)) for turn in range(AUDIT_ROWS)))
    name = fresh.rpartition("/")[2]
    process = subprocess.Popen([program.PROGRAM, "migrate-database", "--from", sqlite_url(tmp_path), "--to", fresh],
                               cwd=tmp_path, env=program.environment({"LOG_LEVEL": "error"}), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    copied = 0
    while copied < 1000 and process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg2.Error):
            copied = postgres.execute("SELECT count(*) FROM audit", database=name)[0][0]
    process.kill()
    process.wait()
    copied = postgres.execute("SELECT count(*) FROM audit", database=name)[0][0]
    assert 1000 <= copied < AUDIT_ROWS, "it was not interrupted in the middle"
    done = migrate(tmp_path, sqlite_url(tmp_path), fresh)
    assert done.returncode == 0, done.stderr
    assert "audit: going on behind the first" in done.stderr
    same(tmp_path, fresh)


def test_a_database_of_somebody_else_is_left_alone(tmp_path, fresh):
    live(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with Server(other, DATABASE_URL=fresh) as server:
        Account(server)
    before = rows_of_postgres(fresh, ["id", "username"], "id", "users")
    done = migrate(tmp_path, sqlite_url(tmp_path), fresh)
    assert done.returncode == 1
    assert "users: the database of --to has rows that are not" in done.stderr
    assert rows_of_postgres(fresh, ["id", "username"], "id", "users") == before
    assert rows_of_postgres(fresh, ["id"], "id", "virtual_phone_numbers") == []


@pytest.mark.parametrize("change", [
    "UPDATE virtual_phone_numbers SET friendly_name = 'other'",
    "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)",
])
def test_what_has_changed_meanwhile_is_noticed(tmp_path, fresh, change):
    live(tmp_path)
    assert migrate(tmp_path, sqlite_url(tmp_path), fresh).returncode == 0
    assert migrate(tmp_path, sqlite_url(tmp_path), fresh).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "cloud_telephony.db")) as database, database:
        database.execute(change)
    done = migrate(tmp_path, sqlite_url(tmp_path), fresh)
    assert done.returncode == 1, done.stdout
    assert "the database of --to has rows that are not" in done.stderr


@pytest.mark.parametrize("arguments, status, word", [
    ([], 2, "--from URL --to URL"),
    (["--from", "sqlite:///a.db"], 2, "--from URL --to URL"),
    (["--from", "sqlite:///a.db", "--into", "sqlite:///b.db"], 2, "--from URL --to URL"),
    (["--from", "sqlite:///a.db", "--to", "sqlite:///a.db"], 1, "one database"),
    (["--from", "sqlite:///empty.db", "--to", "sqlite:///b.db"], 1, "is empty"),
    (["--from", "sqlite:///no/folder/a.db", "--to", "sqlite:///b.db"], 1, "--from: "),
    (["--from", "mysql://a", "--to", "sqlite:///b.db"], 1, "--from: "),
])
def test_what_cannot_be_done(tmp_path, arguments, status, word):
    done = program.run(["migrate-database", *arguments], tmp_path, {"DATABASE_URL": None, "LOG_LEVEL": "error"})
    assert done.returncode == status, done
    assert word in program.complaint(done)


def test_a_target_that_cannot_be_reached(tmp_path):
    live(tmp_path)
    done = migrate(tmp_path, sqlite_url(tmp_path), "postgresql://somebody:a-secret-word@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "a-secret-word" not in done.stderr + done.stdout
