"""What requests need of the process they run in: one frozen value; it composes nothing."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

import msgspec

from audit_trail.capture.outbox import Backlog, Outbox
from audit_trail.capture.proxies import NO_PROXIES, Proxies
from audit_trail.capture.waiting import wait_until_sequenced
from audit_trail.errors import OutboxFailed
from audit_trail.retention.keeping import Retention
from audit_trail.server.tail import Tails
from audit_trail.trail import Trail
from live_agent.attempts import Limits
from live_agent.database import Database
from live_agent.exporting.shelf import Shelf
from live_agent.metrics import Metrics, Progress

FRESH_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 30.0

_log = logging.getLogger(__name__)


class Worker(Progress, Protocol):
    """What turns the outbox into the trail, as far as others may ask something of it."""

    def wake(self) -> None: ...

    def drain(self) -> None: ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """The database, the trail, and how this installation is run. `clock` gives µs UTC.

    `running` starts the sequencer, the sweep of ended attempts, the rounds of the retention, the
    webhooks and the exports, and stops them at its end.
    `close` closes both databases. Without a `metrics_token` nobody may read the metrics.
    Close `tails` before the server stops: it waits for answers to end.
    """

    database: Database
    outbox: Outbox
    trail: Trail
    retention: Retention
    clock: Callable[[], int]
    running: Callable[[], AbstractContextManager[None]]
    sequencer: Worker
    metrics: Metrics
    exports: Shelf
    close: Callable[[], None]
    tails: Tails
    secure_cookies: bool = False
    trusted_proxies: Proxies = NO_PROXIES
    limits: Limits = Limits()
    metrics_token: str = ""

    @property
    def cookie(self) -> str:
        """The session cookie's name; the prefix makes browsers insist on https and this host."""
        return "__Host-live_agent_session" if self.secure_cookies else "live_agent_session"

    def fresh(self, seconds: float = FRESH_SECONDS) -> Backlog:
        """Wait until what had committed when this began is in the trail, and return what isn't.

        An outbox that can't be read keeps nobody from the trail, whose coverage tells of it.
        """
        try:
            return wait_until_sequenced(self.outbox, seconds)
        except OutboxFailed:
            _log.exception("how much waits in the outbox can't be told")
            return Backlog(0, None)

    def sequencer_idle(self) -> Backlog:
        """Wait longer, until all of it can be read; what is left says that something is wrong."""
        return wait_until_sequenced(self.outbox, IDLE_SECONDS)
