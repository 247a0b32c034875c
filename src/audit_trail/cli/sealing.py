"""Signs what others appended to the trail without its key; it appends nothing itself."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from audit_trail.errors import AuditError
from audit_trail.trail import Trail

SEAL_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Seals:
    """Looks after each account's newest checkpoint, as long as `leads` says that nobody else does."""

    def __init__(self, trail: Trail, leads: Callable[[], bool]) -> None:
        self._trail = trail
        self._leads = leads
        self._sealed: dict[str, int] = {}

    def run(self, stop: Event) -> None:
        """Work until `stop` is set, and once more then."""
        while True:
            is_over = stop.wait(SEAL_SECONDS)
            self.step()
            if is_over:
                return

    def step(self) -> None:
        """Sign each account that has grown since it was last looked at."""
        try:
            for account in self._trail.accounts() if self._leads() else ():
                size = self._trail.head(account).size
                if self._sealed.get(account) != size:
                    self._trail.sign(account)
                    self._sealed[account] = size
        except AuditError:
            _log.exception("what others appended can't be signed; trying again")
