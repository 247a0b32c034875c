"""The list as it is read: one row an entry, the rows of one request together."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import msgspec

from audit_trail.record.catalog import Catalog, titled
from audit_trail.record.entry import Entry, Public, What, Who, read_what, read_who
from audit_trail.record.language import marked, say, told
from audit_trail.record.sentence import (
    ERASED,
    activity,
    actor_called,
    listed,
    principals,
    summary,
    via_name,
)
from audit_trail.server.filters import Filter, Filters, called
from audit_trail.server.zone import Moment, Zone, moment

_GLYPHS: Final = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "sign_in": "in",
    "sign_out": "out",
    "export": "export",
}
_FACES: Final = {"anonymous": "unknown"}
_PEOPLE: Final = frozenset({"user", "support"})


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who acted. A person has initials; what is no person, or isn't known, has an icon."""

    name: str
    initials: str | None
    icon: str
    notes: tuple[str, ...] = ()
    """What kind of actor it is, by which token or job, and for whom."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry in the list; its number counts from 1."""

    number: int
    request: str | None
    person: Person
    glyph: str
    activity: str
    summary: str
    at: Moment
    where: str
    record: str
    address: str
    via: str
    outcome: str
    filters: tuple[Filter, ...]
    is_new: bool


def rows_of(
    entries: Sequence[Entry],
    catalog: Catalog,
    zone: Zone,
    filters: Filters,
    *,
    seen: int | None = None,
) -> list[Row]:
    """Return the entries as rows; those beyond a size that was `seen` are new."""
    return [_row(entry, catalog, zone, filters, seen) for entry in entries]


def by_request(rows: Sequence[Row]) -> list[list[Row]]:
    """Put adjacent rows of one request together; a row without a request stays alone."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.request or row.number)]


def glyph_of(public: Public) -> str:
    """Return the icon of what happened; shape first, so that colour only adds."""
    if public.outcome != "success":
        return "failed"
    return _GLYPHS.get(public.action, "log")


def person_of(public: Public, who: Who) -> Person:
    """Return who acted: login e-mail or System, and by what or for whom."""
    called = actor_called(public, who)
    notes = called.notes
    is_person = public.actor.kind in _PEOPLE
    if who.job:
        notes += (say("by job %(name)s", name=who.job),)
    if acted_for := [each.name for each in principals(public, who)]:
        # A person who acts for another one acts in their place; a program is told to.
        message = marked("acting as %(names)s") if is_person else marked("on behalf of %(names)s")
        notes += (say(message, names=listed(acted_for)),)
    return Person(
        name=called.name,
        initials=_initials(called.name) if is_person and (who.email or who.name) else None,
        icon="unknown" if is_person else _FACES.get(public.actor.kind, "job"),
        notes=notes,
    )


def where_of(public: Public, who: Who) -> str:
    """Return where the act came from: "203.0.113.9 · Web"."""
    return " · ".join(part for part in (address_of(who), via_name(public)) if part)


def address_of(who: Who) -> str:
    """Return the address where the act came from, where there is one."""
    return told(ERASED) if who.is_erased else who.nearest or ""


def _record(public: Public, what: What, catalog: Catalog) -> str:
    """Return what was acted on: "Inbox #1564 · Support"."""
    number = f" #{public.entity.id}" if public.entity.id is not None else ""
    name = told(catalog.name(public.entity.type, frozenset(what.references)))
    label = told(ERASED) if what.is_erased else what.label
    return f"{titled(name)}{number}" + (f" · {label}" if label else "")


def _row(entry: Entry, catalog: Catalog, zone: Zone, filters: Filters, seen: int | None) -> Row:
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    return Row(
        number=entry.index + 1,
        request=public.request,
        person=person_of(public, who),
        glyph=glyph_of(public),
        activity=activity(public, what, catalog),
        summary=summary(public, what, catalog),
        at=moment(public.occurred_at, zone),
        where=where_of(public, who),
        record=_record(public, what, catalog),
        address=address_of(who),
        via=via_name(public),
        outcome=called(catalog, "outcome", public.outcome),
        filters=tuple(filters.entry(public, who)),
        is_new=seen is not None and entry.index >= seen,
    )


def _initials(name: str) -> str:
    words: list[str] = re.findall(r"[^\W_]+", name.partition("@")[0])
    if not words:
        return "?"
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]).upper()
