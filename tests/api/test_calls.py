"""Calls between phones: they ring, are answered, refused, given up, asked for and ended over the API, and leave records."""

import re

import pytest

from support import sip
from support.caller import ANSWER, OFFER, Person
from support.people import fresh_number
from support.routes import World


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


def test_a_call(ann, bob):
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    assert came.body == OFFER
    assert ann.number in came.get("From") and ann.phone.username not in came.text
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)
    sip.wait_until(lambda: bob.statuses() == ["ringing"], "no record rings")
    called = bob.phone.take(came)
    reply = ann.phone.connected(leg)
    assert reply.body == ANSWER
    sip.wait_until(lambda: ann.statuses() == ["in-progress"], "no record is in progress")
    leg.bye()
    bye = bob.phone.request_heard("BYE")
    bob.phone.answer(bye, 200, "OK")
    mine, theirs = ann.call(), bob.call()
    assert mine["id"] == theirs["id"]
    assert (mine["from"], mine["to"]) == (ann.number, bob.number)
    assert (mine["direction"], theirs["direction"]) == ("outbound", "inbound")
    assert (mine["device_id"], theirs["device_id"]) == (ann.device["id"], bob.device["id"])
    assert (mine["phone_number_id"], theirs["phone_number_id"]) == (ann.number_id, bob.number_id)
    assert (mine["status"], mine["hangup_by"], mine["sip_code"], mine["trunk_id"]) == ("completed", "caller", 200, None)
    assert mine["started_at"] <= mine["ringing_at"] <= mine["answered_at"] <= mine["ended_at"]
    told = ["call.created", "call.ringing", "call.answered", "call.ended"]
    assert ann.events(mine["id"]) == bob.events(mine["id"]) == told
    assert len(ann.calls()) == len(bob.calls()) == 1
    assert called.ack.body == ""


def test_the_ladder(ann, bob):
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    bob.phone.take(came)
    ann.phone.connected(leg)
    leg.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    call = ann.call()["id"]

    def steps(person):
        return [(one["direction"], one["leg"], re.sub(r"^SIP/2.0 (\d+) .*|^(\w+) .*", r"\1\2", one["message"].split("\r\n")[0]))
                for one in person.client.get(f"/calls/{call}/ladder").json()]
    sip.wait_until(lambda: ("received", "callee", "200") in steps(bob)[-1:], "the ladder is not complete")
    assert steps(ann) == [("received", "caller", "INVITE"), ("sent", "caller", "180"), ("sent", "caller", "200"),
                          ("received", "caller", "ACK"), ("received", "caller", "BYE"), ("sent", "caller", "200")]
    assert steps(bob) == [("sent", "callee", "INVITE"), ("received", "callee", "180"), ("received", "callee", "200"),
                          ("sent", "callee", "ACK"), ("sent", "callee", "BYE"), ("received", "callee", "200")]
    first = ann.client.get(f"/calls/{call}/ladder").json()[0]
    assert 'response="***"' in first["message"] and first["transport"] == "udp" and first["peer"] == ann.phone.via


@pytest.mark.parametrize("status, reason, told, word", [(486, "Busy Here", 486, "busy"), (603, "Decline", 603, "busy"),
                                                        (480, "Away", 480, "no-answer"), (500, "Broken", 500, "failed")])
def test_refusals(ann, bob, status, reason, told, word):
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, status, reason)
    bob.phone.request_heard("ACK")
    assert ann.phone.refused(leg).status == told
    call = ann.call()
    assert (call["status"], call["hangup_by"], call["sip_code"], call["reason"], call["seconds"]) == (word, "callee", told, reason, 0)


def test_the_caller_gives_up(ann, bob):
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)
    leg.send("CANCEL", cseq=leg.cseq, branch=leg.branch)
    bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
    bob.phone.answer(came, 487, "Request Terminated")
    assert ann.phone.refused(leg).status == 487
    call = ann.call()
    assert (call["status"], call["hangup_by"], call["sip_code"]) == ("canceled", "caller", 487)


def test_nobody_answers(ann, bob):
    reply = bob.client.put(f"/phone_numbers/{bob.number_id}/voice",
                           json={"ring": [bob.device["id"]], "strategy": "all", "timeout_s": 5})
    assert reply.status_code == 200, reply.text
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    bob.phone.answer(bob.phone.request_heard("CANCEL"), 200, "OK")
    bob.phone.answer(came, 487, "Request Terminated")
    assert ann.phone.refused(leg).status in (408, 480)
    assert ann.call()["status"] == "no-answer"


@pytest.fixture
def pair(launch):
    """Two on a server of their own: no trunk leads to what nobody has."""
    server = launch()
    one, other = Person(server, fresh_number()), Person(server, fresh_number())
    yield one, other
    one.phone.close()
    other.phone.close()


