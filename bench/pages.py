"""Reading the newest page of a trail, and filling one with invented entries."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.record.query import Query
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.paired import percentile


class Latency(NamedTuple):
    """Milliseconds: the median, and what 99 % stay below."""

    p50_ms: float
    p99_ms: float


def fill(trail: Trail, account: str, entries: int) -> None:
    """Append invented entries in batches of 1,000."""
    for start in range(0, entries, 1_000):
        trail.append(
            [_draft(account, number) for number in range(start, min(start + 1_000, entries))]
        )


def _draft(account: str, number: int) -> Draft:
    return Draft(
        id=f"01900000-0000-7000-8000-{number:012x}",
        account=account,
        occurred_at=1_790_000_000_000_000 + number * 1_000_000,
        action="update",
        entity=Entity(type="inbox", id=str(number % 100)),
        actor=ActorId(kind="user", id="7"),
        via="api",
        fields=("name",),
        who=b'{"email":"user@example.com","ip":"127.0.0.1"}',
        what=b'{"changes":{"name":{"after":"Sales","before":"Support"}},"label":"Sales"}',
    )


def newest_page(entries: int, samples: int) -> Latency:
    """Read the newest 25 entries of an account with this many."""
    with tempfile.TemporaryDirectory() as folder:
        trail = Trail(SqliteStore(Path(folder) / "trail.db"))
        fill(trail, "1", entries)
        times = []
        for _ in range(samples):
            started = time.perf_counter()
            assert len(trail.page(Query(account="1"), limit=25).entries) == 25
            times.append(time.perf_counter() - started)
    return Latency(percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3)
