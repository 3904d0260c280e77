"""Accounts and numbers to test with."""

import itertools
import os

from . import program

_names = itertools.count(1)
_numbers = itertools.count(1)


def fresh_name():
    """A username that no other test uses."""
    return f"person-{os.getpid()}-{next(_names)}"


def fresh_number():
    """A phone number in its plain form that no other test uses."""
    return f"+4930{os.getpid() % 10000:04}{next(_numbers):06}"


class Account:
    """A registered user: its name, password, token, id, and a client that sends the token."""

    def __init__(self, server, name=None, password=None):
        self.server = server
        self.name = name or fresh_name()
        self.password = password or f"pass-word of {self.name}"
        reply = server.client().post("/auth/register", json=self.body)
        assert reply.status_code == 200, reply.text
        self.token = reply.json()["access_token"]
        self.client = server.client(self.token)
        self.id = self.client.get("/auth/me").json()["id"]

    @property
    def body(self):
        return {"username": self.name, "password": self.password}

    def login(self):
        return self.server.client().post("/auth/login", json=self.body)

    def promote(self):
        """Makes it an administrator's account, as only the command line can; itself."""
        done = program.run(["user", "grant-admin", self.name], self.server.folder, self.server.settings)
        assert done.returncode == 0, done.stderr
        return self

    def key(self, **fields):
        """Makes an API key; the object that the server answers, with the key's text."""
        reply = self.client.post("/api_keys", json={"name": "a key", **fields})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def create(self, number=None):
        """Creates a number; the object that the server answers."""
        reply = self.client.post("/phone_numbers", json={"phone_number": number or fresh_number()})
        assert reply.status_code == 200, reply.text
        return reply.json()
