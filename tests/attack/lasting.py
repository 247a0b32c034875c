"""A host whose trail lasts, and a sequencer of it in a process of its own.

    python -m tests.attack.lasting DATABASE TRAIL [append|delete]

sequences until it gets SIGTERM. With the last argument it stops itself, as by SIGSTOP, before it
first appends, or first deletes from the outbox what it has appended.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

from sqlalchemy import create_engine

from audit_trail.capture.sqlalchemy import attach, outbox
from audit_trail.record.entry import Entry
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail, utc_now_us
from tests.capture.host import NOTHING, WATCH, Application, told

PATIENCE_SECONDS = 60.0
ROOT = Path(__file__).parent.parent.parent

Record = dict[str, Any]


def keep_in(host: Application, place: str) -> None:
    """Let the host's trail lie at this URL or path."""
    host.store.close()
    host.store = open_store(place)
    host.trail = Trail(host.store)
    host.sequencer = host.new_sequencer()


def open_store(place: str) -> Store:
    is_postgresql = place.startswith("postgresql:")
    return PostgresqlStore(place) if is_postgresql else SqliteStore(Path(place))


@contextmanager
def sequencing(
    host: Application, place: str, pausing: str = "", *, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Sequence in a process of its own until the block ends."""
    database = host.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.attack.lasting", database, place, pausing],
        stderr=log,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@contextmanager
def working(host: Application, *sequencers: Sequencer) -> Iterator[None]:
    """Run the sequencers, by default the host's own, each in a thread, until the block ends."""
    stop = Event()
    threads = [Thread(target=each.run, args=(stop,)) for each in sequencers or (host.sequencer,)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in threads)


def until(condition: Callable[[], object], what: str = "it never happened") -> None:
    """Wait, bounded, for what another thread or process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether it is stopped, without ending the wait for its end."""
    return bool(os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT))


def require_whole(host: Application, account: str = "1") -> list[Entry]:
    """Hold the trail against the tables: each change has one entry, and each entry its change.

    Played from the start, every value before is what the entries until then say. Returns them.
    """
    entries = host.entries(account)
    assert host.waiting() == []
    assert [each.index for each in entries] == list(range(len(entries)))
    assert max(Counter(each.public.id for each in entries).values(), default=1) == 1
    times = [each.public.recorded_at for each in entries]
    assert times == sorted(times)
    state: dict[str, dict[str, Record]] = defaultdict(dict)
    for entry in entries:
        _apply(entry, state[entry.public.entity.type])
    assert state["team"] == {
        str(number): {"name": name, "note": note, "n": n}
        for number, name, note, n in host.rows(
            f"SELECT id, name, note, n FROM teams WHERE account_id = {account}"
        )
    }
    return entries


def _apply(entry: Entry, records: dict[str, Record]) -> None:
    it = told(entry)
    number = it.id or ""
    if it.action == "create":
        assert number not in records, f"created twice: {it}"
        records[number] = dict.fromkeys(("name", "note", "n"))
    for name, (before, after) in _teams(it.changes):
        found = records[number][name]
        assert found == (None if before == NOTHING else before), f"{it} follows {found!r}"
        records[number][name] = None if after == NOTHING else after
    if it.action == "delete":
        gone = records.pop(number)
        assert not any(value is not None for value in gone.values()), f"{it} left {gone}"


def _teams(changes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, pair) for name, pair in changes.items() if name in ("name", "note", "n")]


def main() -> None:
    database, place, pausing = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING)
    engine = create_engine(database)
    attach(engine)
    taken = outbox(engine, parents=WATCH.parents())
    trail = Trail(open_store(place))
    if pausing == "append":
        trail.append = _paused(trail.append)  # type: ignore[method-assign]
    elif pausing == "delete":
        taken.delete = _paused(taken.delete)  # type: ignore[method-assign]
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Sequencer(taken, trail, WATCH, clock=utc_now_us).run(stop)


def _paused(act: Callable[..., Any]) -> Callable[..., Any]:
    """Stop the process before the first time."""
    done: list[bool] = []

    def acting(*arguments: Any) -> Any:
        if not done:
            done.append(True)
            os.kill(os.getpid(), signal.SIGSTOP)
        return act(*arguments)

    return acting


if __name__ == "__main__":
    main()
