"""`pool import`, `pool list` and `number export`."""

import csv
import io
import json
import os
import pty
import subprocess
import threading
import time

import pytest

from support import program
from support.database import opened, settings_of
from support.inventory import differences
from support.people import Account
from support.pools import pages, plus

HEADER = "pool,number,first,last\n"


@pytest.fixture
def command(tmp_path):
    """Runs the program in a folder of this test's own."""
    def run(*arguments):
        return program.run(arguments, tmp_path, {"SECRET_KEY": program.SECRET_KEY, "LOG_LEVEL": "error"})
    return run


@pytest.fixture
def imported(command, tmp_path):
    """Imports a text; what came of it."""
    def run(text, name="pools.csv"):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return command("pool", "import", name)
    return run


@pytest.fixture
def server(launch, tmp_path):
    """A server over the same database."""
    return launch(folder=tmp_path)


def listed(command):
    """The table of pools without its ids."""
    lines = command("pool", "list").stdout.splitlines()
    assert lines[0] == "ID\tNAME\tSIZE\tTAKEN\tRANGES\tNUMBERS"
    return [line.split("\t")[1:] for line in lines[1:]]


def many(count, pool="many", first=493000000000, step=7):
    """A file whose numbers have no neighbours: as much work as there can be."""
    return "pool,number\n" + "".join(f"{pool},+{first + i * step}\n" for i in range(count))


