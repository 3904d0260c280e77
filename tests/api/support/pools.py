"""Ranges of numbers that no other test uses."""

import itertools
import os

_ranges = itertools.count(1)


def fresh_range():
    """The first of a million numbers (Germany, 12 digits) that belong to one test alone, as an integer."""
    return 490000000000 + (os.getpid() * 37 + next(_ranges)) % 10000 * 1000000


def plus(number):
    return f"+{number}"


def pages(client, path, **query):
    """Every item of a list, whose pages may be short."""
    items = []
    while True:
        reply = client.get(path, params=query)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        items += page["items"]
        if page["next"] is None:
            return items
        query["after"] = page["next"]
