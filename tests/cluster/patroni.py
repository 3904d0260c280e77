"""Patroni and etcd on the machines of the databases, with the configuration that the project ships."""

import contextlib
import http.client
import json
import os

import network
import psycopg2
from machines import DATABASE, PASSWORD, POSTGRES_PORT, ROOT, USER, Process, wait_for
from support.postgres import BIN, unprivileged

FOLDER = ROOT / "docker" / "patroni"
API_PORT, ETCD_PORT, PEER_PORT = 8008, 2379, 2380
NAMES = ("db1", "db2", "db3")
# a lease, an election, a recovery, on a machine that is busy
ELECT_SECONDS = 90


def _others(port, form="{address}:{port}"):
    return ",".join(form.format(name=name, address=network.address(name), port=port) for name in NAMES)


class Etcd(Process):
    """One of the three that elect."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.demote, account = unprivileged()
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)

    def start(self):
        host = network.address(self.name)
        self.launch([*self.demote, "etcd", "--enable-v2", "--name", self.name, "--data-dir", str(self.folder / "etcd"),
                     "--listen-peer-urls", f"http://{host}:{PEER_PORT}", "--initial-advertise-peer-urls",
                     f"http://{host}:{PEER_PORT}", "--listen-client-urls", f"http://{host}:{ETCD_PORT}",
                     "--advertise-client-urls", f"http://{host}:{ETCD_PORT}", "--initial-cluster-state", "new",
                     "--initial-cluster", _others(PEER_PORT, "{name}=http://{address}:{port}")])


class Member(Process):
    """A PostgreSQL under Patroni."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.host, self.port = network.address(name), POSTGRES_PORT
        self.demote, account = unprivileged()
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)

    def start(self):
        environment = {
            "PATH": f"{FOLDER}:{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
            "PATRONI_NAME": self.name, "PATRONI_ETCD_HOSTS": _others(ETCD_PORT),
            "PATRONI_RESTAPI_LISTEN": f"{self.host}:{API_PORT}", "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{self.host}:{API_PORT}",
            "PATRONI_POSTGRESQL_LISTEN": f"{self.host}:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{self.host}:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.folder / "data"), "PATRONI_POSTGRESQL_PGPASS": str(self.folder / "pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres", "PATRONI_SUPERUSER_PASSWORD": PASSWORD,
            "PATRONI_REPLICATION_USERNAME": "replicator", "PATRONI_REPLICATION_PASSWORD": PASSWORD,
            "CLOUD_TELEPHONY_PASSWORD": PASSWORD}
        # the sockets of all members have one path
        self.launch(["unshare", "--mount", "sh", "-c",
                     'mkdir -p /run/postgresql && mount -t tmpfs -o mode=1777 tmpfs /run/postgresql && exec "$@"', "sh",
                     *self.demote, "patroni", str(FOLDER / "patroni.yml")], env=environment)

    def ask(self, method, path, body=None, timeout=5):
        """Patroni's own API: (status, text)."""
        connection = http.client.HTTPConnection(self.host, API_PORT, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def is_(self, role):
        """Whether Patroni says that this is a primary, a replica, a synchronous one (its paths)."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", f"/{role}", timeout=1)[0] == 200
        return False

    def is_primary(self):
        """Whether it holds the lease, and has ended its recovery."""
        return self.is_("primary") and not self.execute("SELECT pg_is_in_recovery()")[0][0]

    def execute(self, statement):
        """Runs a statement as the superuser; its rows."""
        connection = psycopg2.connect(host=self.host, port=self.port, user="postgres", password=PASSWORD, dbname="postgres",
                                      connect_timeout=5)
        with contextlib.closing(connection):
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []



class Databases:
    """All of it."""

    def __init__(self, folder):
        self.etcds = [Etcd(name, folder / f"etcd-{name}") for name in NAMES]
        self.members = [Member(name, folder / name) for name in NAMES]

    def start(self):
        for etcd in self.etcds:
            etcd.start()
        for member in self.members:
            member.start()
        self.wait_for_primary(self.members)
        self.wait_for_standby()

    def wait_for_primary(self, members):
        """Waits until one of these is the primary; which."""
        return wait_for("a primary is elected", lambda: next((one for one in members if one.is_primary()), None),
                        ELECT_SECONDS)

    def wait_for_standby(self):
        """Waits until every commit waits for a standby, and all others follow."""
        wait_for("there is a synchronous standby", lambda: any(one.is_("synchronous") for one in self.members), ELECT_SECONDS)
        wait_for("all others are standbys", lambda: sum(one.is_("replica") for one in self.members) == 2, ELECT_SECONDS)

    @property
    def primary(self):
        return self.wait_for_primary(self.members)

    @staticmethod
    def url():
        return f"postgresql://{USER}:{PASSWORD}@{_others(POSTGRES_PORT)}/{DATABASE}?target_session_attrs=read-write"
