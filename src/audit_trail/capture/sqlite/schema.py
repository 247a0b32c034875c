"""Capture in a SQLite database: the outbox, the triggers kept as generated, and migrations."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, Engine

from audit_trail.capture.sqlite.records import take_baseline
from audit_trail.capture.sqlite.triggers import Triggers
from audit_trail.capture.watch import WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import CaptureOutdated, WatchRefused

OWN_TABLES: Final = frozenset(
    {"audit_outbox", "audit_guard", "audit_context", "audit_displaced", "audit_watch"}
    | {"audit_coverage", "audit_baseline", "audit_columns"}
)


def create_outbox(connection: Connection) -> None:
    """Create the outbox and its companions where they are missing."""
    for statement in _statements():
        connection.exec_driver_sql(statement)


def _statements() -> list[str]:
    script = files("audit_trail.capture.sqlite").joinpath("outbox.sql").read_text()
    without_comments = "\n".join(
        line for line in script.splitlines() if not line.lstrip().startswith("--")
    )
    return [each for each in without_comments.split(";\n") if each.strip()]


def _require_ours(connection: Connection, names: Collection[str]) -> None:
    """Raise `WatchRefused` where a table of the application's has the name of one of ours."""
    with closing(sqlite3.connect(":memory:")) as ours:
        for statement in _statements():
            ours.execute(statement)
        for name in sorted(names):
            columns = f"SELECT name FROM pragma_table_xinfo('{name}')"
            wanted = {row[0] for row in ours.execute(columns)}
            if lacking := sorted(wanted - set(connection.exec_driver_sql(columns).scalars())):
                raise WatchRefused(
                    f"The table {name} isn't capture's, but has its name: it has no column "
                    f"{lacking[0]}. Rename it."
                )


def sync(connection: Connection, watch: WatchList) -> list[str]:
    """Create the outbox, replace every trigger by the generated one, keep watch list and baseline.

    Return the names of those that differed. Run it in one transaction. Raises `WatchRefused` when a table is neither watched nor ignored,
    and in a database of UTF-16, whose triggers would write what nobody reads.
    """
    encoding = connection.exec_driver_sql("PRAGMA encoding").scalar_one()
    if encoding != "UTF-8":
        raise WatchRefused(f"The database is encoded in {encoding}; capture needs UTF-8.")
    _require_ours(connection, OWN_TABLES.difference(lacking(connection)))
    create_outbox(connection)
    before = installed(connection)
    drop_triggers(connection)
    # A note of a row that went while no trigger watched would else read as a deletion of today.
    connection.exec_driver_sql("DELETE FROM audit_displaced")
    wanted = generated(connection, watch)
    for statement in wanted.values():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO audit_watch (one, definition) VALUES (1, ?)", (watch.text(),)
    )
    take_baseline(connection, watch)
    return _differing(before, wanted)


def kept_watch_list(connection: Connection) -> WatchList:
    """Return the watch list that was kept beside the outbox. Raises `WatchRefused`."""
    looking = "SELECT count(*) FROM sqlite_master WHERE name = 'audit_watch'"
    if not connection.exec_driver_sql(looking).scalar_one():
        return WatchList.read(None)
    return WatchList.read(connection.exec_driver_sql("SELECT definition FROM audit_watch").scalar())


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of ours; a migration must do so before it touches a table."""
    for name in installed(connection):
        connection.exec_driver_sql(f"DROP TRIGGER {quoted(name)}")


def lacking(connection: Connection) -> list[str]:
    """Name what is missing of the tables that capture keeps."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted(OWN_TABLES - set(names.scalars()))


def remove(connection: Connection) -> int | None:
    """Drop every trigger and table of ours, and return how many rows waited; None if not there.

    SQLite itself keeps the list of sequences, which the outbox may have been the first to need.
    """
    present = OWN_TABLES.difference(lacking(connection))
    if "audit_outbox" not in present:
        return None
    _require_ours(connection, present)
    waiting = connection.exec_driver_sql("SELECT count(*) FROM audit_outbox").scalar_one()
    drop_triggers(connection)
    # In this order the context goes before the guard that it refers to.
    for name in sorted(present):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    return int(waiting)


def require_current(connection: Connection, watch: WatchList, command: str) -> None:
    """Raise `CaptureOutdated`, naming the command to run, unless all triggers are as generated."""
    wrong = _differing(installed(connection), generated(connection, watch))
    wrong += [f"the table {name}" for name in lacking(connection)]
    if wrong:
        raise CaptureOutdated(f"Missing, outdated or altered: {', '.join(wrong)}. Run: {command}")


def generated(connection: Connection, watch: WatchList) -> dict[str, str]:
    """Return the text of every trigger by name, for the tables as they are now."""
    watch.require_complete(tables_of(connection))
    return {
        name: text
        for table in watch.tables
        for name, text in Triggers(connection, table, watch.owner_of(table)).texts()
    }


def tables_of(connection: Connection) -> list[str]:
    """Name the application's tables."""
    names = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master "
        "WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).scalars()
    return [name for name in names if name not in OWN_TABLES]


@contextmanager
def migrating(engine: Engine, watch: WatchList) -> Iterator[Connection]:
    """Migrate the schema inside the block, in one transaction, without a row of it in the outbox.

    A table rebuild silently drops its triggers, fails on another table's label triggers, and with
    foreign keys on is recorded as deletes. So foreign keys go off before BEGIN (inside a
    transaction the pragma does nothing) and the triggers are created anew at the end.
    """
    with engine.connect() as connection:
        _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                drop_triggers(connection)
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise WatchRefused(
                        f"The migration leaves {len(broken)} rows without what they reference: "
                        f"{broken[0]}."
                    )
                sync(connection, watch)
        finally:
            _set_foreign_keys(connection, "ON")


def _differing(installed: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return sorted(
        name for name in installed.keys() | wanted.keys() if installed.get(name) != wanted.get(name)
    )


def _set_foreign_keys(connection: Connection, state: str) -> None:
    """Use the driver's connection: SQLAlchemy's would begin a transaction first."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {state}")
    cursor.close()


def installed(connection: Connection) -> dict[str, str]:
    """Find our triggers: by what they write too, since the host's may begin with audit as well."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master "
        "WHERE type = 'trigger' AND name LIKE 'audit\\_%' ESCAPE '\\' "
        "AND (instr(sql, 'audit_outbox') OR instr(sql, 'audit_displaced'))"
    )
    return {str(name): str(text) for name, text in rows}
