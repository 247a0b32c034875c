"""The history of a record: what happened to it, newest first, each time with what changed."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry, read_what, read_who
from audit_trail.record.language import say, told
from audit_trail.record.query import Is, Query, all_of
from audit_trail.record.question import quoted
from audit_trail.record.sentence import ERASED, activity
from audit_trail.server.asked import Asked
from audit_trail.server.changes import Field, fields_of, sides_of
from audit_trail.server.row import Person, glyph_of, person_of, where_of
from audit_trail.server.zone import Moment, Zone, moment, zone_title
from audit_trail.trail import Trail

HISTORY_ENTRIES: Final = 10
SHOWN_CHARACTERS: Final = 400
"""Of a value; the entry shows all of it."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a record's history."""

    number: int
    version: int
    address: str
    state: str
    glyph: str
    activity: str
    person: Person
    where: str
    at: Moment
    fields: tuple[Field, ...]
    is_current: bool

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns of its changes."""
        return sides_of(self.fields)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a record's history, and where it goes on."""

    number: int
    title: str
    label: str
    zone: str
    happened: Sequence[Happened]
    entry: str
    listed: str | None
    newest: str | None
    older: str | None
    is_searching: bool


def history_of(
    trail: Trail,
    entry: Entry,
    asked: Asked,
    catalog: Catalog,
    zone: Zone,
    path: str,
    *,
    before: int | None,
) -> History:
    """Return the history of an entry's record: the newest of it, or what is older than a number.

    It is the whole history, whatever the list was asked.
    """
    public, what = entry.public, read_what(entry.what, entry.public.what)
    kind, record = public.entity.type, public.entity.id
    where = all_of(Is("entity", kind), Is("id", record or ""))
    query = Query(account=asked.query.account, where=where)
    page = trail.page(query, before=None if before is None else before - 1, limit=HISTORY_ENTRIES)
    last = page.entries[-1].index if page.entries else None
    last = last if page.reached is None else page.reached
    number = entry.index + 1
    name = told(catalog.name(kind, frozenset(what.references)))
    own = asked.at(f"{path}/{number}/history")
    question = f"entity:{quoted(kind)} id:{quoted(record or '')}"
    happened = [_happened(each, number, asked, catalog, zone, path) for each in page.entries]
    joint = "&" if "?" in own else "?"
    return History(
        number=number,
        title=say("History of %(name)s (#%(number)s)", name=name, number=record),
        label=told(ERASED) if what.is_erased else what.label or "",
        zone=zone_title(zone, (each.at for each in happened)),
        happened=happened,
        entry=asked.at(f"{path}/{number}"),
        listed=f"{path}?{urlencode({'q': question})}" if question.isprintable() else None,
        newest=own if before is not None else None,
        older=f"{own}{joint}before={last + 1}" if page.has_older and last is not None else None,
        is_searching=page.reached is not None,
    )


def _happened(
    entry: Entry, current: int, asked: Asked, catalog: Catalog, zone: Zone, path: str
) -> Happened:
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    number = entry.index + 1
    return Happened(
        number=number,
        version=entry.version,
        address=asked.at(f"{path}/{number}"),
        state=asked.at(f"{path}/{number}/state"),
        glyph=glyph_of(public),
        activity=activity(public, what, catalog),
        person=person_of(public, who),
        where=where_of(public, who),
        at=moment(public.occurred_at, zone),
        fields=fields_of(entry, catalog, most=SHOWN_CHARACTERS),
        is_current=number == current,
    )
