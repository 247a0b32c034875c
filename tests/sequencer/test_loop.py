"""From outbox to trail, each row once: through crashes, failing stores and rivals."""

import logging
import math
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from audit_trail.capture.sqlalchemy import outbox
from audit_trail.capture.sqlite.lock import locked
from audit_trail.errors import HeadMoved, SequencerRunning, StoreFailed, TermLost
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.sequencer import loop
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Lead, Tail
from audit_trail.trail import APPEND_ATTEMPTS, Trail
from tests.capture.host import NOW_US, Host
from tests.sequencer.faults import FailingStore, MovingStore

INSERT = "INSERT INTO teams (id, account_id) VALUES ({}, 1)"
PATIENCE_SECONDS = 30


def ids(host: Host) -> list[str | None]:
    return [each.public.entity.id for each in host.store.slice("1", 0, 999)]


def draft(number: str = "x") -> Draft:
    return Draft(
        id=number,
        account="1",
        occurred_at=1,
        action="export",
        entity=Entity(type="audit_log"),
        actor=ActorId(kind="user"),
        via="api",
        what=b"{}",
    )


def test_a_crash_between_append_and_delete_leaves_each_entry_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write(INSERT.format(1), INSERT.format(2))
    host.shell(INSERT.format(3), "INSERT INTO audit_outbox (operation, account) VALUES ('?', 1)")
    with monkeypatch.context() as crashing:
        crashing.setattr(
            host.outbox, "delete", lambda rows: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            host.sequencer.step()
    before = host.store.slice("1", 0, 99)
    host.write(INSERT.format(4))
    host.sequencer = host.new_sequencer()
    host.sequencer.drain()
    after = host.store.slice("1", 0, 99)
    assert after[:-1] == before, "the stored entries win; salts are never drawn again"
    assert [each.public.entity.id for each in after] == ["1", "2", "3", None, "4"]
    assert host.waiting() == []


@pytest.mark.parametrize(
    "plan", [["lost"], ["kept"], ["lost", "kept", "lost"], ["kept", "kept", "lost"]]
)
def test_a_store_that_fails_loses_and_doubles_nothing(tmp_path: Path, plan: list[str]) -> None:
    host = Host(tmp_path / "host.db", store=FailingStore(*plan))
    host.write(INSERT.format(1))
    host.shell("INSERT INTO teams (id, account_id) VALUES (2, 1)", "UPDATE teams SET n = 1")
    failures = 0
    while host.waiting():
        try:
            host.sequencer.step()
        except StoreFailed:
            failures += 1
            host.sequencer = host.new_sequencer()
    assert failures == len(plan)
    assert [(each.id, each.action) for each in host.told()] == [
        ("1", "create"),
        ("2", "create"),
        ("1", "update"),
        ("2", "update"),
    ]
    host.close()


def test_entries_that_were_kept_keep_their_salts(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db", store=FailingStore("kept"))
    host.write(INSERT.format(1))
    with pytest.raises(StoreFailed):
        host.sequencer.step()
    (kept,) = host.store.slice("1", 0, 9)
    host.sequencer.drain()
    assert host.store.slice("1", 0, 9) == [kept]
    host.close()


def test_a_sequencer_whose_term_is_over_ends_and_removes_nothing(host: Host) -> None:
    old, new = host.sequencer, host.new_sequencer()
    host.write(INSERT.format(1))
    old.step()
    host.write(INSERT.format(2))
    new.step()
    host.write(INSERT.format(3))
    with pytest.raises(TermLost):
        old.step()
    assert len(host.waiting()) == 1
    new.drain()
    assert ids(host) == ["1", "2", "3"]


def test_a_head_moved_by_another_writer_is_read_again(tmp_path: Path) -> None:
    moved = 0

    def other(append: Callable[..., None]) -> None:
        nonlocal moved
        moved += 1
        beside = MemoryStore()
        Trail(beside, clock=lambda: NOW_US).append([draft(f"other {moved}")])
        (entry,) = beside.slice("1", 0, 1)
        size = store.head("1").size
        append({"1": Tail(size, [msgspec.structs.replace(entry, index=size)])})

    store = MovingStore(3, other)
    host = Host(tmp_path / "host.db", store=store)
    host.write(INSERT.format(1))
    found = host.entries()
    assert [each.index for each in found] == [0, 1, 2, 3]
    assert found[-1].public.entity.id == "1"
    host.close()


def test_a_head_that_never_stands_still_is_an_error_after_some_attempts() -> None:
    class Restless(MemoryStore):
        attempts = 0

        def append(self, tails: Any, lead: Lead | None = None) -> None:
            self.attempts += 1
            raise HeadMoved

    store = Restless()
    with pytest.raises(HeadMoved, match="too many writers"):
        Trail(store, clock=lambda: 0).append([draft()])
    assert store.attempts == APPEND_ATTEMPTS


def test_ids_are_uuids_of_version_7_with_the_time_of_the_event(host: Host) -> None:
    host.write(INSERT.format(1))
    host.shell(INSERT.format(2), "UPDATE audit_outbox SET nonce = 'no bytes' WHERE record_key = 2")
    for entry in host.entries():
        found = uuid.UUID(entry.public.id)
        assert str(found) == entry.public.id
        assert (found.version, found.variant) == (7, uuid.RFC_4122)
        assert found.int >> 80 == entry.public.occurred_at // 1_000


def test_recorded_at_never_goes_back_though_the_clock_does() -> None:
    store, times = MemoryStore(), iter([500, 300, 900, 0])
    trail = Trail(store, clock=lambda: next(times))
    for number in range(4):
        trail.append([draft(str(number))])
    found = store.slice("1", 0, 9)
    assert [each.public.recorded_at for each in found] == [500, 500, 900, 900]


def test_every_draft_of_an_append_counts_once_and_versions_go_on() -> None:
    store = MemoryStore()
    trail = Trail(store, clock=lambda: 0)
    assert trail.append([draft("a"), draft("b"), draft("a")]) == 2
    assert trail.append([draft("b"), draft("c")]) == 1
    assert [(each.index, each.version) for each in store.slice("1", 0, 9)] == [
        (0, 1),
        (1, 2),
        (2, 3),
    ]


def running(host: Host, lock: Path) -> tuple[Thread, Event]:
    stop = Event()
    host.outbox = outbox(host.engine, lock=lock)
    host.sequencer = host.new_sequencer()
    thread = Thread(target=host.sequencer.run, args=(stop,), daemon=True)
    thread.start()
    return thread, stop


def until(condition: Callable[[], object]) -> None:
    """Wait, bounded, for what another thread does."""
    pause = Event()
    for _ in range(PATIENCE_SECONDS * 200):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it never happened")


def test_the_loop_goes_on_after_errors_and_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.01)
    caplog.set_level(logging.CRITICAL)
    host = Host(tmp_path / "host.db", store=FailingStore("lost", "kept", "lost"))
    thread, stop = running(host, tmp_path / "lock")
    for number in range(1, 4):
        host.write(INSERT.format(number))
        host.sequencer.wake()
    until(lambda: not host.waiting())
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert host.sequencer.errors == 3
    assert ids(host) == ["1", "2", "3"]
    host.close()


def test_an_outbox_that_can_not_be_read_is_tried_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.01)
    caplog.set_level(logging.CRITICAL)
    host.write(INSERT.format(1))
    host.shell("ALTER TABLE audit_outbox RENAME TO elsewhere")
    thread, stop = running(host, tmp_path / "lock")
    until(lambda: host.sequencer.errors > 1)
    assert math.isinf(host.sequencer.quiet_seconds())
    host.shell("ALTER TABLE elsewhere RENAME TO audit_outbox")
    until(lambda: ids(host))
    until(lambda: host.sequencer.quiet_seconds() < PATIENCE_SECONDS)
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert ids(host) == ["1"]


