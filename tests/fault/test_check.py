"""The check command finds what it says it looks for: for each of its rules there is a database that breaks it."""

import contextlib
import pathlib
import re
import sqlite3

import pytest

from support import program
from support.database import ENGINE
from support.people import Account
from support.routes import World
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = {"SECRET_KEY": program.SECRET_KEY}
MANY = 30  # more than are told one by one

# What breaks a rule, and what the finding then says. The database has the account 1 with three numbers of
# their own, and the pool 1 of +4930120000 to +4930120999 and +4930125000 to +4930129999, of which
# +4930120000 (id 4), -001 and -002 are claimed and -002 is in quarantine.
BREAKS = [
    ("UPDATE virtual_phone_numbers SET user_id = NULL WHERE id = 1", "assigned has an owner: +4917"),
    ("UPDATE virtual_phone_numbers SET phone_number = '030 123' WHERE id = 1", "in its plain form: 030 123"),
    ("UPDATE virtual_phone_numbers SET phone_number = NULL WHERE id = 1", "in its plain form: the number with id 1"),
    ("UPDATE virtual_phone_numbers SET status = 'lost' WHERE id = 1", "what its state needs, and nothing else: +4917"),
    ("UPDATE virtual_phone_numbers SET status_until = 5 WHERE id = 1", "what its state needs, and nothing else: +4917"),
    ("UPDATE virtual_phone_numbers SET status = 'transferring' WHERE id = 1", "what its state needs, and nothing else … transferring"),
    ("UPDATE virtual_phone_numbers SET status = 'transferring', status_until = 9, transfer_to = user_id WHERE id = 1", "what its state needs, and nothing else … transferring"),
    ("UPDATE virtual_phone_numbers SET status = 'reserved' WHERE id = 1", "what its state needs, and nothing else … reserved"),
    ("UPDATE virtual_phone_numbers SET last_owner_id = NULL WHERE status = 'quarantined'", "what its state needs, and nothing else … +4930120002, quarantined"),
    ("UPDATE virtual_phone_numbers SET version = -1 WHERE id = 1", "changed some number of times: +4917"),
    ("DELETE FROM last_ids WHERE table_name = 'users'", "never given again: users"),
    ("DELETE FROM last_ids WHERE table_name = 'virtual_phone_numbers'", "never given again: virtual_phone_numbers"),
    ("DELETE FROM last_ids WHERE table_name = 'api_keys'", "never given again: api_keys"),
    ("DELETE FROM last_ids WHERE table_name = 'number_pools'", "never given again: number_pools"),
    ("UPDATE audit SET user_id = 77 WHERE id = 1", "of accounts whose ids were given: record 1"),
    ("UPDATE audit SET target_id = 77 WHERE action = 'number.created' AND target_id = 2", "of numbers whose ids were given: record "),
    ("UPDATE audit SET target_id = 77 WHERE action = 'api_key.created'", "of keys whose ids were given: record "),
    ("UPDATE audit SET target_id = 77 WHERE action = 'pool.created'", "of pools whose ids were given: record "),
    ("UPDATE users SET role = 'king' WHERE id = 1", "administrator or none: account 1"),
    ("UPDATE users SET token_epoch = -1 WHERE id = 1", "logged out everywhere some number of times: account 1"),
    ("UPDATE idempotency_keys SET status = 0", "has a status of HTTP: an answer of account 1"),
    ("UPDATE number_claims SET claimed = -1", "some number of numbers a day: account 1"),
    ("UPDATE number_pools SET import_id = 5", "not complete is of an import: stock"),
    ("UPDATE pool_ranges SET last = 4930125000 WHERE first = 4930120000", "have the same number: the range from +4930120000"),
    ("UPDATE pool_ranges SET last = 4930119999 WHERE first = 4930120000", "have the same number: the range from +4930120000"),
    ("UPDATE number_pools SET size = 5999", "numbers that it says it has: stock"),
    ("UPDATE number_pools SET ranges = 1", "numbers that it says it has: stock"),
    ("UPDATE number_pools SET last = last + 1", "numbers that it says it has: stock"),
    ("DELETE FROM pool_ranges", "numbers that it says it has: stock"),
    ("UPDATE pool_blocks SET free = free - 1 WHERE block = 4930120", "counts its free numbers: block 4930120"),
    ("UPDATE pool_blocks SET free = 5 WHERE block = 4930126", "counts its free numbers: block 4930126"),
    ("UPDATE pool_blocks SET bits = substr(bits, 1, 249) WHERE block = 4930120", "counts its free numbers: block 4930120"),
    # a number too few is free, consistently
    ("UPDATE pool_blocks SET free = free - 4, bits = substr(bits, 1, 249) || '0' WHERE block = 4930120",
     "and only then: each block has as many: block 4930120 of pool 1"),
    ("UPDATE pool_blocks SET free = 0 WHERE block = 4930126", "and only then: each block has as many: block 4930126 of pool 1"),
    ("DELETE FROM pool_blocks WHERE block = 4930126", "and only then: each block has as many: block 4930126 of pool 1"),
    # one that is taken is free, and another one is not
    ("UPDATE pool_blocks SET bits = 'b' || substr(bits, 2) WHERE block = 4930120", "has is not free there: +4930120000"),
    ("UPDATE pool_blocks SET bits = '9' || substr(bits, 2) WHERE block = 4930120", "has is not free there: +4930120000"),
    ("UPDATE pool_blocks SET bits = 'a' || substr(bits, 2) WHERE block = 4930120", "has is not free there: +4930120001"),
    ("UPDATE pool_blocks SET bits = 'c' || substr(bits, 2) WHERE block = 4930120", "has is not free there: +4930120002"),
    ("UPDATE pool_blocks SET free = 1000, bits = NULL WHERE block = 4930120", "has is not free there: +4930120002"),
    ("INSERT INTO pool_blocks (block, pool_id, free) VALUES (4930121, 1, 0)", "has a number of that pool: block 4930121 of pool 1"),
    ("INSERT INTO pool_quarantine (pool_id, number, block, free_at) VALUES (1, 4930120500, 4930120, 99999999999999)",
     "is that of the number: +4930120500"),
    ("UPDATE pool_quarantine SET free_at = free_at + 1", "is that of the number: +4930120002"),
    ("UPDATE pool_quarantine SET block = 4930125", "is that of the number: +4930120002"),
    ("DELETE FROM pool_quarantine", "is known to its pool: +4930120002"),
    ("UPDATE pool_blocks SET next_free_at = next_free_at + 1", "first of its quarantines ends: block 4930120 of pool 1"),
    ("UPDATE pool_blocks SET next_free_at = NULL", "first of its quarantines ends: block 4930120 of pool 1"),
    ("UPDATE pool_blocks SET next_free_at = 7 WHERE block = 4930126", "first of its quarantines ends: block 4930126 of pool 1"),
    ("DELETE FROM last_ids WHERE table_name = 'events'", "never given again: events"),
    ("DELETE FROM last_ids WHERE table_name = 'webhooks'", "never given again: webhooks"),
    ("DELETE FROM last_ids WHERE table_name = 'webhook_deliveries'", "never given again: webhook_deliveries"),
    ("UPDATE events SET user_id = 77 WHERE id = 1", "an event is of an account whose id was given: event 1"),
    ("UPDATE webhooks SET since_event_id = 7777", "has seen events that there were: webhook 1"),
    ("UPDATE webhook_deliveries SET event_id = 7777", "a webhook and an event whose ids were given: delivery 1"),
    ("UPDATE webhook_deliveries SET webhook_id = 7777", "a webhook and an event whose ids were given: delivery 1"),
    ("UPDATE webhook_deliveries SET due_at = NULL", "is due at some time, and no other is: delivery 1, pending"),
    ("UPDATE webhook_deliveries SET status = 'failed'", "is due at some time, and no other is: delivery 1, failed"),
    ("UPDATE webhook_deliveries SET status = 'lost'", "is due at some time, and no other is: delivery 1, lost"),
    ("DELETE FROM last_ids WHERE table_name = 'devices'", "never given again: devices"),
    ("DELETE FROM last_ids WHERE table_name = 'trunks'", "never given again: trunks"),
    ("DELETE FROM last_ids WHERE table_name = 'calls'", "never given again: calls"),
    ("UPDATE audit SET target_id = 77 WHERE action = 'device.created'", "of devices whose ids were given: record "),
    ("UPDATE audit SET target_id = 77 WHERE action = 'trunk.created'", "of trunks whose ids were given: record "),
    ("UPDATE virtual_phone_numbers SET voice = '{}' WHERE status = 'quarantined'", "nobody has says nothing … +4930120002"),
    ("UPDATE devices SET ha1_md5 = 'x'", "has digests of its password … device 1"),
    ("UPDATE devices SET ha1_sha256 = ''", "has digests of its password … device 1"),
    ("DELETE FROM sip_realm", "has digests of its password … device 1"),
    ("UPDATE trunk_states SET trunk_id = 77", "known of a trunk is of one that there is: trunk 77"),
    ("UPDATE call_usage SET ms = -1", "used trunks for some time: account 1"),
    ("UPDATE calls SET status = 'ringing'", "is over, or not, as its status says: call 1, ringing"),
    ("UPDATE calls SET status = 'gone'", "is over, or not, as its status says: call 1, gone"),
    ("UPDATE calls SET ended_at = NULL", "is over, or not, as its status says: call 1, completed"),
    ("UPDATE calls SET answered_at = NULL", "has the time of that: call 1, completed"),
    ("UPDATE calls SET status = 'busy'", "has the time of that: call 1, busy"),
    ("UPDATE calls SET ringing_at = started_at - 1", "rings, is answered and ends: call 1"),
    ("UPDATE calls SET answered_at = ringing_at - 1", "rings, is answered and ends: call 1"),
    ("UPDATE calls SET ended_at = answered_at - 1", "rings, is answered and ends: call 1"),
    ("UPDATE calls SET status = 'queued', answered_at = NULL, ended_at = NULL, node = 'other'", "of a process that is known: call 1"),
    ("UPDATE call_messages SET call_id = 77", "a message is of a call whose id was given: message of call 77"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A server's folder with some of everything. The server runs, as it may; it touches nothing by itself."""
    folder = tmp_path_factory.mktemp("made")
    with Server(folder) as server:
        account = Account(server).promote()
        assert account.id == 1
        for turn in range(3):
            account.create(f"+4917{turn:08}")
        account.client.post("/number_pools", json={"name": "stock", "numbers": [
            *(f"+4930120{last:03}" for last in range(1000)), *(f"+493012{last}" for last in range(5000, 7000))]})
        for turn in range(3):
            reply = account.client.post("/phone_numbers/claim", json={"prefix": f"+493012000{turn}"}, headers={"Idempotency-Key": f"key-{turn:030}"})
            assert reply.status_code == 200
        assert account.client.delete("/phone_numbers/6").status_code == 200
        account.key()
        world = World(server)
        assert world.device(account) == world.call(account) == 1
        world.trunk()
        assert world.webhook(account) == 1
        with server.opened() as database:
            database.execute("INSERT INTO call_messages (call_id, place, at, sent, leg, transport, peer, message) "
                             "VALUES (1, 0, 4102444800000, 1, 'caller', 'udp', 'a', 'b')")
            database.execute("INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, status, attempts, created_at, due_at, give_up_at, body) "
                             "VALUES (1, 1, 1, 'device.created', 'pending', 1, 4102444800000, 4102444800000, 4102444900000, '{}')")
            database.execute("INSERT INTO call_usage (user_id, day, ms) VALUES (1, 20000, 62345)")
            # unless the server has written it
            database.execute("INSERT INTO trunk_states (trunk_id, node, lease_until, contact, registration, changed_at, hosts) "
                             "SELECT id, 'a', 0, 'c', 'pending', 5, '' FROM trunks WHERE true ON CONFLICT (trunk_id) DO NOTHING")
        yield server


def check(folder):
    return program.run(["check"], folder, {**KEY})


def test_a_database_in_order(made):
    done = check(made.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def tables(database):
    return ("users", "virtual_phone_numbers", "last_ids", "audit", "idempotency_keys", "number_claims", "number_pools", "pool_ranges",
            "pool_blocks", "pool_quarantine", "sip_realm", "devices", "call_usage", "calls", "call_nodes", "call_messages",
            "events", "webhooks", "webhook_deliveries", "trunk_states")


@pytest.mark.parametrize("statement, finding", BREAKS)
def test_each_rule_finds_what_breaks_it(made, statement, finding):
    kept = {}
    with made.opened() as database:
        for table in tables(database):
            rows = database.execute(f"SELECT * FROM {table}")
            kept[table] = rows.fetchall()
        changed = database.execute(statement).rowcount
    assert changed > 0, "it breaks nothing"
    try:
        done = check(made.folder)
    finally:
        with made.opened() as database:
            if ENGINE == "postgresql":
                database.execute("SET session_replication_role = replica")  # no foreign keys meanwhile
            for table in reversed(tables(database)):
                database.execute(f"DELETE FROM {table}")
            for table, rows in kept.items():
                if table == "last_ids":
                    database.execute("DELETE FROM last_ids")
                places = ", ".join("?" * len(rows[0]))
                database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.startswith("broken: ") for line in lines)
    assert any(all(part in line for part in finding.split(" … ")) for line in lines), done.stdout
    assert check(made.folder).returncode == 0


def test_every_rule_is_broken_above():
    source = (ROOT / "src" / "ops" / "rules.c").read_text()
    sentences = re.findall(r'^    \{\d+,\s+"([^"]+)"', source, re.MULTILINE)
    assert len(sentences) > 20
    for sentence in sentences:
        assert any(re.split(": | … ", finding)[0] in sentence for _, finding in BREAKS), sentence


@pytest.mark.sqlite
def test_a_row_that_refers_to_none(tmp_path):
    with Server(tmp_path) as server:
        Account(server)
        with contextlib.closing(sqlite3.connect(server.database)) as database, database:
            database.execute("INSERT INTO virtual_phone_numbers (phone_number, user_id) VALUES ('+4930123456', 77)")
        done = check(tmp_path)
        with server.opened() as database:
            database.execute("DELETE FROM virtual_phone_numbers")
    assert done.returncode == 1
    assert done.stdout == "broken: row 1 of virtual_phone_numbers refers to a row of users that there is not\n"


def test_many_findings_of_one_rule(tmp_path):
    with Server(tmp_path) as server:
        account = Account(server)
        for _ in range(MANY):
            account.create()
        with server.opened() as database:
            database.execute("UPDATE virtual_phone_numbers SET version = -1")
        done = check(tmp_path)
        with server.opened() as database:
            database.execute("UPDATE virtual_phone_numbers SET version = 0")
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and len(lines) == 21
    assert lines[-1].endswith(f"and {MANY - 20} more")