def test_ranges_and_numbers(command, imported, server):
    done = imported(HEADER + "Berlin,,+49 30 1200-0000,+49 (30) 12009999\n"
                    "Hamburg,+49 40 120002,,\nHamburg,004940120001,,\nHamburg,,+4940120005,+4940120006\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "imported 10004 numbers in 2 pools\n", "")
    assert listed(command) == [["Berlin", "10000", "0", "1", "+493012000000..+493012009999"],
                               ["Hamburg", "4", "0", "2", "+4940120001..+4940120006"]]
    admin = Account(server).promote()
    assert [(one["name"], one["country"]) for one in pages(admin.client, "/number_pools")] == [("Berlin", "DE"), ("Hamburg", "DE")]
    assert [one["phone_number"] for one in pages(admin.client, "/available_phone_numbers", prefix="4940")] == [
        "+4940120001", "+4940120002", "+4940120005", "+4940120006"]
    with opened(server.folder) as database:
        rows = database.execute("SELECT action, user_id, actor_id, detail FROM audit WHERE action LIKE 'pool%'").fetchall()
    assert rows == [("pool.created", 0, None, "Berlin"), ("pool.created", 0, None, "Hamburg")]


@pytest.mark.parametrize("text", [
    "number,pool\r\n+4912,a\r\n+4913,a\r\n",
    "\ufeffPOOL , Number,remarks\n\n a ,+4912,\"yes,\nno\"\n,,\n\na,+4913,\n",
    "pool;x,pool,number\r;,a,\"+4912\"\r,\"a\",\"+4913\"",
    "pool,first,last\na,+4912,+4913",
])
def test_forms_of_csv(command, imported, text):
    assert imported(text).returncode == 0
    assert listed(command) == [["a", "2", "0", "1", "+4912..+4913"]]


@pytest.mark.parametrize("text, word", [
    ("", "empty"), ("\n\n", "empty"), ("pool,number\n", "no number"), ("pool;number\na;+4912\n", "commas"),
    ("number\n+4912\n", "columns"), ("pool,first\n", "columns"), ("pool,number,POOL\n", "twice"), ("\"pool,number\n", "quote"),
])
def test_what_is_no_file_of_pools(command, imported, text, word):
    done = imported(text)
    assert (done.returncode, done.stdout) == (1, "")
    assert word in program.complaint(done)
    assert listed(command) == []


def test_no_such_file(command):
    assert command("pool", "import", "nowhere.csv").stderr == "cloud-telephony: nowhere.csv: No such file or directory\n"
    for arguments in (["pool"], ["pool", "import"], ["pool", "list", "x"], ["number"], ["number", "export", "x"]):
        assert command(*arguments).returncode == 2
    assert command("pool", "import", ".").returncode == 1


def test_a_broken_middle(command, imported):
    """Every bad line is told with its number and its reason, and nothing is imported."""
    assert imported(HEADER + "there,,+493011110000,+493011119999\n").returncode == 0
    good = [f"good,+49302222{i:04},," for i in range(1000)]
    bad = {
        11: ("good,nonsense,,", 'number "nonsense" is no phone number with its country calling code (+4930123456)'),
        12: ("good,,,", "number is empty"),
        13: ("good,+4912", "it has 2 fields where the first line has 4"),
        14: (",+4912,,", "pool must be a name of 1 to 64 characters, without control characters"),
        15: ("good,,+4912,", "last is empty"),
        16: ("good,,+4913,+4912", "last is before first"),
        17: ("good,,+4912,+491200", "last has another number of digits than first"),
        18: ("good,,+490000000000,+490010000000", "a range has 10,000,000 numbers at most"),
        19: ("good,,+41999999990,+42000000000", "first and last have different country calling codes"),
        20: ("good,+4912,+4912,+4913", "it has a number and a range: one of them"),
        21: ("other,+493022220003,,", "+493022220003 is also on line 5"),
        22: ("good,,+493022229990,+493022230000", None),
        23: ("good,+493022229995,,", "+493022229995 is also on line 22"),
        24: ("there,+4912,,", 'the pool "there" exists already'),
        25: ("good,+493011115555,,", '+493011115555 is in the pool "there" already'),
        26: ("good,\"+4912,,", "a quote is not closed within 65,536 bytes"),
        27: ("good,+49\x1b[2J12,,", 'number "+49\\u001b[2J12" is no phone number with its country calling code (+4930123456)'),
        28: ("g\x1b,+4912,,", "pool must be a name of 1 to 64 characters, without control characters"),
    }
    lines = (HEADER + "\n".join(good)).split("\n")
    for number, (line, _) in bad.items():
        lines[number - 1] = line
    lines += [f"good,+49303333{i:04},," for i in range(4000)]  # 64 KB behind the quote
    done = imported("\n".join(lines) + "\n")
    assert (done.returncode, done.stdout) == (1, "")
    told = done.stderr.splitlines()
    expected = [f"pools.csv:{number}: {why}" for number, (_, why) in bad.items() if why]
    assert told[:-1] == expected
    assert told[-1] == f"cloud-telephony: {len(expected)} bad lines: nothing was imported"
    assert [row[0] for row in listed(command)] == ["there"]


def test_very_many_bad_lines(command, imported):
    done = imported("pool,number\n" + "a,x\n" * 5000)
    told = done.stderr.splitlines()
    assert len(told) == 202
    assert told[199].startswith("pools.csv:201: ")
    assert told[200:] == ["... and 4800 more", "cloud-telephony: 5000 bad lines: nothing was imported"]
    assert imported("pool,number\n" + "a,+4912\n" * 5000).stderr.splitlines()[-1] == (
        "cloud-telephony: 4999 bad lines: nothing was imported")
    assert listed(command) == []


def start_import(folder, name="pools.csv", **options):
    return subprocess.Popen([program.PROGRAM, "pool", "import", name], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True,
                            env=program.environment({"SECRET_KEY": program.SECRET_KEY, "LOG_LEVEL": "error", **settings_of(folder)}), **options)


def kill_in_the_middle(folder, text, name="pools.csv", wanted=3):
    """Imports a file and kills the program once some steps are on disk."""
    (folder / name).write_text(text)
    process = start_import(folder, name)
    with opened(folder) as database:
        steps = None
        while steps is None or steps[0] < wanted:
            assert process.poll() is None, process.communicate()
            steps = database.execute("SELECT steps FROM pool_imports WHERE sha256 NOT LIKE 'd%'").fetchone()
            time.sleep(0.001)
        process.kill()
        process.communicate()
        left = database.execute("SELECT count(*) FROM pool_ranges").fetchone()[0]
    return left


def test_killed_and_gone_on_with(command, tmp_path, server):
    text = many(60000)
    admin = Account(server).promote()
    left = kill_in_the_middle(tmp_path, text)
    assert 0 < left < 60000
    # nobody sees what is in
    assert listed(command) == []
    assert pages(admin.client, "/number_pools") == pages(admin.client, "/available_phone_numbers") == []
    assert admin.client.post("/phone_numbers/claim", json={}).status_code == 409
    reply = admin.client.post("/number_pools", json={"name": "in the way", "numbers": ["+493000000000"]})
    assert (reply.status_code, reply.json()["detail"]) == (409, "+493000000000 is in a pool that is being imported or deleted")
    taken = admin.create("+493000000007")  # it is told to the pool all the same
    # the same content under another name is the same file
    (tmp_path / "again.csv").write_text(text)
    done = command("pool", "import", "again.csv")
    assert (done.returncode, done.stdout) == (0, "imported 60000 numbers in 1 pool\n")
    words = done.stderr.splitlines()[0].split()  # others may say how far it is, where that takes long
    assert words[:5] == ["going", "on", "behind", "the", "first"] and words[6:] == ["of", "60000", "numbers"]
    assert left <= int(words[5]) < 60000
    assert listed(command) == [["many", "60000", "1", "60000", "+493000000000..+493000419993"]]
    reply = admin.client.get("/available_phone_numbers", params={"limit": 2}).json()
    assert [one["phone_number"] for one in reply["items"]] == ["+493000000000", "+493000000014"]
    assert taken["phone_number"] == "+493000000007"


def test_killed_and_another_file(command, tmp_path, server):
    """What is left of an import counts as running for a minute, and is then deleted."""
    kill_in_the_middle(tmp_path, many(60000))
    (tmp_path / "other.csv").write_text("pool,number\nother,+493000000007\n")
    done = command("pool", "import", "other.csv")
    assert done.returncode == 1 and "another file is being imported" in program.complaint(done)
    with opened(server.folder) as database:
        database.execute("UPDATE pool_imports SET touched_at = touched_at - 61000")
    assert command("pool", "import", "other.csv").returncode == 0
    assert listed(command) == [["other", "1", "0", "1", "+493000000007..+493000000007"]]
    with opened(server.folder) as database:
        assert [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("pool_ranges", "pool_blocks", "pool_imports")] == [1, 1, 0]


def test_killed_and_no_longer_good(command, tmp_path, server):
    """A pool has got in the way: nothing of the file is kept."""
    admin = Account(server).promote()
    kill_in_the_middle(tmp_path, many(60000))
    assert admin.client.post("/number_pools", json={"name": "in the way", "numbers": ["+493000419993"]}).status_code == 200
    done = command("pool", "import", "pools.csv")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        'pools.csv:60001: +493000419993 is in the pool "in the way" already',
        "cloud-telephony: 1 bad line: nothing was imported"]
    assert [row[0] for row in listed(command)] == ["in the way"]
    with opened(server.folder) as database:
        assert database.execute("SELECT count(*) FROM pool_ranges").fetchone() == (1,)


