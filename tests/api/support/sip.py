"""A small SIP phone: it registers over UDP, TCP or WebSocket, and answers what it is asked (RFC 3261, RFC 7616)."""

import base64
import hashlib
import os
import re
import socket
import struct
import time

SECONDS = 60
SILENCE = 0.3


class Reply:
    """A response, taken apart."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        version, status, self.reason = first.split(" ", 2)
        assert version == "SIP/2.0", text
        self.status = int(status)
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


def ports(server):
    """The sockets of a server, from its log: {"udp": 49152, ...}."""
    return {line["transport"]: int(line["port"]) for line in server.log() if line["event"] == "sip_listening"}


class Udp:
    name = "UDP"

    def __init__(self, port, host="127.0.0.1", source=None, anybody=False):
        """anybody: hears whoever sends, as a phone without a router in between; otherwise that server alone."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer = (host, port)
        if source is not None or anybody:
            self.socket.bind((source or "127.0.0.1", 0))
        if not anybody:
            self.socket.connect(self.peer)
        self.anybody = anybody
        self.asked_by = self.peer

    def send(self, text):
        if self.anybody:
            self.socket.sendto(text.encode(), self.asked_by if text.startswith("SIP/2.0 ") else self.peer)
        else:
            self.socket.send(text.encode())

    def receive(self, seconds):
        self.socket.settimeout(seconds)
        try:
            data, sender = self.socket.recvfrom(65536)
        except (TimeoutError, socket.timeout, ConnectionRefusedError):
            return None
        if not data.startswith(b"SIP/2.0 "):
            self.asked_by = sender
        return data.decode()

    def close(self):
        self.socket.close()


class Tcp:
    name = "TCP"

    def __init__(self, port, host="127.0.0.1", context=None):
        self.socket = socket.create_connection((host, port), SECONDS)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            self.name = "TLS"
        self.buffer = b""

    def send(self, text):
        self.socket.sendall(text.encode())

    def _more(self, seconds):
        self.socket.settimeout(seconds)
        try:
            some = self.socket.recv(65536)
        except (TimeoutError, socket.timeout):
            return False
        except ConnectionError:
            some = b""
        if not some:
            raise EOFError("the server ended the connection")
        self.buffer += some
        return True

    def receive(self, seconds):
        while b"\r\n\r\n" not in self.buffer.lstrip(b"\r\n"):
            if not self._more(seconds):
                return None
        self.buffer = self.buffer.lstrip(b"\r\n")
        head = self.buffer[:self.buffer.index(b"\r\n\r\n") + 4]
        length = len(head) + int(re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head).group(1))
        while len(self.buffer) < length:
            if not self._more(seconds):
                return None
        message, self.buffer = self.buffer[:length], self.buffer[length:]
        return message.decode()

    def receive_bytes(self, count):
        while len(self.buffer) < count:
            assert self._more(SECONDS), self.buffer
        some, self.buffer = self.buffer[:count], self.buffer[count:]
        return some

    def close(self):
        self.socket.close()


class WebSocket(Tcp):
    """RFC 7118 over RFC 6455."""

    def __init__(self, port, host="127.0.0.1", context=None):
        super().__init__(port, host, context)
        self.name = "WS" if context is None else "WSS"
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Protocol: sip\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            assert self._more(SECONDS)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: " + accept in head, head

    def send(self, text):
        payload = text.encode()
        mask = os.urandom(4)
        length = bytes([128 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def receive(self, seconds):
        while len(self.buffer) < 4:
            if not self._more(seconds):
                return None
        length, begin = self.buffer[1], 2
        if length == 126:
            length, begin = struct.unpack(">H", self.buffer[2:4])[0], 4
        while len(self.buffer) < begin + length:
            assert self._more(seconds)
        payload, self.buffer = self.buffer[begin:begin + length], self.buffer[begin + length:]
        return payload.decode()


def digest(algorithm, *parts):
    return {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm](":".join(parts).encode()).hexdigest()


def parameters(challenge):
    scheme, _, rest = challenge.partition(" ")
    assert scheme == "Digest", challenge
    return {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', rest)}


class Phone:
    """A device on one transport."""

    def __init__(self, transport, username, password, domain="localhost", algorithm="SHA-256", contact=None):
        self.transport = transport
        self.username, self.password, self.domain = username, password, domain
        self.algorithm = algorithm
        self.call_id = os.urandom(8).hex()
        self.cseq = 0
        self.count = 0
        self.challenge = None
        address, port = transport.socket.getsockname()[:2]
        self.contact = contact or f"<sip:{username}@{address}:{port};transport={transport.name.lower()}>"
        self.via = f"{address}:{port}"

    def close(self):
        self.transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def authorization(self, method, uri, count=None):
        """What answers the last challenge."""
        challenge = self.challenge
        self.count = self.count + 1 if count is None else count
        nc, cnonce = f"{self.count:08x}", "c0ffee"
        response = digest(self.algorithm, digest(self.algorithm, self.username, challenge["realm"], self.password),
                          challenge["nonce"], nc, cnonce, "auth", digest(self.algorithm, method, uri))
        return (f'Authorization: Digest username="{self.username}", realm="{challenge["realm"]}", '
                f'nonce="{challenge["nonce"]}", uri="{uri}", response="{response}", algorithm={self.algorithm}, '
                f'cnonce="{cnonce}", qop=auth, nc={nc}\r\n')

    def request(self, method, headers="", cseq=None, user=None, call_id=None):
        user = self.username if user is None else user
        self.cseq = self.cseq + 1 if cseq is None else cseq
        return (f"{method} sip:{self.domain} SIP/2.0\r\n"
                f"Via: SIP/2.0/{self.transport.name} {self.via};branch=z9hG4bK{os.urandom(6).hex()};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{user}@{self.domain}>;tag=t1\r\nTo: <sip:{user}@{self.domain}>\r\n"
                f"Call-ID: {call_id or self.call_id}\r\nCSeq: {self.cseq} {method}\r\n{headers}"
                "User-Agent: small phone/1\r\nContent-Length: 0\r\n\r\n")

    def ask(self, text):
        """Sends a request, and waits for its final response."""
        self.transport.send(text)
        while True:
            message = self.transport.receive(SECONDS)
            assert message is not None, f"no answer to {text}"
            reply = Reply(message)
            if reply.status >= 200:
                return reply

    def hears_nothing(self, text):
        self.transport.send(text)
        return self.transport.receive(SILENCE) is None

    def learn(self, reply):
        """Takes the challenge of this phone's algorithm from a 401."""
        assert reply.status == 401, (reply.status, reply.headers)
        for challenge in map(parameters, reply.all("WWW-Authenticate")):
            if challenge["algorithm"] == self.algorithm:
                self.challenge, self.count = challenge, 0
                return challenge
        raise AssertionError(f"{self.algorithm} is not offered")

    def register(self, contact=None, expires=None, headers="", cseq=None, call_id=None):
        """REGISTER, with the challenge that is known, and once more when it is stale or the first."""
        contact = self.contact if contact is None else contact
        headers += f"Contact: {contact}\r\n" if contact else ""
        headers += f"Expires: {expires}\r\n" if expires is not None else ""
        for _ in range(2):
            with_credentials = headers
            if self.challenge is not None:
                with_credentials += self.authorization("REGISTER", f"sip:{self.domain}")
            reply = self.ask(self.request("REGISTER", with_credentials, cseq=cseq, call_id=call_id))
            if reply.status != 401:
                return reply
            known = self.challenge is not None
            challenge = self.learn(reply)
            if known and challenge.get("stale") != "true":
                return reply
        return reply


def wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
