"""HTTPS by the program itself."""

import pathlib
import shutil
import socket
import ssl
import subprocess

import pytest

from support import program
from support.people import Account
from support.wire import Closed, Wire, head_of

SUPPRESSIONS = pathlib.Path(__file__).parent / "support" / "gnutls.lsan"
SETTINGS = {"SECRET_KEY": program.SECRET_KEY, "PORT": "0", "LOG_FORMAT": "json"}


def make_certificate(folder, name):
    """A self-signed certificate for localhost and its key; their paths."""
    paths = folder / f"{name}-cert.pem", folder / f"{name}-key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True, timeout=60)
    return tuple(str(path) for path in paths)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "first")


@pytest.fixture
def secure(launch, pair):
    return launch(TLS_CERT_FILE=pair[0], TLS_KEY_FILE=pair[1])


def test_the_whole_way(secure):
    account = Account(secure)
    assert account.login().status_code == 200
    made = account.create()
    assert account.client.get(f"/phone_numbers/{made['id']}").status_code == 200
    assert account.client.get("/docs").status_code == 200
    line = next(line for line in secure.log() if line["event"] == "listening")
    assert line["docs"].startswith("https://")


def test_large_replies_and_bodies(secure):
    with secure.client() as client:
        assert len(client.get("/openapi.json").content) > 5000
        assert client.post("/auth/login", data=b"x" * 60000).status_code == 422
    with Wire(secure) as wire:
        wire.send(head_of("POST", "/auth/login", "Content-Length: 70000"))
        assert wire.reply("POST", "/auth/login").status == 413


def test_keep_alive_and_pipelining(secure):
    with Wire(secure) as wire:
        wire.send(head_of("GET", "/healthz") * 10)
        for _ in range(10):
            assert wire.reply("GET", "/healthz").status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(secure):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.create_default_context(cafile=secure.certificate)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((secure.host, secure.port), 30) as plain:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="localhost")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=secure.certificate)
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((secure.host, secure.port), 30) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("data", [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x16"])
def test_what_is_no_tls_hurts_nobody(secure, data):
    with socket.create_connection((secure.host, secure.port), 30) as plain:
        try:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1 200" not in plain.recv(1000)
        except OSError:
            pass  # a connection that is closed at once is an answer too
    assert secure.client().get("/healthz").status_code == 200


def test_a_client_that_goes_silent_in_its_greeting_hurts_nobody(secure):
    silent = [socket.create_connection((secure.host, secure.port), 30) for _ in range(20)]
    for one in silent:
        one.sendall(b"\x16\x03\x01")
    assert secure.client().get("/healthz").status_code == 200
    for one in silent:
        one.close()


def test_a_plain_client_is_not_let_in(secure):
    insecure = socket.create_connection((secure.host, secure.port), 30)
    try:
        insecure.sendall(head_of("GET", "/auth/me").encode())
        assert b"401" not in insecure.recv(1000)
    except (ConnectionError, Closed):
        pass  # refused
    finally:
        insecure.close()


def refuse(folder, **settings):
    # GnuTLS does not free a certificate that it could not read; the program is at its end then
    done = program.run(["serve"], folder, {**SETTINGS, "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0", **settings})
    assert done.returncode > 0, done
    return program.complaint(done)


def test_files_that_do_not_fit(tmp_path, pair):
    certificate, key = pair
    other_certificate, other_key = make_certificate(tmp_path, "other")
    (tmp_path / "text.pem").write_text("no PEM at all\n")
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    shutil.copy(key, tmp_path / "a-key.pem")
    for cert_file, key_file, named in (
            (certificate, None, "TLS_KEY_FILE"), (None, key, "TLS_CERT_FILE"),
            ("missing.pem", key, "missing.pem"), (certificate, "missing.pem", "missing.pem"),
            ("text.pem", key, "text.pem"), (certificate, "text.pem", "text.pem"), ("empty.pem", key, "empty.pem"),
            ("broken.pem", key, "TLS_CERT_FILE"), (certificate, "broken.pem", "TLS_KEY_FILE"),
            (certificate, other_key, "TLS_"), (other_certificate, key, "TLS_"), (key, certificate, "TLS_"),
            (str(tmp_path), key, "TLS_CERT_FILE")):
        line = refuse(tmp_path, TLS_CERT_FILE=cert_file, TLS_KEY_FILE=key_file)
        assert named in line, (cert_file, key_file, line)
        assert "PRIVATE" not in line