def test_numbers_that_nobody_has(pair):
    ann, _ = pair
    for count, number in enumerate((fresh_number(), "+49301", "nonsense")):
        assert ann.phone.refused(ann.phone.invite(number)).status == 404
        sip.wait_until(lambda: len(ann.calls()) == count + 1, "there is no record")
        call = ann.call()
        assert (call["status"], call["sip_code"], call["to"], call["hangup_by"]) == ("failed", 404, number, "system")


def test_whose_devices_are_away(server, ann):
    bob = Person(server, fresh_number(), registers=False)
    with bob.phone:
        assert ann.phone.refused(ann.phone.invite(bob.number)).status == 480
        call = bob.call()
        assert (call["status"], call["sip_code"]) == ("no-answer", 480)


def test_only_own_numbers_are_presented(ann, bob, server):
    other = Person(server, fresh_number())
    with other.phone:
        for user, shown in ((other.number, ann.number), ("+1", ann.number), (ann.number, ann.number)):
            leg = ann.phone.invite(bob.number, user=user)
            came = bob.phone.request_heard("INVITE")
            assert shown in came.get("From"), came.get("From")
            bob.phone.answer(came, 486, "Busy Here")
            ann.phone.refused(leg)


def test_an_anonymous_call(ann, bob):
    leg = ann.phone.invite(bob.number, headers="Privacy: id\r\n")
    came = bob.phone.request_heard("INVITE")
    assert "anonymous@anonymous.invalid" in came.get("From") and ann.number not in came.text
    bob.phone.answer(came, 486, "Busy Here")
    ann.phone.refused(leg)
    assert bob.call()["from"] == "anonymous" and ann.call()["from"] == ann.number


def test_without_the_password_nobody_calls(ann, bob):
    ann.phone.password = "wrong"
    leg = ann.phone.invite(bob.number)
    assert ann.phone.refused(leg).status == 401
    assert ann.calls() == [] and bob.calls() == []


def test_what_belongs_into_a_dialog(ann):
    for method, status in (("BYE", 481), ("UPDATE", 481), ("REFER", 405), ("OPTIONS", 200)):
        reply = ann.phone.ask(ann.phone.request(method, call_id=f"{method}-alone"))
        assert reply.status == status, method
        assert "INVITE" in reply.get("Allow") or status == 481


def dial(person, to, **more):
    return person.client.post("/calls", json={"from": person.number, "to": to, **more})


def test_a_call_that_is_asked_for_twice_with_one_key(ann, bob):
    body, headers = {"from": ann.number, "to": bob.number}, {"Idempotency-Key": "one-call-whatever-happens"}
    first = ann.client.post("/calls", json=body, headers=headers)
    assert first.status_code == 202, first.text
    second = ann.client.post("/calls", json=body, headers=headers)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    other = ann.client.post("/calls", json={**body, "to": ann.number}, headers=headers)
    assert other.status_code == 422
    ann.phone.answer(ann.phone.request_heard("INVITE"), 486, "Busy Here")
    sip.wait_until(lambda: ann.statuses() == ["busy"], "not one call is busy")


def test_a_call_that_is_asked_for(ann, bob):
    reply = dial(ann, bob.number)
    assert reply.status_code == 202, reply.text
    call = reply.json()
    assert (call["status"], call["from"], call["to"]) == ("queued", ann.number, bob.number)
    assert (call["direction"], call["device_id"]) == ("outbound", ann.device["id"])
    first = ann.phone.request_heard("INVITE")
    assert bob.number in first.get("From")
    ann.phone.answer(first, 180, "Ringing")
    mine = ann.phone.take(first)
    second = bob.phone.request_heard("INVITE")
    assert ann.number in second.get("From")
    bob.phone.answer(second, 180, "Ringing")
    sip.wait_until(lambda: ann.statuses() == ["ringing"], "no record rings")
    bob.phone.answer(second, 200, "OK", OFFER)
    again = ann.phone.request_heard("INVITE")
    assert again.body == OFFER
    ann.phone.answer(again, 200, "OK", ANSWER)
    ann.phone.request_heard("ACK")
    assert bob.phone.request_heard("ACK").body == ANSWER
    sip.wait_until(lambda: ann.statuses() == ["in-progress"], "no record is in progress")
    mine.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    ended = ann.call()
    assert (ended["id"], ended["status"], ended["hangup_by"]) == (call["id"], "completed", "caller")
    assert ann.events(call["id"]) == ["call.created", "call.ringing", "call.answered", "call.ended"]
    assert bob.call()["id"] == call["id"] and len(bob.calls()) == 1