def test_creating_numbers_of_pools_that_are_being_deleted(command, tmp_path, server):
    """Half of such a pool is gone: its numbers are like any other."""
    person = Account(server)
    left = kill_in_the_middle(tmp_path, many(60000), wanted=20)
    (tmp_path / "other.csv").write_text("pool,number\nother,+4912\n")
    with opened(server.folder) as database:
        database.execute("UPDATE pool_imports SET touched_at = touched_at - 61000")
    process = start_import(tmp_path, "other.csv")
    created = 0
    while process.poll() is None:
        person.create(plus(493000000000 + 7 * (left - 1 - created)))
        created += 1
    assert process.communicate() == ("imported 1 numbers in 1 pool\n", "")
    assert created > 1
    assert differences(server.folder) == []


def test_a_very_large_pool_is_deleted_bit_by_bit(command, imported, tmp_path, server):
    admin = Account(server).promote()
    assert imported(many(60000)).returncode == 0
    number = admin.create("+493000000007")
    [pool] = pages(admin.client, "/number_pools")
    assert admin.client.delete(f"/number_pools/{pool['id']}").status_code == 204
    # nobody sees it, and its name is free
    assert admin.client.delete(f"/number_pools/{pool['id']}").status_code == 404
    assert pages(admin.client, "/number_pools") == pages(admin.client, "/available_phone_numbers") == []
    assert listed(command) == []
    assert admin.client.post("/phone_numbers/claim", json={}).status_code == 409
    body = {"name": "many", "numbers": ["+493000419993"]}
    reply = admin.client.post("/number_pools", json=body)
    if reply.status_code == 200:  # it is all gone already: this process had to wait for others
        assert admin.client.delete(f"/number_pools/{reply.json()['id']}").status_code == 204
    else:
        assert (reply.status_code, reply.json()["detail"]) == (
            409, "+493000419993 is in a pool that is being imported or deleted")
    assert differences(server.folder) == []
    # the rest goes by itself
    deadline = time.monotonic() + 300
    with opened(server.folder) as database:
        while any(database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
                  for table in ("pool_ranges", "pool_blocks", "pool_imports", "number_pools")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert admin.client.post("/number_pools", json=body).status_code == 200
    assert admin.client.get(f"/phone_numbers/{number['id']}").json()["status"] == "assigned"


def test_a_pool_over_very_many_numbers(server):
    """Others wait for it, so it must not take long."""
    admin = Account(server).promote()
    later = int(time.time() * 1000) + 10 ** 8
    begun = time.monotonic()
    with opened(server.folder) as database:
        database.executemany(
            "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, status, status_until, last_owner_id) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(i + 1, plus(493010000000 + i * 4), *((None, "quarantined", later + i, 1) if i % 3 == 0 else (1, None, None, None)))
             for i in range(200000)])
    inserted = time.monotonic()
    reply = admin.client.post("/number_pools", json={"name": "a", "first": "+493010000000", "last": "+493010999999"})
    assert time.monotonic() - inserted < 30 * (inserted - begun)
    assert (reply.status_code, reply.json()["taken"]) == (200, 200000)
    assert differences(server.folder) == []


