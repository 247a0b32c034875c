"""What the trail knows of a database's capture, and is told when capture is gone; it never looks.

Other gaps are noted in the outbox, with what looks keep. Whoever takes capture out of a database
takes both along, but not the trail.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.capture.look import OF_ALL
from audit_trail.coverage.gaps import STARTED, STOPPED
from audit_trail.own import own_draft
from audit_trail.record.captured import ENTITY, Gap, about_gaps, gaps_told
from audit_trail.record.entry import INSTALLATION, Entity, Entry, read_what
from audit_trail.record.query import Query
from audit_trail.trail import Trail

MOST_ACCOUNTS: Final = 5_000
"""So many accounts are told of a gap in their own trails; the installation always is."""

MOST_READ: Final = 200
"""The newest entries about gaps and beginnings that are asked."""

TIMED: Final = Context(actor=SYSTEM, origin=Origin(via="job", job="coverage"))


_log = logging.getLogger(__name__)


def accounts_told(trail: Trail) -> list[str]:
    """Return the accounts that are told of a gap; the log says how many aren't."""
    accounts = sorted(set(trail.accounts()) - {INSTALLATION})
    if len(accounts) > MOST_ACCOUNTS:
        _log.warning("%d accounts are not told", len(accounts) - MOST_ACCOUNTS)
    return accounts[:MOST_ACCOUNTS]


class Remembered:
    """One database's capture, by the installation's trail, which may be that of several databases.

    `database` is the name that its entries have, and `clock` gives µs UTC.
    """

    def __init__(self, trail: Trail, database: str, clock: Callable[[], int]) -> None:
        self._trail = trail
        self._database = database
        self._clock = clock

    def begun_us(self, but: int | None = None) -> int | None:
        """Return when looks were last told to have begun; `but` is a beginning that is new."""
        moments = (
            entry.public.occurred_at
            for entry, details in self._own_entries()
            if details.get("begins_us") not in (None, but)
            and (but is None or entry.public.occurred_at < but)
        )
        return max(moments, default=None)

    def gone(self) -> Gap | None:
        """Return the gap that goes on since capture was told to be gone."""
        for _, details in self._own_entries():
            if found := gaps_told(details):
                return found[0] if found[0].right_us is None else None
        return None

    def tell_gone(
        self,
        accounts: Sequence[str],
        wrong: dict[str, str],
        good_us: int | None,
        context: Context = TIMED,
    ) -> bool:
        """Tell once what is wrong, where capture had begun; all was right at `good_us`.

        Return whether the trail says so now.
        """
        if self.gone():
            return True
        if (begun_us := self.begun_us()) is None:
            return False
        now_us = self._clock()
        good_us = min(max(begun_us, good_us or 0), now_us)
        gap = Gap(table=OF_ALL, wrong=wrong, good_us=good_us, found_us=now_us)
        self._tell(STOPPED, gap, accounts, context)
        return True

    def tell_back(self, accounts: Sequence[str]) -> None:
        """Tell once that what was told to be gone is there again."""
        if gap := self.gone():
            ended = msgspec.structs.replace(gap, right_us=self._clock())
            self._tell(STARTED, ended, accounts, TIMED)

    def _tell(self, action: str, gap: Gap, accounts: Sequence[str], context: Context) -> None:
        """Tell all together: by the installation's entry it is known that all were told."""
        details = {"gaps": [msgspec.to_builtins(gap)], "database": self._database}
        self._trail.append(
            [
                own_draft(
                    context,
                    account,
                    action,
                    clock=self._clock,
                    details=details,
                    entity=Entity(type=ENTITY),
                )
                for account in (INSTALLATION, *accounts)
            ]
        )

    def _own_entries(self) -> Iterator[tuple[Entry, dict[str, Any]]]:
        """Yield the newest that name the database: beginnings, and what is told by this room."""
        query = Query(account=INSTALLATION, where=about_gaps())
        for entry in self._trail.page(query, limit=MOST_READ).entries:
            details = read_what(entry.what).details
            if details.get("database") == self._database:
                yield entry, details
