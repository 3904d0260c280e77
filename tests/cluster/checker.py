"""Judges a history (history.py) and the rows that are there in the end.

    findings = check(history, rows)      # sentences; none is good

An operation takes effect at one moment between its begin and its end, or not at all when it was refused; an
unknown one may take effect later still, or never. What a client was told is what everyone sees from then on.
What is looked for:

    lost        acknowledged, and not there in the end, or seen and then gone, although nobody released it
    doubled     one request done twice: two answers to one key, one number or id given to two requests
    phantom     there, or shown, although nobody asked for it, or before, or although it was refused
    stale       a read that begins after an acknowledge and does not show it
    unexpected  an answer that no such request has
"""

import collections

# the answers that an operation may have beside its success; 404 says that a number is not there
REFUSALS = {"create": (), "claim": (), "repeat": (), "release": (), "read": (404,), "look": ()}

FOREVER = float("inf")


class _Number:
    """What the history says of one id."""

    def __init__(self, made):
        self.made = made
        self.releases = []

    @property
    def released_begin(self):
        """From when on it may be gone."""
        return min((one.begin for one in self.releases), default=FOREVER)

    @property
    def released_end(self):
        """From when on it is gone."""
        return min((one.end for one in self.releases if one.done), default=FOREVER)


class _Check:
    def __init__(self, history, rows):
        self.history = history
        self.rows = rows
        self.findings = []
        self.by_kind = collections.defaultdict(list)
        for one in history:
            self.by_kind[one.kind].append(one)
        self.made = {}  # id -> _Number
        self.created = collections.defaultdict(list)  # number -> what may have made it

    def say(self, what, why, *operations):
        self.findings.append(f"{what}: {why}" + "".join(f"\n    {one}" for one in operations))

    def run(self):
        self.answers()
        self.what_was_made()
        self.repeats()
        self.releases()
        self.reads()
        self.looks()
        self.end()
        return self.findings

    def answers(self):
        for one in self.history:
            if one.outcome == "refused" and one.status not in REFUSALS[one.kind]:
                what = "unexpected"
                if one.kind == "create" and one.status == 409:
                    what = "doubled"  # nobody else asks for this number: it was made before
                self.say(what, f"nothing may answer {one.status} to this", one)

    def what_was_made(self):
        keys, numbers = {}, {}
        for one in self.by_kind["create"] + self.by_kind["claim"]:
            if one.key in keys:
                self.say("doubled", "the history has two operations of one key", keys[one.key], one)
            keys[one.key] = one
            if one.kind == "create" and one.outcome != "refused":
                self.created[one.number].append(one)
            if not one.done:
                continue
            if one.id in self.made:
                self.say("doubled", f"the id {one.id} was given twice", self.made[one.id].made, one)
            elif one.number in numbers:
                # a number that was released stays with its last owner for some time, so nobody else gets it
                self.say("doubled", f"the number {one.number} was given twice", numbers[one.number], one)
            if one.kind == "claim":
                self.created[one.number].append(one)
            self.made[one.id] = _Number(one)
            numbers[one.number] = one
        self.keys = keys

    def repeats(self):
        for one in self.by_kind["repeat"]:
            first = self.keys[one.key]
            if one.done and (one.id, one.number) != (first.id, first.number):
                self.say("doubled", f"the same key was answered with {one.id}, {one.number}", first, one)

    def releases(self):
        for one in self.by_kind["release"]:
            self.made[one.id].releases.append(one)

    def reads(self):
        for one in self.by_kind["read"]:
            number = self.made[one.id]
            if one.done:
                if one.number != number.made.number:
                    self.say("phantom", f"the id {one.id} is {one.number}", number.made, one)
                if number.released_end < one.begin:
                    self.say("stale", "it is shown after its release was acknowledged", *number.releases, one)
            elif one.status == 404:
                if number.made.end < one.begin and number.released_begin > one.end:
                    self.say("stale", "it is not there although it was acknowledged", number.made, one)

    def looks(self):
        """Looks for a number that may be unknown: what was seen once stays, and is what was asked for."""
        seen = {}
        for one in sorted(self.by_kind["look"], key=lambda each: each.end):
            if not one.done:
                continue
            makers = self.created.get(one.number, [])
            acknowledged = [maker for maker in makers if maker.done and maker.end < one.begin]
            before = seen.get(one.number)
            if one.id is not None:
                if not any(maker.begin < one.end and maker.user == one.user for maker in makers):
                    self.say("phantom", "it is shown, and nobody had asked for it", *makers, one)
                if before is None:
                    seen[one.number] = one
                elif before.id != one.id:
                    self.say("doubled", "it is shown with another id than before", before, one)
                for maker in makers:
                    if maker.done and maker.id != one.id:
                        self.say("doubled", "it is shown with another id than it was made with", maker, one)
                if one.id in self.made and self.made[one.id].released_end < one.begin:
                    self.say("stale", "it is shown after its release was acknowledged", one)
            elif acknowledged:
                if self.made[acknowledged[0].id].released_begin > one.end:
                    self.say("stale", "it is not there although it was acknowledged", *acknowledged, one)
            elif before is not None and before.end < one.begin:
                if before.id not in self.made or self.made[before.id].released_begin > one.end:
                    self.say("lost", "it was shown and is gone", before, one)
        self.seen = seen

    def end(self):
        by_id, by_number = {}, {}
        for row in self.rows:
            if row.id in by_id or row.number in by_number:
                self.say("doubled", f"there are two rows for {row}")
            by_id[row.id] = by_number[row.number] = row
        for made in self.made.values():
            one = made.made
            row = by_id.get(one.id)
            if row is None:
                if not made.releases:
                    self.say("lost", "it was acknowledged and is not there in the end", one)
            elif (row.number, row.user) != (one.number, one.user):
                self.say("lost", f"in the end this id is {row}", one)
            elif made.released_end < FOREVER:
                self.say("stale", "it is there in the end although it was released", one, *made.releases)
        for look in self.seen.values():
            if look.id not in by_id and not (look.id in self.made and self.made[look.id].releases):
                self.say("lost", "it was shown and is not there in the end", look)
        self.unasked(by_id)

    def unasked(self, by_id):
        """The rows that no acknowledge explains: each needs an unknown request of its own."""
        claims = sum(1 for one in self.by_kind["claim"] if one.outcome == "unknown")
        for row in by_id.values():
            if row.id in self.made:
                continue
            makers = [one for one in self.created.get(row.number, []) if one.user == row.user]
            if any(one.outcome == "unknown" for one in makers):
                continue
            if makers:
                self.say("doubled", f"there is {row} beside what was acknowledged", *makers)
            elif row.number in self.created or claims == 0:
                self.say("phantom", f"there is {row}, and nobody had asked for it")
            else:
                claims -= 1


def check(history, rows):
    """Everything that is wrong, a sentence each."""
    return _Check(history, rows).run()


def longest_gap(times, begin, end):
    """The longest time (ns) between two successes, from `begin` to `end`, and when it began."""
    moments = [begin, *sorted(moment for moment in times if begin < moment < end), end]
    return max((later - earlier, earlier) for earlier, later in zip(moments, moments[1:]))
