"""Commit to visible under a steady load of writers, and what the writers themselves wait."""

import threading
import time
from contextlib import nullcontext
from typing import NamedTuple

from sqlalchemy import text

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import acting_as
from audit_trail.sequencer.loop import Sequencer
from audit_trail.trail import Trail
from bench.engines import Place
from bench.paired import percentile
from bench.saves import ACTOR, ORIGIN, WATCH, new_engine
from bench.sealing import signed_trail

WRITERS = 4
PATIENCE_SECONDS = 30.0


class Load(NamedTuple):
    """Milliseconds from a commit until its entry can be read, and those that a writer waits."""

    changes_per_second: float
    visible_p50_ms: float
    visible_p99_ms: float
    writer_p99_ms: float
    writer_without_p99_ms: float


def under_load(place: Place, changes_per_second: int, seconds: float) -> Load:
    """Write at this rate from four threads, with capture and a running sequencer, then without."""
    count = int(changes_per_second * seconds)
    visible, writers, took = _captured(place, changes_per_second, count)
    plain = new_engine(place)
    _, without, _ = _write(plain, changes_per_second, count)
    plain.dispose()
    return Load(
        count / took,
        percentile(visible, 0.5) * 1e3,
        percentile(visible, 0.99) * 1e3,
        percentile(writers, 0.99) * 1e3,
        percentile(without, 0.99) * 1e3,
    )


def _captured(place: Place, rate: int, count: int) -> tuple[list[float], list[float], float]:
    engine = new_engine(place, captured=True, after_commit=lambda: sequencer.wake())
    store = place.store()
    trail = signed_trail(place, store)  # What is visible is sealed as well.
    sequencer = Sequencer(capture.outbox(engine), trail, WATCH)
    sequencer.drain()
    before = trail.head("1").size
    stop, seen = threading.Event(), list[float]()
    threads = [
        threading.Thread(target=sequencer.run, args=(stop,)),
        threading.Thread(target=_watch, args=(trail, before, before + count, seen)),
    ]
    for thread in threads:
        thread.start()
    try:
        committed, writers, took = _write(engine, rate, count, acts=True)
        threads[1].join(PATIENCE_SECONDS)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        store.close()
        engine.dispose()
    if len(seen) != count:
        raise TimeoutError(f"{count - len(seen)} changes did not become visible")
    # Entries come in the order of commits, so the first to be seen was the first to be committed.
    waits = [max(at - done, 0.0) for at, done in zip(seen, sorted(committed), strict=True)]
    return waits, writers, took


def _watch(trail: Trail, size: int, until: int, seen: list[float]) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS * 4
    while size < until and time.perf_counter() < deadline:
        now = trail.head("1").size
        seen += [time.perf_counter()] * (now - size)
        size = now
        time.sleep(0.001)


def _write(engine, rate: int, count: int, *, acts: bool = False):
    """Return when each change had committed, how long it took, and how long all took."""
    committed, times = list[float](), list[float]()
    begun = time.perf_counter()

    def work(writer: int) -> None:
        for number in range(writer, count, WRITERS):
            time.sleep(max(begun + number / rate - time.perf_counter(), 0))
            started = time.perf_counter()
            with acting_as(ACTOR, ORIGIN) if acts else nullcontext(), engine.begin() as connection:
                connection.execute(
                    text("UPDATE inboxes SET position = position + 1 WHERE id = :id"),
                    {"id": number % 1_000 + 1},
                )
            done = time.perf_counter()
            committed.append(done)
            times.append(done - started)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return committed, times, time.perf_counter() - begun
