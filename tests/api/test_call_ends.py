"""What becomes of calls when the server ends: told to, or killed."""

from support import sip
from support.caller import Person
from support.people import fresh_number


def talk(server):
    """Two who talk to each other, and two of whom one rings."""
    people = [Person(server, fresh_number()) for _ in range(4)]
    ann, bob, carl, dora = people
    leg = ann.phone.invite(bob.number)
    bob.phone.take(bob.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    ringing = carl.phone.invite(dora.number)
    came = dora.phone.request_heard("INVITE")
    dora.phone.answer(came, 180, "Ringing")
    carl.phone.ringing(ringing)
    sip.wait_until(lambda: ann.statuses() == ["in-progress"] and dora.statuses() == ["ringing"], "there are no records")
    return people, ringing, came


def close(people):
    for person in people:
        person.phone.close()


def test_a_stop_hangs_up(launch, tmp_path):
    server = launch(folder=tmp_path)
    people, ringing, came = talk(server)
    ann, bob, carl, dora = people
    server.send_signal(15)
    for person in (ann, bob):
        person.phone.answer(person.phone.request_heard("BYE"), 200, "OK")
    dora.phone.answer(dora.phone.request_heard("CANCEL"), 200, "OK")
    dora.phone.answer(came, 487, "Request Terminated")
    assert carl.phone.refused(ringing).status >= 480
    assert server.wait() == 0
    close(people)
    server.start()
    for person, status in ((ann, "completed"), (carl, "canceled")):
        [call] = server.client(person.account.token).get("/calls").json()["items"]
        assert (call["status"], call["hangup_by"], call["reason"]) == (status, "system", "The server stops")
        assert call["ended_at"] >= call["started_at"]


def test_a_crash_leaves_one_record_of_each_call(launch, tmp_path):
    server = launch(folder=tmp_path)
    people, _, _ = talk(server)
    before = {person: person.calls()[0] for person in people}
    server.kill()
    close(people)
    server.start()
    for person in people:
        def calls(client=server.client(person.account.token)):
            return client.get("/calls").json()["items"]
        # at once when the database is one server's; another one may have gone on, and is waited for
        sip.wait_until(lambda: calls()[0]["status"] == "interrupted", "the call goes on", seconds=180)
        [call] = calls()
        assert (call["id"], call["hangup_by"]) == (before[person]["id"], None)
        assert call["ended_at"] >= (call["answered_at"] or call["ringing_at"])


def test_registrations_and_calls_after_a_restart(launch, tmp_path):
    """Who was registered is called, without having come back."""
    server = launch(folder=tmp_path)
    port = sip.ports(server)["udp"]
    ann, bob = Person(server, fresh_number()), Person(server, fresh_number())
    server.kill()
    server = launch(folder=tmp_path, SIP_LISTEN=f"udp:127.0.0.1:{port}")
    leg = ann.phone.invite(bob.number)
    bob.phone.take(bob.phone.request_heard("INVITE"))
    ann.phone.connected(leg)
    leg.bye()
    bob.phone.answer(bob.phone.request_heard("BYE"), 200, "OK")
    close((ann, bob))
