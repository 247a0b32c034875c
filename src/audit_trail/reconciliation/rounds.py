"""Reconciles now and then, in the process that leads, and lets the trail say what differs, once."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from threading import Event
from typing import Any, Final

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.capture.watch import WatchList
from audit_trail.errors import AuditError, OutboxFailed
from audit_trail.own import own_draft
from audit_trail.reconciliation.reconciling import Reconciler
from audit_trail.reconciliation.report import Difference, Report
from audit_trail.record.entry import INSTALLATION, Draft, read_what
from audit_trail.record.query import Is, Query, any_of
from audit_trail.trail import Trail, utc_now_us
from audit_trail.turns import turns

FIRST_SECONDS: Final = 900.0
"""A server that has just started has people waiting for it, and work left from before."""

DAY_SECONDS: Final = 86_400.0
STANDBY_SECONDS: Final = 60.0
LONGEST_REST_SECONDS: Final = 2.0

FAILED: Final = "reconciliation_failed"
RECONCILED: Final = "reconciled"
MOST_TOLD: Final = 100
"""How many records an entry names; it counts all."""

TIMED: Final = Context(actor=SYSTEM, origin=Origin(via="job", job="reconciliation"))

_log = logging.getLogger(__name__)


class _Over(Exception):
    """The server stops, or another process leads."""


class Rounds:
    """One reconciliation after the other, as long as `leads` says that no other process does the same."""

    def __init__(
        self,
        engine: Engine,
        trail: Trail,
        *,
        leads: Callable[[], bool] = lambda: True,
        clock: Callable[[], int] = utc_now_us,
        period_seconds: float = DAY_SECONDS,
    ) -> None:
        """Reconcile the engine's database; on PostgreSQL it connects as the capture role."""
        self._engine = engine
        self._trail = trail
        self._leads = leads
        self._clock = clock
        self._period_seconds = period_seconds
        self.errors = 0
        """How many reconciliations failed since the start; each is tried again after the period."""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set."""
        period = self._period_seconds
        first = min(FIRST_SECONDS, period)
        for _ in turns(stop, self._leads, first=first, period=period, standby=STANDBY_SECONDS):
            self._try(stop)

    def _try(self, stop: Event) -> None:
        try:
            self.step(stop)
        except _Over:
            return
        except AuditError:
            self.errors += 1
            _log.exception("tables and trail can't be compared; trying again")

    def step(self, stop: Event | None = None) -> Report:
        """Reconcile once, half of the time at rest, and let the trail say what is new about it."""
        stop = stop or Event()
        report = Reconciler(
            capture.records(self._engine),
            self._trail,
            self._watch(),
            pause=stop.wait,
            between=_Rest(stop, self._leads),
        ).run()
        rows = sum(each.rows for each in report.tables)
        if report.differing:
            _log.error("%d of %d records differ from their entries", report.differing, rows)
        else:
            _log.info("%d records are as their entries say", rows)
        if drafts := list(self._news(report)):
            self._trail.append(drafts)
        return report

    def _watch(self) -> WatchList:
        try:
            with self._engine.connect() as connection:
                return capture.kept_watch_list(connection)
        except DBAPIError as error:
            raise OutboxFailed(f"The watch list can't be read: {error.orig}") from error

    def _news(self, report: Report) -> Iterator[Draft]:
        """Yield an entry for the installation and each account about which something else is so now.

        What differs as it did the day before is no news; that nothing does any more is.
        """
        by_account: dict[str, list[Difference]] = defaultdict(list)
        for each in report.differences:
            by_account[INSTALLATION].append(each)
            if each.account and each.account != INSTALLATION:
                by_account[each.account].append(each)
        last = self._last(INSTALLATION)
        told = {INSTALLATION, *by_account, *map(str, last.get("accounts", ()))}
        for account in sorted(told):
            differences = by_account.get(account, [])
            before = last if account == INSTALLATION else self._last(account)
            fingerprint = _fingerprint(differences)
            is_same = before.get("fingerprint", _fingerprint(())) == fingerprint
            if is_same or not (differences or report.exit_code == 0):
                continue
            details: dict[str, Any] = {"fingerprint": fingerprint}
            if differences:
                count = len({(each.table, each.account, each.id) for each in differences})
                details |= {"differing": count, "records": list(_named(differences))}
            if account == INSTALLATION and differences:
                details |= {
                    "differing": report.differing,
                    "accounts": sorted(by_account.keys() - {INSTALLATION}),
                }
            action = FAILED if differences else RECONCILED
            yield own_draft(TIMED, account, action, clock=self._clock, details=details)

    def _last(self, account: str) -> Mapping[str, Any]:
        """Return the details of the account's newest entry about it."""
        where = any_of(Is("action", FAILED), Is("action", RECONCILED))
        page = self._trail.page(Query(account=account, where=where), limit=1)
        if not page.entries:
            return {}
        entry = page.entries[0]
        return read_what(entry.what, entry.public.what).details


class _Rest:
    """Rests as long as the work before took, so that others have half of the time."""

    def __init__(self, stop: Event, leads: Callable[[], bool]) -> None:
        self._stop = stop
        self._leads = leads
        self._since = time.monotonic()

    def __call__(self) -> None:
        took = time.monotonic() - self._since
        if self._stop.wait(min(took, LONGEST_REST_SECONDS)) or not self._leads():
            raise _Over
        self._since = time.monotonic()


def _fingerprint(differences: Sequence[Difference]) -> str:
    """Return what tells one set of differences from another, without a value of them."""
    keys = sorted(
        (each.table, each.account or "", each.id, each.kind, each.field or "")
        for each in differences
    )
    return sha256(msgspec.json.encode(keys)).hexdigest()[:16]


def _named(differences: Sequence[Difference]) -> Iterator[str]:
    """Name records and fields, and no value: the entry would keep what may have to be erased."""
    fields: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in differences:
        fields[each.table, each.id].append(each.field or each.kind.replace("_", " "))
    for (table, record), named in list(fields.items())[:MOST_TOLD]:
        yield f"{table} #{record}: {', '.join(named)}"
