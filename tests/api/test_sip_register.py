"""REGISTER: phones that register, come back, are asked for their password, replay it, guess it, and are banned."""

import os
import re
import ssl
import subprocess
import time
import warnings

import pytest

from support import program, sip
from support.people import Account

TRANSPORTS = {"udp": sip.Udp, "tcp": sip.Tcp, "ws": sip.WebSocket}


def make_device(account, name="Desk"):
    reply = account.client.post("/devices", json={"name": name})
    assert reply.status_code == 200, reply.text
    return reply.json()


def open_phone(server, device, kind="udp", **options):
    transport = TRANSPORTS[kind](sip.ports(server)[kind])
    return sip.Phone(transport, device["sip"]["username"], device["sip"]["password"], **options)


def registrations(account, device):
    reply = account.client.get(f"/devices/{device['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()["registrations"]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("kind", TRANSPORTS)
def test_a_phone_registers(server, owner, kind, algorithm):
    device = make_device(owner)
    with open_phone(server, device, kind, algorithm=algorithm) as phone:
        first = phone.ask(phone.request("REGISTER", f"Contact: {phone.contact}\r\n"))
        assert first.status == 401
        assert [sip.parameters(value)["algorithm"] for value in first.all("WWW-Authenticate")] == ["SHA-256", "MD5"]
        assert {sip.parameters(value)["realm"] for value in first.all("WWW-Authenticate")} == {"localhost"}
        assert all('qop="auth"' in value for value in first.all("WWW-Authenticate"))
        assert registrations(owner, device) == []
        reply = phone.register(expires=600)
        assert reply.status == 200, reply.headers
        assert re.fullmatch(rf"{re.escape(phone.contact)};expires=600", reply.get("Contact")), reply.headers
        assert reply.get("Date").endswith(" GMT")
        [shown] = registrations(owner, device)
        assert shown["contact"] == phone.contact.strip("<>")
        assert (shown["transport"], shown["user_agent"]) == (kind, "small phone/1")
        assert shown["source"] == phone.via
        # Asked, it says the same; told to go, it is gone.
        assert phone.register(contact="").get("Contact").startswith(phone.contact)
        assert phone.register(expires=0).all("Contact") == []
        assert registrations(owner, device) == []


@pytest.mark.parametrize("setting, offered", [(None, "MD5"), ("md5", "MD5"), ("sha-256", "SHA-256")])
def test_one_algorithm(launch, setting, offered):
    server = launch(SIP_DIGEST=setting)
    device = make_device(Account(server))
    other = "SHA-256" if offered == "MD5" else "MD5"
    with open_phone(server, device, algorithm=offered) as phone, open_phone(server, device, algorithm=other) as wrong:
        first = phone.ask(phone.request("REGISTER"))
        assert [sip.parameters(value)["algorithm"] for value in first.all("WWW-Authenticate")] == [offered]
        assert phone.register(expires=600).status == 200
        # What was not offered is not taken either, though it would be right.
        wrong.challenge = sip.parameters(wrong.ask(wrong.request("REGISTER")).get("WWW-Authenticate"))
        assert wrong.ask(wrong.request("REGISTER", wrong.authorization("REGISTER", "sip:localhost"))).status == 401


def test_expiry_is_kept_within_bounds(server, owner):
    device = make_device(owner)
    with open_phone(server, device) as phone:
        refused = phone.register(expires=59)
        assert (refused.status, refused.get("Min-Expires")) == (423, "60")
        assert registrations(owner, device) == []
        assert phone.register(expires=60).get("Contact").endswith(";expires=60")
        assert phone.register(expires=100000).get("Contact").endswith(";expires=3600")
        assert phone.register().get("Contact").endswith(";expires=3600")
        assert phone.register(expires="soon").get("Contact").endswith(";expires=3600")
        assert phone.register(contact=phone.contact + ";expires=120", expires=600).get("Contact").endswith(";expires=120")


def test_contacts_in_their_order(server, owner):
    device = make_device(owner)
    user = device["sip"]["username"]
    with open_phone(server, device) as phone:
        reply = phone.register(contact=f"<sip:{user}@192.0.2.1>;q=0.5, <sip:{user}@192.0.2.2>", expires=600)
        assert [value.split(">")[0] for value in reply.all("Contact")] == [f"<sip:{user}@192.0.2.2", f"<sip:{user}@192.0.2.1"]
        assert ";q=0.500" in reply.all("Contact")[1]
        # The same contact in another way of writing is the same (RFC 3261 section 19.1.4).
        reply = phone.register(contact=f"<sip:{user}@192.0.2.1:5060;transport=udp>", expires=600)
        assert len(reply.all("Contact")) == 3
        reply = phone.register(contact=f"<SIP:{user}@192.0.2.1>;expires=0")
        assert len(reply.all("Contact")) == 2
        # All of them, and only so.
        assert phone.register(contact="*", expires=1).status == 400
        assert phone.register(contact="*").status == 400
        assert phone.register(contact=f"*, <sip:{user}@192.0.2.3>", expires=0).status == 400
        assert len(registrations(owner, device)) == 2
        assert phone.register(contact="*", expires=0).all("Contact") == []
        assert phone.register(contact="<tel:+4930123>").status == 400


def test_what_is_overtaken_fails(server, owner):
    device = make_device(owner)
    with open_phone(server, device) as phone:
        assert phone.register(expires=600).status == 200
        now = phone.cseq
        assert phone.register(expires=0, cseq=now - 1).status == 500
        assert phone.register(contact="*", expires=0, cseq=now).status == 500
        assert len(registrations(owner, device)) == 1
        # Another Call-ID is another phone, or the same after a restart.
        assert phone.register(expires=600, cseq=1, call_id="another").status == 200
        assert phone.register(expires=0, cseq=2, call_id="another").all("Contact") == []


def test_instances_and_paths(server, owner):
    device = make_device(owner)
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1'
    with open_phone(server, device) as phone:
        path = "Path: <sip:proxy.example.com;lr>\r\nSupported: path\r\n"
        reply = phone.register(contact=f"{phone.contact};{instance}", headers=path)
        assert (reply.status, reply.get("Path")) == (200, "<sip:proxy.example.com;lr>")
        reply = phone.register(contact=f"<sip:elsewhere@192.0.2.9>;{instance}")
        [contact] = reply.all("Contact")
        assert contact.startswith("<sip:elsewhere@192.0.2.9>") and instance in contact


def test_the_oldest_makes_room(launch):
    server = launch(SIP_CONTACTS_MAX="2")
    owner = Account(server)
    device = make_device(owner)
    with open_phone(server, device) as phone:
        for host in (1, 2, 3):
            reply = phone.register(contact=f"<sip:a@192.0.2.{host}>")
            time.sleep(0.005)
        assert sorted(value.split(">")[0] for value in reply.all("Contact")) == ["<sip:a@192.0.2.2", "<sip:a@192.0.2.3"]
        assert len(registrations(owner, device)) == 2
        assert phone.register(contact="<sip:a@192.0.2.4>, <sip:a@192.0.2.5>, <sip:a@192.0.2.6>").status == 403


def test_a_replay_is_no_way_in(server, owner):
    device = make_device(owner)
    with open_phone(server, device) as phone:
        assert phone.register(expires=600).status == 200
        credentials = phone.authorization("REGISTER", "sip:localhost", count=1)
        reply = phone.ask(phone.request("REGISTER", credentials + "Contact: *\r\nExpires: 0\r\n"))
        assert reply.status == 401
        assert {sip.parameters(value)["stale"] for value in reply.all("WWW-Authenticate")} == {"true"}
        assert len(registrations(owner, device)) == 1
        # The next count is good, the one after the next too, and then the one between once.
        for count, status in ((3, 200), (2, 200), (2, 401)):
            credentials = phone.authorization("REGISTER", "sip:localhost", count=count)
            assert phone.ask(phone.request("REGISTER", credentials)).status == status


def test_credentials_are_those_of_the_device(server, owner):
    device, other = make_device(owner), make_device(owner)
    with open_phone(server, device) as phone:
        assert phone.register(expires=600).status == 200
        credentials = phone.authorization("REGISTER", "sip:localhost")
        wrong = phone.request("REGISTER", credentials, user=other["sip"]["username"])
        assert phone.ask(wrong).status == 403


def test_who_is_unknown_hears_nothing(server, owner):
    device = make_device(owner)
    known = device["sip"]["username"]
    with open_phone(server, device) as phone:
        for user in ("100", "admin", "", known[:-1] + ("a" if known[-1] != "a" else "b"), known.upper()):
            assert phone.hears_nothing(phone.request("REGISTER", user=user)), user
        for method in ("OPTIONS", "INVITE", "BYE", "CANCEL", "SUBSCRIBE"):
            assert phone.hears_nothing(phone.request(method, user="100")), method
        assert phone.hears_nothing("nonsense")
        scanner = phone.request("REGISTER").replace("small phone/1", "friendly-scanner")
        assert phone.hears_nothing(scanner)
        # Who is registered from here is known, whatever he calls himself.
        assert phone.register(expires=600).status == 200
        options = phone.ask(phone.request("OPTIONS", user="100"))
        assert options.status == 200 and "REGISTER" in options.get("Allow")


def test_unknown_may_be_rejected(launch):
    server = launch(SIP_UNKNOWN="reject")
    phone = sip.Phone(sip.Udp(sip.ports(server)["udp"]), "100", "password")
    with phone:
        assert phone.ask(phone.request("REGISTER")).status == 401
        assert phone.register().status == 401
        assert phone.ask(phone.request("OPTIONS")).status == 200


def test_guessing_is_banned(launch):
    server = launch(SIP_FAILURES_MAX="3", SIP_BAN_MINUTES="60", SIP_RATE_PER_ADDRESS="0")
    owner = Account(server)
    admin = Account(server).promote()
    device = make_device(owner)
    with open_phone(server, device) as phone, open_phone(server, device) as guesser:
        # Any number of ordinary first requests is no failure.
        for _ in range(10):
            assert phone.ask(phone.request("REGISTER")).status == 401
        assert phone.register(expires=600).status == 200
        guesser.password = "wrong"
        # A nonce that was never given out proves nothing, not even who asks.
        guesser.challenge = {"realm": "localhost", "nonce": "0" * 64}
        for _ in range(10):
            forged = guesser.request("REGISTER", guesser.authorization("REGISTER", "sip:localhost"))
            assert guesser.ask(forged).status == 401
        assert admin.client.get("/sip_bans").json() == []
        guesser.challenge = None
        for _ in range(3):
            assert guesser.register().status == 401
        assert guesser.hears_nothing(guesser.request("REGISTER"))
        assert phone.hears_nothing(phone.request("OPTIONS"))
        with pytest.raises((EOFError, ConnectionError)):
            sip.WebSocket(sip.ports(server)["ws"])
        [ban] = admin.client.get("/sip_bans").json()
        assert ban["address"] == "127.0.0.1" and ban["dropped"] >= 3
        assert ban["banned_at"] < ban["until"]
        assert owner.client.get("/sip_bans").status_code == 403
        assert owner.client.delete("/sip_bans/127.0.0.1").status_code == 403
        assert admin.client.delete("/sip_bans/192.0.2.1").status_code == 404
        assert admin.client.delete("/sip_bans/nobody").status_code == 422
        assert admin.client.delete("/sip_bans/127.0.0.1").status_code == 204
        assert admin.client.get("/sip_bans").json() == []
        assert admin.client.delete("/sip_bans/127.0.0.1").status_code == 404
        assert phone.register(expires=600).status == 200
    actions = [line["action"] for line in admin.client.get("/audit").json()["items"]]
    assert actions.count("sip_ban.lifted") == 1
    events = [line["event"] for line in server.log()]
    assert events.count("sip_wrong_password") == 2 and events.count("sip_banned") == 1


def test_a_flood_of_one_address(launch):
    server = launch(SIP_RATE_PER_ADDRESS="5")
    owner = Account(server)
    device = make_device(owner)
    with open_phone(server, device) as phone:
        answers = 0
        for _ in range(30):
            phone.transport.send(phone.request("REGISTER"))
        while phone.transport.receive(sip.SILENCE) is not None:
            answers += 1
        assert 5 <= answers < 30


def test_alive_again_after_a_restart(launch):
    server = launch()
    owner = Account(server)
    device = make_device(owner)
    with open_phone(server, device) as phone:
        assert phone.register(expires=600).status == 200
        before = registrations(owner, device)
        port = sip.ports(server)["udp"]
        server.kill()
        server.settings["SIP_LISTEN"] = f"udp:127.0.0.1:{port}"
        server.start()
        assert registrations(owner, device) == before
        # The nonce of before still counts, and what was said before is still known: the order of requests too.
        reply = phone.register(contact="")
        assert reply.status == 200 and len(reply.all("Contact")) == 1
        assert phone.register(expires=600, cseq=1).status == 500
        assert phone.register(expires=600, cseq=phone.cseq + 10).status == 200


def test_what_a_change_of_the_device_does(server, owner):
    device = make_device(owner)
    with open_phone(server, device) as phone:
        assert phone.register(expires=600).status == 200
        changed = owner.client.patch(f"/devices/{device['id']}", json={"new_password": True}).json()

        def is_refused():
            reply = phone.register(expires=600)
            return reply.status == 401 and all("stale" not in value for value in reply.all("WWW-Authenticate"))

        sip.wait_until(is_refused, "the old password still counts")
        phone.password, phone.challenge = changed["sip"]["password"], None
        assert phone.register(expires=600).status == 200
        assert owner.client.delete(f"/devices/{device['id']}").status_code == 204
        sip.wait_until(lambda: phone.hears_nothing(phone.request("REGISTER", user=phone.username)), "it is still known")


def test_events_of_a_device(server, owner):
    device = make_device(owner)
    with open_phone(server, device, "ws") as phone:
        assert phone.register(expires=600).status == 200
        assert phone.register(expires=600).status == 200
        assert phone.register(expires=0).status == 200
    events = [event for event in owner.client.get("/events", params={"limit": 100}).json()["items"]
              if event["type"].endswith("registered")]
    assert [event["type"] for event in events] == ["device.registered", "device.unregistered"]
    assert events[0]["data"]["transport"] == "ws" and events[1]["data"]["reason"] == "removed"


def test_keep_alives(server, owner):
    device = make_device(owner)
    with open_phone(server, device, "tcp") as phone:
        phone.transport.send("\r\n\r\n")
        assert phone.transport.receive_bytes(2) == b"\r\n"
        assert phone.register(expires=600).status == 200
    with open_phone(server, device, "ws") as phone:
        phone.transport.send("\r\n\r\n")
        assert phone.transport.receive(sip.SECONDS) == "\r\n"
        assert phone.register(expires=600).status == 200
    with open_phone(server, device) as phone:
        assert phone.hears_nothing("\r\n\r\n")
        assert phone.hears_nothing("\0")


def test_a_browser_that_is_closed_is_gone(launch):
    server = launch()
    owner = Account(server)
    device = make_device(owner)
    with open_phone(server, device, "ws") as browser, open_phone(server, device) as phone:
        assert browser.register(expires=600).status == 200
        assert len(phone.register(expires=600).all("Contact")) == 2
        browser.close()
        sip.wait_until(lambda: len(phone.register(contact="").all("Contact")) == 1, "it is still registered")


def test_connections_of_one_address(launch):
    server = launch(SIP_CONNECTIONS_PER_ADDRESS="2")
    port = sip.ports(server)["tcp"]
    first, second = sip.Tcp(port), sip.Tcp(port)
    first.send("\r\n\r\n")
    second.send("\r\n\r\n")
    assert first.receive_bytes(2) == second.receive_bytes(2) == b"\r\n"
    third = sip.Tcp(port)
    with pytest.raises((EOFError, ConnectionError)):
        third.send("\r\n\r\n")
        third.receive_bytes(2)
    for connection in (first, second, third):
        connection.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


def test_encrypted(launch, certificate):
    server = launch(TLS_CERT_FILE=certificate / "cert.pem", TLS_KEY_FILE=certificate / "key.pem",
                    SIP_LISTEN="tls:127.0.0.1:0,wss:127.0.0.1:0")
    owner = Account(server)
    device = make_device(owner)
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    for kind, transport in (("tls", sip.Tcp), ("wss", sip.WebSocket)):
        connection = transport(sip.ports(server)[kind], context=context)
        with sip.Phone(connection, device["sip"]["username"], device["sip"]["password"]) as phone:
            assert phone.register(expires=600).status == 200
            assert registrations(owner, device)[0]["transport"] == kind
    # What is no TLS ends the connection, and old versions are refused.
    plain = sip.Tcp(sip.ports(server)["tls"])
    plain.send("OPTIONS sip:a SIP/2.0\r\n\r\n")
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            plain.receive_bytes(1)
    plain.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        sip.Tcp(sip.ports(server)["tls"], context=old)


def test_a_second_server_says_what_to_do(server, tmp_path):
    port = sip.ports(server)["udp"]
    done = program.run(["serve"], tmp_path, {"SECRET_KEY": program.SECRET_KEY, "PORT": "0",
                                             "SIP_LISTEN": f"udp:127.0.0.1:{port}"})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"cloud-telephony: SIP_LISTEN: udp:127.0.0.1:{port} is in use: stop the program that has it")
    assert os.listdir(tmp_path) == []
    for listen, why in (("tls:127.0.0.1:0", "need TLS_CERT_FILE"), ("udp:192.0.2.1:0", "is not an address of this machine")):
        done = program.run(["serve"], tmp_path, {"SECRET_KEY": program.SECRET_KEY, "PORT": "0", "SIP_LISTEN": listen})
        assert done.returncode == 1 and why in done.stderr and len(done.stderr.splitlines()) == 1


def test_off(launch):
    server = launch(SIP_LISTEN="off")
    admin = Account(server).promote()
    assert sip.ports(server) == {}
    assert admin.client.get("/sip_bans").json() == []
    assert admin.client.delete("/sip_bans/127.0.0.1").status_code == 404
