"""The band over the list: in which times not everything was recorded, by the trail's own entries."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from audit_trail.record.captured import Gap, about_gaps, called, gaps_of
from audit_trail.record.catalog import Catalog, titled
from audit_trail.record.query import During, Query
from audit_trail.server.zone import Moment, Zone, moment
from audit_trail.trail import Trail

QUESTION: Final = "action:capture_stopped,capture_started"
"""What finds the entries that the band rests on."""

MOST_READ: Final = 200
"""The newest entries about capture; older gaps are found by that question."""

MOST_SHOWN: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """One time, and what was not recorded for certain in it. Without `since` nobody looked before."""

    what: str
    is_partial: bool
    since: Moment | None
    found: Moment
    until: Moment | None


class Band(NamedTuple):
    """What is shown: whether a gap goes on, the newest stretches, and how many more there are."""

    is_now: bool
    stretches: Sequence[Stretch]
    more: int
    question: str = QUESTION


def gaps_in(trail: Trail, account: str) -> list[Gap]:
    """Return the account's gaps, newest first."""
    query = Query(account=account, where=about_gaps())
    return gaps_of(trail.page(query, limit=MOST_READ).entries)


def band_of(
    trail: Trail, account: str, during: During | None, zone: Zone, catalog: Catalog, now_us: int
) -> Band | None:
    """Return the gaps that go on, those of today, and those of the time that is asked for."""
    since_us, until_us = _asked(during, zone, now_us)
    gaps = [
        gap
        for gap in gaps_in(trail, account)
        if gap.right_us is None
        or gap.overlaps(_midnight_us(zone, now_us), now_us)
        or gap.overlaps(since_us, until_us)
    ]
    stretches = list(_stretches(gaps, zone, catalog))
    if not stretches:
        return None
    is_now = any(each.until is None for each in stretches)
    return Band(is_now, stretches[:MOST_SHOWN], max(len(stretches) - MOST_SHOWN, 0))


def _asked(during: During | None, zone: Zone, now_us: int) -> tuple[int, int]:
    """Return the time that is asked for; without one, today."""
    if during is None:
        return _midnight_us(zone, now_us), now_us
    since_us = 0 if during.since_us is None else during.since_us
    return since_us, now_us if during.until_us is None else during.until_us


def _midnight_us(zone: Zone, now_us: int) -> int:
    local = (_EPOCH + timedelta(microseconds=now_us)).astimezone(zone.info)
    begun = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (begun - _EPOCH) // timedelta(microseconds=1)


def _stretches(gaps: Sequence[Gap], zone: Zone, catalog: Catalog) -> Iterator[Stretch]:
    """Yield each time once, with all that was not recorded in it; what goes on comes first."""
    together: dict[tuple[int | None, int, int | None, bool], list[Gap]] = defaultdict(list)
    for gap in gaps:
        together[gap.good_us, gap.found_us, gap.right_us, gap.is_partial].append(gap)
    for (good_us, found_us, right_us, is_partial), some in sorted(
        together.items(), key=lambda each: each[0][2] is not None
    ):
        names = dict.fromkeys(called(gap, catalog) for gap in some)
        yield Stretch(
            what=titled(", ".join(names)),
            is_partial=is_partial,
            since=None if good_us is None else moment(good_us, zone),
            found=moment(found_us, zone),
            until=None if right_us is None else moment(right_us, zone),
        )
