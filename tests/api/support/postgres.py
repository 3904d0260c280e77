"""A private PostgreSQL 15 for the tests: started in a folder of its own, gone afterwards whatever happens.

    with Postgres() as postgres:
        url = postgres.create()              # postgresql://…, a fresh database
        postgres.execute("SELECT 1")
        postgres.kill(); postgres.start()    # with durable=True: what was committed is there

It listens on a Unix socket in that folder, and on a port of 127.0.0.1 that the kernel chose. Text sorts and
compares as in English, not by bytes, so that an order that a statement leaves to the database is noticed.

A guard, which is a process of its own, ends the server and removes the folder when the process that made it
has ended, however it ended.
"""

import contextlib
import itertools
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
START_SECONDS = 120
SUPERUSER = "postgres"

# what every server here has
COMMON = {
    "max_connections": 300, "shared_buffers": "32MB", "jit": "off", "timezone": "UTC", "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ", "max_prepared_transactions": 0,
}
# nothing is synced: for tests in which nothing crashes
FAST = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0}
# a commit is on the disk: for tests in which something crashes
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}

# English by ICU: no locale has to be installed for it
INITDB = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync",
          f"--username={SUPERUSER}", "--auth=trust")


def _account():
    """Whom the server runs as: not root, which PostgreSQL refuses."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres nor nobody")


def _maps(uid):
    """Whether this user namespace has that user: in one made by `unshare -Ur` there is root alone."""
    ranges = [list(map(int, line.split())) for line in open("/proc/self/uid_map", encoding="ascii")]
    return any(first <= uid < first + count for first, _, count in ranges)


def unprivileged():
    """What is put in front of a command so that it does not run as root, and whose files it can use."""
    if os.geteuid() != 0:
        return [], None
    account = _account()
    if _maps(account.pw_uid):
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"], account
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"], None


def free_port(host="127.0.0.1"):
    """A port that nobody has at this moment."""
    with socket.socket() as one:
        one.bind((host, 0))
        return one.getsockname()[1]


def children(pid):
    """The processes whose parent is this one."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _wait_for_end(pids, seconds=30):
    deadline = time.monotonic() + seconds
    for pid in pids:
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.01)


