"""The sequencer's loop: take, append, delete; recovery after a crash is the ordinary round."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from audit_trail.capture.outbox import Outbox
from audit_trail.capture.watch import WatchList
from audit_trail.errors import OutboxFailed, SequencerRunning, TermLost
from audit_trail.record.entry import Draft
from audit_trail.sequencer.drafts import Drafter
from audit_trail.store.port import Lead
from audit_trail.trail import Trail, utc_now_us

POLL_SECONDS: Final = 0.25
STANDBY_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Sequencer:
    """Drains one outbox into the trail."""

    def __init__(
        self,
        outbox: Outbox,
        trail: Trail,
        watch: WatchList,
        *,
        clock: Callable[[], int] = utc_now_us,
    ) -> None:
        self._outbox = outbox
        self._trail = trail
        self._drafter = Drafter(watch, clock)
        self._woken = Event()
        self._lead: Lead | None = None
        self.errors = 0
        """How many rounds failed since the start."""

    def wake(self) -> None:
        """Say that something committed; the poll is only a net."""
        self._woken.set()

    def step(self) -> int:
        """Work off one batch and return its rows; 0 when the outbox is empty.

        Between the append and the delete a crash leaves rows whose entries exist: the next round
        finds them by their ids and only deletes.
        """
        if self._lead is None:
            self._lead = self._trail.begin_term(self._outbox.name)
        batch = self._outbox.take()
        if not batch.rows:
            return 0
        drafts: list[Draft] = self._drafter.drafts(batch.rows)
        self._trail.append(drafts, self._lead)
        self._outbox.delete(batch.rows)
        return len(batch.rows)

    def drain(self) -> None:
        """Work until the outbox is empty."""
        while self.step():
            pass

    def run(self, stop: Event) -> None:
        """Work until `stop` is set, standing by while another process leads."""
        while not stop.is_set():
            try:
                with self._outbox.leading():
                    self._lead = None
                    self._work(stop)
            except SequencerRunning:
                stop.wait(STANDBY_SECONDS)
            except TermLost:
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
            except TermLost:
                raise
            except Exception:  # noqa: BLE001 -- the loop's edge: no row is lost, the next round tries
                self.errors += 1
                _log.exception("a round of the sequencer failed; retrying in %.2f s", pause)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            if not busy:
                self._woken.wait(POLL_SECONDS)
