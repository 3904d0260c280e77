"""A service manager, as far as a service sees it: the socket of sd_notify(3)."""

import os
import pathlib
import socket
import tempfile
import time

PATIENCE_SECONDS = 60


class Manager:
    """Hears what a server says. `settings` are for its environment.

    watchdog: seconds in which it wants a sign of life, or None.
    abstract: whether its address is a name instead of a path.
    """

    def __init__(self, watchdog=None, abstract=False):
        self.folder = tempfile.TemporaryDirectory(prefix="ct-manager-")
        path = str(pathlib.Path(self.folder.name) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path if abstract else path)
        self.settings = {"NOTIFY_SOCKET": "@" + path if abstract else path}
        if watchdog is not None:
            self.settings["WATCHDOG_USEC"] = str(int(watchdog * 1_000_000))
        self.heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.folder.cleanup()

    def listen(self, seconds):
        """The next message as a dictionary, or None when none comes in this time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            text = self.socket.recv(65536).decode()
        except TimeoutError:
            return None
        message = dict(line.split("=", 1) for line in text.splitlines())
        assert message, text
        self.heard.append(message)
        return message

    def wait_for(self, name, value="1"):
        """The next message that says so, and those before it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        before = []
        while time.monotonic() < deadline:
            message = self.listen(deadline - time.monotonic())
            if message is not None and message.get(name) == value:
                return message, before
            if message is not None:
                before.append(message)
        raise AssertionError(f"the service does not say {name}={value}, but {before}")

    def drain(self):
        """What has come already."""
        messages = []
        while (message := self.listen(0)) is not None:
            messages.append(message)
        return messages


def threads_of(pid):
    """The threads of a process: their ids by name."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        name = pathlib.Path(f"/proc/{pid}/task/{thread}/comm").read_text().strip()
        found.setdefault(name, []).append(int(thread))
    return found
