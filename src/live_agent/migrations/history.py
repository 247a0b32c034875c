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

VERSIONS: Final = Path(__file__).parent / "versions"


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
    """Keep SQLite's counters of ids, which a rebuilt table would begin anew at its largest id."""
    before = _last_ids(connection)
    yield
    after = _last_ids(connection)
    for name in before.keys() & set(inspect(connection).get_table_names()):
        if after.get(name, -1) < before[name]:
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            connection.exec_driver_sql(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, before[name])
            )


def _last_ids(connection: Connection) -> dict[str, int]:
    if connection.dialect.name != "sqlite":
        return {}
    counting = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if not connection.exec_driver_sql(counting).scalar_one():
        return {}
    rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
    return {str(name): int(last) for name, last in rows}
