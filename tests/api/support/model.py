"""What the numbers of a service do, as plainly as it can be said: the specification that
test_number_property.py holds the program against.

A number that nobody has, and that is not kept from anybody, is not in `numbers`. Every method is one request
of an account, by its name; it answers the status and the body that the program must give, and changes what is
to be changed. Where the program is free to choose, the method is told what it chose, and judges that.
Time is hours since the beginning.
"""

import collections
import itertools

QUARANTINE_HOURS = 30 * 24
OFFER_HOURS = 72

TAKEN = "Phone number already registered"
UNKNOWN = "Phone number not found"
UNKNOWN_USER = "User not found"
NOT_AN_ADMIN = "This needs the role admin"
NO_OFFER = "There is no offer of this number"
NOT_QUARANTINED = "This number is not in quarantine"
OFFERED_ALREADY = "This number is being offered already"
TO_ONESELF = "This number is yours already"
UNKNOWN_RESERVED = "Reserved number not found"
UNKNOWN_POOL = "Number pool not found"


def error(status, detail):
    return status, {"detail": detail}


class Wrong(AssertionError):
    """The program chose what it was not free to choose."""


class Number:
    """A number that is not simply available."""

    def __init__(self, number, phone, status, owner, name=None):
        self.id = number
        self.phone = phone
        self.status = status  # assigned, transferring, quarantined, reserved
        self.owner = owner  # of a quarantined one: who had it last
        self.name = name
        self.tags = []
        self.until = None  # when a quarantine or an offer is over
        self.offered_to = None


