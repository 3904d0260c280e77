"""What the server tells the service manager: sd_notify(3)."""

import os
import re
import signal
import socket
import subprocess

import pytest

from support import program
from support.manager import Manager
from support.server import Server


@pytest.fixture(params=["path", "abstract"])
def manager(request):
    with Manager(abstract=request.param == "abstract") as listening:
        yield listening


def test_ready_comes_when_clients_can_connect(tmp_path, manager):
    server = Server(tmp_path, **manager.settings)
    with server:
        message, before = manager.wait_for("READY")
        assert before == []
        assert message == {"READY": "1", "STATUS": f"Serving, see http://127.0.0.1:{server.port}/docs"}
        socket.create_connection((server.host, server.port)).close()
        assert server.client().get("/healthz").status_code == 200
        assert manager.drain() == [], "without WATCHDOG_USEC nobody waits for signs of life"
    assert [list(message) for message in manager.drain()] == [["STOPPING", "STATUS", "EXTEND_TIMEOUT_USEC"]]


def test_a_start_that_fails_is_never_ready(tmp_path, manager):
    done = program.run(["serve"], tmp_path, {"SECRET_KEY": program.SECRET_KEY, "HOST": "192.0.2.1", **manager.settings})
    assert done.returncode > 0
    assert manager.drain() == []


def test_sighup_is_a_reload(tmp_path, manager):
    with Server(tmp_path, LOG_FILE="server.log", **manager.settings) as server:
        manager.wait_for("READY")
        (tmp_path / "server.log").rename(tmp_path / "server.log.1")
        server.send_signal(signal.SIGHUP)
        message, before = manager.wait_for("RELOADING")
        assert before == [] and int(message["MONOTONIC_USEC"]) > 0
        _, before = manager.wait_for("READY")
        assert before == []
        # whoever waits for the reload finds the new file
        assert (tmp_path / "server.log").exists()


def test_a_server_that_lives_says_so(tmp_path):
    with Manager(watchdog=2) as manager, Server(tmp_path, **manager.settings) as server:
        for _ in range(4):
            manager.wait_for("WATCHDOG")
        assert server.client().get("/healthz").status_code == 200
        manager.wait_for("WATCHDOG")


def test_signs_of_life_for_somebody_else_are_not_sent(tmp_path):
    with Manager(watchdog=0.1) as manager:
        with Server(tmp_path, WATCHDOG_PID=os.getpid(), **manager.settings) as server:
            for _ in range(50):
                assert server.client().get("/healthz").status_code == 200
        assert all("WATCHDOG" not in message for message in manager.drain())


def test_signs_of_life_go_on_while_it_waits_to_stop(tmp_path):
    with Manager(watchdog=2) as manager:
        server = Server(tmp_path, STOP_DELAY_SECONDS="600", **manager.settings).start()
        try:
            server.send_signal(signal.SIGTERM)
            message, _ = manager.wait_for("STOPPING")
            assert int(message["EXTEND_TIMEOUT_USEC"]) > 630_000_000, "it would be killed before it has stopped"
            for _ in range(4):
                manager.wait_for("WATCHDOG")
        finally:
            server.kill()


@pytest.mark.parametrize("stream, log_format, first", [
    ("own", "auto", r"<6>listening host=127\.0\.0\.1 port=\d+ "), ("own", "text", "<6>listening host="),
    ("own", "json", r'\{"time":"'), ("other", "auto", r'\{"time":"'), ("other", "text", r"20\d\d-\S+ info    listening host="),
    (None, "auto", r'\{"time":"')])
def test_the_journal_gets_lines_without_a_time_and_with_their_level(tmp_path, stream, log_format, first):
    with Manager() as manager, open(tmp_path / "stderr", "wb") as stderr:
        about = os.fstat(stderr.fileno())
        streams = {"own": f"{about.st_dev}:{about.st_ino}", "other": f"{about.st_dev}:{about.st_ino + 1}", None: None}
        settings = {"SECRET_KEY": program.SECRET_KEY, "PORT": "0", "LOG_FORMAT": log_format,
                    "JOURNAL_STREAM": streams[stream], **manager.settings}
        with subprocess.Popen([program.PROGRAM, "serve"], cwd=tmp_path, env=program.environment(settings),
                              stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr) as process:
            manager.wait_for("READY")
            process.terminate()
            assert process.wait(60) == 0
    lines = (tmp_path / "stderr").read_text().splitlines()
    program.check_output("\n".join(lines))
    (line,) = [line for line in lines if "listening" in line]
    assert re.match(first, line), line


@pytest.mark.parametrize("settings", [
    {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "100000"}, {"NOTIFY_SOCKET": "notify", "WATCHDOG_USEC": "100000"},
    {"NOTIFY_SOCKET": "/" + "x" * 200}, {"NOTIFY_SOCKET": "@"}, {"WATCHDOG_USEC": "soon"}])
def test_a_manager_that_is_not_there_hurts_nobody(tmp_path, settings):
    with Server(tmp_path, errors=True, **settings) as server:
        for _ in range(20):
            assert server.client().get("/healthz").status_code == 200
        server.send_signal(signal.SIGHUP)
        assert server.client().get("/healthz").status_code == 200
    # a machine that stands still for a twentieth of a second is none of the server's errors
    assert {line["event"] for line in server.log() if line["level"] == "error"} <= {"hangs"}
