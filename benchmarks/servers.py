"""The servers that are compared: started pinned to their cores, asked until ready, watched, stopped."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSWORD = "correct horse battery staple"


class Failure(Exception):
    """The run is worth nothing: the message says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cores(cpus):
    """The cores that a list for taskset names: "0,2-3" is {0, 2, 3}."""
    ranges = (part.partition("-") for part in cpus.split(","))
    return {core for first, _, last in ranges for core in range(int(first), int(last or first) + 1)}


def descendants(pid):
    """A process and all that it has begotten."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(parents.get(pid, []))
    return found


class Server:
    """One server process (and its children) in a directory of its own."""

    name = ""
    ready_path = "/healthz"

    def __init__(self, bench):
        self.bench = bench
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=bench.directory))
        self.database = self.directory / "bench.db"
        self.secret = secrets.token_urlsafe(32)
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        """Starts it; the seconds until it answers."""
        command = ["taskset", "-c", self.bench.server_cpus, *self.command()]
        self.bench.commands.add(self.bench.shown(self.environment(), command, self))
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self.environment()}
        began = time.monotonic()
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.directory, env=environment,
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        while time.monotonic() - began < 60:
            if self.answers():
                return time.monotonic() - began
            if self.process.poll() is not None:
                break
            time.sleep(0.0005)
        raise Failure(f"{self.name} did not start:\n{(self.directory / 'log').read_text()[-2000:]}")

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            status = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not stop within 40 s of SIGTERM") from None
        finally:
            self.process = None
        if status not in (0, -signal.SIGTERM):
            raise Failure(f"{self.name} ended with {status}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process is not None:
            self.kill()

    def kill(self):
        """Ends it with all its children, which might live on without it."""
        for pid in descendants(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def request(self, method, path, body=None, token=None):
        """The body of a reply that must be 200."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise Failure(f"{self.name}: {method} {path} answered {reply.status} {text[:200]!r}")
        return text.decode()

    def register(self, username="bench"):
        reply = self.request("POST", "/auth/register", {"username": username, "password": PASSWORD})
        return json.loads(reply)["access_token"]

    def processes(self):
        """The process and its descendants."""
        return descendants(self.process.pid)

    def rows(self):
        """How many numbers there are."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM virtual_phone_numbers").fetchone()[0]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def core_waits(self, threads):
        """Nanoseconds that its threads whose names begin so were ready and waited for a core, and how often they got one."""
        waited = turns = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().startswith(threads):
                _, wait, count = map(int, (task / "schedstat").read_text().split())
                waited, turns = waited + wait, turns + count
        return waited, turns

    def memory_kib(self):
        """Resident and proportional set size, all processes together."""
        total = {"Rss:": 0, "Pss:": 0}
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                word, *rest = line.split()
                if word in total:
                    total[word] += int(rest[0])
        return total["Rss:"], total["Pss:"]


class Ours(Server):
    name = "cloud-telephony"

    def __init__(self, bench, **settings):
        super().__init__(bench)
        self.settings = settings

    def command(self):
        return [str(self.bench.program), "serve"]

    def environment(self):
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SECRET_KEY": self.secret,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "600",
            "HTTP_THREADS": str(len(cores(self.bench.server_cpus))),
            # the peers write no line a request either
            "LOG_LEVEL": "warning",
            "SIP_LISTEN": "off",
            **self.settings,
        }


class FastAPI(Server):
    name = "fastapi"
    pool = ""

    def __init__(self, bench):
        super().__init__(bench)
        # Python compiles it beside the source, which is not to happen in the project
        shutil.copy(HERE / "peers" / "fastapi_app.py", self.directory)

    def command(self):
        return [sys.executable, "-m", "uvicorn", "--app-dir", str(self.directory), "fastapi_app:app",
                "--host", "127.0.0.1", "--port", str(self.port),
                "--workers", str(len(cores(self.bench.server_cpus))),
                "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]

    def environment(self):
        pool = {"PEER_POOL": self.pool} if self.pool else {}
        return {"SECRET_KEY": self.secret, "DATABASE_URL": f"sqlite:///{self.database}", **pool}


class FastAPIPooled(FastAPI):
    name = "fastapi-pooled"
    pool = "1"


class Nginx(Server):
    name = "nginx"
    ready_path = "/"

    def __init__(self, bench, body):
        super().__init__(bench)
        text = (HERE / "peers" / "nginx.conf").read_text()
        for word, value in (("WORKERS", len(cores(bench.server_cpus))), ("DIRECTORY", self.directory),
                            ("PORT", self.port), ("BODY", body)):
            text = text.replace(word, str(value))
        (self.directory / "nginx.conf").write_text(text)

    def command(self):
        return ["nginx", "-p", str(self.directory), "-e", "stderr",
                "-c", str(self.directory / "nginx.conf")]
