"""Waiting for a condition, never for a time."""

import time

# Generous: machines are shared, and the sanitizer build is slow. A test that waits this long has failed.
DEADLINE = 30.0


def wait_until(condition, what, deadline=DEADLINE, pause=0.01):
    """Calls `condition` until it returns something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s for {what}")
        time.sleep(pause)
