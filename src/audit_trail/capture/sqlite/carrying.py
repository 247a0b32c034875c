"""What carries a context into a SQLite transaction, over the driver alone; it begins and ends none."""

import re
import sqlite3
from typing import Any, Final

from sqlalchemy.engine.interfaces import DBAPIConnection

from audit_trail.capture.context import Context, encoded
from audit_trail.errors import ChangeRefused, ContextRefused

SMALLEST_SQLITE: Final = (3, 40, 0)
TOKEN_BYTES: Final = 16

_SET: Final = (
    "UPDATE audit_context SET token = ?, context = ?, guard = 1 "
    "WHERE one = 1 AND (SELECT foreign_keys FROM pragma_foreign_keys)"
)
_CLEAR: Final = "UPDATE audit_context SET token = NULL, context = NULL, guard = NULL WHERE one = 1"
# How SQLite complains of a table that is missing or isn't as capture made it.
_OURS: Final = re.compile(r"\baudit_(outbox|context|displaced)\b")


def require_version() -> None:
    """Raise `ContextRefused` where SQLite is too old."""
    if sqlite3.sqlite_version_info < SMALLEST_SQLITE:
        raise ContextRefused(
            f"SQLite {sqlite3.sqlite_version} is too old; 3.40 or later is needed."
        )


def set_context(connection: DBAPIConnection, token: bytes, context: Context | None) -> None:
    """Put the context into the transaction under way; None is System, and the token stays.

    Raises `ContextRefused`, `ChangeRefused`.
    """
    try:
        found = run(connection, _SET, (token, encoded(context) if context else None))
    except sqlite3.OperationalError as error:
        require_outbox(error)
        raise
    if found != 1:
        raise ContextRefused(
            "The connection that carries the context needs foreign_keys on: "
            "its guard rests on them."
        )


def clear_context(connection: DBAPIConnection) -> None:
    """Clear the context in the last statement before COMMIT, which its guard would else refuse."""
    run(connection, _CLEAR)


def require_outbox(error: BaseException | None) -> None:
    """Raise `ChangeRefused` where what failed is the outbox, and not what was written."""
    if isinstance(error, sqlite3.OperationalError) and _OURS.search(str(error)):
        raise ChangeRefused(
            f"The change was refused, because it can't be recorded: {error}. "
            "Sync capture with the database."
        ) from error


def run(connection: DBAPIConnection, statement: str, values: tuple[Any, ...] = ()) -> int:
    """Run a statement by the driver's cursor and return its row count.

    An asynchronous driver's connection has no other way to run one.
    """
    cursor = connection.cursor()
    try:
        cursor.execute(statement, values)
        return cursor.rowcount
    finally:
        cursor.close()
