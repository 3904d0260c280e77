"""Random sequences of everything that several accounts can do with numbers, against a model (support/model.py):
the same statuses and bodies, and afterwards the same lists, the same free numbers and the same record.

    CT_PROPERTY_SEQUENCES  how many sequences in all; 2,000, or 400 with a sanitizer or on PostgreSQL
    CT_PROPERTY_SEED       the seed of a quarter of them, drawn and printed otherwise; the others' is fixed

A sequence that goes another way than the model is shortened, step by step, as long as it still does, and
printed under its name: seed, part, turn.
"""

import os
import random

import pytest

from support.clock import Clock
from support.database import ENGINE
from support.model import OFFER_HOURS, QUARANTINE_HOURS, Model
from support.number_run import CHANGES, NAMES, POOL_SIZE, Difference, Run
from support.program import is_sanitized
from support.server import Server

PARTS = 4
SEQUENCES = int(os.environ.get("CT_PROPERTY_SEQUENCES", 400 if is_sanitized() or ENGINE != "sqlite" else 2000))
SEED = 20200

# What a step may be, and how often; then who does it, to which number, and the rest.
ACTIONS = {
    "create": 8, "claim": 8, "get": 4, "patch": 8, "release": 10, "restore": 14, "offer": 15, "accept": 25,
    "end_offer": 8, "reserve": 3, "unreserve": 3, "forward": 9, "look": 3, "delete_pool": 1, "make_pool": 1,
}
# also to just before, and to the very moment of, the end of an offer or a quarantine
HOURS = (1, 7, 30, 30, OFFER_HOURS - 0.02, OFFER_HOURS, 200, QUARANTINE_HOURS - 0.02, QUARANTINE_HOURS)


def choose(dice, model, phones):
    """A step: mostly one that can be done as things are, sometimes any."""
    anything = dice.random() < 0.25
    while True:
        action = dice.choices(list(ACTIONS), ACTIONS.values())[0]
        places = [(who, slot) for slot, phone in enumerate(phones) for who in NAMES
                  if anything or is_sensible(action, who, model.numbers.get(phone))]
        if places:
            break
    who, slot = dice.choice(places)
    if action == "forward":
        return action, dice.choice(HOURS)
    if action in ("look", "make_pool", "delete_pool"):
        return action, who
    rest = {
        "create": lambda: [dice.choice((None, None, "reception"))],
        "claim": lambda: [dice.choice((1, 1, 1, 2, 3, POOL_SIZE)), dice.choice(("prefix", "prefix", "one", "contains"))],
        "patch": lambda: [dice.randrange(len(CHANGES)), dice.choice(("none", "right", "wrong"))],
        "offer": lambda: [dice.choice((*NAMES, *NAMES, "nobody"))],
    }
    return action, who, slot, *rest.get(action, list)()


def is_sensible(action, who, number):
    """Whether it can be done with a number; None is one that nobody has."""
    if action in ("forward", "look"):
        return True
    if action in ("reserve", "make_pool", "delete_pool"):
        return number is None and who == NAMES[-1]
    if number is None:
        return action in ("create", "claim")
    return {
        "create": False,
        "claim": False,
        "restore": number.status == "quarantined" and number.owner == who,
        "accept": number.offered_to == who,
        "end_offer": number.status == "transferring" and who in (number.owner, number.offered_to),
        "unreserve": number.status == "reserved" and who == NAMES[-1],
    }.get(action, number.owner == who and number.status != "quarantined")


def sequence(run, dice):
    """Steps that are drawn while they are played."""
    for _ in range(dice.randint(8, 20)):
        yield choose(dice, run.model, run.phones)


def fails(run, steps):
    """The difference that steps lead to, or None."""
    try:
        run.play(steps)
    except Difference as difference:
        return difference
    return None


def shorten(run, steps, tries=300):
    """The steps without those that a difference does not need, and the difference they lead to. It is None when
    the same steps do not lead to one again."""
    difference = fails(run, steps)
    shorter = difference is not None
    while shorter:
        shorter = False
        for place in reversed(range(len(steps))):
            fewer = steps[:place] + steps[place + 1:]
            tries -= 1
            found = fails(run, fewer) if tries >= 0 else None
            if found is not None:
                steps, difference, shorter = fewer, found, True
    return steps, difference


def search(run, seed, count):
    """Plays so many sequences; fails with the shortest form of the first that differs."""
    for turn in range(count):
        name = f"{seed}/{turn}"
        dice = random.Random(name)
        first = fails(run, sequence(run, dice))
        if first is not None:
            steps, difference = shorten(run, run.steps)
            lines = "\n".join(f"    {step}" for step in steps)
            how = "does not come again with the same steps" if difference is None else "shortened"
            pytest.fail(f"sequence {name} ({how}):\n{lines}\n{difference or first}", pytrace=False)


@pytest.fixture
def run(tmp_path):
    clock = Clock()
    with Server(tmp_path, clock=clock) as server:
        run = Run(server, clock)
        yield run
        run.close()


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_sequences(run, part):
    """Most of them are the same in every run; a quarter is new each time."""
    extra = os.environ.get("CT_PROPERTY_SEED") or random.randrange(10 ** 9)
    print(f"CT_PROPERTY_SEED={extra}")
    count = -(-SEQUENCES // PARTS)
    search(run, f"{SEED}/{part}", count - count // 4)
    search(run, f"{extra}/{part}", count // 4)
    run.compare_record()


def keeps_the_name(accept):
    def changed(model, who, number_id):
        number = model._find(number_id, "transferring")
        name = number and number.name
        status, body = accept(model, who, number_id)
        if status == 200:
            number.name = body["friendly_name"] = name
        return status, body
    return changed


def forgets_to_write(restore):
    def changed(model, who, number_id):
        answer = restore(model, who, number_id)
        if answer[0] == 200:
            model.audit[who].pop()
        return answer
    return changed


def lets_anybody(release):
    def changed(model, who, number_id):
        number = model._find(number_id, "assigned")
        return release(model, number.owner if number else who, number_id)
    return changed


def also_reserved(available):
    return lambda model: sorted({*available(model), *(one["phone_number"] for one in model.reserved())})


def never_ends(forward):
    def changed(model, hours):
        for number in model.numbers.values():
            number.until = None if number.status == "transferring" else number.until
        forward(model, hours)
    return changed


def ends_at_once(forward):
    def changed(model, hours):
        for number in model.numbers.values():
            if number.status == "quarantined":
                number.until -= 240
        forward(model, hours)
    return changed


@pytest.mark.parametrize("method, wrong", [
    ("accept", keeps_the_name), ("restore", forgets_to_write), ("release", lets_anybody), ("available", also_reserved),
    ("forward", never_ends), ("forward", ends_at_once)], ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_rule_is_found(run, monkeypatch, method, wrong):
    """The search must be able to fail: with one rule of the model changed it does, and says in few steps how."""
    monkeypatch.setattr(Model, method, wrong(getattr(Model, method)))
    with pytest.raises(pytest.fail.Exception, match=r"sequence gate/0/\d+ \(shortened\)") as failure:
        search(run, "gate/0", 400)
    assert str(failure.value).count("\n    (") <= 6, failure.value
