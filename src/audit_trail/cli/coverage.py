"""What `audit-trail coverage` tells of a database, knowing only what lies in it; it changes nothing."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.look import Fact, Looked, Trigger
from audit_trail.capture.url import name_of
from audit_trail.cli.database import open_database
from audit_trail.cli.verifying import legible
from audit_trail.coverage.looking import look_only
from audit_trail.record.captured import Gap

NARROWEST: Final = 120
"""What is printed into a file or a pipe has lines of so many characters."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the outbox: rows that are no entries yet, and how old the oldest is."""

    rows: int
    oldest_seconds: float | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of a database. `gaps` and `looked_us` are as a server last noted them."""

    database: str
    engine: str
    is_complete: bool
    tables: tuple[Looked, ...]
    wrong: dict[str, tuple[Trigger, ...]]
    unwatched: tuple[str, ...]
    harmless: tuple[Trigger, ...]
    facts: tuple[Fact, ...]
    outbox: Waiting
    gaps: tuple[Gap, ...]
    looked_us: int | None

    @property
    def exit_code(self) -> int:
        return 0 if self.is_complete else 1


def coverage_of(database_url: str) -> Coverage:
    """Look at the database. Raises `UrlRefused`, `WatchRefused`, `CoverageRefused`, `OutboxFailed`."""
    with open_database(database_url) as engine:
        look, kept = look_only(engine)
        backlog = capture.outbox(engine).backlog()
        name = name_of(engine.url)
    now_us = time.time_ns() // 1_000
    oldest = None if backlog.oldest_us is None else max(now_us - backlog.oldest_us, 0) / 1_000_000
    return Coverage(
        database=name,
        engine=look.engine,
        is_complete=look.is_complete,
        tables=look.tables,
        wrong=look.wrong,
        unwatched=look.unwatched,
        harmless=look.harmless,
        facts=look.facts,
        outbox=Waiting(rows=backlog.rows, oldest_seconds=oldest),
        gaps=kept.gaps if kept else (),
        looked_us=kept.looked_us if kept else None,
    )


def print_coverage(coverage: Coverage, *, as_json: bool) -> None:
    """Print it as a table and sentences, or as JSON."""
    if as_json:
        typer.echo(msgspec.json.encode(coverage).decode())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, NARROWEST))
    console.print(_table(coverage))
    for line in _told(coverage):
        console.print(Text(legible(line)), soft_wrap=True)


def _table(coverage: Coverage) -> Table:
    counts = ", ".join(
        f"{sum(each.standing == standing for each in coverage.tables)} {standing}"
        for standing in ("watched", "ignored", "unwatched")
    )
    table = Table(
        title=Text(legible(f"{coverage.database} ({coverage.engine}): {counts}")),
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("Table", "Standing", "What of it", "Triggers"):
        table.add_column(heading, overflow="fold")
    for each in coverage.tables:
        style = "red" if each.wrong or each.standing == "unwatched" else ""
        cells = (each.name, each.standing, _of(each), _triggers(each))
        table.add_row(*(Text(legible(cell)) for cell in cells), style=style)
    return table


def _of(table: Looked) -> str:
    if table.standing != "watched":
        return table.reason or "nobody said whether it is to be recorded"
    whole = {"create", "update", "delete"}
    parts = {
        "secret": table.secrets,
        "not recorded": table.columns_unwatched,
        "only": table.operations if set(table.operations) != whole else (),
    }
    return "; ".join(f"{name}: {', '.join(each)}" for name, each in parts.items() if each)


def _triggers(table: Looked) -> str:
    if table.standing != "watched":
        return ""
    if not table.wrong:
        return f"{len(table.triggers)} ok"
    states = Counter(str(each.state) for each in table.wrong)
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _told(coverage: Coverage) -> Iterator[str]:
    for name, triggers in coverage.wrong.items():
        yield from (f"WRONG  {name or 'all tables'}: {_wrong(each)}" for each in triggers)
    yield from (
        f"WRONG  {name}: neither watched nor ignored with a reason" for name in coverage.unwatched
    )
    yield from (
        f"NOTE   {_wrong(each)}, which hides nothing; a sync puts it right."
        for each in coverage.harmless
    )
    yield from (f"SEEN   {each.says}" for each in coverage.facts if each.is_seen)
    yield from (f"UNSEEN {each.says}" for each in coverage.facts if not each.is_seen)
    yield _waiting(coverage.outbox)
    if coverage.looked_us is None:
        yield "Neither a server nor a sync has looked at it yet: nothing is known of the time until now."
    else:
        yield f"Last looked at by a server or a sync: {_moment(coverage.looked_us)}."
    for gap in coverage.gaps:
        good = f"right at {_moment(gap.good_us)}, " if gap.good_us is not None else ""
        yield f"Going on: {gap.table or 'all tables'}: {good}found wrong at {_moment(gap.found_us)}."
    if coverage.is_complete:
        yield "Complete: every table is watched or ignored, and every trigger is as it must be."
    else:
        yield (
            "Not complete. `audit-trail capture sync` mends triggers, or `audit-trail attach` what was "
            "attached; what nobody watches belongs into the application's watch list, or into "
            "capture.toml."
        )


def _wrong(trigger: Trigger) -> str:
    return f"{trigger.name} is {trigger.state}"


def _waiting(outbox: Waiting) -> str:
    if outbox.oldest_seconds is None:
        return "Outbox: no row waits."
    return (
        f"Outbox: rows that wait: {outbox.rows:,}; the oldest for {outbox.oldest_seconds:,.1f} s."
    )


def _moment(time_us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_us / 1_000_000))
