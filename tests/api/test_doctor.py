"""doctor: what would keep a phone from reaching this machine."""

import os
import re
import socket
import subprocess
import time

from support import program, sip
from support.clock import Clock

SECRET = {"SECRET_KEY": program.SECRET_KEY}


def examine(folder, **settings):
    """The outcome: {name: (diagnosis, what was found)}, and the exit status."""
    done = program.run(["doctor"], folder, {**SECRET, "SIP_LISTEN": None, **settings})
    assert done.stderr == "", done.stderr
    outcome, name = {}, None
    for line in done.stdout.splitlines():
        row = re.match(r"(ok|doubtful|WRONG|-) +(\w+) ", line)
        if row:
            name = row.group(2)
            outcome[name] = (row.group(1), [])
        elif "found: " in line:
            outcome[name][1].append(line.split("found: ", 1)[1])
    wrong = [name for name, (diagnosis, _) in outcome.items() if diagnosis == "WRONG"]
    for name, (diagnosis, found) in outcome.items():
        assert (found != []) == (diagnosis in ("WRONG", "doubtful")), (name, diagnosis, found)
    assert done.returncode == (1 if wrong else 0), done.stdout
    return outcome, wrong


def listening(server):
    found = sip.ports(server)
    return {"SIP_LISTEN": ",".join(f"{kind}:127.0.0.1:{found[kind]}" for kind in ("udp", "tcp", "ws")),
            "DATABASE_URL": server.settings.get("DATABASE_URL")}


def test_a_server_on_the_loopback(server):
    outcome, wrong = examine(server.folder, **listening(server))
    assert wrong == ["sip_reach"]
    assert outcome["sip_listening"][0] == "ok" and outcome["database"][0] == "ok"


def test_a_server_that_phones_reach(launch):
    server = launch(SIP_LISTEN="udp:0.0.0.0:0,tcp:[::]:0", SIP_DOMAIN="127.0.0.1")
    found = sip.ports(server)
    settings = {**listening_database(server), "SIP_LISTEN": f"udp:0.0.0.0:{found['udp']},tcp:[::]:{found['tcp']}"}
    own = own_address()
    outcome, wrong = examine(server.folder, SIP_DOMAIN=own, SIP_PUBLIC_ADDRESS=own, **settings)
    assert wrong == [], outcome
    outcome, wrong = examine(server.folder, SIP_DOMAIN="localhost", SIP_PUBLIC_ADDRESS=own, **settings)
    assert wrong == ["domain_outside"]
    outcome, wrong = examine(server.folder, SIP_DOMAIN="203.0.113.7", SIP_PUBLIC_ADDRESS=own, **settings)
    assert wrong == ["domain_here"]


def listening_database(server):
    return {"DATABASE_URL": server.settings.get("DATABASE_URL")}


def own_address():
    """An address of an interface, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def test_nobody_listens(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome, wrong = examine(server.folder, **{**listening_database(server), "SIP_LISTEN": f"tcp:127.0.0.1:{port}"})
    assert wrong == ["sip_reach", "sip_listening"]
    assert outcome["sip_listening"][1] == [f"tcp:127.0.0.1:{port} has nobody who listens"]


def test_others_listen(server):
    with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        stream.listen()
        datagrams.bind(("0.0.0.0", 0))
        ports = stream.getsockname()[1], datagrams.getsockname()[1]
        outcome, wrong = examine(server.folder, **{**listening_database(server),
                                                   "SIP_LISTEN": f"tcp:127.0.0.1:{ports[0]},udp:127.0.0.1:{ports[1]}"})
    assert wrong == ["sip_reach", "sip_taken"]
    name = open(f"/proc/{os.getpid()}/comm", encoding="utf-8").read().strip()
    assert outcome["sip_taken"][1] == [f"tcp:127.0.0.1:{ports[0]} is taken by {name} (process {os.getpid()})",
                                       f"udp:127.0.0.1:{ports[1]} is taken by {name} (process {os.getpid()})"]


def test_sockets_of_the_other_kind(server):
    """One of all IPv6 addresses keeps the server from the IPv4 port, and the other way round."""
    with socket.socket(socket.AF_INET6) as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        stream.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        stream.bind(("::", 0))
        stream.listen()
        datagrams.bind(("0.0.0.0", 0))
        ports = stream.getsockname()[1], datagrams.getsockname()[1]
        outcome, wrong = examine(server.folder, **{**listening_database(server),
                                                   "SIP_LISTEN": f"tcp:127.0.0.1:{ports[0]},udp:[::]:{ports[1]}"})
    assert "sip_taken" in wrong and "sip_listening" not in wrong
    name = open(f"/proc/{os.getpid()}/comm", encoding="utf-8").read().strip()
    assert outcome["sip_taken"][1] == [f"tcp:127.0.0.1:{ports[0]} is taken by {name} (process {os.getpid()})",
                                       f"udp:[::]:{ports[1]} is taken by {name} (process {os.getpid()})"]


def test_an_address_of_another_machine(server):
    outcome, wrong = examine(server.folder, **{**listening_database(server), "SIP_LISTEN": "udp:192.0.2.77:5060"})
    assert "sip_address" in wrong
    assert outcome["sip_address"][1] == ["udp:192.0.2.77:5060 is at an address of another machine"]


def test_sip_that_is_off(server):
    _, wrong = examine(server.folder, **{**listening_database(server), "SIP_LISTEN": "off"})
    assert wrong == ["settings_sip"]


def test_no_database(tmp_path):
    _, wrong = examine(tmp_path, SIP_LISTEN="off", DATABASE_URL="sqlite:///nothing.db")
    assert wrong == ["settings_sip", "database"]


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=120)


def make_certificate(folder, name, days="60"):
    """name.pem and name.key, signed by itself for sip.example.com."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.pem", "-days", days, "-subj", "/CN=x", "-addext",
            "subjectAltName=DNS:sip.example.com,DNS:*.example.net")


