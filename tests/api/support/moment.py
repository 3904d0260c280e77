"""Waiting for what happens on another thread of the server."""

import time


def wait_for(look, what="what was waited for", seconds=60):
    """What `look` answers, once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)
