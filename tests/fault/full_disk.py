"""The scenario of test_disk_full.py, run in a process of its own: `full_disk.py FOLDER tmpfs|limit`.

tmpfs: a file system of 3 MB is mounted at FOLDER, where only this process and its children see it.
limit: without the right to mount, the size of the server's files is limited instead.
"""

import pathlib
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

from support.people import Account, fresh_name, fresh_number  # noqa: E402
from support.server import Server  # noqa: E402

DISK = 3 << 20
BALLAST = 1 << 20


class SmallDisk:
    """A real file system that is too small, and a file that can be deleted to make room."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def __enter__(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self.folder], check=True)
        self.ballast.write_bytes(b"x" * BALLAST)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def tighten(self, server):
        """Nothing to do: it is small from the beginning."""

    def free(self, server):
        self.ballast.unlink()


class SmallFiles:
    """No file of the server may grow beyond a size."""

    def __init__(self, folder):
        self.folder = folder
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tighten(self, server):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1 << 20, self.before[1]))

    def free(self, server):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, self.before)


def fill(account, acknowledged):
    """Creates numbers until that is refused; the refusal."""
    for _ in range(20000):
        number = fresh_number()
        reply = account.client.post("/phone_numbers", json={"phone_number": number})
        if reply.status_code != 200:
            return reply
        acknowledged[number] = reply.json()["id"]
    raise AssertionError("the disk does not become full")


def check_full(account, server, acknowledged, tokens):
    """Writes of every kind while there is no space: refused, but for small ones that still fit. Those stay."""
    number = fresh_number()
    create = account.client.post("/phone_numbers", json={"phone_number": number})
    register = server.client().post("/auth/register", json={"username": fresh_name(), "password": "a good password"})
    login = account.login()
    replies = [create, register, login]
    assert {reply.status_code for reply in replies} <= {200, 503}, [reply.text for reply in replies]
    assert 503 in (create.status_code, register.status_code)
    if create.status_code == 200:
        acknowledged[number] = create.json()["id"]
    tokens += [reply.json()["access_token"] for reply in (register, login) if reply.status_code == 200]


def changes(server):
    """What the log says of writes that fail, and work again."""
    return [line["event"] for line in server.log() if line["event"].startswith("writes_")]


def check_reads(account, acknowledged):
    number, number_id = next(reversed(acknowledged.items()))
    assert account.client.get(f"/phone_numbers/{number_id}").json()["phone_number"] == number
    assert account.client.get("/phone_numbers", params={"limit": 100}).status_code == 200
    assert account.client.get("/auth/me").status_code == 200
    assert account.client.get("/healthz").status_code == 200


def run(disk, work):
    url = f"sqlite:///{disk.folder}/cloud_telephony.db"
    # its own folder, with what it logs, is elsewhere; SIGXFSZ stays ignored, as Python has it
    server = Server(work, errors=True, options={"restore_signals": False}, DATABASE_URL=url)
    with server:
        account = Account(server)
        acknowledged = {}
        tokens = []
        for _ in range(5):
            number = fresh_number()
            acknowledged[number] = account.create(number)["id"]
        disk.tighten(server)
        refused = fill(account, acknowledged)
        assert refused.status_code == 503, refused.text
        assert refused.headers["Retry-After"] == "1"
        for _ in range(5):
            check_full(account, server, acknowledged, tokens)
            check_reads(account, acknowledged)
        disk.free(server)
        for _ in range(200):
            number = fresh_number()
            acknowledged[number] = account.create(number)["id"]
            if changes(server)[-1:] == ["writes_work_again"]:
                break  # it tells of a change once a second
            time.sleep(0.02)
        assert account.login().status_code == 200
        late = server.client().post("/auth/register", json={"username": "late", "password": "a good password"})
        assert late.status_code == 200
        check_reads(account, acknowledged)
        assert all(server.client(token).get("/auth/me").status_code == 200 for token in tokens)
    events = changes(server)
    assert events[0] == "writes_failed" and events[-1] == "writes_work_again", events
    database = sqlite3.connect(disk.folder / "cloud_telephony.db")
    rows = dict(database.execute("SELECT phone_number, id FROM virtual_phone_numbers"))
    assert rows == acknowledged
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    print(f"{len(acknowledged)} numbers were acknowledged and are there")


def stop_and_start(disk, work):
    """A server on a full disk stops in order, and starts again once there is space."""
    url = f"sqlite:///{disk.folder}/second.db"
    server = Server(work, errors=True, options={"restore_signals": False}, DATABASE_URL=url)
    acknowledged = {}
    with server:
        account = Account(server)
        disk.tighten(server)
        assert fill(account, acknowledged).status_code == 503
    if isinstance(disk, SmallDisk):
        disk.free(server)
    with server:
        assert account.login().status_code == 200
        check_reads(account, acknowledged)
        account.create()


def main():
    folder, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
    for scenario in (run, stop_and_start):
        with (SmallDisk if kind == "tmpfs" else SmallFiles)(folder) as disk, tempfile.TemporaryDirectory() as work:
            scenario(disk, work)


main()
