"""What clients did and what they were answered: a file with one operation a line, as JSON.

Times are nanoseconds of the machine's monotonic clock. `begin` is before the first byte of the first attempt,
`end` after the last byte of the last one; between them the operation took effect, if it did. An attempt that
brought no answer, or 502, 503 or 504, is made again with the same Idempotency-Key.

    outcome   "ok"       answered as asked for; fields below say with what
              "refused"  answered with another status, which is final
              "unknown"  no answer in the time that the client had: done or not
    attempts  [[begin, end, status], …], status 0 for no answer
    through   which way: "haproxy" or the name of a node

    create    key, number, user          ok: id
    claim     key, user                  ok: id, number    (a number of the pool, whichever it is)
    repeat    of, key                    ok: id, number    (an operation that was acknowledged, asked for again)
    release   key, id                    ok
    read      id                         ok: number        (refused with 404: not there)
    look      number, user               ok: id            (or None: the account has no such number)
"""

import dataclasses
import json
import threading
import time
from typing import Optional

KINDS = ("create", "claim", "repeat", "release", "read", "look")


@dataclasses.dataclass
class Operation:
    """One operation, from what the client wanted to what it was told."""

    kind: str
    begin: int
    end: int
    outcome: str
    status: int = 0
    through: str = "haproxy"
    key: Optional[str] = None
    of: Optional[str] = None
    number: Optional[str] = None
    id: Optional[int] = None
    user: Optional[int] = None
    attempts: list = dataclasses.field(default_factory=list)

    @property
    def done(self):
        return self.outcome == "ok"

    def __str__(self):
        words = [f"{name}={value}" for name, value in (
            ("key", self.key), ("number", self.number), ("id", self.id), ("user", self.user)) if value is not None]
        return (f"{self.kind} {' '.join(words)} through {self.through}: {self.outcome} {self.status} after "
                f"{len(self.attempts)} attempts in {(self.end - self.begin) / 1e6:.0f} ms")


@dataclasses.dataclass(frozen=True)
class Row:
    """A number that is there when all is over."""

    id: int
    number: str
    user: int


def now():
    return time.monotonic_ns()


class Writer:
    """Writes operations, of many threads, in the order of their ends."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="ascii")
        self._lock = threading.Lock()

    def add(self, operation):
        fields = {name: value for name, value in vars(operation).items() if value is not None}
        with self._lock:
            self._file.write(json.dumps(fields) + "\n")

    def close(self):
        self._file.close()


def read(path):
    """All operations of a file. Its last line may be half written."""
    with open(path, encoding="ascii") as lines:
        return [Operation(**json.loads(line)) for line in lines if line.endswith("\n")]
