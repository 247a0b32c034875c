"""Dates of a question as the time that they mean, in the zone of whoever asks; it reads no clock."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from audit_trail.record.asked import Unclear
from audit_trail.record.language import marked, say, told
from audit_trail.record.query import During

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 # the same wall clock in every zone
_SECOND_US: Final = 1_000_000
_UNITS_US: Final = {
    "m": 60 * _SECOND_US,
    "h": 3_600 * _SECOND_US,
    "d": 86_400 * _SECOND_US,
    "w": 7 * 86_400 * _SECOND_US,
}
_AGO: Final = re.compile(r"-(\d{1,6})([mhdw])", re.ASCII)
_DAY: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_MOMENT: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})T(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?"
    r"(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_FORMS: Final = marked(
    "write a day as 2026-11-01, a range as 2026-11-01..2026-11-08, or the last week as -7d."
)


class _Span(NamedTuple):
    """A time from its beginning to before its end, µs UTC."""

    start_us: int
    stop_us: int


def during(text: str, *, zone: tzinfo, now_us: int) -> During:
    """Return the time that a text means; a range's end isn't part of it. Raises `Unclear`."""
    calendar = _Calendar(zone, now_us)
    first, dots, last = text.strip().partition("..")
    if not dots:
        return During(*calendar.span(first))
    if not first and not last:
        raise Unclear(say("the range has no end on either side; %(forms)s", forms=told(_FORMS)))
    since_us = calendar.span(first).start_us if first else None
    until_us = calendar.span(last).start_us if last else None
    if since_us is not None and until_us is not None and until_us < since_us:
        raise Unclear(
            say(
                "the range ends (%(last)s) before it begins (%(first)s), so write the earlier one first.",
                last=last,
                first=first,
            ),
            f"date:{last}..{first}",
        )
    if since_us is not None and until_us == since_us:
        raise Unclear(
            say(
                "the range ends (%(last)s) where it begins (%(first)s), and its end isn't part of it;"
                " write a later end, or one day alone.",
                last=last,
                first=first,
            ),
            f"date:{first}",
        )
    return During(since_us, until_us)


class _Calendar(NamedTuple):
    zone: tzinfo
    now_us: int

    def span(self, text: str) -> _Span:
        name = text.lower().replace("-", "_").replace(" ", "_")
        try:
            if ago := _AGO.fullmatch(text.lower()):
                return _Span(self.now_us - int(ago[1]) * _UNITS_US[ago[2]], self.now_us)
            if name == "now":
                return _Span(self.now_us, self.now_us + 1)
            if day := _DAY.fullmatch(text):
                return self._days(day)
            if moment := _MOMENT.fullmatch(text):
                return self._moment(moment)
            return self._named(name)
        except (KeyError, ValueError, OverflowError):
            raise Unclear(
                say("%(text)s is no date; %(forms)s", text=text[:40], forms=told(_FORMS)),
                _repaired(text),
            ) from None

    def _days(self, found: re.Match[str]) -> _Span:
        year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
        first = date(year, month, day)
        if found[3]:
            return self._between(first, 1)
        if found[2]:
            return self._between(first, _month_days(first))
        return self._between(first, 366 if _month_days(date(year, 2, 1)) == 29 else 365)

    def _between(self, first: date, days: int) -> _Span:
        return _Span(self._begin_us(first, 0), self._begin_us(first, days))

    def _begin_us(self, day: date, days: int) -> int:
        """Return when a day begins that is so many days later; the last one of all ends, too."""
        try:
            return _wall_us(datetime.combine(day + timedelta(days), datetime.min.time()), self.zone)
        except OverflowError:
            last = datetime.combine(date.max, datetime.min.time())
            return _wall_us(last, self.zone) + _UNITS_US["d"]

    def _moment(self, found: re.Match[str]) -> _Span:
        *parts, fraction, offset = found.groups()
        digits = fraction or ""
        wall = datetime(*(int(part or 0) for part in parts), int(digits.ljust(6, "0") or 0))  # type: ignore[arg-type,call-arg]  # noqa: DTZ001 # six numbers; its zone follows
        length = 10 ** (6 - len(digits)) if found[6] else _UNITS_US["m"]
        zone = self.zone if offset is None else _offset(offset)
        start_us = _wall_us(wall, zone)
        return _Span(start_us, start_us + length)

    def _named(self, name: str) -> _Span:
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now_us)
        today = now.astimezone(self.zone).date()
        monday, first = today - timedelta(today.weekday()), today.replace(day=1)
        last = (first - timedelta(1)).replace(day=1)
        year, before = (
            today.replace(month=1, day=1),
            today.replace(year=today.year - 1, month=1, day=1),
        )
        start, days = {
            "today": (today, 1),
            "yesterday": (today - timedelta(1), 1),
            "this_week": (monday, 7),
            "last_week": (monday - timedelta(7), 7),
            "this_month": (first, _month_days(first)),
            "last_month": (last, _month_days(last)),
            "this_year": (year, (year.replace(month=12, day=31) - year).days + 1),
            "last_year": (before, (year - before).days),
        }[name]
        return self._between(start, days)


def _wall_us(wall: datetime, zone: tzinfo) -> int:
    """Return when a zone's clocks show this for the first time."""
    offset = wall.replace(tzinfo=zone).utcoffset() or timedelta()
    return (wall - _EPOCH - offset) // timedelta(microseconds=1)


def _month_days(first: date) -> int:
    return 31 if first.month == 12 else (first.replace(month=first.month + 1) - first).days


def _offset(text: str) -> tzinfo:
    if text in ("Z", "z"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    length = timedelta(hours=hours, minutes=minutes)
    return timezone(-length if text[0] == "-" else length)


def _repaired(text: str) -> str | None:
    """Return how a length of time that lacks its minus would be written."""
    return f"date:-{text}" if _AGO.fullmatch(f"-{text.lower()}") else None
