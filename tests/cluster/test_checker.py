"""The checker accepts what is right and rejects what is wrong, by the right name."""

import dataclasses

import pytest
from checker import check, longest_gap
from history import Operation, Row, Writer, now, read

ALICE, BOB = 1, 2


def create(key, number, begin, end, number_id=None, user=ALICE, outcome="ok", status=200):
    return Operation("create", begin, end, outcome, status, key=key, number=number, id=number_id, user=user)


def claim(key, begin, end, number_id=None, number=None, user=ALICE, outcome="ok"):
    return Operation("claim", begin, end, outcome, 200, key=key, number=number, id=number_id, user=user)


def repeat(key, begin, end, number_id, number):
    return Operation("repeat", begin, end, "ok", 200, key=key, id=number_id, number=number)


def release(number_id, begin, end, outcome="ok", status=204):
    return Operation("release", begin, end, outcome, status, key=f"r{number_id}", id=number_id)


def shown(number_id, number, begin, end):
    return Operation("read", begin, end, "ok", 200, id=number_id, number=number)


def missing(number_id, begin, end):
    return Operation("read", begin, end, "refused", 404, id=number_id)


def look(number, number_id, begin, end, user=ALICE):
    return Operation("look", begin, end, "ok", 200, number=number, id=number_id, user=user)


# a run in which all went well, and three requests are in doubt: c done, d not done, the claim m done
GOOD = [
    create("a", "+491", 10, 20, 1),
    create("b", "+492", 15, 30, 2, user=BOB),
    create("c", "+493", 15, 90, outcome="unknown", status=0),
    create("d", "+494", 15, 90, outcome="unknown", status=0),
    claim("k", 20, 40, 5, "+995"),
    claim("m", 20, 90, outcome="unknown"),
    create("e", "+496", 20, 30, 6),
    release(6, 40, 50),
    repeat("a", 30, 40, 1, "+491"),
    shown(1, "+491", 25, 30), shown(2, "+492", 31, 35), shown(5, "+995", 41, 42),
    shown(6, "+496", 35, 45), missing(6, 45, 55), missing(6, 60, 65),
    look("+493", None, 20, 30), look("+493", 3, 40, 50), look("+493", 3, 60, 65), look("+494", None, 60, 65),
    look("+491", 1, 30, 31), look("+995", 5, 45, 46), look("+995", None, 19, 25), look("+496", 6, 35, 45), look("+496", None, 60, 61),
    missing(1, 10, 19), look("+491", None, 10, 19),
]
END = [Row(1, "+491", ALICE), Row(2, "+492", BOB), Row(3, "+493", ALICE), Row(5, "+995", ALICE), Row(7, "+997", ALICE)]


def kinds(history, rows):
    return {finding.split(":")[0] for finding in check(history, rows)}


def test_what_is_right_is_accepted():
    assert check(GOOD, END) == []
    assert check([], []) == []


def test_what_is_in_doubt_may_be_there_or_not():
    # c was seen, so it is there for good
    without = [one for one in GOOD if one.number != "+493" or one.kind != "look"]
    assert check(without, [row for row in END if row.id not in (3, 7)]) == []
    assert check(without, END + [Row(4, "+494", ALICE)]) == []
    in_doubt = [one for one in GOOD if one.kind != "release" and one not in (missing(6, 45, 55), missing(6, 60, 65))
                and one != look("+496", None, 60, 61)] + [release(6, 70, 80, "unknown", 0)]
    assert check(in_doubt, END) == []
    assert check(in_doubt, END + [Row(6, "+496", ALICE)]) == []


