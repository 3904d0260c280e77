"""A socket that speaks HTTP/1.1 as badly as it is told to."""

import socket
import ssl

from requests.structures import CaseInsensitiveDict

from .client import judge, secrets_of_reply


class Closed(Exception):
    """The server closed the connection before a whole reply."""


class Reply:
    """One reply as it came."""

    def __init__(self, version, status, headers, body):
        self.version = version
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:200]!r}>"


class Wire:
    """One connection to a server; bytes out, replies in."""

    def __init__(self, server, timeout=60, source=None):
        self.server = server
        self.buffer = b""
        self.socket = socket.create_connection((server.host, server.port), timeout, source)
        if server.certificate:
            context = ssl.create_default_context(cafile=server.certificate)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def take(self, size):
        """Reads so many bytes."""
        while len(self.buffer) < size:
            self._fill()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def head(self):
        """Reads a status line and the header: (version, status, headers)."""
        version, _, rest = self._line().partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"a status line that begins with {version!r}"
        headers = CaseInsensitiveDict()
        while line := self._line():
            name, _, value = line.partition(":")
            assert name not in headers, f"the header {name} twice"
            headers[name] = value.strip()
        return version, int(rest[:3]), headers

    def reply(self, method="GET", path=None, request_body=None):
        """Reads a reply, holds it against the contract, records it.

        `method` and `path` are those of the request it answers; None is a request that has none.
        """
        version, status, headers = self.head()
        body = b""
        if method != "HEAD" and status not in (204, 304) and status >= 200:
            if headers.get("Transfer-Encoding", "").lower() == "chunked":
                body = self._chunks()
            elif "Content-Length" in headers:
                body = self.take(int(headers["Content-Length"]))
            else:
                body = self._rest()
        if status >= 200:
            self.server.secrets.update(secrets_of_reply(body))
            judge(self.server, method, path, status, headers, body, request_body)
        return Reply(version, status, headers, body)

    def _chunks(self):
        body = b""
        while size := int(self._line().partition(";")[0], 16):
            body += self.take(size)
            assert self._line() == ""
        while self._line():
            pass
        return body

    def _rest(self):
        try:
            while True:
                self._fill()
        except Closed:
            body, self.buffer = self.buffer, b""
            return body

    def is_closed(self, timeout=30):
        """Waits for the server to close; False when it sends something or keeps quiet."""
        self.socket.settimeout(timeout)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def ask(server, data, method="GET", path=None, request_body=None):
    """One request as it stands, on a connection of its own; the reply."""
    with Wire(server) as wire:
        wire.send(data)
        return wire.reply(method, path, request_body)


def head_of(method, target, *headers, version="HTTP/1.1"):
    """A request line and header as text, with a Host unless one is given."""
    lines = list(headers)
    if not any(line.lower().startswith("host:") for line in lines):
        lines.insert(0, "Host: localhost")
    return "".join(f"{line}\r\n" for line in (f"{method} {target} {version}", *lines, ""))
