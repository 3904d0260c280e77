"""Messages (RFC 3428): from device to device, under numbers that are the sender's, of a size and a rate that do no harm."""

import os

import pytest

from support import sip
from support.caller import Caller, Person, make_device
from support.people import fresh_number

TEXT = "Hello, Bob. Ärger?"


@pytest.fixture
def ann(server):
    person = Person(server, fresh_number())
    yield person
    person.phone.close()


@pytest.fixture
def bob(server):
    person = Person(server, fresh_number())
    yield person
    person.phone.close()


def write(phone, number, text=TEXT, credentials="", user=None, headers="", kind="text/plain"):
    phone.cseq += 1
    length = len(text.encode())
    return (f"MESSAGE sip:{number}@{phone.domain} SIP/2.0\r\n"
            f"Via: SIP/2.0/{phone.transport.name} {phone.via};branch=z9hG4bK{os.urandom(6).hex()};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: \"Eve of old\" <sip:{user or phone.username}@{phone.domain}>;tag={os.urandom(4).hex()}\r\n"
            f"To: <sip:{number}@{phone.domain}>\r\nCall-ID: {os.urandom(8).hex()}\r\nCSeq: {phone.cseq} MESSAGE\r\n"
            f"{headers}{credentials}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{text}")


def send(phone, number, **options):
    """Sends a message; its final response, or what comes in its place, is still to come."""
    if phone.challenge is None:
        phone.learn(phone.ask(write(phone, number, **options)))
    credentials = phone.authorization("MESSAGE", f"sip:{number}@{phone.domain}")
    phone.transport.send(write(phone, number, credentials=credentials, **options))


def refused(phone, number, **options):
    send(phone, number, **options)
    return phone.response("MESSAGE")


def events(person, kind):
    reply = person.client.get("/events", params={"limit": 100, "types": "message.*"})
    assert reply.status_code == 200, reply.text
    return [one for one in reply.json()["items"] if one["type"] == kind]


def test_a_message(server, ann, bob):
    send(ann.phone, bob.number, headers="Subject: secret\r\n")
    came = bob.phone.request_heard("MESSAGE")
    assert came.body == TEXT and came.get("Content-Type") == "text/plain"
    assert came.get("From").startswith(f"<sip:{ann.number}@localhost>;tag=")
    assert came.get("To") == f"<sip:{bob.number}@localhost>" and came.get("Max-Forwards") == "69"
    for word in (ann.phone.username, "Eve of old", "Authorization", "secret"):
        assert word not in came.text
    bob.phone.answer(came, 200, "OK")
    assert ann.phone.response("MESSAGE").status == 200
    sip.wait_until(lambda: events(ann, "message.sent") and events(bob, "message.received"), "there are no events")
    sent, = events(ann, "message.sent")
    received, = events(bob, "message.received")
    data = {"from": ann.number, "to": bob.number, "sip_code": 200}
    assert sent["data"] == received["data"] == data
    assert (sent["subject"], sent["subject_id"]) == ("device", ann.device["id"])
    assert (received["subject"], received["subject_id"]) == ("phone_number", bob.number_id)
    assert not events(ann, "message.received") and not events(bob, "message.sent")
    assert not any("Hello" in str(line) for line in server.log())


def test_it_goes_to_all_phones_of_the_number(server, ann, bob):
    second = Caller(server, make_device(bob.account, "Laptop"))
    with second:
        assert second.register(expires=600).status == 200
        send(ann.phone, bob.number)
        came = [phone.request_heard("MESSAGE") for phone in (bob.phone, second)]
        # one says no, which is not the answer as long as the other may say yes
        bob.phone.answer(came[0], 415, "Unsupported Media Type")
        second.answer(came[1], 202, "Accepted")
        assert ann.phone.response("MESSAGE").status == 200
        send(ann.phone, bob.number)
        for phone in (bob.phone, second):
            phone.answer(phone.request_heard("MESSAGE"), 415, "Unsupported Media Type")
        assert ann.phone.response("MESSAGE").status == 415


@pytest.mark.parametrize("status, told", [(486, 486), (401, 403), (503, 500), (302, 480), (408, 480), (603, 603)])
def test_what_the_phone_says(ann, bob, status, told):
    send(ann.phone, bob.number)
    bob.phone.answer(bob.phone.request_heard("MESSAGE"), status, "No", headers="WWW-Authenticate: Digest realm=\"x\"\r\n")
    assert ann.phone.response("MESSAGE").status == told
    sip.wait_until(lambda: events(ann, "message.sent"), "there is no event")
    assert events(ann, "message.sent")[0]["data"]["sip_code"] == told and not events(bob, "message.received")