def test_many_pools(command, imported, tmp_path, server):
    text = "pool,number\n" + "".join(f"pool {i},+49300000{i:04}\n" for i in range(9000))
    kill_in_the_middle(tmp_path, text)
    assert listed(command) == []
    done = imported(text)
    assert (done.returncode, done.stdout) == (0, "imported 9000 numbers in 9000 pools\n")
    rows = listed(command)
    assert [row[0] for row in rows] == [f"pool {i}" for i in range(9000)]


def test_while_the_server_writes(tmp_path, server):
    """Writes go on during an import, and numbers that are created meanwhile count as taken."""
    person = Account(server)
    created = []
    (tmp_path / "pools.csv").write_text(many(40000))
    process = start_import(tmp_path)

    def write():
        while process.poll() is None:
            created.append(person.create(plus(493000000000 + 7 * 97 * len(created)))["phone_number"])

    threads = [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    stdout, stderr = process.communicate()
    for thread in threads:
        thread.join()
    assert (process.returncode, stdout, stderr) == (0, "imported 40000 numbers in 1 pool\n", "")
    assert len(created) > 10
    taken = sum(int(number) <= 493000000000 + 7 * 39999 for number in created)
    done = program.run(["pool", "list"], tmp_path, {"LOG_LEVEL": "error"})
    assert done.stdout.splitlines()[1].split("\t")[1:4] == ["many", "40000", str(taken)]


def on_a_terminal(tmp_path, count):
    """What an import of so many numbers shows there."""
    (tmp_path / "pools.csv").write_text(many(count))
    primary, secondary = pty.openpty()
    process = subprocess.Popen([program.PROGRAM, "pool", "import", "pools.csv"], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=secondary, env=program.environment({"LOG_LEVEL": "error", **settings_of(tmp_path)}))
    os.close(secondary)
    shown = b""
    while True:
        try:
            data = os.read(primary, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(primary)
    assert process.communicate()[0] == b"imported %d numbers in 1 pool\n" % count
    assert process.returncode == 0
    return shown


def test_a_bar_on_a_terminal(command, tmp_path):
    count, shown = 30000, b""
    while b" s left" not in shown and count < 1000000:
        # it is shown every tenth of a second: on a fast machine that takes more numbers
        (tmp_path / str(count)).mkdir()
        shown = on_a_terminal(tmp_path / str(count), count)
        count *= 3
    assert b"\r[" in shown and b" of %d numbers, " % (count // 3) in shown and b" s left" in shown
    assert shown.endswith(b"\r\x1b[K")


# ---- number export ----

def exported(command):
    done = command("number", "export")
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def test_export(command, server):
    alice, bob = Account(server), Account(server)
    admin = Account(server).promote()
    first = alice.create("+493012345601")
    second = bob.create("+493012345602")
    alice.client.patch(f"/phone_numbers/{first['id']}", json={"friendly_name": 'say "hi", all', "tags": ["a,b", "=c"]})
    third = alice.create("+493012345603")
    alice.client.delete(f"/phone_numbers/{third['id']}")
    admin.client.post("/reserved_numbers", json={"phone_number": "+493012345604"})
    offered = alice.create("+493012345605")
    alice.client.post(f"/phone_numbers/{offered['id']}/transfer", json={"username": bob.name})
    rows = exported(command)
    assert [(row["phone_number"], row["user_id"], row["username"], row["status"]) for row in rows] == [
        ("+493012345601", str(alice.id), alice.name, "assigned"), ("+493012345602", str(bob.id), bob.name, "assigned"),
        ("+493012345603", "", "", "quarantined"), ("+493012345604", "", "", "reserved"),
        ("+493012345605", str(alice.id), alice.name, "transferring")]
    assert rows[0]["id"] == str(first["id"])
    assert rows[0]["friendly_name"] == 'say "hi", all'
    assert json.loads(rows[0]["tags"]) == ["a,b", "=c"]
    assert rows[0]["created_at"] == alice.client.get(f"/phone_numbers/{first['id']}").json()["created_at"]
    assert (rows[1]["friendly_name"], rows[1]["tags"]) == ("", "")
    assert second["id"] == int(rows[1]["id"])


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\",\"y\")"])
def test_export_has_no_formulas(command, server, name):
    """A spreadsheet shows what accounts chose as text."""
    person = Account(server, name=name)
    number = person.create()
    person.client.patch(f"/phone_numbers/{number['id']}", json={"friendly_name": name})
    [row] = exported(command)
    assert row["username"] == row["friendly_name"] == "'" + name


def test_export_page_by_page(command, server):
    Account(server)
    with opened(server.folder) as database:
        database.executemany("INSERT INTO virtual_phone_numbers (id, phone_number, user_id) VALUES (?, ?, 1)",
                             [(i, f"+4912{i:05}") for i in range(1, 2502)])
    rows = exported(command)
    assert [int(row["id"]) for row in rows] == list(range(1, 2502))
    assert rows[-1]["created_at"] == ""
