"""An account with devices and numbers, and what it sees of its calls."""

from processes import wait_until
from support import sip
from support.people import Account, fresh_number


class Device:
    def __init__(self, office, shown):
        self.office, self.id, self.sip = office, shown["id"], shown["sip"]
        self.username, self.password = shown["sip"]["username"], shown["sip"]["password"]

    def registrations(self):
        reply = self.office.client.get(f"/devices/{self.id}")
        assert reply.status_code == 200, reply.text
        return reply.json()["registrations"]

    def wait_registered(self, transport=None):
        [one] = wait_until(self.registrations, f"device {self.id} does not register")
        assert transport in (None, one["transport"]), one
        return one


class Office:
    def __init__(self, server):
        self.server = server
        self.account = Account(server)
        self.client = self.account.client
        self.ports = sip.ports(server)

    def device(self, name="Phone"):
        reply = self.client.post("/devices", json={"name": name})
        assert reply.status_code == 200, reply.text
        return Device(self, reply.json())

    def number(self, *devices):
        """A number on which these devices ring."""
        number = self.account.create(fresh_number())
        reply = self.client.put(f"/phone_numbers/{number['id']}/voice", json={"ring": [device.id for device in devices]})
        assert reply.status_code == 200, reply.text
        return number["phone_number"]

    def calls(self):
        reply = self.client.get("/calls")
        assert reply.status_code == 200, reply.text
        return reply.json()["items"]

    def completed(self):
        """The records of calls that were completed, once there are any: they are written behind the call's back."""
        return wait_until(lambda: [one for one in self.calls() if one["status"] == "completed"],
                          lambda: f"no call is completed: {self.calls()}")

    def the_call(self, status):
        """The one record there is, once it has that status."""
        def found():
            calls = self.calls()
            assert len(calls) <= 1, calls
            return calls and calls[0]["status"] == status and calls[0]
        return wait_until(found, lambda: f"no call is {status}: {self.calls()}")
