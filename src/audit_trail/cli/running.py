"""What `audit-trail run` does: it works off one database's outbox into its trail until it is told to stop."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.outbox import Outbox
from audit_trail.capture.waiting import wait_until_sequenced
from audit_trail.capture.watch import WatchList
from audit_trail.cli.database import database_failed, open_database
from audit_trail.cli.sealing import Seals
from audit_trail.cli.signing import signing_in
from audit_trail.cli.store import make_store
from audit_trail.coverage import rounds as coverage
from audit_trail.errors import (
    AuditError,
    OutboxFailed,
    SequencerRunning,
    TrailRefused,
    WatchMoved,
)
from audit_trail.reconciliation import rounds as reconciliation
from audit_trail.retention import rounds as retention
from audit_trail.retention.keeping import Retention
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.port import Store
from audit_trail.trail import Trail

LOOK_SECONDS: Final = 0.25
PROGRESS_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 20.0
"""For how long a stop works off what had committed before it."""

ROUND_SECONDS: Final = 5.0
"""For how long a stop waits for a round that has begun."""

OTHERS_SECONDS: Final = 30.0
"""For how long `--once` waits for the process that leads."""

_log = logging.getLogger(__name__)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which database is worked off, into which trail, and where key and signed heads lie."""

    database: str
    store: str
    signing: Path | None = None
    shared: bool = False
    """Whether the trail may hold what other databases recorded."""


class Round(NamedTuple):
    """What is done now and then beside the sequencer: until told to stop, or once where that is quick."""

    name: str
    run: Callable[[Event], None]
    once: Callable[[], object] = lambda: None


