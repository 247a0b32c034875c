"""Runs the retention of every account once a day, in the process that leads."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from audit_trail.errors import AuditError
from audit_trail.retention.keeping import Retention
from audit_trail.trail import Trail
from audit_trail.turns import turns

FIRST_SECONDS: Final = 300.0
"""A server that has just started has people waiting for it."""

DAY_SECONDS: Final = 86_400.0
STANDBY_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class Rounds:
    """One round after the other, as long as `leads` says that no other process does the same."""

    def __init__(self, trail: Trail, retention: Retention, leads: Callable[[], bool]) -> None:
        self._trail = trail
        self._retention = retention
        self._leads = leads
        self.errors = 0
        """How many runs failed since the start; each is tried again the next day."""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        for _ in turns(
            stop, self._leads, first=FIRST_SECONDS, period=DAY_SECONDS, standby=STANDBY_SECONDS
        ):
            self.step(stop.is_set)

    def step(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Run each account's retention, and return how many entries were dropped."""
        dropped = 0
        for account in self._trail.accounts():
            if is_over() or not self._leads():
                break
            try:
                run = self._retention.run(account, is_over=is_over)
            except AuditError:
                self.errors += 1
                _log.exception("the retention of account %s failed; trying again", account)
                continue
            if run:
                dropped += run.dropped
                _log.info("%d entries of account %s were dropped", run.dropped, account)
        return dropped
