"""The SQLAlchemy adapter for SQLite: it carries the context into transactions, and nothing else."""

import secrets
from collections.abc import Callable
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from audit_trail.capture.context import UNSURE, current_context
from audit_trail.capture.sqlite.carrying import (
    TOKEN_BYTES,
    clear_context,
    require_outbox,
    require_version,
    run,
    set_context,
)

BUSY_TIMEOUT_MS: Final = 10_000

_READS: Final = ("SELECT", "PRAGMA", "EXPLAIN", "VALUES", "BEGIN")
_DRAWN: Final = "audit_token"
_CARRIED: Final = "audit_context"
_PREPARED: Final = "audit_prepared"
_AUTOCOMMIT: Final = "audit_autocommit"
_ALONE: Final = "audit_statement_alone"
_COMMITTED: Final = "audit_context_committed"


def attach(
    engine: Engine, *, after_commit: Callable[[], None] = lambda: None, as_guest: bool = False
) -> None:
    """Make every transaction of the engine carry the context in force; call it once, at start.

    Transactions begin with BEGIN IMMEDIATE, since the driver's own BEGIN breaks savepoints and a
    late lock loses a race; those of a connection with the option `audit_read_only` begin as
    readers. A write in autocommit is a transaction with its context. `after_commit` is called
    after each transaction that carried a context. A guest leaves what the file keeps, its journal's
    mode, as it is. Raises `ContextRefused` on an SQLite older than 3.40. A write that is refused because it can't be recorded raises `ChangeRefused`.
    """
    require_version()
    event.listen(engine, "checkout", _prepare_as_guest if as_guest else _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "after_cursor_execute", _after_statement)
    event.listen(engine, "handle_error", _after_error)
    event.listen(engine, "savepoint", lambda connection, name: carry(connection))
    event.listen(engine, "commit", _clear_context)
    event.listen(engine, "rollback", _before_rollback)
    event.listen(
        engine,
        "checkin",
        lambda _, record: after_commit() if record.info.pop(_COMMITTED, None) else None,
    )


def _prepare(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: object) -> None:
    if not record.info.get(_PREPARED):
        run(connection, "PRAGMA journal_mode = WAL")
    _prepare_as_guest(connection, record, proxy)


def _prepare_as_guest(
    connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Prepare each connection once; at checkout, since the pool may hold some from before."""
    if record.info.get(_PREPARED):
        return
    record.info[_PREPARED] = True
    record.info[_AUTOCOMMIT] = connection.isolation_level is None
    connection.isolation_level = None
    for setting in (
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "synchronous = FULL",
        # Else what named people stays in free space: rows of the outbox, contexts that were cleared.
        "secure_delete = ON",
    ):
        run(connection, f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("audit_read_only", False)
    if not _is_autocommit(connection):
        _forget(connection)
        run(_driver(connection), "BEGIN" if reading else "BEGIN IMMEDIATE")


def _before_statement(
    connection: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    _context: object,
    _many: bool,
) -> None:
    """Set the context before the transaction's first write, and again when another acts."""
    _commit_alone(connection)
    opening = statement.lstrip()[:8].upper()
    if opening == "ROLLBACK":
        # To a savepoint: what it undoes may include the context, so the next write sets it again.
        if _CARRIED in connection.info:
            connection.info[_CARRIED] = UNSURE
    elif _is_to_carry(connection) and not opening.startswith(_READS):
        if _is_autocommit(connection) and not _is_in_transaction(connection):
            _forget(connection)
            run(_driver(connection), "BEGIN IMMEDIATE")
            connection.info[_ALONE] = True
        carry(connection)


def _after_statement(connection: Connection, cursor: Any, *_: object) -> None:
    """Commit what stands alone; while it still hands out rows, it can't be."""
    if cursor.description is None:
        _commit_alone(connection)


def _commit_alone(connection: Connection) -> None:
    if connection.info.get(_ALONE):
        _clear_context(connection)
        run(_driver(connection), "COMMIT")
        connection.info.pop(_ALONE)


def _after_error(context: ExceptionContext) -> None:
    connection = context.connection
    if connection is not None and connection.info.pop(_ALONE, False):
        _forget(connection)
        if _is_in_transaction(connection):
            run(_driver(connection), "ROLLBACK")
    require_outbox(context.original_exception)


def carry(connection: Connection) -> None:
    """Put the context in force into the connection's transaction.

    Call it before a statement that SQLAlchemy doesn't see. It uses the driver's cursor, since
    SQLAlchemy's would ask this hook again.
    """
    if not _is_to_carry(connection):
        return
    context = current_context()
    token = connection.info.setdefault(_DRAWN, secrets.token_bytes(TOKEN_BYTES))
    set_context(_driver(connection), token, context)
    connection.info[_CARRIED] = context


def _is_to_carry(connection: Connection) -> bool:
    """Tell whether another is in force than the transaction carries; nobody is System."""
    return connection.info.get(_CARRIED) != current_context()


def _clear_context(connection: Connection) -> None:
    """Clear the context in the last statement before COMMIT, which its guard would else refuse."""
    if _DRAWN in connection.info:
        _forget(connection)
        clear_context(_driver(connection))
        connection.info[_COMMITTED] = True


def _before_rollback(connection: Connection) -> None:
    # A connection that broke may not be asked for its info, and takes it along.
    if not connection.invalidated:
        _commit_alone(connection)
        _forget(connection)


def _forget(connection: Connection) -> None:
    """A rollback has restored the table, and the next transaction draws its own token."""
    connection.info.pop(_DRAWN, None)
    connection.info.pop(_CARRIED, None)


def _is_autocommit(connection: Connection) -> bool:
    """Tell it from the option, or from how the pool's connections came."""
    level = connection.get_execution_options().get("isolation_level")
    return bool(connection.info.get(_AUTOCOMMIT)) if level is None else level == "AUTOCOMMIT"


def _is_in_transaction(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


def _driver(connection: Connection) -> DBAPIConnection:
    return cast("DBAPIConnection", connection.connection.dbapi_connection)