def test_the_own_phone_is_hung_up_on_whatever_the_other_side_says(ann, bob):
    """A phrase may have what no header may (RFC 3261 section 25.1, quoted-pair)."""
    assert dial(ann, bob.number).status_code == 202
    ann.phone.take(ann.phone.request_heard("INVITE"))
    second = bob.phone.request_heard("INVITE")
    bob.phone.answer(second, 486, '"Not \\\x01 now"')
    bye = ann.phone.request_heard("BYE")
    ann.phone.answer(bye, 200, "OK")
    assert bye.get("Reason") == 'SIP;cause=486;text="\\"Not \\\\  now\\""'
    assert ann.call()["status"] == "busy"


def test_a_call_is_ended_over_the_api(ann, bob):
    leg = ann.phone.invite(bob.number)
    bob.phone.take(bob.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    sip.wait_until(lambda: bob.statuses() == ["in-progress"], "no record is in progress")
    call = bob.calls()[0]["id"]
    reply = bob.client.delete(f"/calls/{call}")
    assert (reply.status_code, reply.json()["status"]) == (202, "in-progress"), reply.text
    for person in (ann, bob):
        person.phone.answer(person.phone.request_heard("BYE"), 200, "OK")
    ended = ann.call()
    assert (ended["status"], ended["hangup_by"], ended["reason"]) == ("completed", "system", "Hung up over the API")
    assert bob.client.delete(f"/calls/{call}").json()["status"] == "completed"


def test_a_call_is_given_up_over_the_api(ann, bob):
    call = dial(ann, bob.number).json()["id"]
    first = ann.phone.request_heard("INVITE")
    ann.phone.answer(first, 180, "Ringing")
    assert ann.client.delete(f"/calls/{call}").status_code == 202
    ann.phone.answer(ann.phone.request_heard("CANCEL"), 200, "OK")
    ann.phone.answer(first, 487, "Request Terminated")
    ended = ann.call()
    assert (ended["status"], ended["hangup_by"]) == ("canceled", "system")


def test_a_call_is_given_up_before_it_has_begun(ann, bob):
    for _ in range(5):
        call = dial(ann, bob.number).json()["id"]
        assert ann.client.delete(f"/calls/{call}").status_code == 202
        sip.wait_until(lambda: ann.calls()[0]["ended_at"], "the call goes on")
        assert ann.calls()[0]["status"] == "canceled"


def test_calls_that_cannot_be_asked_for(pair):
    ann, bob = pair
    away = Person(ann.account.server, fresh_number(), registers=False)
    with away.phone:
        assert dial(away, bob.number).status_code == 409
        assert dial(away, bob.number, device_id=away.device["id"]).status_code == 409
        assert away.calls() == []
        for more, field in (({"device_id": bob.device["id"]}, "device_id"), ({"from": bob.number}, "from")):
            reply = dial(ann, bob.number, **more)
            assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["body", field])
        refused = dial(ann, fresh_number()).json()
        assert (refused["status"], refused["sip_code"]) == ("failed", 404)
        assert ann.events(refused["id"]) == ["call.refused"]


def test_a_call_of_another_server(server, ann):
    call = World(server).call(ann.account, status="in-progress", ended_at=None, hangup_by=None, sip_code=None, reason=None)
    assert ann.client.delete(f"/calls/{call}").status_code == 202
    with server.opened() as database:
        asked, = database.execute("SELECT end_asked_at FROM calls WHERE id = ?", (call,)).fetchone()
    assert asked is not None


def test_metrics(launch, tmp_path):
    server = launch(folder=tmp_path)
    ann, bob = Person(server, fresh_number()), Person(server, fresh_number())
    leg = ann.phone.invite(bob.number)
    came = bob.phone.request_heard("INVITE")
    bob.phone.answer(came, 180, "Ringing")
    ann.phone.ringing(leg)

    def shown():
        text = server.client().get("/metrics").text
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}
    first = shown()
    assert (first["cloud_telephony_calls"], first["cloud_telephony_sip_registrations"]) == (1, 2)
    assert first['cloud_telephony_sip_requests_total{method="INVITE"}'] == 2
    assert first['cloud_telephony_sip_requests_total{method="REGISTER"}'] == 4
    assert first["cloud_telephony_call_setup_seconds_count"] == 1
    bob.phone.answer(came, 486, "Busy Here")
    ann.phone.refused(leg)
    assert ann.phone.transport.receive(0.05) is None
    last = shown()
    assert last["cloud_telephony_calls"] == 0
    assert last['cloud_telephony_calls_ended_total{status="busy"}'] == 1
    assert last['cloud_telephony_sip_responses_total{class="4xx"}'] >= first['cloud_telephony_sip_responses_total{class="4xx"}'] + 1
    for person in (ann, bob):
        person.phone.close()
