"""What the list is asked for: the question and the range of its address, as a query."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import msgspec

from audit_trail.errors import QueryRefused
from audit_trail.record.catalog import Catalog
from audit_trail.record.language import marked, say, told
from audit_trail.record.query import During, Query, all_of
from audit_trail.record.question import Piece, understand
from audit_trail.server.columns import USUAL, columns_of
from audit_trail.server.zone import Zone, day_called

HOUR_US: Final = 3_600_000_000
RANGES: Final = {
    "1h": (marked("Last hour"), 1),
    "24h": (marked("Last 24 hours"), 24),
    "7d": (marked("Last 7 days"), 7 * 24),
    "30d": (marked("Last 30 days"), 30 * 24),
    "90d": (marked("Last 90 days"), 90 * 24),
}
"""How the page calls the ranges that end now, and how many hours they have."""

_LONE: Final = re.compile(r"[^\W_]{2,}")

ADDRESSED: Final = ("q", "range", "since", "until", "columns")
"""The parameters that say what is shown, in the order of a view's address."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown: the parameters as they were given, and the query that they make."""

    given: Mapping[str, str]
    query: Query
    during: During | None = None
    pieces: tuple[Piece, ...] = ()
    columns: tuple[str, ...] = USUAL

    @property
    def address(self) -> str:
        """The parameters as the end of an address, without its question mark."""
        return urlencode(self.given)

    def following(self, **more: object) -> str:
        """Return an address's end that asks the same, and more; what is empty is left out."""
        return urlencode({**self.given, **more} if more else self.given)

    def instead(self, **changed: str) -> str:
        """Return an address's end that asks for this instead; what is empty is left out."""
        kept = {name: self.given.get(name, "") for name in ADDRESSED} | changed
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    def at(self, path: str) -> str:
        """Return the address of what lies at a path and knows what the list was asked."""
        return f"{path}?{self.address}" if self.given else path

    @property
    def beginnings(self) -> str | None:
        """The question with a star behind each lone word, if there is one; else None."""
        parts = [
            f"{piece.text}*" if _LONE.fullmatch(piece.text) else piece.text for piece in self.pieces
        ]
        question = " ".join(parts)
        return question if any(piece.text not in parts for piece in self.pieces) else None

    @property
    def is_of_all_time(self) -> bool:
        """Tell whether no range is asked."""
        return not any(self.given.get(name) for name in ("range", "since", "until"))

    @property
    def title(self) -> str:
        """What the range is called on its button."""
        if self.given.get("range") in RANGES:
            return told(RANGES[self.given["range"]][0])
        since, until = self.given.get("since"), self.given.get("until")
        if since or until:
            return say(
                "%(since)s to %(until)s",
                since=_day_said(since) if since else say("the beginning"),
                until=_day_said(until) if until else say("now"),
            )
        return say("All time")


def asked_of(
    parameters: Mapping[str, str], account: str, zone: Zone, now_us: int, catalog: Catalog
) -> Asked:
    """Return what an address asks for; days are those of the zone, `until` is the last one.

    Raises `QuestionRefused`, and `QueryRefused` for a range or a column that there isn't.
    """
    given = {name: parameters[name] for name in ADDRESSED if parameters.get(name, "").strip()}
    columns = columns_of(given.pop("columns", ""))
    if columns != USUAL:
        given["columns"] = ",".join(columns)
    during = _during(given, zone, now_us)
    question = understand(given.get("q", ""), zone=zone.info, now_us=now_us, catalog=catalog)
    query = Query(account=account, where=all_of(question.where, during))
    return Asked(given=given, query=query, during=during, pieces=question.parts, columns=columns)


def _during(given: Mapping[str, str], zone: Zone, now_us: int) -> During | None:
    chosen, since, until = given.get("range"), given.get("since"), given.get("until")
    if chosen and (since or until):
        raise QueryRefused(say("Give a range, or since and until, not both."))
    if chosen:
        if chosen not in RANGES:
            raise QueryRefused(say("range must be one of %(ranges)s.", ranges=", ".join(RANGES)))
        return During(now_us - RANGES[chosen][1] * HOUR_US)
    if not since and not until:
        return None
    first, last = (_day(name, given.get(name)) for name in ("since", "until"))
    if first and last and last < first:
        raise QueryRefused(
            say(
                "The range ends (%(last)s) before it begins (%(first)s); exchange them.",
                last=last,
                first=first,
            )
        )
    return During(
        None if first is None else _begin_us(first, zone),
        # The last day counts to its end.
        None if last is None or last == date.max else _begin_us(last + timedelta(days=1), zone),
    )


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if len(text) != len("2026-11-24"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise QueryRefused(say("%(name)s must be a day such as 2026-11-24.", name=name)) from None


def _day_said(text: str) -> str:
    """Write a day that was asked; what is none is told as it was typed."""
    try:
        return day_called(date.fromisoformat(text))
    except ValueError:
        return text


def _begin_us(day: date, zone: Zone) -> int:
    # The first and the last year have no day before and behind them in another zone.
    local = datetime(min(max(day.year, 2), 9998), day.month, day.day, tzinfo=zone.info)
    return round((local - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
