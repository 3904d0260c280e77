"""The load: wrk with load/requests.lua, pinned to its own cores."""

import json
import resource
import subprocess
from pathlib import Path

from servers import Failure, cores

SCRIPT = Path(__file__).resolve().parent / "load" / "requests.lua"


class Load:
    """One run of wrk, started at once; `result` waits for its end."""

    def __init__(self, bench, server, connections, seconds, *arguments):
        self.server, self.connections = server, connections
        self.paced = arguments[0] == "mixed" or arguments[0] == "get" and len(arguments) == 5
        threads = min(len(cores(bench.load_cpus)), connections)
        command = ["taskset", "-c", bench.load_cpus, "wrk", f"-t{threads}", f"-c{connections}",
                   f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT),
                   f"http://127.0.0.1:{server.port}", "--", *map(str, arguments)]
        bench.commands.add(bench.shown({}, command, server))
        self.cpu_before = server.cpu_seconds()
        self.own_cpu_before = own_cpu()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def result(self, allow_refused=False, allow_starved=False):
        """What wrk counted, with the CPU time that it and the server spent. Any error is a Failure;
        with @p allow_refused replies over 399 are no error and are only counted, with @p allow_starved some
        connections may wait all the time."""
        text, _ = self.process.communicate()
        own_cpu_after, cpu_after = own_cpu(), self.server.cpu_seconds()
        lines = [line for line in text.splitlines() if line.startswith("RESULT ")]
        if self.process.returncode != 0 or not lines:
            raise Failure(f"wrk ended with {self.process.returncode}:\n{text[-2000:]}")
        found = json.loads(lines[-1].partition(" ")[2])
        counted = ["connect", "read", "write", "timeout"]
        counted += [] if allow_refused else ["refused", "over_399"]
        wrong = {name: found[name] for name in counted if found[name]}
        if wrong:
            raise Failure(f"{self.server.name}: errors under load: {wrong}")
        if found["requests"] == 0:
            raise Failure(f"{self.server.name}: no request was answered")
        seconds = found["microseconds"] / 1e6
        # Little's law: answered requests a second times their mean time are the connections that waited
        # for an answer. Where pauses are not wanted and most connections did not, they hung.
        waiting = found["requests"] * found["mean_us"] / found["microseconds"]
        # Of a few slow requests, those that the end cut off would be missed.
        many = found["requests"] >= 20 * self.connections
        if not self.paced and not allow_starved and many and waiting < 0.3 * self.connections:
            raise Failure(f"{self.server.name}: of {self.connections} connections, "
                          f"{self.connections - waiting:.0f} hung without an answer")
        found["per_second"] = found["requests"] / seconds
        found["server_cpu_share"] = (cpu_after - self.cpu_before) / seconds
        found["server_us_per_request"] = (cpu_after - self.cpu_before) * 1e6 / found["requests"]
        found["load_cpu_share"] = (own_cpu_after - self.own_cpu_before) / seconds
        return found


def own_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