def _runs(pid):
    with contextlib.suppress(OSError, IndexError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Postgres:
    """One server. Its files are in `folder`; the data in `folder`/data, what it logs in `folder`/log.

    durable: whether it survives a crash.
    settings: further lines of postgresql.conf; None leaves one out.
    folder: an empty one that is not removed at the end, in place of one of its own.
    host: the address that it listens on beside the socket.
    hba: further lines of pg_hba.conf, before those that let everybody in from here.
    prefix: what is put in front of its command, such as `ip netns exec NAME`.
    """

    def __init__(self, durable=False, settings=None, folder=None, host="127.0.0.1", port=None, hba=(), prefix=()):
        self.settings = {**COMMON, **(DURABLE if durable else FAST), **(settings or {})}
        self.host = host
        self.port = port
        self.hba = list(hba)
        self.prefix = list(prefix)
        self.process = None
        self.guard = None
        self.given = folder is not None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="ct-pg-"))
        self._demote, account = unprivileged()
        self._names = itertools.count(1)
        if account:
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    @property
    def data(self):
        return self.folder / "data"

    def __enter__(self):
        self.watch()
        try:
            self.make()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def watch(self):
        """Lets a guard end all of this when this process is no more."""
        self.guard = subprocess.Popen(
            [sys.executable, __file__, str(self.folder), "keep" if self.given else "remove"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, start_new_session=True)

    def run(self, *command, **options):
        """Runs a command of PostgreSQL as the user of the server, and in its place; what it printed."""
        done = subprocess.run([*self.prefix, *self._demote, *self._program(command)], capture_output=True, text=True,
                              cwd=self.folder, env=self._environment(), timeout=300, check=False, **options)
        assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @staticmethod
    def _program(command):
        return [str(BIN / command[0]), *map(str, command[1:])]

    def _environment(self):
        kept = {name: value for name, value in os.environ.items() if not re.match("PG[A-Z]|LC_|LANG", name)}
        return {**kept, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def make(self):
        """Makes the files of a new server."""
        self.run("initdb", "-D", self.data, *INITDB)
        self.configure()

    def configure(self):
        """Writes the settings, and who is let in."""
        lines = [f"{name} = '{value}'\n" for name, value in self.settings.items() if value is not None]
        self._write("postgresql.auto.conf", "".join(lines))
        self._write("pg_hba.conf", "".join(f"{line}\n" for line in (
            *self.hba, "local all all trust", "host all all 127.0.0.1/32 trust", "local replication all trust")))

    def _write(self, name, text):
        path = self.data / name
        owner = self.data.stat()
        path.write_text(text)
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(0o600)

    def start(self, wait=True):
        """Starts the server on its files; with `wait`, until it answers."""
        for _ in range(20):
            if self._start(self.port or free_port(), wait):
                return
        raise RuntimeError("no port could be had")

    def _start(self, port, wait):
        """False when somebody else has taken the port meanwhile."""
        begin = (self.folder / "log").stat().st_size if (self.folder / "log").exists() else 0
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, *self._demote, *self._program((
                    "postgres", "-D", self.data, "-p", port, "-k", self.folder, "-c", f"listen_addresses={self.host}"))],
                cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while wait and not self.is_ready(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log()[begin:]
                if self.port is None and "Address already in use" in said:
                    return False
                self.kill()
                raise RuntimeError(f"PostgreSQL does not start:\n{said[-3000:]}")
            time.sleep(0.02)
        self.port = port
        return True

    def is_ready(self, port=None):
        """Whether it takes connections."""
        return subprocess.run(self._program(("pg_isready", "-q", "-h", self.folder, "-p", port or self.port)),
                              check=False, timeout=60).returncode == 0

    def log(self):
        """All that the server wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, number=signal.SIGINT):
        """Stops the server: at once, but in order."""
        if self.process is None:
            return
        # the first of a new user namespace hands no signal on: it is the server itself
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(60)
        self.process = None

    def pids(self):
        """The processes of the server, the first of them first."""
        return [self.process.pid, *children(self.process.pid)] if self.process and self.process.poll() is None else []

    def kill(self):
        """Ends all processes of the server as a power cut does, but for what the kernel has in its cache."""
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_for_end(pids[1:])
        if self.process:
            self.process.wait(60)
        self.process = None

    def close(self):
        """Ends the server and removes its folder."""
        self.kill()
        if self.guard:
            self.guard.stdin.close()
            self.guard.wait(60)
            self.guard = None
        elif not self.given:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- databases

    def url(self, database="postgres", tcp=False, user=SUPERUSER, **parameters):
        """A database's URL; through the socket, or by TCP."""
        host = f"{self.host}:{self.port}" if tcp else f"{quote(str(self.folder), safe='')}:{self.port}"
        words = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
        return f"postgresql://{user}@{host}/{database}" + (f"?{words}" if words else "")

    def create(self, name=None, template=None, **parameters):
        """Makes a database, of the files of another one where that is given; its URL."""
        name = name or f"test_{os.getpid()}_{next(self._names)}"
        self.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(name, **parameters)

    def drop(self, url):
        """Removes a database, also when somebody is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2].partition("?")[0]}" WITH (FORCE)')

    def connect(self, database="postgres", **parameters):
        """A connection of psycopg2 that commits each statement by itself."""
        import psycopg2  # only here: whoever tests with SQLite need not have it
        connection = psycopg2.connect(self.url(database, **parameters))
        connection.autocommit = True
        return connection

    def execute(self, statement, values=None, database="postgres"):
        """Runs one statement; its rows."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def _guard(folder, what):
    """Waits until the process that started this has closed the pipe, or is no more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    with contextlib.suppress(OSError, ValueError):
        pid = int((folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        if str(folder / "data") in pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            os.kill(pid, signal.SIGQUIT)
            _wait_for_end([pid])
    if what == "remove":
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard(pathlib.Path(sys.argv[1]), sys.argv[2])
