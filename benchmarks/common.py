"""What several measures do."""

import time

from load import Load
from servers import Failure


def settled_rows(server):
    """Rows once the server is done with what the last load sent and did not wait for."""
    count, before = server.rows(), -1
    while count != before:
        time.sleep(0.3)
        count, before = server.rows(), count
    return count


def create(bench, server, token, connections, seconds, first, allow_starved=False):
    """POST /phone_numbers under load. Each reply must be a row: what was sent but not yet answered when
    the load ended may be one more, once a connection."""
    before = settled_rows(server)
    found = Load(bench, server, connections, seconds, "create", token, first).result(allow_starved=allow_starved)
    made = settled_rows(server) - before
    if not found["requests"] <= made <= found["requests"] + connections:
        raise Failure(f"{server.name}: {found['requests']} replies of success, but {made} rows")
    return found


def in_turn(bench, *kinds, most=None):
    """The subjects of every round, at most so many; each second round in the opposite order."""
    rounds = min(bench.rounds, most or bench.rounds)
    for number in range(rounds):
        bench.say(f"  round {number + 1} of {rounds}")
        yield from kinds if number % 2 == 0 else reversed(kinds)


def fill(bench, server, token, wanted):
    """Creates at least so many numbers; their ids are 1 and up."""
    first = 1000000000000
    while server.rows() < wanted:
        create(bench, server, token, 64, 1, first)
        first += 10000000
