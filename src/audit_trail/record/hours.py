"""Times of day and days of the week, as people type them; when it is now doesn't matter."""

import re
from datetime import UTC, tzinfo
from typing import Final

from audit_trail.record.asked import Unclear
from audit_trail.record.language import say
from audit_trail.record.query import At
from audit_trail.record.words import folded

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MINUTES: Final = 1_440
SHORTEST_NAME: Final = 3

_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)


def time_of_day(text: str, zone: tzinfo) -> At:
    """Return "18:00..08:00" as a condition: the end exclusive, over midnight where it is earlier.

    Raises `Unclear`.
    """
    since, is_range, until = text.partition("..")
    since_minute, until_minute = _minute(since), _minute(until)
    if not is_range or since_minute is None or until_minute is None or since == until:
        raise Unclear(say("a time is a range of the day, such as time:18:00..08:00."))
    return At(since_minute, until_minute, (), _name(zone))


def day_of_week(text: str, zone: tzinfo) -> At:
    """Return "sat" or "saturday" as a condition. Raises `Unclear`."""
    name = folded(text)
    for number, day in enumerate(DAYS):
        if len(name) >= SHORTEST_NAME and day.startswith(name):
            return At(0, DAY_MINUTES, (number,), _name(zone))
    raise Unclear(
        say("%(text)s is no day of the week; write one as day:sat or day:mon,tue.", text=text[:40])
    )


def _minute(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute = map(int, found.groups())
    whole = hour * 60 + minute
    return whole if minute < 60 and whole <= DAY_MINUTES else None


def _name(zone: tzinfo) -> str:
    """A condition is data, and so says which zone it means."""
    name = "UTC" if zone is UTC else getattr(zone, "key", None)
    if not isinstance(name, str):
        raise Unclear(
            say("times and days of the week need a zone with a name, such as Europe/Berlin.")
        )
    return name