@pytest.mark.parametrize("what, history, rows", [
    # acknowledged and gone; or another number in its place; or of another owner
    ("lost", [], [row for row in END if row.id != 1]),
    ("lost", [], [row for row in END if row.id != 5]),
    ("lost", [], [dataclasses.replace(row, id=8) if row.id == 2 else row for row in END]),
    ("lost", [], [dataclasses.replace(row, user=BOB) if row.id == 1 else row for row in END]),
    ("lost", [], [dataclasses.replace(row, number="+499") if row.id == 1 else row for row in END]),
    # seen and gone, though never acknowledged
    ("lost", [look("+493", None, 70, 75)], END),
    ("lost", [], [row for row in END if row.id != 3]),
    # two of one
    ("doubled", [], END + [Row(1, "+491", ALICE)]),
    ("doubled", [], END + [Row(9, "+491", ALICE)]),
    ("doubled", [], END + [Row(1, "+499", ALICE)]),
    ("doubled", [create("f", "+498", 50, 60, 1)], END),
    ("doubled", [create("f", "+498", 50, 60, outcome="refused", status=409)], END),
    ("doubled", [create("a", "+498", 50, 60, 8)], END + [Row(8, "+498", ALICE)]),
    ("doubled", [claim("n", 50, 60, 8, "+995")], END + [Row(8, "+995", ALICE)]),
    ("doubled", [claim("n", 50, 60, 5, "+998")], END),
    ("doubled", [repeat("a", 50, 60, 8, "+491")], END),
    ("doubled", [repeat("k", 50, 60, 5, "+996")], END),
    ("doubled", [look("+493", 8, 70, 75)], END),
    ("doubled", [look("+491", 8, 70, 75)], END),
    # of nobody
    ("phantom", [], END + [Row(8, "+498", ALICE)]),
    ("phantom", [], END + [Row(8, "+494", BOB)]),
    ("phantom", [create("f", "+498", 50, 60, outcome="refused", status=422)], END + [Row(8, "+498", ALICE)]),
    ("phantom", [shown(1, "+499", 50, 60)], END),
    ("phantom", [look("+498", 8, 50, 60)], END),
    ("phantom", [look("+995", 5, 10, 15)], END),
    ("phantom", [look("+492", 2, 50, 60, user=ALICE)], END),
    ("phantom", [create("f", "+498", 50, 60, 8), look("+498", 8, 40, 45)], END + [Row(8, "+498", ALICE)]),
    # not what was acknowledged before the read began
    ("stale", [missing(1, 21, 22)], END),
    ("stale", [missing(5, 41, 42)], END),
    ("stale", [look("+491", None, 21, 22)], END),
    ("stale", [look("+995", None, 41, 45)], END),
    ("stale", [missing(6, 31, 35)], END),
    ("stale", [look("+496", None, 31, 35)], END),
    ("stale", [shown(6, "+496", 51, 55)], END),
    ("stale", [look("+496", 6, 51, 55)], END),
    ("stale", [], END + [Row(6, "+496", ALICE)]),
    # no answer to such a request
    ("unexpected", [Operation("read", 50, 60, "refused", 500, id=1)], END),
    ("unexpected", [create("f", "+498", 50, 60, outcome="refused", status=422)], END),
    ("unexpected", [release(1, 50, 60, "refused", 404)], END),
])
def test_what_is_wrong_is_found(what, history, rows):
    assert what in kinds(GOOD + history, rows)


def test_each_row_in_doubt_needs_a_claim_of_its_own():
    assert check(GOOD, END) == []
    assert kinds(GOOD, END + [Row(8, "+998", ALICE)]) == {"phantom"}
    assert kinds([one for one in GOOD if one.key != "m"], END) == {"phantom"}


@pytest.mark.parametrize("one", range(len(END)))
def test_every_row_that_was_told_of_is_missed(one):
    rows = END[:one] + END[one + 1:]
    assert bool(check(GOOD, rows)) == (END[one].id != 7)


def test_the_longest_gap():
    assert longest_gap([20, 30, 70, 95], 10, 100) == (40, 30)
    assert longest_gap([], 10, 100) == (90, 10)
    assert longest_gap([5, 90, 200], 10, 100) == (80, 10)


def test_a_history_is_what_was_written(tmp_path):
    writer = Writer(tmp_path / "history")
    for one in GOOD:
        writer.add(one)
    writer.close()
    assert read(tmp_path / "history") == GOOD
    with open(tmp_path / "history", "a", encoding="ascii") as file:
        file.write('{"kind":"read","beg')
    assert read(tmp_path / "history") == GOOD
    assert now() <= now()
