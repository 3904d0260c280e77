"""Logins against the hash function itself."""

import json
import subprocess
import time

from common import in_turn
from load import Load
from result import Result
from servers import PASSWORD, Ours, cores


def limit_hashes(bench, seconds):
    """Hashes a second of the loop, a thread a core of the server."""
    command = ["taskset", "-c", bench.server_cpus, str(bench.tool("hashes")), str(seconds),
               str(len(cores(bench.server_cpus)))]
    bench.commands.add(bench.words(command))
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["hashes"] / (found["microseconds"] / 1e6)


def rest(server):
    """Waits until the hashes are done whose clients have gone: the loop would keep their thread, which is less
    urgent, from the core, and who comes next would find a queue that does not move."""
    for _ in range(100):
        before = server.cpu_seconds()
        time.sleep(0.3)
        if server.cpu_seconds() - before < 0.03:
            return


def logins(bench):
    result = Result("Logins, bcrypt at cost 12",
                    "POST /auth/login with the right password, 4 connections a core of the server, against the "
                    "same hash in a loop, a thread a core: what the cores divided by the hash's own time give",
                    "logins/s", "Each login writes the time of the login, as durably as all else.")
    seconds = max(bench.seconds, 5)
    connections = 4 * len(cores(bench.server_cpus))
    # a core that others use too is no overload
    with Ours(bench, PASSWORD_HASH="bcrypt", QUEUE_WAIT_MS="20000") as server:
        server.start()
        server.register()
        for kind in in_turn(bench, "ours", "hash"):
            if kind == "hash":
                result.add("bcrypt in a loop", limit_hashes(bench, seconds))
                continue
            found = Load(bench, server, connections, seconds, "login", "bench", PASSWORD).result()
            result.add("cloud-telephony", found["per_second"], p50_us=found["p50_us"], p99_us=found["p99_us"],
                       server_cpu_share=found["server_cpu_share"])
            rest(server)
    result.compare("cloud-telephony", "bcrypt in a loop", ("at least", 0.95))
    return result
