"""Brings the schema up to date, version by version; its caller holds the one transaction of it all.

On SQLite a version rebuilds tables, with the triggers and foreign keys off: run it inside
`capture.migrating`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect

from live_agent.errors import DatabaseFailed

VERSIONS: Final = Path(__file__).parent / "versions"

_COUNTING: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND instr(upper(sql), 'AUTOINCREMENT')"
)


def migrate(connection: Connection, *, versions: Sequence[Path] = (VERSIONS,)) -> None:
    """Run every version that the database lacks, oldest first. `versions` are their folders."""
    scripts = ScriptDirectory(str(VERSIONS.parent), version_locations=[*map(str, versions)])
    context = MigrationContext.configure(connection)
    with _ids_never_used_again(connection), Operations.context(context):
        for version in _missing(scripts, context.get_current_revision()):
            version.module.upgrade()
            context.stamp(scripts, version.revision)


def adopt(connection: Connection) -> None:
    """Write down that the tables are those of version 1: once they were made without saying so."""
    scripts = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
    MigrationContext.configure(connection).stamp(scripts, "1")


def _missing(scripts: ScriptDirectory, current: str | None) -> list[Script]:
    return [*scripts.iterate_revisions("head", current or "base")][::-1]


@contextmanager
def _ids_never_used_again(connection: Connection) -> Iterator[None]:
    """Keep SQLite's counters of ids, which a rebuilt table would begin anew at its largest id.

    Raises `DatabaseFailed` when a version rebuilds a table without `sqlite_autoincrement`.
    """
    before = _last_ids(connection)
    yield
    after = _last_ids(connection)
    for table in before.keys() & set(inspect(connection).get_table_names()):
        if table not in after:
            raise DatabaseFailed(f"The migration would let {table} use its ids again.")
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.exec_driver_sql(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
            (table, max(before[table], after[table])),
        )


def _last_ids(connection: Connection) -> dict[str, int]:
    """Return the last id of each table that counts them. On PostgreSQL a sequence does."""
    if connection.dialect.name != "sqlite":
        return {}
    tables = connection.exec_driver_sql(_COUNTING).scalars().all()
    if not tables:
        return {}  # Nor is there a table of counters.
    counters = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
    last = {str(table): int(number) for table, number in counters}
    return {table: last.get(table, 0) for table in tables}