class Model:
    """All there is: accounts with their ids, administrators, pools, numbers, and what was written down."""

    def __init__(self, accounts, admins):
        self.accounts = accounts  # name -> id
        self.admins = admins
        self.hours = 0
        self.numbers = {}  # phone -> Number
        self.pools = {}  # name -> (id, phones)
        self.highest_id = 0
        # who may read it -> [(action, phone or pool, target's id, who did it)]
        self.audit = {name: [] for name in accounts}
        # the same of what time did, which is written down when it is noticed: in no certain order
        self.audit_of_time = {name: collections.Counter() for name in accounts}

    # ---- time ----

    def forward(self, hours):
        self.hours += hours
        for number in list(self.numbers.values()):
            if number.until is None or number.until > self.hours:
                continue
            if number.status == "quarantined":
                del self.numbers[number.phone]
                self.audit_of_time[number.owner]["number.freed", number.phone, number.id] += 1
            else:
                self._end_offer(number)
                self.audit_of_time[number.owner]["number.offer_ended", f"{number.phone} expired", number.id] += 1

    # ---- what is where ----

    def full(self, number):
        """A number as replies show it, but for what its digits say and when it was made."""
        has_owner = number.status in ("assigned", "transferring")
        return {"id": number.id, "phone_number": number.phone,
                "user_id": self.accounts[number.owner] if has_owner else None,
                "friendly_name": number.name, "tags": number.tags, "status": number.status, "voice": None}

    def mine(self, who):
        return self._in_order(number for number in self.numbers.values()
                              if number.owner == who and number.status in ("assigned", "transferring"))

    def restorable(self, who):
        return self._in_order(number for number in self.numbers.values()
                              if number.owner == who and number.status == "quarantined")

    def reserved(self):
        return self._in_order(number for number in self.numbers.values() if number.status == "reserved")

    def available(self):
        """The numbers of the pools that can be had."""
        return sorted(phone for _, phones in self.pools.values() for phone in phones if phone not in self.numbers)

    def transfers(self, who):
        return [{"id": number.id, "phone_number": number.phone, "from": number.owner, "to": number.offered_to,
                 "direction": "outgoing" if number.owner == who else "incoming"}
                for number in sorted(self.numbers.values(), key=lambda number: number.id)
                if number.status == "transferring" and who in (number.owner, number.offered_to)]

    def _in_order(self, numbers):
        return [self.full(number) for number in sorted(numbers, key=lambda number: number.id)]

    def _find(self, number_id, *statuses):
        for number in self.numbers.values():
            if number.id == number_id and number.status in statuses:
                return number
        return None

    def _my(self, who, number_id):
        number = self._find(number_id, "assigned", "transferring")
        return number if number and number.owner == who else None

    def _write(self, who, action, target, target_id, actor):
        self.audit[who].append((action, target, target_id, actor))

    def _add(self, number):
        if number.id <= self.highest_id:
            raise Wrong(f"the id {number.id} is not a new one: there was {self.highest_id}")
        self.highest_id = number.id
        self.numbers[number.phone] = number

    @staticmethod
    def _end_offer(number):
        number.status, number.until, number.offered_to = "assigned", None, None

    # ---- numbers ----

    def create(self, who, phone, name, chosen):
        if phone in self.numbers:
            return error(409, TAKEN)
        number = Number(chosen.get("id", 0), phone, "assigned", who, name)
        self._add(number)
        self._write(who, "number.created", phone, number.id, who)
        body = {"id": number.id, "phone_number": phone, "user_id": self.accounts[who]}
        return 200, body if name is None else {**body, "friendly_name": name}

    def claim(self, who, fits, quantity, chosen):
        """`fits` tells of a phone number whether it was asked for. The first ones are had, all or none."""
        free = [phone for phone in self.available() if fits(phone)]
        if len(free) < quantity:
            return error(409, "Only 1 number matches" if len(free) == 1 else f"Only {len(free)} numbers match")
        claimed = []
        for phone, one in itertools.zip_longest(free[:quantity], chosen if isinstance(chosen, list) else []):
            number = Number(one["id"] if one else 0, phone, "assigned", who)
            self._add(number)
            self._write(who, "number.claimed", phone, number.id, who)
            claimed.append(self.full(number))
        return 200, claimed

    def get(self, who, number_id):
        number = self._my(who, number_id)
        return (200, self.full(number)) if number else error(404, UNKNOWN)

    def patch(self, who, number_id, changes):
        number = self._my(who, number_id)
        if number is None:
            return error(404, UNKNOWN)
        if "friendly_name" in changes:
            number.name = changes["friendly_name"]
        if "tags" in changes:
            number.tags = list(dict.fromkeys(changes["tags"]))
        self._write(who, "number.changed", number.phone, number.id, who)
        return 200, self.full(number)

    def release(self, who, number_id):
        number = self._my(who, number_id)
        if number is None:
            return error(404, UNKNOWN)
        number.status, number.until, number.offered_to = "quarantined", self.hours + QUARANTINE_HOURS, None
        self._write(who, "number.released", number.phone, number.id, who)
        return 200, self.full(number)

    def restore(self, who, number_id):
        if self._my(who, number_id):
            return error(409, NOT_QUARANTINED)
        number = self._find(number_id, "quarantined")
        if number is None or number.owner != who:
            return error(404, UNKNOWN)
        number.status, number.until = "assigned", None
        self._write(who, "number.restored", number.phone, number.id, who)
        return 200, self.full(number)

    # ---- transfers ----

    def offer(self, who, number_id, to):
        number = self._my(who, number_id)
        if number is None:
            return error(404, UNKNOWN)
        if to not in self.accounts:
            return error(404, UNKNOWN_USER)
        if to == who:
            return error(409, TO_ONESELF)
        if number.status == "transferring":
            return error(409, OFFERED_ALREADY)
        number.status, number.until, number.offered_to = "transferring", self.hours + OFFER_HOURS, to
        self._write(who, "number.offered", f"{number.phone} to {to}", number.id, who)
        return 202, self.full(number)

    def accept(self, who, number_id):
        number = self._find(number_id, "transferring")
        if number is None or number.offered_to != who:
            return error(404, NO_OFFER)
        self._write(number.owner, "number.given", number.phone, number.id, who)
        self._write(who, "number.received", number.phone, number.id, who)
        number.owner, number.name, number.tags = who, None, []
        self._end_offer(number)
        return 200, self.full(number)

    def end_offer(self, who, number_id):
        """Refused by one side or withdrawn by the other."""
        number = self._find(number_id, "transferring")
        if number is None or who not in (number.owner, number.offered_to):
            return error(404, NO_OFFER)
        word = "withdrawn" if who == number.owner else "refused"
        self._write(number.owner, "number.offer_ended", f"{number.phone} {word}", number.id, who)
        self._end_offer(number)
        return 204, None

    # ---- what administrators do ----

    def reserve(self, who, phone, chosen):
        if who not in self.admins:
            return error(403, NOT_AN_ADMIN)
        if phone in self.numbers:
            return error(409, TAKEN)
        number = Number(chosen.get("id", 0), phone, "reserved", None)
        self._add(number)
        self._write(who, "number.reserved", phone, number.id, who)
        return 200, self.full(number)

    def unreserve(self, who, number_id):
        if who not in self.admins:
            return error(403, NOT_AN_ADMIN)
        number = self._find(number_id, "reserved")
        if number is None:
            return error(404, UNKNOWN_RESERVED)
        del self.numbers[number.phone]
        self._write(who, "number.unreserved", number.phone, number.id, who)
        return 204, None

    def make_pool(self, who, name, phones, chosen):
        if who not in self.admins:
            return error(403, NOT_AN_ADMIN)
        if name in self.pools:
            return 409, None
        self.pools[name] = (chosen.get("id", 0), phones)
        self._write(who, "pool.created", name, chosen.get("id", 0), who)
        return 200, self.pool(name)

    def pool(self, name):
        number, phones = self.pools[name]
        return {"id": number, "name": name, "size": len(phones), "first": phones[0], "last": phones[-1],
                "taken": sum(phone in self.numbers for phone in phones)}

    def delete_pool(self, who, number_id):
        """The numbers that people have stay theirs."""
        if who not in self.admins:
            return error(403, NOT_AN_ADMIN)
        for name, (pool_id, _) in self.pools.items():
            if pool_id == number_id:
                del self.pools[name]
                self._write(who, "pool.deleted", name, pool_id, who)
                return 204, None
        return error(404, UNKNOWN_POOL)
