"""PostgreSQL behind the program: connections that are lost at the worst moments, a database that is away, several
servers on one database. What was acknowledged is there once; what was not is there once or not at all."""

import collections
import contextlib
import json
import os
import select
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import database, program
from support.database import opened
from support.people import Account, fresh_number
from support.proxy import Proxy
from support.routes import routes
from support.server import Server
from support.wire import Wire, head_of

pytestmark = pytest.mark.postgresql

KEY = {"SECRET_KEY": program.SECRET_KEY}


@pytest.fixture
def behind(tmp_path):
    """A server behind a proxy: (server, proxy)."""
    postgres = database.postgres()
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    with Proxy(postgres.host, postgres.port) as proxy:
        # a machine that is busy with other tests takes its time to connect
        through = proxy.url(url) + "?connect_timeout=30"
        # and with one thread that reads, which is connected once it has read
        with Server(tmp_path, errors=True, DATABASE_URL=through, DATABASE_READERS="1", LOGIN_FAILURES_MAX="100") as server:
            yield server, proxy


def numbers_in(folder):
    with opened(folder) as connection:
        return collections.Counter(number for number, in connection.execute("SELECT phone_number FROM virtual_phone_numbers"))


def outcomes(server):
    return [line["outcome"] for line in server.log() if line["event"] == "commit_in_doubt"]


def create(account, number):
    return account.client.post("/phone_numbers", json={"phone_number": number})


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- a commit whose answer is lost

@pytest.mark.parametrize("plan, outcome", [(Proxy.LOSE_ANSWER, "committed"), (Proxy.LOSE_COMMIT, "not committed")])
def test_an_answer_that_is_lost(behind, plan, outcome):
    """The server finds out, and answers as if nothing had happened: a second attempt would have met a 409."""
    server, proxy = behind
    account = Account(server)
    numbers = [fresh_number() for _ in range(3)]
    for number in numbers:
        proxy.plan(plan)
        assert create(account, number).status_code == 200
        assert create(account, number).status_code == 409
    assert proxy.done == 3
    assert outcomes(server) == [outcome] * 3
    assert numbers_in(server.folder) == collections.Counter(numbers)


def test_answers_that_are_lost_again_and_again(behind):
    """Also that of the transaction that asks what became of the first."""
    server, proxy = behind
    account = Account(server)
    number = fresh_number()
    proxy.plan(*[Proxy.LOSE_ANSWER, Proxy.LOSE_COMMIT] * 2)
    assert create(account, number).status_code == 200
    numbers = [fresh_number() for _ in range(4)]
    assert [create(account, one).status_code for one in numbers] == [200] * 4
    assert numbers_in(server.folder) == collections.Counter([number, *numbers])


def test_connections_that_end_all_the_time(behind):
    """Under load, at any moment. Nothing that was acknowledged is lost, nothing is done twice: a number that
    nobody else asks for is never taken."""
    server, proxy = behind
    accounts = [Account(server) for _ in range(4)]
    statuses = {}
    stop = threading.Event()

    def work(account):
        while not stop.is_set():
            number = fresh_number()
            statuses[number] = create(account, number).status_code
            account.client.get("/phone_numbers")

    threads = [threading.Thread(target=work, args=(account,)) for account in accounts]
    for thread in threads:
        thread.start()
    for turn in range(12):
        time.sleep(0.2)
        if turn % 3 == 0:
            proxy.cut()
        else:
            proxy.plan((Proxy.LOSE_ANSWER, Proxy.LOSE_COMMIT)[turn % 2])
    until(lambda: not proxy.plans and len(statuses) > 20)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses.values()) <= {200, 503}
    there = numbers_in(server.folder)
    assert set(there.values()) == {1}
    assert {number for number, status in statuses.items() if status == 200} <= set(there)
    assert len(statuses) > 20 and proxy.done == 8


# --- a database that is away

