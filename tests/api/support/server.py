"""A server process of the program, from its start to a clean end."""

import json
import pathlib
import shlex
import signal
import socket
import subprocess
import time

import requests

from . import database, program
from .client import SHORTEST_SECRET, Client
from .contract import Contract

START_SECONDS = 60
STOP_SECONDS = 60

_contracts = {}


class Server:
    """`cloud-telephony serve` in a folder of its own, on a port that the kernel chose.

    errors: whether the test makes the program log errors; otherwise one in the log fails the stop.
    clock: a support.clock.Clock that tells it the time of day.
    options: those of subprocess.Popen besides.
    The rest are the program's settings; None leaves one out.
    """

    def __init__(self, folder, errors=False, options=None, clock=None, **settings):
        self.folder = pathlib.Path(folder)
        self.options = options or {}
        self.errors = errors
        self.settings = {"SECRET_KEY": program.SECRET_KEY, "PORT": "0", "LOG_FORMAT": "json",
                         "SIP_LISTEN": "udp:127.0.0.1:0,tcp:127.0.0.1:0,ws:127.0.0.1:0",
                         # so that tests see both
                         "SIP_DIGEST": "both",
                         # what carriers hear is what the test makes the server say
                         "SIP_TRUNK_PROBE_SECONDS": "0",
                         # a machine that stands still for a while is no overload
                         "QUEUE_WAIT_MS": "600000", **database.settings_of(folder)}
        self.settings.update(settings)
        if clock is not None:
            self.settings.update(clock.settings)
        key = self.settings["SECRET_KEY"] or ""
        self.secrets = {key} if len(key) >= SHORTEST_SECRET else set()
        self.certificate = settings.get("TLS_CERT_FILE")
        self.process = None
        self.host = None
        self.port = None
        self.contract = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def url(self):
        if self.certificate:
            return f"https://localhost:{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def database(self):
        """The file, when it is SQLite's."""
        return self.folder / "cloud_telephony.db"

    @property
    def log_path(self):
        name = self.settings.get("LOG_FILE")
        return self.folder / (name or "stderr")

    def opened(self):
        """The database, for the test's own statements (support.database.opened)."""
        return database.opened(self.folder)

    def start(self):
        """Starts the process and waits until it listens."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        seen = len(self.log()) if self.log_path.exists() else 0
        with open(self.folder / "stdout", "ab") as stdout, open(self.folder / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                [program.PROGRAM, "serve"], cwd=self.folder, env=program.environment(self.settings),
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, **self.options)
        try:
            self.host, self.port = self._wait_for_listening(seen)
            self.contract = self._contract()
        except BaseException:
            self.kill()
            raise
        return self

    def _wait_for_listening(self, seen):
        deadline = time.monotonic() + START_SECONDS
        while True:
            ended = self.process.poll() is not None
            for line in self.log()[seen:]:
                if line["event"] == "listening":
                    return line["host"], int(line["port"])
            if self._answers():
                return "127.0.0.1", int(self.settings["PORT"])
            assert not ended, f"the server ended with {self.process.returncode}:\n{self.output()[-3000:]}"
            assert time.monotonic() < deadline, f"the server does not listen:\n{self.output()[-3000:]}"
            time.sleep(0.005)

    def _answers(self):
        """Whether a server that was told its port, and may log nothing, is there."""
        if int(self.settings["PORT"]) == 0:
            return False
        try:
            socket.create_connection(("127.0.0.1", int(self.settings["PORT"])), 1).close()
        except OSError:
            return False
        return True

    def _contract(self):
        text = requests.get(self.url + "/openapi.json", verify=self.certificate or True, timeout=60,
                            proxies={"http": None, "https": None}).text
        if text not in _contracts:
            _contracts[text] = Contract(json.loads(text))
        return _contracts[text]

    def client(self, token=None):
        return Client(self, token)

    def log(self):
        """The complete lines of the log so far, as objects."""
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_bytes().split(b"\n")[:-1]
        return [_log_line(line) for line in lines]

    def requests(self):
        """The lines of the log that tell of requests."""
        return [line for line in self.log() if line.get("event") == "request"]

    def line_of(self, request_id):
        """The one line of a request. It is written when the reply has been sent, so it may take a moment."""
        for _ in range(400):
            lines = [line for line in self.requests() if line["id"] == request_id]
            if lines:
                assert len(lines) == 1, lines
                return lines[0]
            time.sleep(0.01)
        raise AssertionError(f"no line tells of the request {request_id}")

    def output(self):
        """Everything the program wrote: standard output, standard error and its log file."""
        paths = {self.folder / "stdout", self.folder / "stderr", self.log_path}
        return "".join(path.read_text(errors="replace") for path in sorted(paths) if path.exists())

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Waits for the process to end; its exit status."""
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server does not stop:\n{self.output()[-3000:]}") from None

    def stop(self, number=signal.SIGTERM):
        """Ends the server as an operator does, and looks at everything it leaves behind."""
        if self.process.poll() is None:
            self.send_signal(number)
        status = self.wait()
        assert status == 0, f"the server ended with {status}:\n{self.output()[-3000:]}"
        self.check_output()
        self.check_database()

    def check_database(self):
        """What a test leaves in the database keeps all rules of the program."""
        if self.database.exists():
            done = program.run(["check"], self.folder, {"SECRET_KEY": program.SECRET_KEY})
            # what takes long tells how far it is
            said = [line for line in done.stderr.splitlines() if not line.startswith("checking: ")]
            assert (done.returncode, done.stdout, said) == (0, "", []), done

    def check_output(self):
        program.check_output(self.output(), self.secrets)
        if self.settings["LOG_FORMAT"] == "json" and not self.errors:
            wrong = [line for line in self.log() if line["level"] in ("error", "none")]
            assert not wrong, f"the server logged errors: {wrong[:5]}"

    def kill(self):
        """Ends the server as a power cut does."""
        self.process.kill()
        self.process.wait()


def _log_line(line):
    """A line of the log as an object, in whichever format it is; else its event is "none"."""
    text = line.decode(errors="replace")
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            return value
    except ValueError:
        pass
    try:
        moment, level, event, *fields = shlex.split(text)
        return {"time": moment, "level": level, "event": event, **dict(field.split("=", 1) for field in fields)}
    except ValueError:
        return {"level": "none", "event": "none", "text": text}