def test_whom_it_does_not_reach(server, ann, bob):
    for number in (fresh_number(), "nonsense", "+49301"):
        assert refused(ann.phone, number).status == 404
    away = Person(server, fresh_number(), registers=False)
    with away.phone:
        assert refused(ann.phone, away.number).status == 480
    # a text is no call: it is not forwarded
    reply = bob.client.put(f"/phone_numbers/{bob.number_id}/voice", json={"ring": [], "forward_to": ann.number})
    assert reply.status_code == 200
    assert refused(ann.phone, bob.number).status == 480


def test_under_whose_name(server, ann, bob):
    other = Person(server, fresh_number())
    with other.phone:
        for user in (other.number, bob.number, "+1", ann.number):
            send(ann.phone, bob.number, user=user)
            came = bob.phone.request_heard("MESSAGE")
            assert came.get("From").startswith(f"<sip:{ann.number}@localhost>"), came.get("From")
            bob.phone.answer(came, 200, "OK")
            assert ann.phone.response("MESSAGE").status == 200
    assert refused(ann.phone, bob.number, headers="Privacy: id\r\n").status == 433
    assert ann.client.delete(f"/phone_numbers/{ann.number_id}").status_code == 200
    assert refused(ann.phone, bob.number).status == 403


def test_who_sends_it_proves_it(ann, bob):
    stranger = bob.phone
    reply = ann.phone.ask(write(ann.phone, bob.number))
    assert reply.status == 401
    ann.phone.learn(reply)
    wrong = ann.phone.authorization("MESSAGE", f"sip:{bob.number}@localhost").replace('response="', 'response="0')
    assert ann.phone.ask(write(ann.phone, bob.number, credentials=wrong)).status == 401
    # what was made for one number sends nothing to another one
    credentials = ann.phone.authorization("MESSAGE", "sip:+4930@localhost")
    assert ann.phone.ask(write(ann.phone, bob.number, credentials=credentials)).status == 400
    assert stranger.hear(sip.SILENCE) is None


def test_sizes(server, ann, bob):
    # a request over UDP has room for 1300 bytes (RFC 3428 section 8)
    send(ann.phone, bob.number, text="x" * 500)
    bob.phone.answer(bob.phone.request_heard("MESSAGE"), 200, "OK")
    assert ann.phone.response("MESSAGE").status == 200
    assert refused(ann.phone, bob.number, text="x" * 1000).status == 413
    with Caller(server, ann.device) as phone:
        phone.transport.close()
        phone.transport = sip.Tcp(sip.ports(server)["tcp"])
        phone.via = "127.0.0.1:{}".format(phone.transport.socket.getsockname()[1])
        phone.challenge = None
        # there is room on a stream, but not on the way to Bob
        assert refused(phone, bob.number, text="x" * 1200).status == 413
        assert refused(phone, bob.number, text="x" * 8193).status == 413
        bob.phone.transport.close()
        bob.phone.transport = sip.Tcp(sip.ports(server)["tcp"])
        bob.phone.via = "127.0.0.1:{}".format(bob.phone.transport.socket.getsockname()[1])
        bob.phone.contact = f"<sip:bob@{bob.phone.via};transport=tcp>"
        bob.phone.challenge = None
        assert bob.phone.register(expires=600).status == 200
        send(phone, bob.number, text="x" * 8192)
        came = bob.phone.request_heard("MESSAGE")
        assert came.body == "x" * 8192
        bob.phone.answer(came, 200, "OK")
        assert phone.response("MESSAGE").status == 200


def test_a_line_end_adds_no_header(ann, bob):
    send(ann.phone, bob.number, kind="text/plain\r\n charset=utf-8", text="a\r\nFrom: b\r\n\r\nc")
    came = bob.phone.request_heard("MESSAGE")
    assert came.get("Content-Type") == "text/plain charset=utf-8"
    assert len(came.all("From")) == 1 and came.body == "a\r\nFrom: b\r\n\r\nc"
    bob.phone.answer(came, 200, "OK")
    assert ann.phone.response("MESSAGE").status == 200


def test_rates(launch):
    server = launch(SIP_MESSAGES_PER_MINUTE="2")
    ann, bob, carl = (Person(server, fresh_number()) for _ in range(3))
    with ann.phone, bob.phone, carl.phone:
        for _ in range(2):
            send(ann.phone, bob.number)
            bob.phone.answer(bob.phone.request_heard("MESSAGE"), 200, "OK")
            assert ann.phone.response("MESSAGE").status == 200
        assert refused(ann.phone, carl.number).status == 403
        # nor does a number get more than that from all together
        assert refused(carl.phone, bob.number).status == 403
        assert bob.phone.hear(sip.SILENCE) is None


def test_none_at_all(launch):
    server = launch(SIP_MESSAGES_PER_MINUTE="0")
    ann, bob = (Person(server, fresh_number()) for _ in range(2))
    with ann.phone, bob.phone:
        assert refused(ann.phone, bob.number).status == 403
        assert bob.phone.hear(sip.SILENCE) is None