def test_a_database_that_is_away(behind):
    """Every request is answered, and soon; all is well again when it is back."""
    server, proxy = behind
    account = Account(server)
    made = account.create()
    proxy.down()
    begun = time.monotonic()
    while time.monotonic() - begun < 3:
        assert server.client().get("/healthz").status_code == 200
        reply = account.client.get("/phone_numbers")
        assert reply.status_code == 503 and reply.headers["Retry-After"] == "1"
    reply = create(account, fresh_number())
    assert reply.status_code == 503 and reply.headers["Retry-After"] == "1"
    proxy.up()
    until(lambda: account.client.get("/phone_numbers").status_code == 200)
    assert [one["id"] for one in account.client.get("/phone_numbers").json()["items"]] == [made["id"]]
    number = fresh_number()
    until(lambda: create(account, number).status_code == 200)
    assert {line["event"] for line in server.log() if line["level"] == "error"} <= {
        "database_unreachable", "database_error", "writes_failed"}


def test_every_route_of_a_database_that_is_away(behind):
    server, proxy = behind
    account = Account(server)
    proxy.down()
    until(lambda: account.client.get("/phone_numbers").status_code == 503)
    for route in routes():
        if "503" in route.operation["responses"]:
            reply = account.client.request(route.method, route.path(1), json=route.example)
            if route.template == "/readyz":  # which is looked after by a thread
                until(lambda: account.client.get("/readyz").status_code == 503)
                continue
            assert (reply.status_code, reply.headers.get("Retry-After")) == (503, "1"), str(route)
            assert reply.json()["detail"].endswith("again")
    proxy.up()
    until(lambda: account.client.get("/phone_numbers").status_code == 200)
    until(lambda: account.client.get("/readyz").status_code == 200)


def test_a_database_that_answers_nothing(behind):
    """Connections stay open, new ones are taken, and nothing comes: every request is answered all the same."""
    server, proxy = behind
    account = Account(server)
    made = account.create()
    proxy.freeze()
    assert account.client.get("/phone_numbers").status_code == 503
    for _ in range(20):
        assert account.client.get("/phone_numbers").status_code == 503
        assert server.client().get("/healthz").status_code == 200
    proxy.thaw()
    until(lambda: account.client.get("/phone_numbers").status_code == 200)
    assert [one["id"] for one in account.client.get("/phone_numbers").json()["items"]] == [made["id"]]
    number = fresh_number()
    until(lambda: create(account, number).status_code in (200, 409))


WAITING = {
    "a read": ("GET", "/phone_numbers", None, ()),
    "a write": ("POST", "/phone_numbers", {"phone_number": "+4930123456"}, ()),
    "a write with a key": ("POST", "/phone_numbers", {"phone_number": "+4930123456"}, ("Idempotency-Key: one",)),
    "a write without a body": ("DELETE", "/phone_numbers/1", None, ()),
    "a login": ("POST", "/auth/login", {"username": "nobody", "password": "not the password"}, ())}


@pytest.mark.parametrize("what", WAITING)
def test_a_slow_database_holds_nothing_else_up(tmp_path, what):
    """The one thread that serves connections goes on while a request waits for the database."""
    method, path, body, headers = WAITING[what]
    postgres = database.postgres()
    with Proxy(postgres.host, postgres.port) as proxy:
        through = proxy.url(database.settings_of(tmp_path)["DATABASE_URL"]) + "?connect_timeout=30"
        with Server(tmp_path, errors=True, DATABASE_URL=through, HTTP_THREADS="1", DATABASE_READERS="2") as server:
            account = Account(server)
            number = account.create()
            for _ in range(20):  # each thread that reads is connected by now, most likely
                assert account.client.get("/phone_numbers").status_code == 200
            path = path.replace("/1", f"/{number['id']}")
            text = "" if body is None else json.dumps(body)
            proxy.freeze()
            with Wire(server) as wire, Wire(server) as other:
                wire.send(head_of(method, path, f"Authorization: Bearer {account.token}",
                                  f"Content-Length: {len(text)}", *headers) + text)
                time.sleep(0.2)
                for _ in range(3):
                    other.send(head_of("GET", "/healthz"))
                    assert other.reply("GET", "/healthz").status == 200
                    assert not select.select([wire.socket], [], [], 0)[0], "it was answered before the database was"
                proxy.thaw()
                assert wire.reply(method, path).status in (200, 204, 401, 503)


