"""Other programs: started in a folder of their own, ended with the test."""

import os
import socket
import subprocess
import time

SECONDS = 60


def wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)


def free_port(host="127.0.0.1"):
    """A port of that address that is free for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
            datagrams.bind((host, 0))
            port = datagrams.getsockname()[1]
            try:
                streams.bind((host, port))
            except OSError:
                continue
            return port


class Process:
    """A program that runs; what it writes is kept in one file."""

    def __init__(self, folder, command, typed=False, **options):
        """With `typed`, its standard input is a pipe."""
        self.command = command
        self.output = folder / "output"
        environment = {**os.environ, "TERM": "xterm", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE if typed else subprocess.DEVNULL, stdout=output, stderr=output,
                                            env=environment, **options)

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def ended(self):
        return self.process.poll() is not None

    def wait(self):
        """Its exit status."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} does not end:\n{self.text()[-3000:]}") from None

    def kill(self):
        if self.process.stdin:
            self.process.stdin.close()
        if not self.ended():
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Processes:
    def __init__(self, folder):
        self.folder = folder
        self.all = []

    def new_folder(self, name):
        folder = self.folder / f"{name}-{len(self.all)}"
        folder.mkdir()
        return folder

    def start(self, folder, command, **options):
        process = Process(folder, command, **options)
        self.all.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.all):
            process.kill()
