"""Whether what the pools say of each number is what the numbers' own rows say (docs/pools.md)."""

import collections

from . import database as engine

BLOCK = 1000


def differences(folder, spoil=None):
    """What is wrong in a folder's database, a line each. Any program may be writing meanwhile: one state is looked
    at. `spoil` is a statement that is run before, and undone afterwards."""
    with engine.opened(folder) as database:
        engine.see_one_state(database)
        if spoil:
            _without_keys(database)
            database.execute(spoil)
        found = [*_engine(database), *_rows(database), *_pools(database)]
        database.rollback()
        return found


def _without_keys(database):
    """Foreign keys are not looked at (SQLite does that only where it is told to)."""
    if engine.ENGINE == "postgresql":
        database.execute("SET LOCAL session_replication_role = replica")


def _engine(database):
    if engine.ENGINE == "postgresql":
        return
    for problem in database.execute("PRAGMA foreign_key_check"):
        yield f"a foreign key leads nowhere: {problem}"
    for [problem] in database.execute("PRAGMA integrity_check"):
        if problem != "ok":
            yield problem


def _rows(database):
    """A row has what its state needs and nothing else."""
    for row in database.execute("SELECT phone_number, user_id, status, status_until, last_owner_id, transfer_to "
                                "FROM virtual_phone_numbers"):
        phone, user, status, until, last_owner, to = row
        expected = {
            None: user and until is None and last_owner is None and to is None,
            "transferring": user and until and last_owner is None and to and to != user,
            "quarantined": user is None and until and last_owner and to is None,
            "reserved": user is None and until is None and last_owner is None and to is None,
        }.get(status)
        if not expected:
            yield f"no row of any state: {phone} {row}"


def _free(free, bits):
    """The last three digits of the free numbers of a block."""
    if bits is None:
        assert free in (0, BLOCK), f"{free} are free, but which?"
        return set(range(free))
    return {index * 4 + bit for index, digit in enumerate(bits) for bit in range(4) if int(digit, 16) >> bit & 1}


def _pools(database):
    """Every number's bit, and every quarantine's time."""
    taken = {int(phone[1:]): until if status == "quarantined" else None
             for phone, status, until in database.execute(
                 "SELECT phone_number, status, status_until FROM virtual_phone_numbers")}
    held = collections.defaultdict(set)
    ranges = collections.Counter()
    end = 0
    for first, last, pool in database.execute("SELECT first, last, pool_id FROM pool_ranges ORDER BY first"):
        if first <= end or last < first:
            yield f"ranges overlap at {first} of pool {pool}"
        end = last
        held[pool].update(range(first, last + 1))
        ranges[pool] += 1
    blocks = collections.defaultdict(dict)
    for pool, block, free, next_free_at, bits in database.execute(
            "SELECT pool_id, block, free, next_free_at, bits FROM pool_blocks"):
        blocks[pool][block] = (free, next_free_at, bits)
    quarantines = collections.defaultdict(dict)
    for pool, number, block, free_at in database.execute("SELECT pool_id, number, block, free_at FROM pool_quarantine"):
        if block != number // BLOCK:
            yield f"the quarantine of {number} is in block {block}"
        quarantines[pool][number] = free_at
    pools = {row[0]: row[1:] for row in database.execute(
        "SELECT id, name, size, ranges, first, last, import_id FROM number_pools")}
    imports = {one for [one] in database.execute("SELECT id FROM pool_imports")}
    discarded = {one for [one] in database.execute("SELECT id FROM pool_imports WHERE touched_at = 0")}
    for strange in (set(held) | set(blocks) | set(quarantines)) - set(pools):
        yield f"there is no pool {strange}"
    for pool, (name, *about, import_id) in pools.items():
        if import_id in discarded:
            continue  # some of it is gone, the rest goes
        mine = held[pool]
        found = [len(mine), ranges[pool], min(mine, default=None), max(mine, default=None)]
        if import_id is None and about != found:
            yield f"pool {name} has {about}, its ranges have {found}"
        if import_id is not None and import_id not in imports:
            yield f"pool {name} is of an import that there is not"
        yield from _pool(name, mine, blocks[pool], quarantines[pool], taken)


def _pool(name, mine, blocks, quarantines, taken):
    expected_times = {number: taken[number] for number in mine if taken.get(number) is not None}
    for number in sorted(set(expected_times) | set(quarantines)):
        if expected_times.get(number) != quarantines.get(number):
            yield (f"{number} of pool {name} is in quarantine until {quarantines.get(number)}, "
                   f"its row says {expected_times.get(number)}")
    by_block = collections.defaultdict(set)
    for number in mine:
        by_block[number // BLOCK].add(number)
    if set(by_block) != set(blocks):
        yield f"pool {name} has the blocks {set(blocks)} and not {set(by_block)}"
    for block, (free, next_free_at, bits) in blocks.items():
        there = {block * BLOCK + index for index in _free(free, bits)}
        wanted = {number for number in by_block[block] if number not in taken}
        for number in sorted(there ^ wanted):
            yield f"{number} of pool {name} is {'free' if number in there else 'taken'}: its row says it is not"
        if free != len(there):
            yield f"block {block} of pool {name} counts {free} and not {len(there)}"
        ends = [free_at for number, free_at in quarantines.items() if number // BLOCK == block]
        if next_free_at != min(ends, default=None):
            yield f"block {block} of pool {name} has its first end at {next_free_at}, not {min(ends, default=None)}"
