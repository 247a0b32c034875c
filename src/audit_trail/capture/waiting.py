"""Waits until what is committed has left the outbox; it takes nothing out of it."""

import time
from typing import Final

from audit_trail.capture.outbox import Backlog, Outbox

POLL_SECONDS: Final = 0.004


def wait_until_sequenced(outbox: Outbox, seconds: float) -> Backlog:
    """Wait until the rows committed by now have left the outbox; return those that haven't."""
    high = outbox.high_water()
    deadline = time.monotonic() + seconds
    while (backlog := outbox.backlog(high)).rows and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return backlog
