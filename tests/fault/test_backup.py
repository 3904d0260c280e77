"""Backup and restore as drills: under load, after a crash, with files that are no backups. A database that is
restored has all that was acknowledged before its backup began."""

import contextlib
import os
import pty
import random
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

import file_shim
from drill import KEY, NAME, command, folder, is_sound, names_in, refused, succeeds  # noqa: F401
from support import program
from support.inventory import differences
from support.people import Account
from support.server import Server
from test_kill import Lane, rows_of

pytestmark = pytest.mark.sqlite


@contextlib.contextmanager
def load(server, lanes):
    threads = [threading.Thread(target=lane.run, args=(server,)) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        server.kill()
        for thread in threads:
            thread.join()


def acknowledged_by(lanes):
    return {number: (number_id, lane.account.id) for lane in lanes for number, number_id in lane.acknowledged.copy().items()}


def wait_for(lanes, count):
    deadline = time.monotonic() + 60
    while len(acknowledged_by(lanes)) < count:
        assert time.monotonic() < deadline, "there is no load"
        time.sleep(0.01)


def test_the_drill(tmp_path):
    """Load, backups, a disaster, restore, compare."""
    server = Server(tmp_path / "server")
    server.folder.mkdir()
    server.start()
    lanes = [Lane(Account(server), lane) for lane in range(8)]
    admin = Account(server).promote()
    pool = {"name": "stock", "first": "+4930120000", "last": "+4930129999"}
    assert admin.client.post("/number_pools", json=pool).status_code == 200
    claimed = admin.client.post("/phone_numbers/claim", json={"prefix": "+493012", "quantity": 20}).json()
    assert admin.client.delete(f"/phone_numbers/{claimed[0]['id']}").status_code == 200
    before = []
    with load(server, lanes):
        for turn in range(5):
            wait_for(lanes, 300 * (turn + 1))
            before.append(acknowledged_by(lanes))
            succeeds(command(server.folder, "backup", tmp_path / f"backup-{turn}"))
        wait_for(lanes, len(before[-1]) + 300)
    after = acknowledged_by(lanes)
    for turn, expected in enumerate(before):
        file = tmp_path / f"backup-{turn}"
        assert file.stat().st_mode & 0o777 == 0o600
        is_sound(tmp_path, file)
        rows = rows_of(file)
        assert expected.items() <= rows.items(), f"backup {turn} lacks what was acknowledged before it began"
        assert {number for number in rows if number not in after} <= _without_answer(lanes) | _pool_numbers(rows)
        apart = tmp_path / f"apart-{turn}"
        apart.mkdir()
        shutil.copy(file, apart / NAME)
        assert differences(apart) == []
    assert [one.name for one in tmp_path.iterdir() if "partial" in one.name] == []

    # the disaster: nothing of the database is left but its log
    server.database.unlink()
    succeeds(command(server.folder, "restore", tmp_path / "backup-4"))
    is_sound(server.folder)
    assert rows_of(server.database) == rows_of(tmp_path / "backup-4")
    with server:
        for lane in lanes:
            assert lane.account.login().status_code == 200
            number, number_id = next(iter(lane.acknowledged.items()))
            assert lane.account.client.get(f"/phone_numbers/{number_id}").json()["phone_number"] == number
            lane.account.create(f"+48{lane.lane + 10}00000000")
        assert admin.client.post("/phone_numbers/claim", json={"prefix": "+493012", "quantity": 3}).status_code == 200
        is_sound(server.folder)  # beside the server
    assert differences(server.folder) == []


def _without_answer(lanes):
    """What was on its way when the server was killed."""
    return {f"+49{lane.lane + 10}{lane.next:08}" for lane in lanes}


def _pool_numbers(rows):
    return {number for number in rows if number.startswith("+493012")}


def test_a_backup_is_one_file_of_its_own(folder):
    os.chmod(folder, 0o755)
    succeeds(command(folder, "backup", "backup"))
    assert names_in(folder) == ["backup", NAME]
    content = (folder / "backup").read_bytes()
    assert content[18:20] == b"\1\1"  # it needs no log beside it: it can be read on a disk that is write-protected
    is_sound(folder, "backup")
    assert names_in(folder) == ["backup", NAME]
    assert (folder / "backup").read_bytes() == content


def test_a_backup_overwrites_nothing(folder):
    (folder / "there").write_text("a letter")
    (folder / "link").symlink_to("nowhere")
    refused(command(folder, "backup", "there"), "there", "exists")
    refused(command(folder, "backup", "link"), "link", "exists")
    refused(command(folder, "backup", NAME), NAME, "exists")
    refused(command(folder, "backup", "no/folder"), "no/folder")
    assert (folder / "there").read_text() == "a letter"
    assert names_in(folder) == [NAME, "link", "there"]


def test_a_backup_of_nothing(tmp_path):
    refused(command(tmp_path, "backup", "backup"), NAME)
    refused(command(tmp_path, "check"), NAME)
    (tmp_path / NAME).touch()
    refused(command(tmp_path, "backup", "backup"), "empty")
    assert names_in(tmp_path) == [NAME]


def test_a_backup_of_what_a_crash_left(tmp_path):
    """Commits that are in the log alone, of a server that is gone, are in the backup."""
    server = Server(tmp_path / "server")
    server.folder.mkdir()
    server.start()
    account = Account(server)
    numbers = {account.create()["phone_number"] for _ in range(50)}
    server.kill()
    log = server.folder / f"{NAME}-wal"
    assert log.stat().st_size > 0
    succeeds(command(server.folder, "backup", tmp_path / "backup"))
    assert rows_of(tmp_path / "backup").keys() == numbers


def test_a_log_that_was_left_is_not_read_into_what_is_restored(tmp_path):
    server = Server(tmp_path)
    server.start()
    account = Account(server)
    kept = account.create()["phone_number"]
    succeeds(command(tmp_path, "backup", "backup"))
    account.create()
    server.kill()
    server.database.unlink()
    assert (tmp_path / f"{NAME}-wal").stat().st_size > 0
    succeeds(command(tmp_path, "restore", "backup"))
    is_sound(tmp_path)
    assert rows_of(server.database).keys() == {kept}
    with server:
        assert account.login().status_code == 200


def test_a_restore_beside_a_server_is_refused(tmp_path):
    with Server(tmp_path) as server:
        account = Account(server)
        succeeds(command(tmp_path, "backup", "backup"))
        account.create()
        before = rows_of(server.database)
        for words in ([], ["--replace"], ["--replace", "--anyway"]):
            refused(command(tmp_path, "restore", *words, "backup"), "open", "stop")
        assert account.create()["id"] and len(rows_of(server.database)) == len(before) + 1
    refused(command(tmp_path, "restore", "backup"), "--replace")
    succeeds(command(tmp_path, "restore", "--replace", "backup"))
    assert rows_of(server.database) == {}


def test_what_is_replaced_is_kept(tmp_path):
    server = Server(tmp_path)
    server.start()
    account = Account(server)
    succeeds(command(tmp_path, "backup", "backup"))
    number = account.create()["phone_number"]
    server.kill()  # what it has written is in its log
    told = succeeds(command(tmp_path, "restore", "--replace", "backup"))
    aside = told.split()[-1]
    assert aside.startswith(str(server.database) + ".replaced-")
    assert rows_of(server.database) == {}
    assert rows_of(aside).keys() == {number}
    is_sound(tmp_path, aside)


def test_a_database_that_is_too_damaged_to_open_is_replaced_too(folder):
    succeeds(command(folder, "backup", "backup"))
    wanted = rows_of(folder / "backup")
    (folder / NAME).write_bytes(b"\0" * 10000)
    refused(command(folder, "restore", "backup"), "--replace")
    aside = succeeds(command(folder, "restore", "--replace", "backup")).split()[-1]
    assert rows_of(folder / NAME) == wanted
    with open(aside, "rb") as file:
        assert file.read() == b"\0" * 10000


@pytest.mark.parametrize("spoil", [
    lambda content: b"", lambda content: b"no database " * 1000, lambda content: content[:len(content) // 2],
    lambda content: content[:-6000], lambda content: content[:100] + b"\xff" * 5000 + content[5100:],
    lambda content: content[:8192] + bytes(len(content) - 8192)], ids=range(6))
def test_a_damaged_backup_is_refused(folder, spoil):
    succeeds(command(folder, "backup", "backup"))
    before = (folder / NAME).read_bytes()
    damaged = folder / "damaged"
    damaged.write_bytes(spoil((folder / "backup").read_bytes()))
    assert command(folder, "check", "damaged").returncode == 1
    for words in (["--replace"], ["--replace", "--anyway"]):
        done = command(folder, "restore", *words, "damaged")
        assert done.returncode == 1, done
        assert "damaged" in done.stderr
    assert (folder / NAME).read_bytes() == before
    assert names_in(folder) == ["backup", NAME, "damaged"]


def test_pages_of_a_backup_that_are_another_page(folder):
    """Every page in turn: either it is found, or nothing of it mattered."""
    succeeds(command(folder, "backup", "backup"))
    content = (folder / "backup").read_bytes()
    assert len(content) % 4096 == 0
    found = 0
    for page in range(1, len(content) // 4096):
        damaged = folder / f"damaged-{page}"
        damaged.write_bytes(content[:page * 4096] + content[4096:8192][::-1] + content[(page + 1) * 4096:])
        found += command(folder, "check", damaged.name).returncode
    assert found == len(content) // 4096 - 1


def test_a_database_that_is_damaged_is_not_backed_up(folder):
    content = bytearray((folder / NAME).read_bytes())
    with contextlib.closing(sqlite3.connect(folder / NAME)) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'users'").fetchone()[0]
    content[(page - 1) * 4096:page * 4096] = b"\xee" * 4096
    (folder / NAME).write_bytes(content)
    done = command(folder, "backup", "backup")
    assert done.returncode == 1 and "damaged" in done.stderr
    assert names_in(folder) == [NAME]


def test_a_backup_of_a_newer_program(folder):
    succeeds(command(folder, "backup", "backup"))
    with contextlib.closing(sqlite3.connect(folder / "backup")) as database, database:
        database.execute("INSERT INTO schema_migrations (number, what, applied_at) VALUES (999, 'later', 0)")
    refused(command(folder, "check", "backup"), "999")
    refused(command(folder, "restore", "--replace", "backup"), "999", "newer")
    assert names_in(folder) == ["backup", NAME]


def test_a_backup_of_the_original_service(tmp_path):
    """It has no migrations; whoever starts the server brings it up to date."""
    with contextlib.closing(sqlite3.connect(tmp_path / "old")) as database, database:
        database.execute("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR, hashed_password VARCHAR)")
        database.execute("CREATE TABLE virtual_phone_numbers (id INTEGER NOT NULL PRIMARY KEY, phone_number VARCHAR, "
                         "user_id INTEGER REFERENCES users (id))")
        database.execute("INSERT INTO users VALUES (1, 'alice', 'x')")
        database.execute("INSERT INTO virtual_phone_numbers VALUES (1, '+4930123456', 1)")
    is_sound(tmp_path, "old")
    succeeds(command(tmp_path, "backup", "backup", DATABASE_URL="sqlite:///old"))
    succeeds(command(tmp_path, "restore", "backup"))
    assert rows_of(tmp_path / NAME) == {"+4930123456": (1, 1)}
    with Server(tmp_path) as server:
        Account(server)


def test_other_databases_are_not_restored(folder):
    with contextlib.closing(sqlite3.connect(folder / "other")) as database, database:
        database.execute("CREATE TABLE users (name)")
    refused(command(folder, "restore", "--replace", "other"), "none of this program's")
    refused(command(folder, "check", "other"), "none of this program's")
    refused(command(folder, "restore", "--replace", "nowhere"), "nowhere")
    refused(command(folder, "restore", "--replace", "."), "not a file")


def test_a_backup_that_breaks_rules(folder):
    succeeds(command(folder, "backup", "backup"))
    with contextlib.closing(sqlite3.connect(folder / "backup")) as database, database:
        database.execute("UPDATE virtual_phone_numbers SET status = 'lost' WHERE id = 3")
    done = command(folder, "restore", "--replace", "backup")
    assert done.returncode == 1 and "--anyway" in done.stderr and done.stdout.count("\n") == 1
    assert names_in(folder) == ["backup", NAME]
    done = command(folder, "restore", "--replace", "--anyway", "backup")
    assert done.returncode == 0 and done.stdout.count("broken: ") == 1


def test_postgresql_has_its_own_tools(folder):
    url = {"DATABASE_URL": "postgresql://user:the-password@host/database"}
    for words in (["backup", "file"], ["restore", NAME], ["restore", "--replace", NAME]):
        done = refused(command(folder, *words, **url), "PostgreSQL", "pg_dump")
        assert "the-password" not in done.stderr


@pytest.mark.parametrize("words", [
    ["backup"], ["backup", "a", "b"], ["backup", ""], ["backup", "--force"], ["restore"], ["restore", "a", "b"], ["restore", "--force", "a"],
    ["restore", "--replace"], ["restore", ""], ["check", "a", "b"], ["check", "--all"], ["check", ""]])
def test_wrong_arguments(tmp_path, words):
    done = command(tmp_path, *words)
    assert done.returncode == 2 and "takes" in program.complaint(done)
    assert names_in(tmp_path) == []


def test_two_backups_to_one_file(folder):
    """The second is refused while the first is at it; that one is complete."""
    first = subprocess.Popen([program.PROGRAM, "backup", "backup"], cwd=folder, stdout=subprocess.DEVNULL,
                             env=program.environment({**KEY, **file_shim.settings("slow", 0)}))
    while not (folder / "backup.partial").exists():
        time.sleep(0.01)
    time.sleep(0.05)
    done = command(folder, "backup", "backup")
    early = first.poll() is None
    assert first.wait() == 0
    assert early and done.returncode == 1 and "another program" in done.stderr
    is_sound(folder, "backup")


def test_progress_on_a_terminal(folder):
    ours, theirs = pty.openpty()
    subprocess.run([program.PROGRAM, "backup", "backup"], cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs, check=True,
                   env=program.environment({**KEY, **file_shim.settings("slow", 0)}))
    os.close(theirs)
    shown = ""
    with contextlib.suppress(OSError):  # at the end
        while True:
            shown += os.read(ours, 10000).decode()
    os.close(ours)
    assert "copying: 0 MB" in shown and shown.endswith("\r\x1b[K")


def test_a_server_that_starts_during_a_restore(folder, tmp_path):
    """It waits for the lock, and then does not serve the database that was set aside."""
    backup = tmp_path / "backup"
    succeeds(command(folder, "backup", backup))
    database = sqlite3.connect(folder / NAME, isolation_level=None)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN EXCLUSIVE")
    with subprocess.Popen([program.PROGRAM, "user", "list"], cwd=folder, env=program.environment(KEY),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(0.3)
        os.rename(folder / NAME, folder / "aside")
        shutil.copy(backup, folder / NAME)
        database.close()
        output, errors = process.communicate()
    assert process.returncode == 1 and "was replaced" in errors and output == ""
    assert "ID" in succeeds(command(folder, "user", "list"))


def test_kills_at_any_moment(tmp_path):
    """Backups of a database of some megabytes, killed by the clock instead of by the step."""
    seed = int(os.environ.get("CT_SEED", random.randrange(10 ** 6)))
    print(f"CT_SEED={seed}")
    moments = random.Random(seed)
    with Server(tmp_path) as server:
        account = Account(server)
    with contextlib.closing(sqlite3.connect(server.database)) as database, database:
        database.executemany("INSERT INTO virtual_phone_numbers (phone_number, user_id) VALUES (?, ?)",
                             ((f"+4916{number:09}", account.id) for number in range(100_000)))
    begin = time.monotonic()
    succeeds(command(tmp_path, "backup", "whole"))
    takes = time.monotonic() - begin
    killed = 0
    for turn in range(15):
        name = f"backup-{turn}"
        process = subprocess.Popen([program.PROGRAM, "backup", name], cwd=tmp_path, env=program.environment(KEY),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.random() * takes)
        process.kill()
        killed += process.wait() == -9
        if (tmp_path / name).exists():
            assert len(rows_of(tmp_path / name)) == 100_000
        else:
            succeeds(command(tmp_path, "backup", name))
        (tmp_path / name).unlink()
        assert not [left for left in names_in(tmp_path) if left.startswith(name)]
    assert killed > 0
