"""The viewer's time zone, and times as they are written in it; it reads no clock."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
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
    hour, half = local.hour % 12 or 12, "PM" if local.hour >= 12 else "AM"
    return Moment(
        iso=utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        local=f"{_MONTHS[local.month - 1]} {local.day:02}, {local.year:04} {hour:02}:{local.minute:02} {half}",
        utc=f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        offset=_offset(local),
    )


def zone_title(zone: Zone, moments: Iterable[Moment]) -> str:
    """Name the zone of several times: "Berlin, UTC+2", with both offsets across a change of clocks."""
    offsets = list(dict.fromkeys(each.offset for each in moments))
    if zone.place == "UTC" or not offsets:
        return zone.place
    return f"{zone.place}, {' and '.join(offsets)}"


def zone_phrase(zone: Zone, at: Moment) -> str:
    """Name the zone of one time: "Berlin (UTC+2)"."""
    return zone.place if zone.place == "UTC" else f"{zone.place} ({at.offset})"


def duration(seconds: float) -> str:
    """Say a length of time in its largest unit: "12 s", "3 minutes", "2 days"."""
    whole = max(int(seconds), 0)
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := whole // size:
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return f"{whole} s"


def _offset(local: datetime) -> str:
    return (
        str(timezone(local.utcoffset() or timedelta()))
        .removesuffix(":00")
        .replace("+0", "+")
        .replace("-0", "-")
    )
