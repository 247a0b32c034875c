"""The sequencer's loop: take, append, delete; recovery after a crash is the ordinary round."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Final

from audit_trail.capture.outbox import Outbox, Row
from audit_trail.capture.watch import WatchList
from audit_trail.errors import OutboxFailed, SequencerRunning, TermLost, WatchMoved
from audit_trail.record.entry import Draft
from audit_trail.sequencer.drafts import Drafter
from audit_trail.store.port import Lead
from audit_trail.trail import Trail, utc_now_us

POLL_SECONDS: Final = 0.1
"""What another process committed is found so soon: in half the time that a page waits for it."""

STANDBY_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 5.0
APPENDED_TOGETHER: Final = 4_000
"""How many entries, at least, one append of a large batch writes."""

_log = logging.getLogger(__name__)


def _grouped(transactions: Iterable[list[Draft]]) -> Iterator[list[Draft]]:
    group: list[Draft] = []
    for drafts in transactions:
        group += drafts
        if len(group) >= APPENDED_TOGETHER:
            yield group
            group = []
    yield group


class Sequencer:
    """Drains one outbox into the trail."""

    def __init__(
        self,
        outbox: Outbox,
        trail: Trail,
        watch: WatchList,
        *,
        clock: Callable[[], int] = utc_now_us,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        """Read rows by this watch list. `is_current` is asked before rows are drafted: whether the
        list is still the one that is kept beside the outbox.
        """
        self._outbox = outbox
        self._is_current = is_current
        self._trail = trail
        self._drafter = Drafter(watch, clock)
        self._woken = Event()
        # One thread, so that appends keep their order. It starts with the first large batch.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._lead: Lead | None = None
        self.errors = 0
        """How many rounds failed since the start."""
        self.appended = 0
        """How many entries it knows to have appended since the start, whatever a lost answer kept."""
        self._well_at = -math.inf
        self.leads = False
        """Whether this process works on the outbox, and no other."""

    def wake(self) -> None:
        """Say that something committed; the poll is only a net."""
        self._woken.set()

    def quiet_seconds(self) -> float:
        """Return how long ago a round last went well; one that stands by is well.

        A thread that died, hangs or fails in every round is quiet alike; infinite before the first.
        """
        return time.monotonic() - self._well_at

    def step(self) -> int:
        """Work off one batch and return its rows; 0 when the outbox is empty.

        Between the append and the delete a crash leaves rows whose entries exist: the next round
        finds them by their ids and only deletes. Raises `WatchMoved`, with nothing done.
        """
        if self._lead is None:
            self._lead = self._trail.begin_term(self._outbox.name)
        batch = self._outbox.take()
        if not batch.rows:
            return 0
        # Asked after the rows were read: a new list is committed before the first row of its triggers.
        if not self._is_current():
            raise WatchMoved
        if len(batch.rows) <= APPENDED_TOGETHER:
            self._append(self._drafter.drafts(batch.rows), self._lead)
        else:
            self._append_behind(batch.rows, self._lead)
        self._outbox.delete(batch.rows)
        return len(batch.rows)

    def _append(self, drafts: Sequence[Draft], lead: Lead) -> None:
        self.appended += self._trail.append(drafts, lead)

    def _append_behind(self, rows: Sequence[Row], lead: Lead) -> None:
        """Append in groups of whole transactions: while one is written, the next is drafted."""
        behind: Future[None] | None = None
        try:
            for drafts in _grouped(self._drafter.transactions(rows)):
                if behind:
                    behind.result()
                behind = self._writer.submit(self._append, drafts, lead)
        finally:
            if behind:
                behind.result()

    def drain(self) -> None:
        """Work until the outbox is empty."""
        while self.step():
            pass

    def run(self, stop: Event) -> None:
        """Work until `stop` is set, standing by while another process leads. Raises `WatchMoved`."""
        while not stop.is_set():
            try:
                with self._outbox.leading():
                    self._lead = None
                    self.leads = True
                    try:
                        self._work(stop)
                    finally:
                        self.leads = False
            except SequencerRunning:
                self._well_at = time.monotonic()
                stop.wait(STANDBY_SECONDS)
            except TermLost:
                self._well_at = time.monotonic()
                _log.warning("another sequencer took over the outbox; standing by")
                stop.wait(STANDBY_SECONDS)
            except OutboxFailed:
                self.errors += 1
                _log.exception("the lead can't be taken; trying again")
                stop.wait(STANDBY_SECONDS)

    def _work(self, stop: Event) -> None:
        pause = POLL_SECONDS
        while not stop.is_set():
            self._woken.clear()
            try:
                busy = self.step() > 0
                pause = POLL_SECONDS
                self._well_at = time.monotonic()
            except (TermLost, WatchMoved):
                raise
            except Exception:  # noqa: BLE001 -- the loop's edge: no row is lost, the next round tries
                self.errors += 1
                _log.exception("a round of the sequencer failed; retrying in %.2f s", pause)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            if not busy:
                self._woken.wait(POLL_SECONDS)
