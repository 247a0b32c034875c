"""The viewer's time zone, and times as they are written in it; it reads no clock."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from audit_trail.record.language import marked, say, say_many, told

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = (
    marked("Jan"),
    marked("Feb"),
    marked("Mar"),
    marked("Apr"),
    marked("May"),
    marked("Jun"),
    marked("Jul"),
    marked("Aug"),
    marked("Sep"),
    marked("Oct"),
    marked("Nov"),
    marked("Dec"),
)
_TIME: Final = marked("%(month)s %(day)s, %(year)s %(hour)s:%(minute)s %(half)s")
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
    """Write a time in µs UTC: `MMM dd, yyyy hh:mm AM/PM` in the zone, and UTC with seconds."""
    utc = _EPOCH + timedelta(microseconds=at_us)
    local = utc.astimezone(zone.info)
    return Moment(
        iso=utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        local=local_time(local),
        utc=f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        offset=_offset(local),
    )


def local_time(local: datetime) -> str:
    """Write a time as it is shown: `MMM dd, yyyy hh:mm AM/PM`, or as the language has it."""
    return say(
        _TIME,
        month=told(_MONTHS[local.month - 1]),
        day=f"{local.day:02}",
        year=f"{local.year:04}",
        hour=f"{local.hour % 12 or 12:02}",
        hour_of_24=f"{local.hour:02}",
        minute=f"{local.minute:02}",
        half=say("PM") if local.hour >= 12 else say("AM"),
    )


def short_time(local: datetime, *, is_day: bool) -> str:
    """Write a day, or the time of a day, as short as a scale needs it."""
    if is_day:
        return say("%(month)s %(day)s", month=told(_MONTHS[local.month - 1]), day=str(local.day))
    return f"{local.hour:02}:{local.minute:02}"


def zone_title(zone: Zone, moments: Iterable[Moment]) -> str:
    """Name the zone of several times: "Berlin, UTC+2", with both offsets across a change of clocks."""
    offsets = list(dict.fromkeys(each.offset for each in moments))
    if zone.place == "UTC" or not offsets:
        return zone.place
    first, *others = offsets
    told_offsets = (
        say("%(one)s and %(other)s", one=first, other=", ".join(others)) if others else first
    )
    return f"{zone.place}, {told_offsets}"


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
