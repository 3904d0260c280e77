"""The watchdog: what hangs must be noticed, and what is only slow must not be taken for it."""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import threading
import time

import pytest

from support.manager import Manager, threads_of
from support.people import Account, fresh_number
from support.server import Server

# of <linux/ptrace.h>
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WATCHDOG_SECONDS = 2
HERE = pathlib.Path(__file__).parent

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


@contextlib.contextmanager
def stopped(thread):
    """One thread of another process stands still, as in a deadlock; the others go on."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        assert libc.ptrace(request, thread, None, None) == 0, f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}"
    os.waitpid(thread, 0x40000000)  # __WALL: it has stopped
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, thread, None, None)


def wait_until_it_is_told(server, what):
    for _ in range(6000):
        if any(line["event"] == "hangs" and line["what"] == what for line in server.log()):
            return
        time.sleep(0.01)
    raise AssertionError(f"the log does not tell of {what}")


@pytest.mark.parametrize("name, what, turn", [
    ("ct-writer", "the thread that writes", 0),
    ("MHD-worker", "a thread that serves requests", 0),
    ("MHD-worker", "a thread that serves requests", 2)])
def test_a_thread_that_stands_still_is_noticed(tmp_path, name, what, turn):
    """Also without any request. The thread alone is stopped: all others, and the main one, go on."""
    with Manager(watchdog=WATCHDOG_SECONDS) as manager, \
            Server(tmp_path, errors=True, HTTP_THREADS="3", **manager.settings) as server:
        manager.wait_for("WATCHDOG")
        threads = threads_of(server.process.pid)
        assert len(threads["MHD-worker"]) == 3, threads
        with stopped(threads[name][turn]):
            wait_until_it_is_told(server, what)
            manager.drain()
            assert manager.listen(2 * WATCHDOG_SECONDS) is None, "a server that hangs says that it lives"
        manager.wait_for("WATCHDOG")
        assert server.client().get("/healthz").status_code == 200


@pytest.fixture(scope="module")
def slow_disk(tmp_path_factory):
    library = tmp_path_factory.mktemp("slow") / "slow_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, HERE / "slow_disk.c"], check=True)
    return library


def test_a_slow_disk_is_not_taken_for_a_hang(tmp_path, slow_disk):
    switch = tmp_path / "slow"
    with Manager(watchdog=WATCHDOG_SECONDS) as manager:
        settings = {"LD_PRELOAD": slow_disk, "SLOW_DISK": switch, **manager.settings}
        with Server(tmp_path, errors=True, **settings) as server:
            account = Account(server)
            account.create()
            switch.touch()
            answers = []
            writing = threading.Thread(target=lambda: answers.append(
                account.client.post("/phone_numbers", json={"phone_number": fresh_number()}, timeout=300).status_code))
            writing.start()
            (writer,) = threads_of(server.process.pid)["ct-writer"]
            stat = pathlib.Path(f"/proc/{server.process.pid}/task/{writer}/stat")
            for _ in range(6000):
                if stat.read_text().rpartition(")")[2].split()[0] == "D":
                    break
                time.sleep(0.01)
            begin = time.monotonic()
            manager.drain()
            # for longer than a writer that hangs may: the signs of life go on, and so do reads
            while time.monotonic() < begin + 2 * WATCHDOG_SECONDS:
                manager.wait_for("WATCHDOG")
                assert server.client(account.token).get("/auth/me").status_code == 200
            manager.drain()
            manager.wait_for("WATCHDOG")
            assert answers == []
            switch.unlink()
            writing.join()
            assert answers == [200]
