"""Looks at the database at the start and then now and then, in the process that leads."""

import logging
from collections.abc import Callable, Sequence
from threading import Event
from typing import Final

from sqlalchemy import Engine

from audit_trail.capture.look import Look
from audit_trail.capture.url import name_of
from audit_trail.coverage.looking import kept_of, look_and_note, missing_from
from audit_trail.coverage.remembered import Remembered, accounts_told
from audit_trail.errors import AuditError, OutboxFailed
from audit_trail.trail import Trail, utc_now_us
from audit_trail.turns import turns

PERIOD_SECONDS: Final = 60.0
STANDBY_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Rounds:
    """One look after the other, as long as `leads` says that no other process does the same."""

    def __init__(
        self,
        engine: Engine,
        trail: Trail,
        *,
        leads: Callable[[], bool] = lambda: True,
        clock: Callable[[], int] = utc_now_us,
        period_seconds: float = PERIOD_SECONDS,
    ) -> None:
        """Look at the engine's database; on PostgreSQL it connects as the capture role."""
        self._engine = engine
        self._trail = trail
        self._leads = leads
        self._clock = clock
        self._period_seconds = period_seconds
        self._remembered = Remembered(trail, name_of(engine.url), clock)
        self._good_us: int | None = None
        self.errors = 0
        """How many looks failed since the start; each is tried again after the period."""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        period = self._period_seconds
        for _ in turns(stop, self._leads, first=0, period=period, standby=STANDBY_SECONDS):
            self.attempt()

    def attempt(self) -> None:
        """Look once; a failure is logged and counted."""
        try:
            self.step()
        except AuditError:
            self.errors += 1
            _log.exception("what is recorded can't be looked at; trying again")

    def step(self) -> Look:
        """Look once, and note what is new."""
        accounts = accounts_told(self._trail)
        try:
            look = look_and_note(
                self._engine, clock=self._clock, accounts=accounts, begun=self._begun
            )
        except AuditError:
            self._tell_gone(accounts)
            raise
        self._remembered.tell_back(accounts)
        kept = kept_of(self._engine)
        self._good_us = kept.looked_us if kept else None
        for table, wrong in look.wrong.items():
            names = ", ".join(f"{each.name} ({each.state})" for each in wrong)
            _log.error(
                "changes of %s are not recorded for certain: %s", table or "any table", names
            )
        if look.unwatched:
            _log.warning("tables that nobody watches or ignores: %s", ", ".join(look.unwatched))
        return look

    def _begun(self, begins_us: int) -> int | None:
        """Tell of an earlier first look, unless the trail was told that its capture is gone."""
        remembered = self._remembered
        return None if remembered.gone() else remembered.begun_us(but=begins_us)

    def _tell_gone(self, accounts: Sequence[str]) -> None:
        """Tell the trail itself where there is no outbox to tell of it."""
        try:
            missing = missing_from(self._engine)
        except OutboxFailed:
            return  # A database that can't be reached may well be recorded.
        if missing:
            self._remembered.tell_gone(accounts, {missing: "missing"}, self._good_us)

    def wrong(self) -> int | None:
        """Return how many tables were not recorded as they should be at the last look of any server.

        Where capture is gone, one: everything. None where nobody can tell.
        """
        try:
            if missing_from(self._engine):
                return 1
            kept = kept_of(self._engine)
        except AuditError:
            return None
        return kept.wrong if kept else None
