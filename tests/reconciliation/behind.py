"""Writes that no trigger sees, and what a reconciliation says then, in a few words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from audit_trail.capture.sqlalchemy import records
from audit_trail.reconciliation.reconciling import Reconciler
from audit_trail.reconciliation.report import Difference, Report
from audit_trail.record.value import plain
from tests.capture.host import Application, Host

_TRIGGERS = (
    "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger "
    "WHERE tgname LIKE '00\\_audit\\_%' AND tgparentid = 0"
)


def behind(host: Application, *statements: str) -> None:
    """Run statements while no trigger of ours is there."""
    with untriggered(host):
        host.shell(*statements)


@contextmanager
def untriggered(host: Application) -> Iterator[None]:
    """Take the triggers away, and put them back as they were."""
    if isinstance(host, Host):
        triggers = host.rows(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'"
        )
        host.shell(*(f'DROP TRIGGER "{name}"' for name, _ in triggers))
        yield
        host.shell(*(text for _, text in triggers))
    else:
        names = host.rows(_TRIGGERS)
        host.shell(*(f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in names))
        yield
        host.shell(*(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in names))


def reconciler(host: Application, **options: Any) -> Reconciler:
    return Reconciler(
        records(host.engine),
        host.trail,
        host.watch,
        **options,
    )


def report(host: Application, *tables: str, **options: Any) -> Report:
    """Reconcile, sequencing what waits in every pause."""
    return reconciler(host, pause=lambda _: host.sequencer.drain(), **options).run(tables)


def found(host: Application, *tables: str) -> set[tuple[Any, ...]]:
    """Return each difference as table, id and kind, or as table, id, field, the trail's word and the table's."""
    told = report(host, *tables)
    assert told.undecided == 0
    return set(map(said, told.differences))


def said(difference: Difference) -> tuple[Any, ...]:
    place = (difference.table, difference.id)
    if difference.field is None:
        return (*place, difference.kind)
    values = (
        None if value is None else plain(value) for value in (difference.trail, difference.found)
    )
    return (*place, difference.field, *map(str, values))
