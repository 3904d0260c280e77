"""A wall clock that a test can move while a server runs.

    clock = Clock()
    server = launch(clock=clock)
    clock.forward(hours=25)

A library that is preloaded adds what the test says to the time of day; the program knows nothing of it.
Its monotonic clock, and so what it waits for, goes on as it is.
"""

import mmap
import struct
import tempfile
import time

from . import shim

OFFSET = struct.Struct("=q")


class Clock:
    """The time of day as the servers see it that are started with this clock, so many seconds ahead of the true one at
    first. It only goes forward."""

    def __init__(self, ahead_s=0):
        handle, path = tempfile.mkstemp(dir=shim.folder())
        with open(handle, "r+b") as file:
            file.write(OFFSET.pack(round(ahead_s * 1e9)))
            file.flush()
            self._map = mmap.mmap(file.fileno(), OFFSET.size)
        # for the environment of a process that this clock is for
        self.settings = {"LD_PRELOAD": shim.library("clock"), "CT_TEST_CLOCK": path}

    @property
    def offset_s(self):
        """How far this clock is ahead of the true one, in seconds."""
        return OFFSET.unpack_from(self._map)[0] / 1e9

    def now(self):
        """Seconds since 1970, as time.time() has them."""
        return time.time() + self.offset_s

    def forward(self, days=0, hours=0, minutes=0, seconds=0):
        """Moves on at once, for every server that has this clock."""
        more = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        assert more >= 0, "a clock that goes back"
        OFFSET.pack_into(self._map, 0, OFFSET.unpack_from(self._map)[0] + round(more * 1e9))
