"""A retention run over many expired entries: looked at one by one, declared, and dropped."""

import time

from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import DAY_US
from audit_trail.trail import Trail
from bench.engines import Place
from bench.pages import fill

RECORDED_US = 1_790_000_000_000_000


def run_of_retention(where: Place, entries: int) -> float:
    """Fill a trail, let it expire, drop all of it, and return the seconds that the run took."""
    now = [RECORDED_US]
    store = where.store()
    trail = Trail(store, clock=lambda: now[0])
    fill(trail, "1", entries)
    now[0] += 401 * DAY_US
    started = time.perf_counter()
    run = Retention(trail, clock=lambda: now[0]).run("1")
    seconds = time.perf_counter() - started
    assert run
    assert run.dropped == entries
    store.close()
    return seconds
