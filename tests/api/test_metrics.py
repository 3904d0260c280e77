"""/metrics: what is told, to whom, and whether it is true."""

import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import database, program
from support.clock import Clock
from support.metrics import Metrics, read, read_until
from support.people import Account, fresh_name, fresh_number
from support.routes import World, pool_body, routes
from support.wire import Wire, head_of


def promtool(text):
    """What Debian's promtool says of a page of metrics: its exit status and its lines."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def busy(server):
    """A client of a server on which all kinds of things have been done."""
    world = World(server)
    account = Account(server)
    number = world.number(account)
    for route in routes():
        account.client.request(route.method, route.path(number), json=route.example)
    world.admin.client.post("/number_pools", json=pool_body())
    account.login()
    server.client().get("/nothing")
    return server.client()


def test_promtool_finds_nothing(busy):
    assert promtool(busy.get("/metrics").text) == (0, "")


def test_promtool_finds_what_is_wrong(busy):
    text = busy.get("/metrics").text
    for wrong in (text.replace("# TYPE cloud_telephony_ready gauge", "# TYPE cloud_telephony_ready counter"),
                  text.replace("# HELP cloud_telephony_ready Whether", "# HEPL x"), text.replace('le="+Inf"', 'le="x"'),
                  text + text):
        assert wrong != text
        assert promtool(wrong)[0] != 0


def test_everything_is_told_that_is_in_the_table(busy):
    names = re.findall(r"^(\w+) \((\w+)\)$", program.run(["metrics"], ".").stdout, re.M)
    assert len(names) > 30
    # the sizes of files are of those on this machine
    assert read(busy).types == {name: word for name, word in names
                                if database.ENGINE == "sqlite" or not name.startswith("cloud_telephony_database_")}


def test_histograms_are_sound(busy):
    seen = list(read(busy).histograms())
    assert len(seen) > 20
    for family, labels, buckets, total, count in seen:
        where = family, labels
        assert len(buckets) == 15 and buckets[-1][0] == float("inf"), where
        assert [value for _, value in buckets] == sorted(value for _, value in buckets), where
        assert buckets[-1][1] == count, where
        # what the buckets allow for the sum
        steps = [(bound, value - before) for (bound, value), before in zip(buckets, [0, *(value for _, value in buckets)])]
        least = sum(lower * step for (lower, _), (_, step) in zip([(0, 0), *buckets], steps))
        assert least <= total * 1.000001, where


def test_labels_come_from_the_routes(busy):
    """Whoever sends whatever: there are no more than so many."""
    busy.get("/" + "x" * 100)
    busy.request("BREW", "/healthz")
    busy.get("/phone_numbers/77777")
    known = {(route.method, route.template) for route in routes()} | {("-", "-")}
    pages = {("GET", path) for path in ("/", "/docs", "/redoc", "/openapi.json", "/favicon.ico", "/docs/assets/{name}")}
    for labels, _ in read(busy).samples("cloud_telephony_http_requests_total"):
        assert set(labels) == {"method", "route", "status"}
        assert (labels["method"], labels["route"]) in known | pages
        assert labels["status"] in {"200", "201", "202", "204", "304", "307", "400", "401", "403", "404", "405", "409", "411", "412", "413",
                                    "414", "415", "422", "429", "431", "499", "501", "503", "505"}


# --- what was done is what is told

def is_settled(metrics):
    """Whether what the start of the server asked for is counted, which was on another connection."""
    return metrics.requests(route="/openapi.json") == 1


def test_requests_are_counted(launch):
    server = launch()
    account = Account(server)
    before = read_until(account.client, lambda metrics: is_settled(metrics) and metrics.requests(route="/auth/register") == 1)
    made = [account.create() for _ in range(5)]
    for one in made + made:
        account.client.get(f"/phone_numbers/{one['id']}")
    account.client.get("/phone_numbers/999999")
    account.client.head("/healthz")
    account.client.post("/healthz")
    after = read(account.client)

    def more(**labels):
        return after.requests(**labels) - before.requests(**labels)

    assert more(method="POST", route="/phone_numbers", status="200") == 5
    assert more(method="GET", route="/phone_numbers/{id}", status="200") == 10
    assert more(method="GET", route="/phone_numbers/{id}", status="404") == 1
    assert more(method="GET", route="/healthz", status="200") == 1
    assert more(method="-", route="-", status="405") == 1
    assert more(route="/metrics", status="200") == 1
    assert more() == 5 + 10 + 1 + 1 + 1 + 1
    counted = "cloud_telephony_http_request_duration_seconds_count"
    assert after(counted, route="/phone_numbers/{id}", **{"class": "2xx"}) == 10
    assert after(counted) == after.requests()
    # the writes: each of them alone, as one waited for the other
    assert after("cloud_telephony_write_batch_jobs_sum") - before("cloud_telephony_write_batch_jobs_sum") == 5
    for name in ("write_batch_jobs", "write_batch_duration_seconds", "commit_duration_seconds"):
        assert after(f"cloud_telephony_{name}_count") - before(f"cloud_telephony_{name}_count") == 5
    # a token is verified once
    assert after("cloud_telephony_cache_lookups_total", cache="token", result="miss") == 1
    assert after("cloud_telephony_cache_lookups_total", cache="token", result="hit") >= 16
    # and the table of a calling code made once
    assert after("cloud_telephony_cache_lookups_total", cache="numbering_plan", result="miss") == 1
    assert after("cloud_telephony_cache_lookups_total", cache="numbering_plan", result="hit") == 9


def test_bodies_are_counted(launch):
    server = launch()
    client = server.client()
    before = read_until(client, is_settled)
    reply = client.post("/auth/login", json={"username": "nobody", "password": "no such password"})
    reply_bytes = len(reply.content) + len(client.get("/openapi.json", headers={"Accept-Encoding": "identity"}).content)
    client.head("/openapi.json")
    after = read(client)
    page = len(client.get("/metrics").content)
    assert after("cloud_telephony_http_request_body_bytes_total") == len(reply.request.body)
    sent = after("cloud_telephony_http_response_body_bytes_total") - before("cloud_telephony_http_response_body_bytes_total")
    assert 0 < sent - reply_bytes < page  # and the first reading


def test_many_at_the_same_time_are_all_counted(launch):
    server = launch()
    accounts = [Account(server) for _ in range(4)]
    before = read_until(server.client(), lambda metrics: is_settled(metrics) and metrics.requests(route="/auth/register") == 4)

    def work(account):
        client = server.client(account.token)
        for _ in range(50):
            assert client.post("/phone_numbers", json={"phone_number": fresh_number()}).status_code == 200
            assert client.get("/auth/me").status_code == 200

    with ThreadPoolExecutor(len(accounts)) as pool:
        list(pool.map(work, accounts))
    after = read_until(server.client(), lambda metrics: metrics.requests(route="/phone_numbers", status="200") == 200)
    after = read_until(server.client(), lambda metrics: metrics.requests(route="/auth/me", status="200")
                       == 200 + before.requests(route="/auth/me", status="200"))
    assert after("cloud_telephony_write_batch_jobs_sum") - before("cloud_telephony_write_batch_jobs_sum") == 200
    assert after("cloud_telephony_write_batch_jobs_count") <= after("cloud_telephony_write_batch_jobs_sum")
    assert after("cloud_telephony_write_queue_jobs") == 0


def test_passwords_are_counted(launch):
    server = launch(LOGIN_FAILURES_MAX="3")
    account = Account(server)
    client = server.client()
    assert account.login().status_code == 200
    for password in ("wrong", "wrong too"):
        client.post("/auth/login", json={"username": account.name, "password": password})
    client.post("/auth/login", json={"username": fresh_name(), "password": "wrong"})
    assert client.post("/auth/login", json=account.body).status_code == 429
    metrics = read(client)
    assert {labels["result"]: value for labels, value in metrics.samples("cloud_telephony_password_checks_total")} == {
        "right": 1, "wrong": 3, "refused": 1}
    # the registration, and all that were not refused at once
    assert metrics("cloud_telephony_hashing_duration_seconds_count") == 6
    assert metrics("cloud_telephony_hashing_wait_seconds_count") == 6
    assert metrics("cloud_telephony_hashing_queue_tasks") == 0 < metrics("cloud_telephony_hashing_queue_tasks_max")


def test_limits_are_counted(launch):
    server = launch(RATE_LIMIT_PER_ADDRESS="20", RATE_LIMIT_PER_ACCOUNT="2")
    account = Account(server)
    refused = [account.client.get("/auth/me").status_code for _ in range(3)].count(429)
    assert refused >= 1
    metrics = read(account.client)
    assert metrics("cloud_telephony_rate_limited_total", limit="account") == refused
    assert metrics("cloud_telephony_rate_limited_total", limit="address") == 0
    refused = [account.client.get("/nothing").status_code for _ in range(25)].count(429)
    assert refused > 1
    assert read(account.client)("cloud_telephony_rate_limited_total", limit="address") == refused


def test_mistaken_keys_are_counted(launch):
    """On a public route, where a key might be a stranger's."""
    client = launch(LOGIN_FAILURES_MAX="1").client()
    statuses = [client.post("/auth/register", json={"username": fresh_name(), "password": "a good pass-word"},
                            headers={"Idempotency-Key": "one-key"}).status_code for _ in range(4)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert read(client)("cloud_telephony_rate_limited_total", limit="idempotency_key") == statuses.count(429)


def test_connections_are_counted(launch):
    server = launch(MAX_CONNECTIONS="100")
    client = server.client()
    before = read_until(client, lambda metrics: metrics("cloud_telephony_http_connections") == 1)
    wires = [Wire(server) for _ in range(7)]
    for wire in wires:
        wire.send(head_of("GET", "/healthz"))
        assert wire.reply("GET", "/healthz").status == 200
    during = read_until(client, lambda metrics: metrics("cloud_telephony_http_connections") == 8)
    assert during("cloud_telephony_http_connections_opened_total") == before("cloud_telephony_http_connections_opened_total") + 7
    assert during("process_open_fds") >= before("process_open_fds") + 7
    assert during("cloud_telephony_http_connections_max") == 100
    for wire in wires:
        wire.close()
    read_until(client, lambda metrics: metrics("cloud_telephony_http_connections") == 1)


def test_what_is_no_request_is_counted(launch):
    server = launch()
    with Wire(server) as wire:
        wire.send(b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n")
        assert wire.reply("GET", None).status == 505
    read_until(server.client(), lambda metrics: metrics.requests(method="-", route="-", status="505") == 1)


def test_sweeps_are_counted(launch):
    clock = Clock()
    server = launch(clock=clock, NUMBER_QUARANTINE_DAYS="1")
    account = Account(server)
    number = account.create()
    assert account.client.delete(f"/phone_numbers/{number['id']}").status_code == 200
    clock.forward(days=2)
    metrics = read_until(server.client(), lambda metrics: metrics("cloud_telephony_swept_numbers_total") == 1)
    assert metrics("cloud_telephony_sweeps_total", result="done") >= 1
    assert metrics("cloud_telephony_sweeps_total", result="failed") == 0


def test_the_process(launch):
    server = launch()
    metrics = read(server.client())
    folder = f"/proc/{server.process.pid}"
    with open(f"{folder}/status", encoding="ascii") as file:
        resident = int(re.search(r"^VmRSS:\s+(\d+) kB$", file.read(), re.M)[1]) * 1024
    assert 0.5 < metrics("process_resident_memory_bytes") / resident < 2
    assert abs(metrics("process_open_fds") - len(os.listdir(f"{folder}/fd"))) < 10
    assert metrics("process_threads") >= 4
    assert abs(metrics("process_start_time_seconds") - os.stat(folder).st_mtime) < 300
    assert metrics("process_cpu_seconds_total") > 0
    assert metrics("cloud_telephony_build_info", version=server.client().get("/version").json()["version"]) == 1
    assert metrics("cloud_telephony_ready") == 1


def test_a_server_that_stops_is_not_ready(launch):
    server = launch(STOP_DELAY_SECONDS="600")
    client = server.client()
    server.send_signal(signal.SIGTERM)
    read_until(client, lambda metrics: metrics("cloud_telephony_ready") == 0)
    server.send_signal(signal.SIGTERM)
    assert server.wait() == -signal.SIGTERM


# --- who is told

def check_hidden(client, **headers):
    """No other than a path that does not exist."""
    hidden = client.get("/metrics", headers={"X-Request-ID": "one", **headers})
    missing = client.get("/metric", headers={"X-Request-ID": "one", **headers})
    assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content) == (404, b'{"detail":"Not Found"}')
    assert {**hidden.headers, "Date": ""} == {**missing.headers, "Date": ""}


def test_only_who_is_allowed_is_told(launch):
    check_hidden(launch(METRICS_ALLOW="192.0.2.0/24, 2001:db8::1").client())
    read(launch(METRICS_ALLOW="192.0.2.0/24, 127.0.0.1").client())


def test_nobody_can_be_allowed(launch, tmp_path):
    """An empty value counts in the file alone."""
    (tmp_path / ".env").write_text("METRICS_ALLOW=\n")
    check_hidden(launch(folder=tmp_path).client())


def test_a_token_changes_nothing(launch):
    server = launch(METRICS_ALLOW="192.0.2.1")
    check_hidden(Account(server).promote().client)


def test_a_proxy_that_is_not_trusted_passes_nothing_on(launch):
    """It stands on this machine, as many do, and whom it asks for is not known."""
    client = launch().client()
    read(client)
    for address in ("203.0.113.1", "127.0.0.1", "nonsense", ""):
        check_hidden(client, **{"X-Forwarded-For": address})


def test_behind_a_trusted_proxy_the_real_address_counts(launch):
    client = launch(TRUSTED_PROXIES="127.0.0.1", METRICS_ALLOW="192.0.2.0/24").client()
    read(client, **{"X-Forwarded-For": "192.0.2.7"})
    read(client, **{"X-Forwarded-For": "203.0.113.1, 192.0.2.7"})
    check_hidden(client, **{"X-Forwarded-For": "192.0.2.7, 203.0.113.1"})
    check_hidden(client)


def test_a_proxy_that_is_trusted_may_ask_for_itself(launch):
    read(launch(TRUSTED_PROXIES="127.0.0.1").client())


def test_the_reader_of_these_tests_finds_faults():
    good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n"
    assert Metrics(good)("a_total", b="c") == 1
    for wrong in (good + good, good.replace("# HELP", "# HELF"), good + 'a_total{b="c"} 2\n', good + "b_total 1\n",
                  good.replace(" 1\n", " one\n"), good + "a_total_bucket 1\n"):
        with pytest.raises(AssertionError):
            Metrics(wrong)