def test_a_lock_file_that_can_not_be_opened_does_not_end_the_loop(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "STANDBY_SECONDS", 0.01)
    caplog.set_level(logging.CRITICAL)
    host.write(INSERT.format(1))
    thread, stop = running(host, tmp_path / "missing" / "lock")
    until(lambda: host.sequencer.errors > 1)
    (tmp_path / "missing").mkdir()
    until(lambda: ids(host))
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_two_sequencers_on_one_outbox_take_turns_by_the_lock_file(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STANDBY_SECONDS", 0.01)
    lock = tmp_path / "lock"
    first, stop_first = running(host, lock)
    host.write(INSERT.format(1))
    host.sequencer.wake()
    until(lambda: ids(host))
    host.sequencer = host.new_sequencer()
    second, stop_second = running(host, lock)
    until(lambda: host.sequencer.quiet_seconds() < PATIENCE_SECONDS)  # To stand by is well.
    stop_first.set()
    first.join(PATIENCE_SECONDS)
    host.write(INSERT.format(2))
    host.sequencer.wake()
    until(lambda: len(ids(host)) == 2)
    stop_second.set()
    second.join(PATIENCE_SECONDS)
    assert ids(host) == ["1", "2"]
    assert not (first.is_alive() or second.is_alive())


def test_a_loop_that_lost_its_term_stands_by_and_takes_the_lead_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STANDBY_SECONDS", 0.01)
    thread, stop = running(host, tmp_path / "lock")
    host.write(INSERT.format(1))
    until(lambda: ids(host))
    host.trail.begin_term(host.outbox.name)
    host.write(INSERT.format(2))
    until(lambda: len(ids(host)) == 2)
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert host.sequencer.errors == 0


def test_the_lock_is_held_by_one_process_and_released_when_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import sys; from pathlib import Path; from audit_trail.capture.sqlite.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(SequencerRunning, match="lock"), locked(path):
            pass
        holder.kill()
        holder.wait(PATIENCE_SECONDS)
    with locked(path):
        assert path.stat().st_mode & 0o777 == 0o600
