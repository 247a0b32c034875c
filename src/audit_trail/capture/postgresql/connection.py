"""The SQLAlchemy adapter for PostgreSQL: it carries the context into transactions, nothing else.

The context is a setting that is local to the transaction, so PostgreSQL itself forgets it at the
end, on a pooled connection too.
"""

from collections.abc import Callable
from typing import Any, Final

from psycopg.pq import ConnStatus, Escaping, ExecStatus, TransactionStatus, abc
from sqlalchemy import Connection, Engine, event

from audit_trail.capture.context import current_context, encoded
from audit_trail.errors import ContextRefused

SETTING: Final = "audit.context"
SMALLEST_POSTGRESQL: Final = (15, 0)

_CARRIED: Final = "audit_context"
_COMMITTED: Final = "audit_context_committed"
_ALONE: Final = "audit_statement_alone"
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "TRUNCATE", "CALL", "DO")


def attach(engine: Engine, *, after_commit: Callable[[], None] = lambda: None) -> None:
    """Make every transaction of the engine carry the context in force; call it once, at start.

    The context is sent together with BEGIN, so it costs no round trip of its own. A statement in
    autocommit is sent in one transaction with its context. Connections with the option
    `audit_read_only` carry none. `after_commit` is called after each transaction that did.
    Raises `ContextRefused` for another driver than psycopg; a PostgreSQL older than 15 is refused
    with the first statement.
    """
    if engine.dialect.driver not in ("psycopg", "psycopg_async"):
        raise ContextRefused(
            f"Capture needs the driver psycopg (postgresql+psycopg://), not {engine.dialect.driver}."
        )
    event.listen(engine, "begin", _forget)
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "after_cursor_execute", _after_statement)
    event.listen(engine, "handle_error", _after_error)
    event.listen(engine, "savepoint", lambda connection, name: carry(connection))
    event.listen(engine, "commit", _note_commit)
    event.listen(engine, "rollback", _forget)
    event.listen(
        engine,
        "checkin",
        lambda _, record: after_commit() if record.info.pop(_COMMITTED, None) else None,
    )


def carry(connection: Connection) -> None:
    """Put the context in force into the connection's transaction, beginning it where need be.

    Call it before a statement that SQLAlchemy doesn't see, such as the driver's COPY.
    """
    context = current_context()
    if context is None or connection.info.get(_CARRIED) is context:
        return
    if connection.get_execution_options().get("audit_read_only", False):
        return
    text = encoded(context)
    if connection.dialect.is_async:
        _send_by_cursor(connection, text)
    else:
        _send_with_begin(connection, text)
    connection.info[_CARRIED] = context


def _before_statement(
    connection: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    _context: object,
    _many: bool,
) -> None:
    opening = statement.lstrip()[:8].upper()
    if opening == "ROLLBACK":
        # To a savepoint: what it undoes may include the context, so the next statement sets it.
        connection.info.pop(_CARRIED, None)
    elif current_context() is None:
        return
    elif not _is_autocommit(connection):
        carry(connection)
    elif opening.startswith(_WRITES) and _status(connection) == TransactionStatus.IDLE:
        connection.info.pop(_CARRIED, None)
        connection.info[_ALONE] = True
        if connection.dialect.is_async:
            _run(connection, "BEGIN")
        carry(connection)


def _after_statement(connection: Connection, *_: object) -> None:
    if connection.info.pop(_ALONE, False):
        connection.info.pop(_CARRIED, None)
        _run(connection, "COMMIT")
        connection.info[_COMMITTED] = True


def _after_error(context: Any) -> None:
    connection = context.connection
    if connection is not None and connection.info.pop(_ALONE, False):
        connection.info.pop(_CARRIED, None)
        if _status(connection) in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            _run(connection, "ROLLBACK")


def _note_commit(connection: Connection) -> None:
    if connection.info.pop(_CARRIED, None) is not None:
        connection.info[_COMMITTED] = True


def _forget(connection: Connection) -> None:
    connection.info.pop(_CARRIED, None)


def _send_by_cursor(connection: Connection, text: str) -> None:
    _run(connection, f"SELECT set_config('{SETTING}', %s, true)", (text,))


def _run(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> None:
    """Run a statement by the driver's cursor: SQLAlchemy's would ask these hooks again."""
    with_cursor = connection.connection.cursor()
    try:
        with_cursor.execute(statement, values or None)
    finally:
        with_cursor.close()


def _send_with_begin(connection: Connection, text: str) -> None:
    """Send the context in the round trip that begins the transaction, where none is under way.

    A connection that is broken is left to the statement itself, whose failure the pool understands.
    """
    driver: Any = connection.connection.driver_connection
    server: abc.PGconn = driver.pgconn
    if server.transaction_status == TransactionStatus.IDLE:
        literal = Escaping(server).escape_literal(text.encode())
        begin = _begin_statement(driver)
        result = server.exec_(b"%s; SET LOCAL %s = %s" % (begin, SETTING.encode(), bytes(literal)))
    else:
        result = server.exec_params(
            f"SELECT set_config('{SETTING}', $1, true)".encode(), [text.encode()]
        )
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        if (
            server.status == ConnStatus.BAD
            or server.transaction_status == TransactionStatus.INERROR
        ):
            return
        raise ContextRefused(f"The context can't be set: {result.get_error_message()}")


def _begin_statement(driver: Any) -> bytes:
    """The BEGIN that the driver would send, with what was set on its connection."""
    parts = ["BEGIN"]
    if driver.isolation_level is not None:
        parts.append(f"ISOLATION LEVEL {driver.isolation_level.name.replace('_', ' ')}")
    if driver.read_only is not None:
        parts.append("READ ONLY" if driver.read_only else "READ WRITE")
    if driver.deferrable is not None:
        parts.append("DEFERRABLE" if driver.deferrable else "NOT DEFERRABLE")
    return " ".join(parts).encode()


def _is_autocommit(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return bool(driver.autocommit)


def _status(connection: Connection) -> TransactionStatus:
    driver: Any = connection.connection.driver_connection
    return TransactionStatus(driver.pgconn.transaction_status)