def test_certificates(tmp_path):
    make_certificate(tmp_path, "one")
    make_certificate(tmp_path, "two", "10")
    base = {"SIP_LISTEN": "tls:0.0.0.0:1", "TLS_CERT_FILE": "one.pem", "TLS_KEY_FILE": "one.key", "SIP_DOMAIN": "sip.example.com"}

    def tls(**settings):
        outcome, _ = examine(tmp_path, **{**base, **settings})
        return {name: (diagnosis, found) for name, (diagnosis, found) in outcome.items() if name.startswith("tls")}

    found = tls()
    assert found.pop("tls_chain") == ("WRONG", ["it is signed by itself"])
    assert {diagnosis for diagnosis, _ in found.values()} == {"ok"}
    assert tls(TLS_KEY_FILE="two.key")["tls_key"] == ("WRONG", ["two.key is the key of another certificate"])
    assert tls(SIP_DOMAIN="sip.example.org")["tls_name"] == (
        "WRONG", ["it is for sip.example.com *.example.net, not for SIP_DOMAIN=sip.example.org"])
    assert tls(SIP_DOMAIN="a.example.net")["tls_name"][0] == "ok"
    assert tls(TLS_CERT_FILE="two.pem", TLS_KEY_FILE="two.key")["tls_renewal"][0] == "doubtful"
    assert tls(TLS_CERT_FILE="none.pem")["tls_files"] == (
        "WRONG", ["TLS_CERT_FILE: cannot read none.pem: No such file or directory"])
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="utf-8")
    assert tls(TLS_CERT_FILE="bad.pem")["tls_files"][0] == "WRONG"
    (tmp_path / "bad.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    assert tls(TLS_KEY_FILE="bad.key")["tls_files"][0] == "WRONG"


# Makes a process, and what it becomes, one of a kernel without IPv6.
WITHOUT_IPV6 = """
import errno, os, seccomp, socket, sys
rules = seccomp.SyscallFilter(seccomp.ALLOW)
rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, int(socket.AF_INET6)))
rules.load()
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_machine_without_ipv6(tmp_path):
    settings = {"SIP_LISTEN": "udp:[::]:5999,tcp:0.0.0.0:0", "DATABASE_URL": "sqlite:///x.db", "PORT": "0"}
    said = {}
    for command in "doctor", "serve":
        done = subprocess.run(["/usr/bin/python3", "-c", WITHOUT_IPV6, program.PROGRAM, command], cwd=tmp_path,
                              env=program.environment({**SECRET, **settings}), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1, done
        said[command] = done.stdout + done.stderr
    assert "found: udp:[::]:5999 needs IPv6, which is off here\n" in said["doctor"]
    assert said["serve"].endswith("SIP_LISTEN: udp:[::]:5999 needs IPv6, which is off here: use 127.0.0.1 for this machine alone "
                                  "or 0.0.0.0 for all of its addresses\n")


def test_a_wrong_clock(tmp_path):
    """In the year 2020, and two months ahead: the certificate is not yet valid, and no longer."""
    make_certificate(tmp_path, "one")
    base = {"SIP_LISTEN": "tls:0.0.0.0:1", "TLS_CERT_FILE": "one.pem", "TLS_KEY_FILE": "one.key", "SIP_DOMAIN": "sip.example.com"}
    clock = Clock(1577836800 - time.time())
    outcome, wrong = examine(tmp_path, **base, **clock.settings)
    assert {"clock_year", "tls_time"} <= set(wrong)
    assert outcome["clock_year"][1][0].startswith("it says 2020-01-01T")
    assert outcome["tls_time"][1][0].startswith("it begins at ")
    clock = Clock(61 * 24 * 3600)
    outcome, wrong = examine(tmp_path, **base, **clock.settings)
    assert "tls_time" in wrong and "clock_year" not in wrong
    assert outcome["tls_time"][1][0].startswith("it ended at ")


def test_what_it_takes(tmp_path):
    assert program.run(["doctor", "--what"], tmp_path, SECRET).returncode == 2
    page = program.run(["doctor", "--markdown"], tmp_path, SECRET).stdout
    assert page == (program.ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
