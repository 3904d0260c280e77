"""The programs on the machines of network.py: a PostgreSQL and its standby, the nodes, HAProxy."""

import contextlib
import http.client
import os
import signal
import subprocess
import time

import network
from support import program
from support.postgres import Postgres

ROOT = program.ROOT
DATABASE, USER, PASSWORD = "cloud_telephony", "cloud_telephony", "a-password-of-the-database"
POSTGRES_PORT, NODE_PORT, HAPROXY_PORT = 5432, 8000, 8000
WAIT_SECONDS = 60

HBA = (f"host {DATABASE} {USER} {network.NETWORK}0/24 scram-sha-256",
       f"host replication replicator {network.NETWORK}0/24 scram-sha-256",
       f"host all postgres {network.address('client')}/32 trust")


def wait_for(what, check, seconds=WAIT_SECONDS):
    """Waits until `check` gives something true, and gives it. What it raises because the other side is not
    there yet is no failure before the end of the time."""
    deadline = time.monotonic() + seconds
    while True:
        error = None
        try:
            if value := check():
                return value
        except Exception as caught:  # pylint: disable=broad-except
            error = caught
        assert time.monotonic() < deadline, f"{what} not within {seconds} s: {error}"
        time.sleep(0.02)


class Database(Postgres):
    """A PostgreSQL on a machine, that can be a primary, a synchronous standby, and the one after the other."""

    def __init__(self, name, folder):
        self.name = name
        settings = {"max_wal_senders": 10, "wal_keep_size": "256MB", "hot_standby": "on", "wal_receiver_timeout": "5s",
                    "wal_sender_timeout": "5s", "password_encryption": "scram-sha-256", "max_connections": 100,
                    "cluster_name": name, "wal_retrieve_retry_interval": "200ms"}
        folder.mkdir(mode=0o755)
        super().__init__(durable=True, settings=settings, folder=folder, host=network.address(name),
                         port=POSTGRES_PORT, hba=HBA, prefix=network.inside(name))

    def make_primary(self):
        self.make()
        self.start()
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        self.execute(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{PASSWORD}'")
        self.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")

    def follow(self, primary):
        """Becomes a standby of a primary, from a copy that it makes of it now."""
        self.run("pg_basebackup", "-D", self.data, "-X", "stream", "--checkpoint=fast", "--no-sync", "-d",
                 f"host={primary.host} port={POSTGRES_PORT} user=replicator password={PASSWORD}")
        # once promoted it must not wait for a standby that is not there
        self.settings.pop("synchronous_standby_names", None)
        self.settings["primary_conninfo"] = (
            f"host={primary.host} port={POSTGRES_PORT} user=replicator password={PASSWORD} application_name={self.name} "
            "connect_timeout=2 keepalives_idle=2 keepalives_interval=1 keepalives_count=3")
        self.configure()
        self._write("standby.signal", "")
        self.start()

    def wait_for_standby(self, standby):
        """Lets every commit wait for the standby, once it has all that there is."""
        wait_for(f"{standby.name} streams from {self.name}", lambda: self._state(standby) == "streaming")
        self.settings["synchronous_standby_names"] = f"FIRST 1 ({standby.name})"
        self.execute(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({standby.name})'")
        self.execute("SELECT pg_reload_conf()")
        wait_for(f"{standby.name} is synchronous", lambda: self._state(standby, "sync_state") == "sync")

    def _state(self, standby, column="state"):
        rows = self.execute(f"SELECT {column} FROM pg_stat_replication WHERE application_name = %s", (standby.name,))
        return rows and rows[0][0]

    def promote(self):
        """Makes a primary of a standby; returns when it is one."""
        self.run("pg_ctl", "promote", "-D", self.data, "-w", "-t", WAIT_SECONDS)
        self.settings.pop("primary_conninfo")

    def forget(self):
        """Throws the files away."""
        subprocess.run(["rm", "-rf", self.data], check=True, timeout=60)


class Process:
    """A process on a machine, with what it writes in FOLDER/output."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.process = None
        folder.mkdir(mode=0o755)

    def launch(self, command, **options):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen([*network.inside(self.name), *command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, **options)

    def output(self):
        return (self.folder / "output").read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def must_run(self):
        """Ends a wait that would be in vain."""
        if not self.is_running():
            raise SystemExit(f"{self.name} ended:\n{self.output()[-3000:]}")


def answers(host, port, path):
    """The status of a GET, or None when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return None


class Node(Process):
    """The program under test."""

    def __init__(self, name, folder, url):
        super().__init__(name, folder)
        self.url = url
        self.host, self.port = network.address(name), NODE_PORT
        self.settings = {"SECRET_KEY": program.SECRET_KEY, "HOST": self.host, "PORT": NODE_PORT, "DATABASE_URL": url,
                         "LOG_FORMAT": "json", "LOG_LEVEL": "info", "TRUSTED_PROXIES": network.address("haproxy")}

    def start(self):
        self.launch([program.PROGRAM, "serve"], env=program.environment(self.settings))
        wait_for(f"{self.name} answers", self._is_ready)

    def _is_ready(self):
        self.must_run()
        return answers(self.host, self.port, "/healthz") == 200

    def command(self, *words):
        """Runs a command of the program on this machine."""
        done = subprocess.run([*network.inside(self.name), program.PROGRAM, *words], cwd=self.folder, capture_output=True,
                              text=True, env=program.environment(self.settings), timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class HAProxy(Process):
    """HAProxy with the configuration that the project ships."""

    host, port = network.address("haproxy"), HAPROXY_PORT

    def start(self, nodes):
        environment = {**os.environ, **{node.name.upper(): f"{node.host}:{node.port}" for node in nodes}}
        self.launch(["haproxy", "-W", "-db", "-f", str(ROOT / "docker" / "haproxy.cfg")], env=environment)
        wait_for("HAProxy answers", self.answers_with_nodes)

    def answers_with_nodes(self):
        self.must_run()
        return answers(self.host, self.port, "/readyz") == 200


def database_url(databases):
    """The URL that all nodes have: whichever of these is the primary."""
    hosts = ",".join(f"{one.host}:{one.port}" for one in databases)
    return f"postgresql://{USER}:{PASSWORD}@{hosts}/{DATABASE}?target_session_attrs=read-write"
