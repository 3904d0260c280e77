"""Trunks over TLS: whose certificate is taken."""

import itertools
import socket
import ssl
import subprocess
import threading

import pytest

from support import sip
from support.caller import Request
from support.carrier import becomes, get, make
from support.people import Account
from support.server import Server

_hosts = itertools.count(2)


def make_certificate(folder, name, subject):
    """Signed by itself; subject as subjectAltName has it. The paths of certificate and key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    return certificate, key


class Carrier:
    """A host of a carrier that says yes to everything, over TLS."""

    def __init__(self, folder, subject=None):
        self.address = f"127.0.11.{next(_hosts)}"
        self.certificate, key = make_certificate(folder, self.address, subject or f"IP:{self.address}")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server((self.address, 0))
        self.host = f"{self.address}:{self.listener.getsockname()[1]}"
        self.methods, self.refused = [], 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        connection.settimeout(sip.SECONDS)
        stream = sip.Tcp.__new__(sip.Tcp)
        stream.buffer = b""
        try:
            stream.socket = self.context.wrap_socket(connection, server_side=True)
            while (text := stream.receive(sip.SECONDS)) is not None:
                request = Request(text)
                self.methods.append(request.method)
                contact = f"Contact: {request.get('Contact')}\r\n" if request.get("Contact") else ""
                stream.send(f"SIP/2.0 200 OK\r\nVia: {request.get('Via')}\r\nFrom: {request.get('From')}\r\nTo: {request.get('To')};tag=x\r\n"
                            f"Call-ID: {request.get('Call-ID')}\r\nCSeq: {request.get('CSeq')}\r\n{contact}Content-Length: 0\r\n\r\n")
        except ssl.SSLError:
            self.refused += 1
        except (EOFError, OSError):
            pass
        finally:
            connection.close()

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def carriers(tmp_path_factory):
    """Of each kind one: what its certificate says, and whether its authority is trusted."""
    folder = tmp_path_factory.mktemp("carriers")
    made = {"right": Carrier(folder), "of another": Carrier(folder, "IP:127.0.11.250"), "of a name": Carrier(folder, "DNS:sip.example.com"),
            "not trusted": Carrier(folder)}
    yield made
    for one in made.values():
        one.close()


@pytest.fixture(scope="module")
def secure(tmp_path_factory, carriers):
    folder = tmp_path_factory.mktemp("secure")
    (folder / "trusted.pem").write_text("".join(one.certificate.read_text() for name, one in carriers.items() if name != "not trusted"))
    with Server(folder, SIP_TRUNK_PROBE_SECONDS="1", SSL_CERT_FILE=str(folder / "trusted.pem")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(secure):
    return Account(secure).promote()


def becomes_state(admin, trunk, state):
    sip.wait_until(lambda: get(admin, trunk)["hosts"][0]["state"] == state, f"it never is {state}: {get(admin, trunk)}")


def test_a_certificate_that_is_in_order(admin, carriers):
    carrier = carriers["right"]
    trunk = make(admin, carrier.host, transport="tls", register=True, username="us", password="our secret")
    becomes_state(admin, trunk, "up")
    becomes(admin, trunk, "registered")
    assert {"OPTIONS", "REGISTER"} <= set(carrier.methods) and carrier.refused == 0


@pytest.mark.parametrize("kind, why", [("of another", "IP address mismatch"), ("of a name", "IP address mismatch"),
                                       ("not trusted", "self-signed certificate")])
def test_a_certificate_that_is_not(secure, admin, carriers, kind, why):
    carrier = carriers[kind]
    trunk = make(admin, carrier.host, transport="tls", register=True, username="us", password="our secret")
    becomes_state(admin, trunk, "down")
    becomes(admin, trunk, "failed")
    assert carrier.methods == []
    assert {(line["name"], line["why"].replace("self signed", "self-signed")) for line in secure.log()
            if line["event"] == "sip_certificate_refused" and line["name"] == carrier.address} == {(carrier.address, why)}


def test_nobody_looks_at_a_certificate_when_told_so(secure, admin, carriers):
    carrier = carriers["not trusted"]
    trunk = make(admin, carrier.host, transport="tls", tls_verify=False)
    becomes_state(admin, trunk, "up")
    # and what is open now is not used by a trunk that wants to know
    other = make(admin, carrier.host, transport="tls")
    becomes_state(admin, other, "down")
    becomes_state(admin, trunk, "up")
