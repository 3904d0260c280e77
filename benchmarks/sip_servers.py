"""What answers SIP: this program with a town of devices, and Kamailio with the same ones."""

import contextlib
import glob
import hashlib
import http.client
import json
import shutil
import socket
import sqlite3
import threading
from pathlib import Path

from servers import HERE, Failure, Ours, Server, descendants

TABLES = Path("/usr/share/kamailio")
PARTS = ("standard", "usrloc", "auth_db", "acc")
EXTRA = ("src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain")
WORKERS = 8


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OursSip(Ours):
    """The program with SIP over UDP, on a copy of the town's database."""

    def __init__(self, bench, town=None):
        self.sip_port = free_udp_port()
        # all devices are one account's; a core and a disk that others use too are no overload
        super().__init__(bench, SIP_LISTEN=f"udp:127.0.0.1:{self.sip_port}", QUOTA_DEVICES="1000000", CALLS_PER_ACCOUNT="0",
                         CALLS_PER_MINUTE="0", QUEUE_WAIT_MS="20000")
        if town is not None:
            shutil.copy(town.database, self.database)

    def ask(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchone()[0]

    def bindings(self):
        """How many there are, and the sum of the sequence numbers that they were made with."""
        return self.ask("SELECT count(*) FROM sip_bindings"), self.ask("SELECT sum(cseq) FROM sip_bindings")

    def records(self):
        """Calls that were completed, and all there are."""
        return self.ask("SELECT count(*) FROM calls WHERE status = 'completed'"), self.ask("SELECT count(*) FROM calls")


class Town:
    """Devices, the last of them with a number each on which it rings: made over the API."""

    def __init__(self, bench, devices, numbers):
        self.database = bench.directory / f"town-{devices}.db"
        with OursSip(bench) as server:
            server.start()
            self.port, self.token = server.port, server.register()
            made = self.spread(lambda ask, index: ask("POST", "/devices", {"name": f"Phone {index}"}), range(devices))
            rung = made[devices - numbers:]
            self.spread(self.give_number, list(enumerate(rung)))
            server.stop()
            shutil.move(server.database, self.database)
        self.phones = [(device["sip"]["username"], device["sip"]["password"], device.get("number", "-"))
                       for device in made]

    def spread(self, work, items):
        """Does it for each item, over some connections; the outcomes."""
        items, outcomes = list(items), [None] * len(items)
        failures = []

        def serve(first):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

            def ask(method, path, body):
                connection.request(method, path, json.dumps(body), {"Content-Type": "application/json",
                                                                    "Authorization": f"Bearer {self.token}"})
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    raise Failure(f"{method} {path} answered {reply.status} {text[:200]!r}")
                return json.loads(text)
            try:
                for index in range(first, len(items), WORKERS):
                    outcomes[index] = work(ask, items[index])
            except (Failure, OSError, http.client.HTTPException) as failure:
                failures.append(failure)
            finally:
                connection.close()

        threads = [threading.Thread(target=serve, args=(index,)) for index in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise Failure(f"the devices could not be made: {failures[0]}")
        return outcomes

    @staticmethod
    def give_number(ask, item):
        index, device = item
        number = ask("POST", "/phone_numbers", {"phone_number": f"+4930{1000000 + index}"})
        ask("PUT", f"/phone_numbers/{number['id']}/voice", {"ring": [device["id"]]})
        device["number"] = number["phone_number"]


class Kamailio(Server):
    """Kamailio on SQLite. One worker: those of several wait for each other's commits by asking again and again."""

    name = "kamailio-sqlite"
    module, children = "db_sqlite", 1

    def __init__(self, bench, town):
        super().__init__(bench)
        self.sip_port = free_udp_port()
        modules = next(iter(glob.glob("/usr/lib/*/kamailio/modules")), None)
        if modules is None:
            raise Failure("Kamailio is not installed")
        # called is who has a number: there are no aliases
        self.phones = [(user, password, "-" if number == "-" else user) for user, password, number in town.phones]
        self.fill()
        text = (HERE / "peers" / "kamailio.cfg").read_text()
        for word, value in (("DBMODULE", self.module), ("DATABASE", self.url()), ("CHILDREN", self.children),
                            ("PORT", self.sip_port), ("MODULES", modules), ("JOURNAL", self.journal())):
            text = text.replace(word, str(value))
        (self.directory / "kamailio.cfg").write_text(text)

    def url(self):
        return f"sqlite:///{self.database}"

    def journal(self):
        return f'modparam("db_sqlite", "db_set_journal_mode", "{self.database}=WAL;")'

    def subscribers(self):
        """Rows of credentials: HA1 is MD5 of user, realm and password."""
        for user, password, _ in self.phones:
            yield user, "localhost", hashlib.md5(f"{user}:localhost:{password}".encode()).hexdigest()

    def fill(self):
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            for part in PARTS:
                db.executescript((TABLES / "db_sqlite" / f"{part}-create.sql").read_text())
            for column in EXTRA:
                db.execute(f"ALTER TABLE acc ADD COLUMN {column} VARCHAR(64) NOT NULL DEFAULT ''")
                db.execute(f"ALTER TABLE missed_calls ADD COLUMN {column} VARCHAR(64) NOT NULL DEFAULT ''")
            db.executemany("INSERT INTO subscriber (username, domain, ha1) VALUES (?, ?, ?)", self.subscribers())
            db.commit()

    def command(self):
        return ["/usr/sbin/kamailio", "-f", str(self.directory / "kamailio.cfg"), "-DD", "-E", "-m", "2048", "-M", "64",
                "-Y", str(self.directory), "-w", str(self.directory), "-P", str(self.directory / "pid")]

    def stop(self):
        """All that counts is in the database, and has been counted; its own way out ends in a fault now and then."""
        if self.process is not None:
            self.kill()
            self.process = None

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", self.sip_port))
            probe.settimeout(0.2)
            host, port = probe.getsockname()
            try:
                probe.send(f"OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKready\r\n"
                           f"From: <sip:a@127.0.0.2>;tag=1\r\nTo: <sip:localhost>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n"
                           "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n".encode())
                return probe.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def ask(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchone()[0]

    def bindings(self):
        return int(self.ask("SELECT count(*) FROM location")), int(self.ask("SELECT sum(cseq) FROM location"))

    def records(self):
        return tuple(int(self.ask(f"SELECT count(*) FROM acc WHERE method = '{method}' AND sip_code = '200'"))
                     for method in ("BYE", "INVITE"))


class KamailioOnPostgres(Kamailio):
    """Kamailio on PostgreSQL, whose CPU time counts as well."""

    name = "kamailio-postgresql"
    module, children = "db_postgres", 8

    def __init__(self, bench, town, cluster):
        self.cluster = cluster
        super().__init__(bench, town)

    def url(self):
        return f"postgres://bench:bench@127.0.0.1:{self.cluster.port}/kamailio"

    def journal(self):
        return ""

    def fill(self):
        self.cluster.sql("DROP DATABASE IF EXISTS kamailio WITH (FORCE)")
        self.cluster.sql("CREATE DATABASE kamailio")
        text = "SET client_min_messages = warning;"
        for part in PARTS:
            text += (TABLES / "postgres" / f"{part}-create.sql").read_text()
        for column in EXTRA:
            for table in ("acc", "missed_calls"):
                text += f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(64) NOT NULL DEFAULT '';"
        values = ",".join(f"('{user}', '{domain}', '{ha1}')" for user, domain, ha1 in self.subscribers())
        text += f"INSERT INTO subscriber (username, domain, ha1) VALUES {values}; ANALYZE;"
        path = self.cluster.directory / "kamailio.sql"
        path.write_text(text)
        self.cluster.sql_file(path, "kamailio")

    def processes(self):
        return [*super().processes(), *descendants(self.cluster.process.pid)]

    def ask(self, query):
        return self.cluster.sql(query, "kamailio")
