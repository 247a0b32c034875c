"""What `audit-trail reconcile` does: a database's watched tables against a trail; it changes neither."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec
import typer
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.cli.database import database_failed, open_database
from audit_trail.cli.store import open_store
from audit_trail.cli.verifying import legible
from audit_trail.reconciliation.reconciling import Reconciler
from audit_trail.reconciliation.report import Report, TableReport
from audit_trail.trail import Trail


def reconcile(database_url: str, store_url: str, tables: Sequence[str], most_named: int) -> Report:
    """Reconcile. Raises `UrlRefused`, `WatchRefused`, `OutboxFailed` or `StoreFailed`."""
    with open_database(database_url) as engine, closing(open_store(store_url)) as store:
        try:
            with engine.connect() as connection:
                watch = capture.kept_watch_list(connection)
        except DBAPIError as error:
            raise database_failed(engine, error) from error
        if len(outboxes := store.outboxes()) > 1:
            typer.echo(
                f"This trail records {', '.join(sorted(outboxes))}. Records of the same kind in the "
                "others, or in this one's former place, count as missing here.",
                err=True,
            )
        found = Reconciler(capture.records(engine), Trail(store), watch, most_named=most_named)
        return found.run(tables)


def print_report(report: Report, *, as_json: bool) -> None:
    """Print what was found, by lines or as JSON."""
    if as_json:
        typer.echo(msgspec.json.encode(as_builtins(report)).decode())
        return
    for line in _told(report):
        typer.echo(legible(line))


def as_builtins(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {
        "agrees": report.exit_code == 0,
        "differing": report.differing,
        "undecided": report.undecided,
        "behind": report.behind,
        "entries": report.entries,
        "tables": [msgspec.structs.asdict(each) for each in report.tables],
        "differences": [each.as_json() for each in report.differences],
    }


def _told(report: Report) -> Iterator[str]:
    yield from (f"{each.kind.upper()} {each.sentence}" for each in report.differences)
    for table in report.tables:
        yield f"{table.table}: {', '.join(_counted(table))}"
    named = len({(each.table, each.account, each.id) for each in report.differences})
    if named < report.differing:
        yield f"{report.differing - named:,} more records differ; they are counted, and not named."
    if report.behind:
        yield (
            f"{report.behind:,} changes wait in the outbox and are in no entry yet; nothing was said "
            "of what they change. Start what sequences them, and run this again."
        )
    if report.undecided:
        yield f"{report.undecided:,} records changed all the while; run this again."
    verdict = {0: "as its entries say", 1: "not as its entries say", 2: "not decided"}
    rows = sum(each.rows for each in report.tables)
    yield f"{rows:,} rows against {report.entries:,} entries: {verdict[report.exit_code]}."


def _counted(table: TableReport) -> Iterator[str]:
    yield f"{table.rows:,} rows"
    yield f"{table.differing:,} differ" if table.differing else "none differs"
    if table.before_capture:
        since = "from before it was watched" if table.has_baseline else "that no entry names"
        yield f"{table.before_capture:,} {since}"
    if table.unreadable:
        yield f"{table.unreadable:,} entries or rows can't be understood"