def test_more_requests_than_threads_that_read(tmp_path):
    """They wait for a thread, and each is answered; a database that takes its time holds them up and nobody else."""
    postgres = database.postgres()
    with Proxy(postgres.host, postgres.port) as proxy:
        through = proxy.url(database.settings_of(tmp_path)["DATABASE_URL"]) + "?connect_timeout=30"
        with Server(tmp_path, DATABASE_URL=through, DATABASE_READERS="2") as server:
            account = Account(server)
            made = [account.create()["id"] for _ in range(3)]
            proxy.delay = 0.01

            def read(lane):
                client = server.client(account.token)
                return [client.get(f"/phone_numbers/{one}") for one in made for _ in range(lane % 3 + 1)]

            with ThreadPoolExecutor(16) as pool:
                for lane, replies in enumerate(pool.map(read, range(16))):
                    assert [reply.status_code for reply in replies] == [200] * len(replies)
                    assert [reply.json()["id"] for reply in replies] == [one for one in made for _ in range(lane % 3 + 1)]
            proxy.delay = 0


def test_a_connection_that_freezes_while_it_writes(behind):
    """The commit is looked for on another connection, when the server has given up the first."""
    server, proxy = behind
    account = Account(server)
    answered = []
    number = fresh_number()
    proxy.plan(Proxy.FREEZE)
    thread = threading.Thread(target=lambda: answered.append(create(account, number).status_code))
    thread.start()
    until(lambda: proxy.done == 1)
    thread.join()
    assert answered == [200] and outcomes(server) == ["committed"]
    assert numbers_in(server.folder) == collections.Counter([number])


def test_a_short_absence_is_not_noticed(behind):
    """A write that has begun waits for a database that comes back within some seconds, as after a failover."""
    server, proxy = behind
    account = Account(server)
    number = fresh_number()
    answered = []
    thread = threading.Thread(target=lambda: answered.append(create(account, number).status_code))
    proxy.plan(Proxy.LOSE_COMMIT)
    thread.start()
    until(lambda: proxy.done == 1)
    proxy.down()
    time.sleep(1)
    proxy.up()
    thread.join()
    assert answered == [200]
    assert numbers_in(server.folder) == collections.Counter([number])


def test_a_restart_of_the_database(tmp_path, launch):
    from support.postgres import Postgres
    with Postgres(durable=True) as own:
        server = launch(folder=tmp_path, errors=True, DATABASE_URL=own.create())
        account = Account(server)
        made = [account.create()]
        for kill in (own.stop, own.kill):
            kill()
            assert create(account, fresh_number()).status_code == 503
            own.start()
            until(lambda: account.client.get("/phone_numbers").status_code == 200)
            made.append(account.create())
        assert [one["id"] for one in account.client.get("/phone_numbers").json()["items"]] == [one["id"] for one in made]
        server.stop()


def test_a_commit_that_is_on_one_server_alone(tmp_path, launch):
    """A commit that waits for a standby and is told to stop waiting has not been acknowledged."""
    from support.postgres import Postgres
    with Postgres(durable=True) as own:
        server = launch(folder=tmp_path, errors=True, DATABASE_URL=own.create("synced"))
        account = Account(server)
        own.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        own.execute("SELECT pg_reload_conf()")
        until(lambda: own.execute("SHOW synchronous_standby_names") == [("nobody",)])
        answered = []
        number = fresh_number()
        thread = threading.Thread(target=lambda: answered.append(create(account, number).status_code))
        thread.start()
        waiting = "FROM pg_stat_activity WHERE application_name = 'cloud-telephony' AND wait_event = 'SyncRep'"
        until(lambda: own.execute(f"SELECT count(*) {waiting}") != [(0,)])
        own.execute(f"SELECT pg_cancel_backend(pid) {waiting}")
        thread.join()
        assert answered == [503]
        own.execute("ALTER SYSTEM RESET synchronous_standby_names")
        own.execute("SELECT pg_reload_conf()")
        # it was kept after all, as a 503 allows; once
        until(lambda: create(account, number).status_code == 409)
        assert [one["phone_number"] for one in account.client.get("/phone_numbers").json()["items"]] == [number]
        server.stop()


# --- a disk of the database's that is full

TRIGGERS = {
    "at once": "CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()",
    "at the commit": "CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED "
                     "FOR EACH ROW EXECUTE FUNCTION full_disk()"}


