"""How fast the machine itself is at a time, so that a limit in seconds is not one on the machine."""

import threading
import time

from history import now

BEAT_NS = 10_000_000
# a thread that is woken so much too late was held up by the machine
LATE_NS = 10_000_000


class Pace(threading.Thread):
    """A thread that does nothing but wake up every 10 ms, and notes by how much it was too late."""

    def __init__(self):
        super().__init__(name="pace", daemon=True)
        self._stalls = []  # (begin, end)
        self._ending = threading.Event()

    def run(self):
        while not self._ending.is_set():
            begin = now()
            time.sleep(BEAT_NS / 1e9)
            end = now()
            if end - begin > BEAT_NS + LATE_NS:
                self._stalls.append((begin + BEAT_NS, end))

    def stop(self):
        self._ending.set()
        self.join()

    def stalled(self, begin, end):
        """For how long (ns) of this time nothing ran that should have run."""
        return sum(max(0, min(end, later) - max(begin, earlier)) for earlier, later in list(self._stalls))
