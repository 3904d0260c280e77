"""A proxy between the program and PostgreSQL that loses connections at the moments that a test chooses.

    with Proxy(postgres.host, postgres.port) as proxy:
        server = launch(DATABASE_URL=proxy.url(url))
        proxy.plan(Proxy.LOSE_ANSWER)     # of the next COMMIT of a write
        proxy.cut()                       # every connection, now
        proxy.down(); proxy.up()          # nobody listens meanwhile
        proxy.freeze(); proxy.thaw()      # what is sent does not arrive, and nothing is closed
        proxy.delay = 0.05                # seconds until an answer goes on its way
"""

import contextlib
import re
import select
import socket
import threading
import time


class Proxy:
    # what becomes of the next COMMIT of a write: it is done and its answer lost; or it never arrives
    LOSE_ANSWER = "lose the answer"
    LOSE_COMMIT = "lose the commit"
    # it is done, and nothing comes back on this connection, which stays open
    FREEZE = "freeze"

    def __init__(self, host, port):
        self.target = (host, port)
        self.lock = threading.Lock()
        self.links = set()
        self.plans = []
        self.done = 0  # plans that were carried out
        self.moving = threading.Event()
        self.moving.set()
        self.listener = None
        self.port = 0
        self.delay = 0

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.thaw()
        self.down()

    def url(self, url):
        """A URL that leads through this proxy."""
        return re.sub(r"@[^/]*/", f"@127.0.0.1:{self.port}/", url)

    def up(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def down(self):
        """Ends all connections; who comes is refused."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self):
        with self.lock:
            links = list(self.links)
        for link in links:
            link.close()

    def freeze(self):
        self.moving.clear()

    def thaw(self):
        self.moving.set()

    def plan(self, *plans):
        with self.lock:
            self.plans.extend(plans)

    def take_plan(self):
        with self.lock:
            if not self.plans:
                return None
            self.done += 1
            return self.plans.pop(0)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        link = _Link(self, client, server)
        with self.lock:
            self.links.add(link)
        try:
            link.run()
        finally:
            with self.lock:
                self.links.discard(link)
            client.close()
            server.close()


class _Link:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.seen = b""  # the end of what the client has sent

    def close(self):
        for one in (self.client, self.server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([self.client, self.server], [], [])
                self.proxy.moving.wait()
                for one in ready:
                    data = one.recv(65536)
                    if not data or not self._forward(one, data):
                        return

    def _forward(self, one, data):
        if one is self.server:
            if self.proxy.delay:
                time.sleep(self.proxy.delay)
            self.client.sendall(data)
            return True
        self.seen = (self.seen + data)[-4096:]
        begin = self.seen.rfind(b"INSERT INTO writer_batches")
        plan = None
        if begin >= 0 and b"COMMIT\0" in self.seen[begin:]:
            self.seen = b""
            plan = self.proxy.take_plan()
        if plan == Proxy.LOSE_COMMIT:
            return False
        self.server.sendall(data)
        if plan == Proxy.FREEZE:
            self.client.recv(1)  # until it is closed
            return False
        if plan == Proxy.LOSE_ANSWER:
            self._await_end_of_transaction()
            return False
        return True

    def _await_end_of_transaction(self):
        """Reads until the server says that it is ready and in no transaction: its message `Z` with `I`."""
        said = b""
        while b"Z\0\0\0\x05I" not in said:
            data = self.server.recv(65536)
            if not data:
                return
            said += data
