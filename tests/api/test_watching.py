"""What those are told who watch a server: whether it lives, whether it should be sent requests, what it is."""

import os
import signal
import time

from support import database, program
from support.metrics import read
from support.people import Account
from support.postgres import Postgres


def until(client, status):
    """The first reply of /readyz with this status: it follows the database by a moment."""
    for _ in range(1200):
        reply = client.get("/readyz")
        if reply.status_code == status:
            return reply
        time.sleep(0.05)
    raise AssertionError(f"/readyz never answers {status}")


def change(server, *statements):
    with database.opened(server.folder) as opened:
        for statement in statements:
            opened.execute(statement)


def test_a_server_that_listens_is_ready(launch):
    reply = launch().client().get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ready"})


def test_the_version(server):
    assert f"cloud-telephony {server.client().get('/version').json()['version']}\n" == program.run(["version"], server.folder).stdout


def test_a_database_that_cannot_be_read(launch):
    server = launch(errors=True)
    client = server.client()
    change(server, "ALTER TABLE schema_migrations RENAME TO hidden")
    reply = until(client, 503)
    assert reply.json()["detail"] == "The database cannot be reached; try again"
    assert client.get("/healthz").status_code == 200
    change(server, "ALTER TABLE hidden RENAME TO schema_migrations")
    until(client, 200)


def test_a_database_that_is_older_than_the_server(launch):
    server = launch()
    client = server.client()
    change(server, "CREATE TABLE taken AS SELECT * FROM schema_migrations",
           "DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)")
    assert until(client, 503).json()["detail"] == "The database is older than this server; try again"
    change(server, "INSERT INTO schema_migrations SELECT * FROM taken WHERE number NOT IN (SELECT number FROM schema_migrations)")
    until(client, 200)


def send(pids, number):
    for pid in pids:
        os.kill(pid, number)


def test_a_database_that_hangs_and_one_that_ends(launch):
    """Whoever asks is answered all the same, since no request waits for the database."""
    with Postgres() as postgres:
        server = launch(DATABASE_URL=postgres.create(), errors=True)
        client = server.client()
        until(client, 200)
        pids = postgres.pids()
        send(pids, signal.SIGSTOP)
        try:
            assert until(client, 503).json()["detail"] in (
                "The database does not answer; try again", "The database cannot be reached; try again")
            assert client.get("/healthz").status_code == 200
            assert read(client)("cloud_telephony_ready") == 0
        finally:
            send(pids, signal.SIGCONT)
        until(client, 200)
        postgres.kill()
        assert until(client, 503).json()["detail"] == "The database cannot be reached; try again"
        postgres.start()
        until(client, 200)
        server.stop()


def test_a_database_of_a_newer_server(launch):
    """While a cluster is upgraded, old and new nodes share one."""
    server = launch()
    change(server, "INSERT INTO schema_migrations (number, what, applied_at) VALUES (9999, 'the future', 0)")
    time.sleep(1.5)
    assert server.client().get("/readyz").status_code == 200
    change(server, "DELETE FROM schema_migrations WHERE number = 9999")


def test_a_delayed_stop_serves_on(launch):
    """A balancer that asks /readyz sends no more; what still comes is answered, also on new connections."""
    server = launch(STOP_DELAY_SECONDS="600")
    account = Account(server)
    server.send_signal(signal.SIGTERM)
    reply = until(server.client(), 503)
    assert reply.json()["detail"] == "The server is stopping; try another one"
    assert server.client().get("/healthz").status_code == 200
    made = Account(server).create()
    assert account.create()["id"] > made["id"]
    assert server.process.poll() is None
    # a second signal ends it at once
    server.send_signal(signal.SIGTERM)
    assert server.wait() == -signal.SIGTERM


def test_a_delayed_stop_ends(launch):
    server = launch(STOP_DELAY_SECONDS="1")
    account = Account(server)
    server.send_signal(signal.SIGTERM)
    until(server.client(), 503)
    made = account.create()
    assert server.wait() == 0
    server.check_output()
    with database.opened(server.folder) as opened:
        assert opened.execute("SELECT phone_number FROM virtual_phone_numbers").fetchall() == [(made["phone_number"],)]
