"""PostgreSQL as the database: against SQLite as the database, and against pgbench doing the same inserts."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from common import create, fill, in_turn
from load import Load
from result import Result
from servers import Failure, Ours, free_port

DURABLE = ("PostgreSQL with fsync and synchronous_commit on, SQLite in WAL mode with synchronous=FULL: a reply of "
           "success follows the disk's. After each round the rows are counted against the replies.")
# The rows of a create: what SQLite's loop calls `same rows`.
INSERTS = """BEGIN;
INSERT INTO virtual_phone_numbers (id, phone_number, user_id, created_at)
VALUES (nextval('bench_ids'), '+' || (3000000000000 + currval('bench_ids')), 1, 1700000000000);
INSERT INTO audit (id, at, user_id, actor_id, action, target_id, detail, address)
VALUES (currval('bench_ids'), 1700000000000, 1, 1, 'number.created', currval('bench_ids'),
        '+' || (3000000000000 + currval('bench_ids')), '127.0.0.1');
COMMIT;
"""


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise Failure("there is no PostgreSQL under /usr/lib/postgresql")
    return found[-1]


class Cluster:
    """A PostgreSQL of its own, on the server's cores."""

    def __init__(self, bench):
        self.bench, self.port, self.process = bench, free_port(), None
        # not below the project: its user may not be allowed to enter there
        self.directory = Path(tempfile.mkdtemp(prefix="ct-bench-postgresql-", dir="/var/tmp"))
        self.as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def __enter__(self):
        data = self.directory / "data"
        self.run([*self.as_user, programs() / "initdb", "-A", "trust", "-U", "bench", "-D", data, "-E", "UTF8",
                  "--no-instructions", "-N"])
        command = ["taskset", "-c", self.bench.server_cpus, *self.as_user, str(programs() / "postgres"), "-D", str(data),
                   "-p", str(self.port), "-k", str(self.directory), "-c", "listen_addresses=127.0.0.1",
                   "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "synchronous_commit=on"]
        self.bench.commands.add(self.bench.words(command).replace(str(self.port), "PORT")
                                .replace(str(self.directory), "DIR"))
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        for _ in range(300):
            if subprocess.run([programs() / "pg_isready", "-q", "-U", "bench", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise Failure(f"PostgreSQL did not start:\n{(self.directory / 'log').read_text()[-2000:]}")

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def run(command):
        done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise Failure(f"{command}: {done.stderr[-2000:]}")
        return done.stdout

    def sql(self, text, database="postgres"):
        return self.run([programs() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                         "-p", self.port, "-U", "bench", "-d", database, "-c", text]).strip()

    def sql_file(self, path, database):
        self.run([programs() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "bench",
                  "-d", database, "-f", path])

    def url(self, database):
        return f"postgresql://bench@127.0.0.1:{self.port}/{database}"


class OursOnPostgres(Ours):
    """The program on a database of its own in a cluster."""

    def __init__(self, bench, cluster, name):
        cluster.sql(f"DROP DATABASE IF EXISTS {name}")
        cluster.sql(f"CREATE DATABASE {name}")
        super().__init__(bench, DATABASE_URL=cluster.url(name))
        self.cluster, self.database_name = cluster, name

    def rows(self):
        return int(self.cluster.sql("SELECT count(*) FROM virtual_phone_numbers", self.database_name))


def pgbench(bench, cluster, connections):
    """Transactions a second of the same inserts."""
    with OursOnPostgres(bench, cluster, "inserts") as server:
        server.start()
        server.register()
        server.stop()
        cluster.sql("CREATE SEQUENCE bench_ids START 1000", "inserts")
        script = cluster.directory / "inserts.sql"
        script.write_text(INSERTS)
        command = ["taskset", "-c", bench.load_cpus, str(programs() / "pgbench"), "-n", "-M", "prepared", "-h", "127.0.0.1",
                   "-p", str(cluster.port), "-U", "bench", "-c", str(connections), "-j", "1", "-T", str(bench.seconds),
                   "-f", str(script), "inserts"]
        bench.commands.add(bench.words(command).replace(str(cluster.port), "PORT")
                           .replace(str(cluster.directory), "DIR"))
        text = cluster.run(command)
        failed = re.search(r"number of failed transactions: (\d+)", text)
        if failed and failed.group(1) != "0":
            raise Failure(f"pgbench: {failed.group(0)}")
        return float(re.search(r"tps = ([0-9.]+)", text).group(1))


def measured(bench, server):
    server.start()
    token = server.register()
    create(bench, server, token, 32, 1, 1000000000000)
    creates = create(bench, server, token, 32, bench.seconds, 3000000000000)
    fill(bench, server, token, 1000)
    return creates, Load(bench, server, 64, bench.seconds, "get", token, 1, 1000).result()


def postgresql(bench):
    result = Result("PostgreSQL as the database",
                    "POST /phone_numbers over 32 connections and GET /phone_numbers/{id} over 64, on PostgreSQL and on "
                    "SQLite; and pgbench committing the same inserts over 32 connections, one to a transaction. PostgreSQL "
                    "runs on the server's cores. For information: there is no target", "requests/s", DURABLE)
    with Cluster(bench) as cluster:
        for kind in in_turn(bench, "postgresql", "sqlite", "pgbench", most=3):
            if kind == "pgbench":
                result.add("pgbench, the same inserts", pgbench(bench, cluster, 32))
                continue
            with OursOnPostgres(bench, cluster, "ours") if kind == "postgresql" else Ours(bench) as server:
                creates, reads = measured(bench, server)
            name = "PostgreSQL" if kind == "postgresql" else "SQLite"
            result.add_load(f"cloud-telephony, creates on {name}", creates)
            result.add_load(f"cloud-telephony, reads on {name}", reads)
    result.compare("cloud-telephony, creates on PostgreSQL", "pgbench, the same inserts")
    result.compare("cloud-telephony, creates on PostgreSQL", "cloud-telephony, creates on SQLite")
    result.compare("cloud-telephony, reads on PostgreSQL", "cloud-telephony, reads on SQLite")
    return result
