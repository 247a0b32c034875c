"""The viewer's time zone, and times as they are written in it; it reads no clock."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time

from audit_trail.record.language import say, say_many, series
from audit_trail.server.languages import ENGLISH_LOCALE, spoken_locale

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONG: Final = "MMM dd, yyyy hh:mm a"
"""How the English page has written times since its beginning, for every year."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-/]{0,63}")


class Zone(NamedTuple):
    """A time zone, and the place by which people know it ("Berlin")."""

    place: str
    info: tzinfo


UTC_ZONE: Final = Zone("UTC", UTC)


class Moment(NamedTuple):
    """A time as it is shown: for machines, in the viewer's zone, in UTC, and the zone's offset then."""

    iso: str
    local: str
    utc: str
    offset: str


def zone_of(*names: str | None) -> Zone:
    """Return the first zone that exists under one of these names (IANA), else UTC."""
    return next((zone for zone in map(zone_named, names) if zone), UTC_ZONE)


def zone_named(name: str | None) -> Zone | None:
    """Return the zone of this name (IANA), if there is one."""
    if not name or not _NAME.fullmatch(name):
        return None
    try:
        info = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None  # A cookie may name anything, a directory of the zone database too.
    place = name.rpartition("/")[2].replace("_", " ")
    return Zone("UTC" if place in ("UTC", "UCT", "Zulu", "Universal") else place, info)


def moment(at_us: int, zone: Zone) -> Moment:
    """Write a time in µs UTC, in the zone and in UTC."""
    utc = _EPOCH + timedelta(microseconds=at_us)
    local = utc.astimezone(zone.info)
    return Moment(
        iso=utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        local=local_time(local),
        utc=utc_time(utc),
        offset=_offset(local),
    )


def local_time(local: datetime) -> str:
    """Write a time as it is shown: `MMM dd, yyyy hh:mm AM/PM`, or as the language has it."""
    locale = spoken_locale()
    if locale is ENGLISH_LOCALE:
        return format_datetime(local, _LONG, locale=locale)
    return _joined(locale, format_date(local, locale=locale), local, "short")


def utc_time(utc: datetime) -> str:
    """Write a time of UTC with its seconds, and the zone behind it."""
    locale = spoken_locale()
    if locale is ENGLISH_LOCALE:
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return f"{_joined(locale, format_date(utc, locale=locale), utc, 'medium')} UTC"


def day_called(day: date) -> str:
    """Write a day: 2026-11-24, or as the language has it."""
    locale = spoken_locale()
    return day.isoformat() if locale is ENGLISH_LOCALE else format_date(day, locale=locale)


def short_time(local: datetime, *, is_day: bool) -> str:
    """Write a day, or the time of a day, as short as a scale needs it."""
    if is_day:
        return format_skeleton("MMMd", local, locale=spoken_locale())
    return f"{local.hour:02}:{local.minute:02}"


def _joined(locale: Locale, day: str, at: datetime, length: str) -> str:
    """Put a day and its time together. Hours have two digits, so that a column stands in line."""
    pattern = re.sub(r"(?<![Hh])([Hh])(?![Hh])", r"\1\1", locale.time_formats[length].pattern)
    time = format_time(at, pattern, tzinfo=at.tzinfo, locale=locale)
    together = str(locale.datetime_formats["medium"])
    return together.replace("{1}", day).replace("{0}", time)


def zone_title(zone: Zone, moments: Iterable[Moment]) -> str:
    """Name the zone of several times: "Berlin, UTC+2", with both offsets across a change of clocks."""
    offsets = list(dict.fromkeys(each.offset for each in moments))
    if zone.place == "UTC" or not offsets:
        return zone.place
    first, *others = offsets
    told_offsets = (
        say("%(one)s and %(other)s", one=first, other=", ".join(others)) if others else first
    )
    return series((zone.place, told_offsets))


def zone_phrase(zone: Zone, at: Moment) -> str:
    """Name the zone of one time: "Berlin (UTC+2)"."""
    return zone.place if zone.place == "UTC" else f"{zone.place} ({at.offset})"


def duration(seconds: float) -> str:
    """Say a length of time in its largest unit: "12 s", "3 minutes", "2 days"."""
    whole = max(int(seconds), 0)
    if days := whole // 86_400:
        return say_many("%(count)s day", "%(count)s days", days)
    if hours := whole // 3_600:
        return say_many("%(count)s hour", "%(count)s hours", hours)
    if minutes := whole // 60:
        return say_many("%(count)s minute", "%(count)s minutes", minutes)
    return say("%(count)s s", count=whole)


def _offset(local: datetime) -> str:
    return (
        str(timezone(local.utcoffset() or timedelta()))
        .removesuffix(":00")
        .replace("+0", "+")
        .replace("-0", "-")
    )