@pytest.mark.parametrize("when", TRIGGERS)
def test_a_disk_that_takes_nothing(launch, when):
    """What the server says then is said here by a trigger."""
    server = launch(errors=True)
    account = Account(server)
    made = [account.create() for _ in range(3)]
    with server.opened() as connection:
        connection.execute("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                           "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$")
        connection.execute(TRIGGERS[when])
    for method, path, body in (
            ("POST", "/phone_numbers", {"phone_number": fresh_number()}),
            ("POST", "/auth/register", {"username": "late", "password": "a good password"}),
            ("POST", "/auth/login", account.body)):
        reply = account.client.request(method, path, json=body)
        assert reply.status_code == 503, (method, path)
        assert reply.headers["Retry-After"] == "1"
    listed = account.client.get("/phone_numbers").json()["items"]
    assert [one["id"] for one in listed] == [one["id"] for one in made]
    assert account.client.get("/auth/me").status_code == 200
    with server.opened() as connection:
        connection.execute("DROP FUNCTION full_disk CASCADE")
    account.create()
    assert account.login().status_code == 200
    assert server.client().post("/auth/register", json={"username": "late", "password": "a good password"}).status_code == 200


# --- a database that cannot be used

@pytest.mark.parametrize("change, said", [
    (lambda url: url.replace("/test", "/nowhere"), "does not exist"),
    (lambda url: "postgresql://me:open-sesame@127.0.0.1:1/x", "refused"),
    (lambda url: url.replace("//postgres@", "//stranger:open-sesame@"), "stranger"),
    (lambda url: "postgresql://me:open-sesame@host:port/x", "port"),
    (lambda url: "postgresql://me:open-sesame@a,b/x?port=1,2,3", "ports"),
    (lambda url: "postgresql://me:open@sesame@a/x", "%40"),
    (lambda url: url + "?target_session_attrs=standby", "target_session_attrs"),
    (lambda url: url + "?sslmode=verify-full&sslrootcert=/nonexistent", "")])
def test_a_url_that_leads_nowhere(tmp_path, change, said):
    url = database.postgres().create(tcp=True)
    done = program.run(["serve"], tmp_path, {**KEY, "DATABASE_URL": change(url)})
    assert done.returncode == 1
    line = program.complaint(done)
    assert said in line and "DATABASE_URL" in line and "sesame" not in line


def test_an_encoding_that_is_not_utf_8(tmp_path):
    postgres = database.postgres()
    postgres.execute("CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    done = program.run(["serve"], tmp_path, {**KEY, "DATABASE_URL": postgres.url("latin")})
    assert done.returncode == 1 and "UTF8" in program.complaint(done)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def certify(folder, authority, name):
    """A certificate of this authority for this name: server.crt, and server.key."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={authority}", "-days", "2",
            "-keyout", f"{authority}.key", "-out", f"{authority}.crt")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", "server.key", "-out", "request")
    (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
    openssl(folder, "x509", "-req", "-in", "request", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt")


def test_tls_with_verification(tmp_path, launch):
    from support.postgres import Postgres
    certify(tmp_path, "others", "localhost")
    certify(tmp_path, "ours", "localhost")
    with Postgres(hba=("hostnossl all all all reject",)) as own:
        owner = own.data.stat()
        for name in ("server.crt", "server.key"):
            path = own.data / name
            path.write_bytes((tmp_path / name).read_bytes())
            path.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(path, owner.st_uid, owner.st_gid)
        own.execute("ALTER SYSTEM SET ssl = on")
        own.execute("SELECT pg_reload_conf()")
        until(lambda: own.execute("SHOW ssl") == [("on",)])
        database_url = own.create("secured", tcp=True)

        def url(host, authority):
            return (f"{database_url.replace('@127.0.0.1', '@' + host)}?hostaddr=127.0.0.1&sslmode=verify-full"
                    f"&sslrootcert={tmp_path}/{authority}.crt")

        server = launch(DATABASE_URL=url("localhost", "ours"))
        Account(server).create()
        ssl = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'cloud-telephony'"
        assert own.execute(ssl) == [(True,)]
        server.stop()
        for host, authority in (("localhost", "others"), ("db.example", "ours")):
            done = program.run(["serve"], tmp_path, {**KEY, "DATABASE_URL": url(host, authority)})
            assert done.returncode == 1 and "certificate" in program.complaint(done)
        done = program.run(["serve"], tmp_path, {**KEY, "DATABASE_URL": database_url + "?sslmode=disable"})
        assert done.returncode == 1 and "rejects" in program.complaint(done)


# --- several servers on one database

def test_servers_that_start_at_the_same_time_share_what_is_shared(tmp_path, launch):
    url = database.settings_of(tmp_path)
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(lambda folder: launch(folder=folder, **url), folders))
    first, second, third = servers
    account = Account(first)
    number = account.create()
    # what one has committed the others read at once
    client = second.client(account.token)
    assert client.get(f"/phone_numbers/{number['id']}").status_code == 200
    headers = {"Idempotency-Key": "the-same-on-all-servers"}
    body = {"phone_number": fresh_number()}
    answers = [one.client(account.token).post("/phone_numbers", json=body, headers=headers) for one in servers]
    assert [one.status_code for one in answers] == [200] * 3
    assert len({one.json()["id"] for one in answers}) == 1
    # a session that was ended on one is ended on all
    assert third.client(account.token).post("/auth/logout").status_code in (200, 204)
    assert [one.client(account.token).get("/auth/me").status_code for one in servers] == [401] * 3


def test_a_race_of_servers_for_one_number(tmp_path, launch):
    url = database.settings_of(tmp_path)
    servers = [launch(**url) for _ in range(2)]
    accounts = [Account(server) for server in servers for _ in range(2)]
    for _ in range(20):
        number, statuses = fresh_number(), []
        threads = [threading.Thread(target=lambda one=account: statuses.append(create(one, number).status_code))
                   for account in accounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 409, 409, 409]
    ids = [one["id"] for account in accounts for one in account.client.get("/phone_numbers", params={"limit": 100}).json()["items"]]
    assert len(ids) == len(set(ids)) == 20


def guess(server, name="somebody"):
    return server.client().post("/auth/login", json={"username": name, "password": "not the password"})


def test_wrong_passwords_are_counted_on_all_servers(tmp_path, launch):
    """Who guesses has no more attempts with two servers than with one; also after they were out of touch."""
    postgres = database.postgres()
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    first = launch(DATABASE_URL=url)
    with Proxy(postgres.host, postgres.port) as proxy:
        second = launch(errors=True, DATABASE_URL=proxy.url(url))
        stranger = launch(DATABASE_URL=url, SECRET_KEY="another key, which others do not have: 0123456789")
        assert [guess(first).status_code for _ in range(5)] == [401] * 5
        proxy.down()
        until(lambda: any(line["event"] == "servers_do_not_hear_each_other" for line in second.log()))
        proxy.up()
        until(lambda: any(line["event"] == "servers_hear_each_other_again" for line in second.log()))
        assert [guess(first).status_code for _ in range(5)] == [401] * 5
        refused = guess(first)
        assert refused.status_code == 429
        # five of them were told; five more are all that there are
        until(lambda: guess(second).status_code == 429)
        told = sum(line["status"] == 401 for line in second.requests())
        assert told <= 5, told
        assert guess(stranger).status_code == 401
        second.stop()


def test_what_servers_tell_each_other_names_nobody(tmp_path, launch):
    import select
    url = database.settings_of(tmp_path)["DATABASE_URL"]
    server = launch(DATABASE_URL=url)
    with contextlib.closing(database.postgres().connect(url.rpartition("/")[2])) as connection:
        connection.cursor().execute("LISTEN cloud_telephony_news")
        assert guess(server, "grandmother").status_code == 401
        while not connection.notifies:
            assert select.select([connection], [], [], 60)[0]
            connection.poll()
        text = connection.notifies[0].payload
        assert text.startswith("wrong-password ") and "grandmother" not in text and "127.0.0.1" not in text
        # what is no news changes nothing
        for strange in ("", "wrong-password", "wrong-password ", "wrong-password x", "wrong-password " + "A" * 7000, text[:-1]):
            connection.cursor().execute("SELECT pg_notify('cloud_telephony_news', %s)", (strange,))
        assert guess(server, "grandmother").status_code == 401
