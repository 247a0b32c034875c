"""The SQLAlchemy adapter for SQLite: it carries the context into transactions, and nothing else."""

import json
import secrets
import sqlite3
from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, event

from audit_trail.capture.context import Context, current_context
from audit_trail.errors import ContextRefused

SMALLEST_SQLITE: Final = (3, 40, 0)
BUSY_TIMEOUT_MS: Final = 10_000

_READS: Final = ("SELECT", "PRAGMA", "EXPLAIN", "VALUES", "BEGIN")
_SET: Final = (
    "UPDATE audit_context SET token = ?, context = ?, guard = 1 "
    "WHERE one = 1 AND (SELECT foreign_keys FROM pragma_foreign_keys)"
)
_CLEAR: Final = "UPDATE audit_context SET token = NULL, context = NULL, guard = NULL WHERE one = 1"
_IS_SET: Final = "audit_context_set"
_COMMITTED: Final = "audit_context_committed"


def attach(engine: Engine, *, after_commit: Callable[[], None] = lambda: None) -> None:
    """Make every transaction of the engine carry the context in force; call it once, at start.

    Transactions begin with BEGIN IMMEDIATE, since the driver's own BEGIN breaks savepoints and a
    late lock loses a race; those of a connection with the option `audit_read_only` begin as
    readers. `after_commit` is called after each transaction that carried a context.
    Raises `ContextRefused` on an SQLite older than 3.40.
    """
    if sqlite3.sqlite_version_info < SMALLEST_SQLITE:
        raise ContextRefused(
            f"SQLite {sqlite3.sqlite_version} is too old; 3.40 or later is needed."
        )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "savepoint", lambda connection, name: _set_context(connection))
    event.listen(engine, "commit", _clear_context)
    event.listen(engine, "rollback", lambda connection: connection.info.pop(_IS_SET, None))
    event.listen(
        engine,
        "checkin",
        lambda _, record: after_commit() if record.info.pop(_COMMITTED, None) else None,
    )


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("audit_read_only", False)
    connection.info.pop(_IS_SET, None)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _before_statement(
    connection: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    _context: object,
    _many: bool,
) -> None:
    """Set the context before the transaction's first write."""
    if current_context() is not None and not statement.lstrip()[:7].upper().startswith(_READS):
        _set_context(connection)


def _set_context(connection: Connection) -> None:
    """Set the context once; with the driver's cursor, since SQLAlchemy's would ask this hook again."""
    context = current_context()
    if context is None or connection.info.get(_IS_SET):
        return
    connection.info[_IS_SET] = True
    if (
        _driver(connection).execute(_SET, (secrets.token_bytes(16), _encoded(context))).rowcount
        != 1
    ):
        raise ContextRefused(
            "The connection that carries the context needs foreign_keys on: its guard rests on them."
        )


def _clear_context(connection: Connection) -> None:
    """Clear the context in the last statement before COMMIT, which its guard would else refuse."""
    if connection.info.pop(_IS_SET, False):
        _driver(connection).execute(_CLEAR)
        connection.info[_COMMITTED] = True


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _encoded(context: Context) -> str:
    """Text of a request may hold lone surrogates, which have no UTF-8: they become question marks."""
    try:
        return msgspec.json.encode(context).decode()
    except UnicodeEncodeError:
        return (
            json.dumps(msgspec.to_builtins(context), ensure_ascii=False)
            .encode(errors="replace")
            .decode()
        )
