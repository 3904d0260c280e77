"""Hosts of trunks that are asked whether they are there (OPTIONS)."""

import threading

import pytest

from support import metrics, sip
from support.caller import Person, Request, read
from support.carrier import Carrier, change, events, get, make
from support.people import Account, fresh_number
from support.server import Server


class Host(Carrier):
    """A host of a carrier that answers OPTIONS by itself, with `status`; 0: it does not. What else comes is for the test."""

    def __init__(self, server, status=200):
        super().__init__(server, "127.0.10")
        self.status, self.asked, self.heard, self.ends = status, 0, [], False
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while not self.ends:
            text = self.transport.receive(0.2)
            message = None if text is None else read(text)
            if isinstance(message, Request) and message.method == "OPTIONS":
                self.asked += 1
                if self.status:
                    self.answer(message, self.status, "As the test says")
            elif message is not None:
                with self.news:
                    self.heard.append(message)
                    self.news.notify()

    def hear(self, seconds=sip.SECONDS):
        with self.news:
            return self.heard.pop(0) if self.news.wait_for(lambda: self.heard, seconds) else None

    def close(self):
        self.ends = True
        self.thread.join()
        super().close()


@pytest.fixture(scope="module")
def probing(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("probing"), SIP_TRUNK_PROBE_SECONDS="1") as running:
        yield running


@pytest.fixture(scope="module")
def admin(probing):
    return Account(probing).promote()


@pytest.fixture
def ann(probing):
    person = Person(probing, fresh_number())
    yield person
    person.phone.close()


@pytest.fixture
def host(probing):
    with Host(probing) as one:
        yield one


def states(admin, trunk):
    return [one["state"] for one in get(admin, trunk)["hosts"]]


def become(admin, trunk, *expected):
    sip.wait_until(lambda: states(admin, trunk) == list(expected), f"{expected} never comes")


@pytest.mark.parametrize("status, state", [(200, "up"), (404, "up"), (401, "up"), (501, "up"), (503, "down"), (408, "down")])
def test_an_answer(admin, host, status, state):
    """Any is one, but for those that say that nobody is there."""
    host.status = status
    trunk = make(admin, host.via)
    become(admin, trunk, state)


def test_silence_and_what_is_told_of_it(admin, host):
    trunk = make(admin, host.via)
    become(admin, trunk, "up")
    assert events(admin, trunk) == []
    host.status = 0
    become(admin, trunk, "down")
    host.status = 200
    become(admin, trunk, "up")
    data = {"name": trunk["name"], "host": host.via}
    assert events(admin, trunk) == [("trunk.unreachable", data), ("trunk.reachable", data)]


def test_a_name_that_leads_nowhere(admin, host):
    trunk = make(admin, "nowhere.invalid", fallback_hosts=[host.via])
    become(admin, trunk, "down", "up")


def test_calls_pass_a_host_by_that_is_down(probing, admin, ann, host):
    outside = fresh_number().replace("+49", "+888")
    with Host(probing, status=503) as away:
        trunk = make(admin, away.via, fallback_hosts=[host.via], prefixes=[outside])
        become(admin, trunk, "down", "up")
        reply = admin.client.put(f"/users/{ann.account.id}/call_limits", json={"trunks": True, "prefixes": ["+"]})
        assert reply.status_code == 200
        leg = ann.phone.invite(outside)
        host.answer(host.request_heard("INVITE"), 486, "Busy Here")
        assert ann.phone.refused(leg).status == 486
        assert away.heard == []
        # when it is back it has its turn again
        away.status = 200
        become(admin, trunk, "up", "up")
        leg = ann.phone.invite(outside)
        away.answer(away.request_heard("INVITE"), 486, "Busy Here")
        assert ann.phone.refused(leg).status == 486
        # and when none answers, the first is tried all the same
        away.status = host.status = 503
        become(admin, trunk, "down", "down")
        leg = ann.phone.invite(outside)
        away.answer(away.request_heard("INVITE"), 503, "Away")
        assert ann.phone.refused(leg).status == 500
        assert [one.method for one in host.heard if isinstance(one, Request)] == ["ACK"]


def test_a_registration_passes_it_by_too(probing, admin, host):
    with Host(probing, status=503) as away:
        trunk = make(admin, away.via, fallback_hosts=[host.via])
        become(admin, trunk, "down", "up")
        # the trunk becomes another, and its hosts are looked at anew: the one that is down is tried first, and refuses
        change(admin, trunk, register=True, username="us", password="our secret")
        sip.wait_until(lambda: away.heard or host.heard, "nobody is asked to register")
        if away.heard:
            away.answer(away.request_heard("REGISTER"), 503, "Away")
        host.accept(host.request_heard("REGISTER"))
        sip.wait_until(lambda: get(admin, trunk)["registration"]["state"] == "registered", "it is not registered")


def test_a_trunk_that_is_gone_is_not_asked(admin, host):
    trunk = make(admin, host.via)
    become(admin, trunk, "up")
    change(admin, trunk, enabled=False)

    def is_left_alone():
        asked = host.asked
        return host.hear(2.5) is None and host.asked == asked
    sip.wait_until(is_left_alone, "it still is asked")


def test_metrics(launch, tmp_path):
    server = launch(tmp_path, SIP_TRUNK_PROBE_SECONDS="1")
    admin = Account(server).promote()
    with Host(server) as up, Host(server, 503) as down:
        trunk = make(admin, up.via, fallback_hosts=[down.via])
        become(admin, trunk, "up", "down")
        told = metrics.read_until(server.client(), lambda told: told("cloud_telephony_trunk_hosts", state="down") == 1)
        assert told("cloud_telephony_trunk_hosts", state="up") == 1
        assert admin.client.delete(f"/trunks/{trunk['id']}").status_code == 204
        metrics.read_until(server.client(), lambda told: told("cloud_telephony_trunk_hosts", state="up") == 0
                           and told("cloud_telephony_trunk_hosts", state="down") == 0)
