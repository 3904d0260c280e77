"""Four times the load that the server can do: what it accepts, what it refuses, how it recovers."""

import json
import subprocess
import time

import chart
from arithmetic import merged, recovery
from common import create
from load import Load
from result import Result
from servers import PASSWORD, Failure, Ours

TIMES = 4
BEFORE, AFTER = 2, 3
# Probes slower than this many times those of before the load, and than this, count as trouble.
SLOWER, SLOW_US = 10, 100_000


def request_text(server, path, body, token=None):
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Type: application/json",
             f"Content-Length: {len(body)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", body])


def open_loop(bench, server, request, connections, rate, seconds, first):
    """A process that sends so many requests a second, whatever comes back."""
    command = ["taskset", "-c", bench.load_cpus, str(bench.tool("open_loop")), str(server.port),
               str(connections), str(round(rate)), str(seconds), str(first)]
    bench.commands.add(bench.shown({}, command, server))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(request)
    process.stdin.close()
    process.stdin = None
    return process


def outcome(process, name):
    text, _ = process.communicate(timeout=120)
    if process.returncode != 0:
        raise Failure(f"open_loop ended with {process.returncode}")
    found = json.loads(text)
    windows = found["windows"]
    for trouble in ("other", "lost", "unfit"):
        if merged(windows, trouble):
            raise Failure(f"{name}: {merged(windows, trouble)} replies {trouble} (other: neither success nor 503; lost: "
                          "the connection ended; unfit: 503 without Retry-After)")
    if found["unanswered"]:
        raise Failure(f"{name}: {found['unanswered']} requests were not answered in 30 s")
    return found


def overloaded(bench, server, name, request, capacity, connections, probe_rate, first):
    """Probes all the time, and in the middle the load. The probes, the load, and when the load began and ended in
    seconds of the probes."""
    seconds = max(bench.seconds, 5)
    probes = open_loop(bench, server, request, 16, probe_rate, BEFORE + seconds + AFTER + 4, first)
    time.sleep(BEFORE)
    load = open_loop(bench, server, request, connections, TIMES * capacity, seconds, first + 100000000000)
    loaded = outcome(load, name)
    probed = outcome(probes, f"{name}, probes")
    began = (loaded["start_us"] - probed["start_us"]) / 1e6
    return probed, loaded, began, began + seconds


def judge(result, name, capacity, probed, loaded, began, ended):
    window = probed["window_us"] / 1e6
    windows = loaded["windows"]
    seconds = len(windows) * window
    accepted, refused = merged(windows, "ok"), merged(windows, "refused")
    longest = max(one["max_us"] for one in windows)
    result.add(f"{name}: capacity", capacity)
    result.add(f"{name}: accepted under {TIMES} times that", accepted / seconds)
    result.add(f"{name}: refused with 503", refused / seconds)
    result.add(f"{name}: due, but every connection waited", merged(windows, "unsent") / seconds)
    result.limit(f"{name}: longest time of an accepted one", longest / 1000, ("at most", 2000), "ms")
    result.limit(f"{name}: 99th percentile of the accepted",
                 max(one["p99_us"] for one in windows) / 1000, None, "ms")
    samples = [(index * window, one["refused"] == 0, one["max_us"])
               for index, one in enumerate(probed["windows"]) if one["sent"]]
    calm = [took for when, _, took in samples if when + window <= began]
    slow = max(SLOWER * max(calm, default=0), SLOW_US)
    recovered = recovery(samples, ended, slow)
    if recovered is None:
        raise Failure(f"{name}: {AFTER} s after the load had ended requests were still refused or slow")
    result.limit(f"{name}: answered as before after the load had ended", recovered, ("at most", 1), "s")
    marks = [(began, "load begins"), (ended, "load ends")]
    at = [(began + index * window, one) for index, one in enumerate(windows)]
    per = 1 / window
    word = name.replace(" ", "_")
    result.plot(f"overload_{word}", chart.lines(
        f"Overload: {name} at {TIMES} times the capacity", "seconds", "requests a second",
        {"due": [(x, (one["sent"] + one["unsent"]) * per) for x, one in at],
         "accepted": [(x, one["ok"] * per) for x, one in at],
         "refused with 503": [(x, one["refused"] * per) for x, one in at]}, marks=marks, zero=True))
    result.plot(f"overload_{word}_latency", chart.lines(
        f"Overload: how long accepted {name} took", "seconds", "ms",
        {"load, p50": [(x, max(one["p50_us"], 1) / 1000) for x, one in at if one["ok"]],
         "load, p99": [(x, max(one["p99_us"], 1) / 1000) for x, one in at if one["ok"]],
         "probes, longest": [(index * window, max(one["max_us"], 1) / 1000)
                             for index, one in enumerate(probed["windows"]) if one["ok"]]},
        y_log=10, marks=marks, subtitle="milliseconds, logarithmic; probes are some requests a second all the time"))


def overload(bench):
    result = Result(f"Overload: {TIMES} times what it can do",
                    "A load that does not wait for replies, over so many connections, sends four times the requests a "
                    "second that were measured as the capacity just before; other connections send some requests a second "
                    "before, meanwhile and after. They are answered as before from the first on of five running that are not "
                    "refused and at most ten times slower (or 0.1 s)",
                    "requests/s", "As in all measures. Each 503 must carry Retry-After, and nothing may be lost.")
    connections = {"creates": 8192, "logins": 512}
    with Ours(bench) as server:
        server.start()
        token = server.register()
        bench.say("  creates")
        create(bench, server, token, 128, 1, 1000000000000)
        capacity = create(bench, server, token, 128, min(bench.seconds, 3), 1100000000000)["per_second"]
        request = request_text(server, "/phone_numbers", '{"phone_number": "+0000000000000"}', token)
        judge(result, "creates", capacity,
              *overloaded(bench, server, "creates", request, capacity, connections["creates"], 40, 3000000000000))
        bench.say("  logins")
        found = Load(bench, server, 8, min(bench.seconds, 3), "login", "bench", PASSWORD).result(allow_refused=True)
        capacity = found["per_second"] * (1 - found["over_399"] / found["requests"])
        request = request_text(server, "/auth/login", json.dumps({"username": "bench", "password": PASSWORD}))
        judge(result, "logins", capacity,
              *overloaded(bench, server, "logins", request, capacity, connections["logins"],
                          max(capacity / 8, 4), 5000000000000))
    return result
