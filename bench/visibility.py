"""From commit to visible: how soon after its commit a change is in the trail."""

import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, insert, text

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import acting_as
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.record.query import Query
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.paired import percentile
from bench.saves import ACTOR, ORIGIN, WATCH, Base, Inbox

TIMEOUT_SECONDS = 5.0


class Latency(NamedTuple):
    """Milliseconds: the median, and what 99 % stay below."""

    p50_ms: float
    p99_ms: float


def commit_to_visible(samples: int) -> Latency:
    """Commit one change after another, and wait each time until the trail has its entry."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/app.db")
        Base.metadata.create_all(engine)
        trail = Trail(SqliteStore(Path(folder) / "trail.db"))
        sequencer = Sequencer(capture.outbox(engine), trail, WATCH)
        capture.attach(engine, after_commit=sequencer.wake)
        with engine.begin() as connection:
            connection.execute(insert(Inbox).values(account_id=1, name="Support"))
            capture.sync(connection, WATCH)
        stop = threading.Event()
        thread = threading.Thread(target=sequencer.run, args=(stop,))
        thread.start()
        try:
            waits = [_one(engine, trail, number) for number in range(samples + 20)][20:]
        finally:
            stop.set()
            thread.join()
            engine.dispose()
    return Latency(percentile(waits, 0.5) * 1e3, percentile(waits, 0.99) * 1e3)


def _one(engine, trail: Trail, number: int) -> float:
    size = trail.head("1").size
    with acting_as(ACTOR, ORIGIN), engine.begin() as connection:
        connection.execute(text("UPDATE inboxes SET position = :number"), {"number": number + 1})
    committed = time.perf_counter()
    while trail.head("1").size == size:
        if time.perf_counter() - committed > TIMEOUT_SECONDS:
            raise TimeoutError("the change did not become visible")
        time.sleep(0.0002)
    return time.perf_counter() - committed


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
