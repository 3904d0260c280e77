"""The load of SIP: load/sip_load.c, phones that are driven line by line; load/sip_junk.c, what nobody asked for."""

import json
import subprocess

from servers import Failure


class Phones:
    """A process of phones, started pinned to the load's cores."""

    def __init__(self, bench, server, phones):
        self.bench, self.server, self.done = bench, server, 0
        path = server.directory / "phones"
        path.write_text("".join(f"{user} {password} {number}\n" for user, password, number in phones))
        command = ["taskset", "-c", bench.load_cpus, str(bench.tool("sip_load")), str(server.sip_port), str(path)]
        bench.commands.add(bench.shown({}, command, server).replace(str(server.sip_port), "SIP_PORT"))
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def say(self, *words):
        """Gives a command; `answer` has its outcome."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self):
        """What the phones counted. Any error is a Failure."""
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"sip_load ended with {self.process.wait()}")
        found = json.loads(line)
        judge(self.server.name, found)
        self.done += found["done"]
        return found

    def do(self, *words):
        self.say(*words)
        return self.answer()

    def measured(self, *words, settle=lambda: None):
        """One command with the server's CPU time, up to the end of what it does behind the command's back."""
        before = self.server.cpu_seconds()
        found = self.do(*words)
        settle()
        cpu = self.server.cpu_seconds() - before
        if not found["done"]:
            raise Failure(f"{self.server.name}: nothing was done")
        seconds = found["microseconds"] / 1e6
        return {**found, "cpu": cpu, "rate": found["done"] / seconds, "per_cpu_second": found["done"] / cpu,
                "server_us_per_request": cpu * 1e6 / found["done"], "server_cpu_share": cpu / seconds,
                "load_cpu_share": found["cpu_us"] / 1e6 / seconds}


def judge(name, found):
    """A run with an error has no figure. What was sent twice is none: it is counted."""
    wrong = {key: found[key] for key in ("statuses", "timeouts", "unstarted", "unsent", "stray", "drops") if found[key]}
    if wrong:
        raise Failure(f"{name}: errors under load: {wrong}")


class Junk:
    """So many datagrams a second, started at once; `result` waits for its end."""

    def __init__(self, bench, server, rate, seconds):
        self.server, self.rate, self.seconds = server, rate, seconds
        command = ["taskset", "-c", bench.load_cpus, str(bench.tool("sip_junk")), str(server.sip_port), str(rate),
                   str(seconds)]
        bench.commands.add(bench.shown({}, command, server).replace(str(server.sip_port), "SIP_PORT"))
        self.drops = drops(server.sip_port)
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def result(self):
        text, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise Failure(f"sip_junk ended with {self.process.returncode}")
        found = json.loads(text)
        dropped = drops(self.server.sip_port) - self.drops
        return {**found, "per_second": found["sent"] * 1e6 / found["microseconds"], "dropped": dropped}


def drops(port):
    """What the kernel has dropped of the datagrams to this port, since its buffer was full."""
    with open("/proc/net/udp", encoding="ascii") as sockets:
        rows = [line.split() for line in sockets.readlines()[1:]]
    return sum(int(row[-1]) for row in rows if row[1].endswith(f":{port:04X}"))
