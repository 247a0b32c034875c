"""Times of day and days of the week: by the zone's clocks, in winter and in summer."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from audit_trail.errors import QuestionRefused
from audit_trail.record.matching import matches
from audit_trail.record.query import At, Condition
from audit_trail.record.question import understand
from tests.store.contract import entry

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
OUTSIDE = "(time:18:00..08:00 OR day:sat,sun)"


def condition(text: str, zone: tzinfo = BERLIN) -> Condition | None:
    return understand(text, zone=zone, now_us=0).where


def holds(text: str, at: str, zone: tzinfo = BERLIN) -> bool:
    """Tell whether the question finds an entry of this time (UTC)."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return matches(condition(text, zone), entry(0, occurred_at=int(moment.timestamp()) * 1_000_000))


def test_a_range_over_midnight_and_the_weekend_are_outside_office_hours() -> None:
    # In winter Berlin's clocks are an hour ahead.
    assert not holds(OUTSIDE, "2026-11-24T07:00")
    assert holds(OUTSIDE, "2026-11-24T06:59")
    assert not holds(OUTSIDE, "2026-11-24T16:59")
    assert holds(OUTSIDE, "2026-11-24T17:00")
    assert holds(OUTSIDE, "2026-11-28T11:00")  # A Saturday.
    assert not holds(f"-{OUTSIDE}", "2026-11-28T11:00")


def test_summer_time_is_kept_as_it_was_on_the_day() -> None:
    assert holds("time:18:00..19:00", "2026-07-01T16:30")
    assert holds("time:18:00..19:00", "2026-12-01T17:30")
    # The hour that comes twice is there twice, and the one that is left out never.
    assert holds("time:02:00..03:00", "2026-10-25T00:30")
    assert holds("time:02:00..03:00", "2026-10-25T01:30")
    assert not holds("time:02:00..03:00", "2026-03-29T00:30")
    assert not holds("time:02:00..03:00", "2026-03-29T01:30")


def test_the_zone_s_own_day_counts() -> None:
    assert holds("day:sun", "2026-11-28T23:30")
    assert holds("day:sat", "2026-11-28T23:30", NEW_YORK)


def test_the_zone_is_part_of_what_is_asked() -> None:
    assert condition("time:9:00..24:00") == At(540, 1440, (), "Europe/Berlin")
    assert condition("day:Saturday", UTC) == At(0, 1440, (5,), "UTC")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time:18:00", "range of the day"),
        ("time:18:00..", "range of the day"),
        ("time:18:60..19:00", "range of the day"),
        ("time:25:00..26:00", "range of the day"),
        ("time:18:00..18:00", "range of the day"),
        ("time:18:00..19:0*", "no star"),
        ("day:s", "no day of the week"),
        ("day:caturday", "no day of the week"),
    ],
)
def test_what_is_no_time_or_day_is_refused_with_an_example(text: str, said: str) -> None:
    with pytest.raises(QuestionRefused, match=said):
        condition(text)


def test_a_zone_without_a_name_is_refused() -> None:
    with pytest.raises(QuestionRefused, match="zone with a name"):
        condition("day:sat", timezone(timedelta(hours=1)))
