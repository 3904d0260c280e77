"""kill -9 under mixed load (crash.py), some of its rounds, of the program and of the database where that is a server of
its own; and that it finds what is lost or doubled."""

import os
import random

import pytest

import crash
from support import database

KILLS = 10  # of each of these, so that they run side by side
VICTIMS = {"sqlite": ("program",) * 5, "postgresql": ("program",) * 3 + ("database",) * 2}


@pytest.mark.parametrize("part, victim", enumerate(VICTIMS[database.ENGINE]))
def test_kills_under_mixed_load(part, victim):
    seed = int(os.environ.get("CT_SEED", random.randrange(10 ** 6)))
    print(f"CT_SEED={seed}")
    assert crash.crash(KILLS, seed + part, victim) > KILLS * crash.LANES


def execute(statement):
    def sabotage(_, opened):
        assert opened.execute(statement).rowcount > 0
    return sabotage


def certain(generation):
    """A number that somebody has and that no request is on its way for."""
    return next(phone for lane in generation.lanes for phone, number in lane.numbers.items()
                if number.status is crash.ASSIGNED and (lane.pending is None or lane.pending.phone != phone))


def on_number(statement):
    def sabotage(generation, opened):
        assert opened.execute(statement, (certain(generation),)).rowcount > 0
    return sabotage


SABOTAGE = {
    "a row is lost": on_number("DELETE FROM virtual_phone_numbers WHERE phone_number = ?"),
    "a change is lost": on_number("UPDATE virtual_phone_numbers SET friendly_name = 'of before' WHERE phone_number = ?"),
    "another owner": on_number("UPDATE virtual_phone_numbers SET user_id = user_id + 1 WHERE phone_number = ?"),
    "another id": on_number("UPDATE virtual_phone_numbers SET id = id + 100000 WHERE phone_number = ?"),
    "a row too many": execute("INSERT INTO virtual_phone_numbers (id, phone_number, user_id) "
                              "SELECT 99999, '+4911111111', min(id) FROM users"),
    "a record is lost": on_number("DELETE FROM audit WHERE detail = ?"),
    "a record twice": on_number("INSERT INTO audit (id, at, user_id, action, detail) SELECT 9999999, at, user_id, action, detail "
                                "FROM audit WHERE detail = ? AND action IN ('number.created', 'number.claimed')"),
    "an account is lost": execute("UPDATE users SET username = 'somebody else' WHERE id = 1"),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_it_finds(tmp_path, what):
    generation = crash.Generation(tmp_path, 1, "program")
    try:
        generation.kill()
        with pytest.raises(crash.Lost):
            generation.kill(SABOTAGE[what])
    finally:
        generation.server.kill()
        generation.close()
        database.drop_under(tmp_path)
