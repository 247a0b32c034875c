"""Looks at the database at the start and then now and then, in the process that leads."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from sqlalchemy import Engine

from audit_trail.capture.look import Look
from audit_trail.capture.url import name_of
from audit_trail.coverage.gaps import STARTED
from audit_trail.coverage.looking import kept_of, look_and_note
from audit_trail.errors import AuditError
from audit_trail.record.entry import INSTALLATION, read_what
from audit_trail.record.query import Is, Query
from audit_trail.trail import Trail, utc_now_us
from audit_trail.turns import turns

PERIOD_SECONDS: Final = 60.0
STANDBY_SECONDS: Final = 1.0
MOST_ACCOUNTS: Final = 5_000
"""So many accounts are told of a gap in their own trails; the installation always is."""

MOST_READ: Final = 200
"""The newest entries by which it is known whether capture had begun before."""

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
        accounts = sorted(set(self._trail.accounts()) - {INSTALLATION})
        if len(accounts) > MOST_ACCOUNTS:
            _log.warning("%d accounts are not told", len(accounts) - MOST_ACCOUNTS)
        look = look_and_note(
            self._engine,
            clock=self._clock,
            accounts=accounts[:MOST_ACCOUNTS],
            begun=self._begun,
        )
        for table, wrong in look.wrong.items():
            names = ", ".join(f"{each.name} ({each.state})" for each in wrong)
            _log.error(
                "changes of %s are not recorded for certain: %s", table or "any table", names
            )
        if look.unwatched:
            _log.warning("tables that nobody watches or ignores: %s", ", ".join(look.unwatched))
        return look

    def _begun(self, begins_us: int) -> int | None:
        """Ask the installation's trail, which whoever empties what looks keep can't reach."""
        query = Query(account=INSTALLATION, where=Is(what="action", text=STARTED))
        name, moments = name_of(self._engine.url), []
        for entry in self._trail.page(query, limit=MOST_READ).entries:
            details = read_what(entry.what).details
            # A trail may be that of several databases.
            if details.get("database") == name and details.get("begins_us") != begins_us:
                moments.append(entry.public.occurred_at)
        return max((each for each in moments if each < begins_us), default=None)

    def wrong(self) -> int | None:
        """Return how many tables were not recorded as they should be at the last look of any server."""
        try:
            kept = kept_of(self._engine)
        except AuditError:
            return None
        return kept.wrong if kept else None
