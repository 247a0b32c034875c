"""A crash or failure at each step between outbox and served checkpoint leaves one signed history.

The steps are all that leaves anything behind: no transaction of the trail, no flush and no renaming
happens outside them, so none can be forgotten here.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from audit_trail.capture.sqlite.outbox import SqliteOutbox
from audit_trail.errors import AuditError, OutboxFailed, StoreFailed
from audit_trail.inspection.given import Given, KeptHeads
from audit_trail.inspection.store import inspect
from audit_trail.signing import heads as files
from audit_trail.signing import keys
from audit_trail.signing.heads import Heads
from audit_trail.signing.keys import trail_key
from audit_trail.store.sqlite import SqliteStore
from audit_trail.store.sqlite_file import SqliteFile
from tests.capture.host import Host
from tests.signing.places import Place

ATTEMPTS: Final = 4

STARTING: Final = ["open the heads"]
RECORDING: Final = ["append", "write the heads", "delete from the outbox"]
STEPS: Final = [
    # The first start draws a key, begins the file of heads, and names both in the store.
    *("write the key", "begin the heads", "add the key", *STARTING, "begin a term"),
    *RECORDING,
    # The next one looks for what a crash left to remove, in each account.
    *(*STARTING, "remove", "remove", "begin a term"),
    *RECORDING,
]

FAULTS: Final = ["dies before", "dies after", "fails before", "fails after"]


class Death(BaseException):
    """The process is gone."""


class Steps:
    """Counts each step, and lets one of them go wrong."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int = -1, fault: str = "") -> None:
        self.taken: list[str] = []
        self.is_within = 0
        self._at = at
        self._fault = fault
        for owner, name, step, error in (
            (keys, "replace", "write the key", OSError("the disk failed")),
            (files, "replace", "begin the heads", OSError("the disk failed")),
            (Heads, "__init__", "open the heads", OSError("the disk failed")),
            (Heads, "_write", "write the heads", OSError("the disk failed")),
            (SqliteStore, "add_key", "add the key", StoreFailed()),
            (SqliteStore, "begin_term", "begin a term", StoreFailed()),
            (SqliteStore, "append", "append", StoreFailed()),
            (SqliteStore, "remove", "remove", StoreFailed()),
            (SqliteOutbox, "delete", "delete from the outbox", OutboxFailed()),
        ):
            patch.setattr(owner, name, self._around(getattr(owner, name), step, error))

    def _around(self, act: Callable[..., Any], step: str, error: Exception) -> Callable[..., Any]:
        def stepping(*given: Any, **named: Any) -> Any:
            fault = self._fault if len(self.taken) == self._at else ""
            self.taken.append(step)
            self._go_wrong(fault, "before", error)
            self.is_within += 1
            try:
                done = act(*given, **named)
            finally:
                self.is_within -= 1
            self._go_wrong(fault, "after", error)
            return done

        return stepping

    def _go_wrong(self, fault: str, when: str, error: Exception) -> None:
        if fault == f"dies {when}":
            raise Death
        if fault == f"fails {when}":
            raise error


class Life:
    """An application and its trail, from their first start on; each start is a new process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = Place(folder)
        self.host = Host(folder / "host.db", store=SqliteStore(folder / "trail.db"))
        self.written = 0

    def start(self) -> None:
        """Start anew on what lies on the disk."""
        self.host.store.close()
        self.host.store = SqliteStore(self._folder / "trail.db")
        self.patiently(self._open)

    def _open(self) -> None:
        self.host.trail = self.place.opened(self.host.store)
        self.host.sequencer = self.host.new_sequencer()

    def patiently(self, act: Callable[[], object]) -> None:
        """Try again what failed, as the sequencer's loop and an operator do."""
        for _ in range(ATTEMPTS):
            try:
                act()
            except (AuditError, OSError):
                continue
            return
        raise AssertionError("it failed each time")

    def record(self) -> None:
        """Change two accounts in one transaction, sequence, and serve the checkpoints."""
        self.written += 1
        one, other = self.written * 10, self.written * 10 + 1
        self.host.write(f"INSERT INTO teams (id, account_id) VALUES ({one}, 1), ({other}, 2)")
        self.sequence()

    def sequence(self) -> None:
        """Work off the outbox, and show what is signed to who accepts only what adds to the last."""
        self.patiently(self.host.sequencer.drain)
        self.patiently(lambda: self.place.show(self.host.trail, ("1", "2")))

    def run(self) -> None:
        """Start twice, and record each time."""
        for _ in range(2):
            self.start()
            self.record()

    def require_one_history(self) -> None:
        """What was written is there once, signed and served, and nothing kept contradicts it."""
        assert self.host.waiting() == []
        for account, offset in (("1", 0), ("2", 1)):
            found = [each.public.entity.id for each in self.host.store.slice(account, 0, 99)]
            assert found == [str(turn * 10 + offset) for turn in range(1, self.written + 1)]
            name = self.host.trail.public_keys()[-1].name
            assert self.place.shown[f"{name}/{account}"][-1].size == self.written
        given = Given(
            keys=[trail_key(each) for each in self.host.trail.public_keys()],
            heads=KeptHeads(*files.read(self.place.heads)),
        )
        assert inspect(self.host.store, given).exit_code == 0
        assert len(self.place.shown) == 2  # One origin an account: the name never changed.


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path)
    yield life
    life.host.close()


def test_nothing_is_left_behind_outside_these_steps(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch)
    underneath = []

    def required(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def within(*given: Any, **named: Any) -> Any:
            assert steps.is_within, f"{name} happens outside all steps"
            underneath.append(name)
            return act(*given, **named)

        return within

    monkeypatch.setattr(os, "fsync", required("a flush", os.fsync))
    monkeypatch.setattr(os, "replace", required("a renaming", os.replace))
    transaction = required("a transaction", SqliteFile.transaction)
    monkeypatch.setattr(SqliteFile, "transaction", transaction)
    life.run()
    assert steps.taken == STEPS
    assert set(underneath) == {"a flush", "a renaming", "a transaction"}
    life.require_one_history()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(len(STEPS)), ids=lambda at: f"{at} {STEPS[at]}")
def test_the_next_start_goes_on_and_never_signs_another_history(
    life: Life, at: int, fault: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        steps = Steps(patch, at, fault)
        with survived():
            life.run()
        assert steps.taken[at] == STEPS[at]
    life.start()
    life.sequence()
    life.record()
    life.require_one_history()


@contextmanager
def survived() -> Iterator[None]:
    try:
        yield
    except Death:
        return