class Running:
    """One database's outbox, its trail, and all that works on them in this process."""

    def __init__(self, engine: Engine, trail: Trail, *, is_shared: bool = False) -> None:
        """Work on them. A trail that `is_shared` with other databases can't be reconciled with one."""
        self._engine = engine
        self._trail = trail
        self._is_shared = is_shared
        self._is_alone = False
        self._told = (False, 0, 0)
        self._told_at = 0.0
        self.rounds = self._rounds()
        self._begin(_kept(engine))

    @property
    def leads(self) -> bool:
        """Whether this process works on the outbox, and no other."""
        return self._is_alone or self._sequencer.leads

    def once(self) -> None:
        """Work off what is there, and do each round once.

        Raises `SequencerRunning`, and what a round raised, once all others are done.
        """
        failed: AuditError | None = None
        try:
            with self.outbox.leading():
                self._is_alone = True
                self._drain()
                for each in self.rounds:
                    try:
                        each.once()
                    except AuditError as error:
                        failed = error
                self._drain()  # What the rounds noted.
        except SequencerRunning:
            if wait_until_sequenced(self.outbox, OTHERS_SECONDS).rows:
                raise
        _log.info("done", extra={"entries": self._sequencer.appended})
        if failed:
            raise failed

    def until(self, stop: Event) -> None:
        """Work until `stop` is set, then work off what had committed, and end."""
        ending, ending_rounds = Event(), Event()
        worker = Thread(target=self._sequence, args=(ending,), name="sequencer", daemon=True)
        others = [
            Thread(target=each.run, args=(ending_rounds,), name=each.name, daemon=True)
            for each in self.rounds
        ]
        for thread in (worker, *others):
            thread.start()
        try:
            while not stop.wait(LOOK_SECONDS):
                if not worker.is_alive():
                    raise OutboxFailed("The sequencer has died; the log says why.")
                self._tell()
            self._tell()
            _log.info("stopping")
        finally:
            ending_rounds.set()
            for thread in others:  # What they note now is sequenced, too.
                thread.join(ROUND_SECONDS)
            try:
                self._finish()
            finally:
                ending.set()
                self._sequencer.wake()
                worker.join(DRAIN_SECONDS)
        _log.info("stopped", extra={"entries": self._appended})

    def _finish(self) -> None:
        if self.leads and (left := wait_until_sequenced(self.outbox, DRAIN_SECONDS)).rows:
            _log.warning("stopped before all was sequenced", extra={"behind": left.rows})

    def _rounds(self) -> Sequence[Round]:
        def leads() -> bool:
            return self.leads

        retained = retention.Rounds(self._trail, Retention(self._trail), leads)
        seals = Seals(self._trail, leads)
        looks = coverage.Rounds(self._engine, self._trail, leads=leads)
        reconciled = reconciliation.Rounds(self._engine, self._trail, leads=leads)
        return (
            Round("coverage", looks.run, looks.step),
            Round("retention", retained.run, retained.step),
            *(() if self._is_shared else (Round("reconciliation", reconciled.run),)),
            Round("index", self._trail.keep_indexed, self._trail.index),
            Round("seals", seals.run, seals.step),
        )

    def _begin(self, watch: WatchList, before: Sequencer | None = None) -> None:
        """Go on by this watch list."""
        self.outbox: Outbox = capture.outbox(self._engine, parents=watch.parents())
        self._sequencer = Sequencer(
            self.outbox, self._trail, watch, is_current=lambda: _kept(self._engine) == watch
        )
        if before:
            self._sequencer.appended, self._sequencer.errors = before.appended, before.errors

    def _follow(self) -> None:
        watch = _kept(self._engine)
        self._begin(watch, self._sequencer)
        _log.info("follows a changed watch list", extra={"tables": len(watch.tables)})

    def _drain(self) -> None:
        while True:
            try:
                return self._sequencer.drain()
            except WatchMoved:
                self._follow()

    def _sequence(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                self._sequencer.run(stop)
            except WatchMoved:
                try:
                    self._follow()
                except AuditError:
                    _log.exception("the watch list can't be read; trying again")
                    stop.wait(PROGRESS_SECONDS)

    @property
    def _appended(self) -> int:
        return self._sequencer.appended

    def _tell(self) -> None:
        """Say at once who leads, and now and then how far it is."""
        now = self.leads, self._sequencer.appended, self._sequencer.errors
        if now[0] != self._told[0]:
            _log.info("leading" if now[0] else "standing by")
        elif now == self._told or time.monotonic() - self._told_at < PROGRESS_SECONDS:
            return
        self._told, self._told_at = now, time.monotonic()
        try:
            behind = self.outbox.backlog().rows
        except OutboxFailed:
            behind = None  # The sequencer says so itself.
        _log.info("sequenced", extra={"entries": now[1], "errors": now[2], "behind": behind})


@contextmanager
def running(asked: Asked) -> Iterator[Running]:
    """Open database and trail, and seal what isn't sealed. Raises what says that it can't be done.

    That is `UrlRefused`, `WatchRefused`, `OutboxFailed`, `StoreFailed`, `TrailRefused`, `KeyRefused`,
    `HeadsFailed` or `HistoryLost`.
    """
    with open_database(asked.database) as engine:
        watch = _kept(engine)
        outbox = capture.outbox(engine)
        outbox.backlog()  # Who may not read it is told before anything is made.
        with closing(make_store(asked.store)) as store:
            _require_own(store, outbox.name, shared=asked.shared)
            trail = Trail(store, signer=signing_in(asked.store, asked.signing).signer(store))
            trail.seal()
            _log.info("started", extra={"database": outbox.name, "tables": len(watch.tables)})
            yield Running(engine, trail, is_shared=bool(store.outboxes() - {outbox.name}))


def _kept(engine: Engine) -> WatchList:
    try:
        with engine.connect() as connection:
            return capture.kept_watch_list(connection)
    except DBAPIError as error:
        raise database_failed(engine, error) from error


def _require_own(store: Store, outbox: str, *, shared: bool) -> None:
    """Keep the accounts of two applications apart: both may have one that is called 1."""
    others = store.outboxes() - {outbox}
    if others and not shared:
        raise TrailRefused(
            f"This trail already records {', '.join(sorted(others))}. Give {outbox} a trail of its "
            "own; if it is the same database at another address, or both are to share this trail, "
            "add --shared."
        )
