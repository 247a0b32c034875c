"""Prints entries: tables for people, lines of JSON for programs."""

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit_trail.export.lines import Lines
from audit_trail.record.entry import Entry
from audit_trail.record.legible import signs
from audit_trail.server.asked import Asked
from audit_trail.server.changes import Side
from audit_trail.server.filters import Filters
from audit_trail.server.row import Row, rows_of
from audit_trail.server.window import window_of
from live_agent.auditing.catalogue import Catalogue, unrecorded_of
from live_agent.auditing.reading import Audit
from live_agent.catalog import CATALOG

LOOK_SECONDS: Final = 0.5
TOGETHER: Final = 500
NARROWEST: Final = 120
"""What is printed into a file or a pipe has lines of so many characters."""


def print_found(
    audit: Audit,
    asked: Asked,
    limit: int,
    before: int | None,
    after: int | None,
    *,
    as_json: bool,
) -> None:
    """Print the entries; `before` and `after` are numbers, neither of them included."""
    query = msgspec.structs.replace(
        asked.query,
        start=after,
        stop=None if before is None else before - 1,
    )
    found = list(islice(audit.trail.matching(query), limit + 1))
    is_more, shown = len(found) > limit, found[:limit]
    if as_json:
        _print_json(shown)
        return
    if shown:
        _console().print(_table(audit, shown))
    _console().print(_said(audit, asked, shown, is_more=is_more), highlight=False)


def print_tail(audit: Audit, asked: Asked, lines: int, *, follow: bool, as_json: bool) -> None:
    """Print the newest entries, oldest first, and those that come until somebody interrupts."""
    seen = audit.trail.head(audit.account).size
    newest = msgspec.structs.replace(asked.query, newest_first=True, stop=seen)
    _print_lines(audit, list(islice(audit.trail.matching(newest), lines))[::-1], as_json=as_json)
    while follow:
        size = audit.trail.head(audit.account).size
        if size == seen:
            time.sleep(LOOK_SECONDS)
            continue
        fresh = msgspec.structs.replace(asked.query, start=seen, stop=size)
        for some in _batches(audit.trail.matching(fresh)):
            _print_lines(audit, some, as_json=as_json)
        seen = size


def print_entry(audit: Audit, number: int, *, as_json: bool) -> None:
    """Print one entry. Raises `EntryNotFound`."""
    entry = audit.trail.entry(audit.account, number - 1)
    if as_json:
        _print_json([entry])
        return
    window = window_of(audit.trail, entry, audit.asked(), CATALOG, audit.zone, "")
    console = _console()
    console.print(_legible(window.title), style="bold")
    for sentence in window.mismatches:
        console.print(_legible(f"Altered: {sentence}"), style="bold red")
    facts = Table.grid(padding=(0, 2))
    for fact in window.facts:
        facts.add_row(_legible(fact.label, "dim"), _legible(" · ".join(_given(fact))))
    console.print(facts)
    if window.fields:
        changes = Table("Field", *(side.capitalize() for side in window.sides), box=SIMPLE_HEAD)
        for field in window.fields:
            sides = (getattr(field, side) for side in window.sides)
            changes.add_row(_legible(field.label), *map(_side, sides))
        console.print(changes)
    if window.unreadable:
        console.print(_legible(window.unreadable), style="red")


def print_catalogue(found: Catalogue) -> None:
    """Print what is recorded, and what isn't."""
    console = _console()
    entities = Table("Entity", "Actions", "Fields", "Trail", box=SIMPLE_HEAD, show_edge=False)
    for each in found.entities:
        fields = (f"{field.label}{' (secret)' if field.is_secret else ''}" for field in each.fields)
        name = f"{each.name}\n{each.contract}"
        entities.add_row(name, "\n".join(each.actions), ", ".join(fields), each.trail)
    events = Table(
        "Event", "Meaning", "Role that it takes", "Trail", box=SIMPLE_HEAD, show_edge=False
    )
    for event in found.events:
        said = f"{event.sentence}\n{event.action}"
        events.add_row(said, event.description, event.role, event.trail)
    left_out = Table("Not recorded", "Why", box=SIMPLE_HEAD, show_edge=False)
    for what, why in unrecorded_of(found):
        left_out.add_row(what, why)
    for table in (entities, events, left_out):
        console.print(table)


def _table(audit: Audit, entries: Sequence[Entry]) -> Table:
    table = Table("Entry", "Time", "User", "Activity", "From", box=SIMPLE_HEAD, show_edge=False)
    table.columns[0].justify = "right"
    for row in rows_of(entries, CATALOG, audit.zone, Filters(audit.asked(), CATALOG)):
        table.add_row(f"{row.number}", row.at.local, *_told(row))
    return table


def _told(row: Row) -> Iterator[Text]:
    yield _legible(" · ".join((row.person.name, *row.person.notes)))
    activity = _legible(row.activity)
    if row.summary:
        activity.append("\n").append(_legible(row.summary, "dim"))
    yield activity
    yield _legible(row.where)


def _print_lines(audit: Audit, entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print a line for each entry, at once: whoever reads them may be waiting."""
    if as_json:
        _print_json(entries)
        return
    console = _console()
    for row in rows_of(entries, CATALOG, audit.zone, Filters(audit.asked(), CATALOG)):
        said = (row.at.local, row.person.name, row.activity, row.summary, row.where)
        line = Text.assemble((f"{row.number}", "dim"), "  ")
        line.append(_legible("  ".join(each for each in said if each)))
        console.print(line, soft_wrap=True)
    sys.stdout.flush()


def _print_json(entries: Sequence[Entry]) -> None:
    """Print the lines as an export has them."""
    sys.stdout.flush()
    sys.stdout.buffer.write(Lines().add(entries))
    sys.stdout.buffer.flush()


def _said(audit: Audit, asked: Asked, shown: Sequence[Entry], *, is_more: bool) -> str:
    """Say how many of how many these are, and how to go on."""
    count = audit.trail.count(asked.query)
    number = f"{count.number:,}" if count.is_exact else f"{count.number:,} or more"
    if not shown:
        return "No entry was found."
    said = f"{len(shown):,} of {number} {'entry' if number == '1' else 'entries'}, times in {audit.zone.place}."
    if not is_more:
        return said
    towards = "--before" if asked.query.newest_first else "--after"
    return f"{said} Go on with {towards} {shown[-1].index + 1}."


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while some := list(islice(entries, TOGETHER)):
        yield some


def _given(fact: object) -> Iterator[str]:
    yield from (text for text in (getattr(fact, "value", ""), getattr(fact, "quiet", "")) if text)


def _side(side: Side | None) -> Text:
    if side is None:
        return Text("")
    runs = ("".join(piece.text for piece in run) for run in side.runs)
    note = f" ({side.note})" if side.note else ""
    return _legible("\n".join(runs) + note)


def _legible(text: str, style: str = "") -> Text:
    """Write what a terminal would obey, or can't show, as signs: an entry may say anything."""
    told = "".join(f"[{sign.text}]" if sign.name else sign.text for sign in signs(text))
    encoding = sys.stdout.encoding or "utf-8"
    return Text(told.encode(encoding, "backslashreplace").decode(encoding), style=style)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=NARROWEST, no_color=True)
