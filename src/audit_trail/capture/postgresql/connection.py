"""The SQLAlchemy adapter for PostgreSQL: it carries the context into transactions, nothing else.

The context is a setting that is local to the transaction, so PostgreSQL itself forgets it at the
end, on a pooled connection too.
"""

from collections.abc import Callable
from typing import Any, Final

from psycopg.pq import ConnStatus, Escaping, ExecStatus, TransactionStatus, abc
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from audit_trail.capture.context import UNSURE, current_context, encoded
from audit_trail.capture.postgresql.statements import (
    MAY_WRITE,
    SETTING,
    first_word,
    require_recorded,
)
from audit_trail.errors import ContextRefused

_CARRIED: Final = "audit_context"
_COMMITTED: Final = "audit_context_committed"
_ALONE: Final = "audit_statement_alone"
_PLAIN: Final = frozenset({"INSERT", "UPDATE", "DELETE", "SELECT"})
"""How nearly every statement begins, and none that ends a transaction or goes back in it."""


def attach(engine: Engine, *, after_commit: Callable[[], None] = lambda: None) -> None:
    """Make every transaction of the engine carry the context in force; call it once, at start.

    The context is sent together with BEGIN, so it costs no round trip of its own. A statement in
    autocommit is sent in one transaction with its context. Connections with the option
    `audit_read_only` carry none. `after_commit` is called after each transaction that did.
    Raises `ContextRefused` for another driver than psycopg. A write that is refused because it
    can't be recorded raises `ChangeRefused`, which says what to do.
    """
    if engine.dialect.driver not in ("psycopg", "psycopg_async"):
        raise ContextRefused(
            f"Capture needs the driver psycopg (postgresql+psycopg://), not {engine.dialect.driver}."
        )
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "after_cursor_execute", _after_statement)
    event.listen(engine, "handle_error", _after_error)
    event.listen(engine, "savepoint", lambda connection, name: carry(connection))
    for ending in ("commit", "commit_twophase"):
        event.listen(engine, ending, _note_commit)
    for ending in ("rollback", "rollback_twophase"):
        event.listen(engine, ending, _forget)
    event.listen(
        engine,
        "checkin",
        lambda _, record: after_commit() if record.info.pop(_COMMITTED, None) else None,
    )


def carry(connection: Connection) -> None:
    """Put the context in force into the connection's transaction, beginning it where need be.

    Call it before a statement that SQLAlchemy doesn't see, such as the driver's COPY.
    """
    if _is_carried(connection):
        return
    context = current_context()
    send = _send_by_cursor if connection.dialect.is_async else _send_with_begin
    # Where System acts after somebody, theirs is taken out, and a commit is still worth a note.
    is_sent = send(connection, encoded(context) if context else "")
    connection.info[_CARRIED] = (context or False) if is_sent else None


def _is_carried(connection: Connection) -> bool:
    """Tell whether the transaction needs no other context than it has. Asked at each statement."""
    context, carried = current_context(), connection.info.get(_CARRIED)
    if not (context or carried):
        return True
    is_there = (carried or None) == context and not _is_idle(connection)
    return is_there or _is_reader(connection)


def _before_statement(
    connection: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    _context: object,
    _many: bool,
) -> None:
    if statement[:6] in _PLAIN and _is_carried(connection):
        return
    word = first_word(statement)
    if word == "ROLLBACK":
        # To a savepoint: what it undoes may include the context, so the next statement sets it.
        if _CARRIED in connection.info:
            connection.info[_CARRIED] = UNSURE
    elif _is_carried(connection):
        return
    elif not _is_autocommit(connection) or not _is_idle(connection):
        carry(connection)
    elif word in MAY_WRITE:
        connection.info[_ALONE] = True
        if connection.dialect.is_async:
            _run(connection, "BEGIN")
        carry(connection)


def _after_statement(connection: Connection, *_: object) -> None:
    if connection.info.get(_ALONE):
        _run(connection, "COMMIT")
        connection.info.pop(_ALONE)
        _note_commit(connection)


def _after_error(context: ExceptionContext) -> None:
    connection = context.connection
    if connection is not None and connection.info.pop(_ALONE, False):
        _forget(connection)
        if _status(connection) in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            _run(connection, "ROLLBACK")
    require_recorded(context.original_exception)


def _note_commit(connection: Connection, *_: object) -> None:
    if connection.info.pop(_CARRIED, None) is not None:
        connection.info[_COMMITTED] = True


def _forget(connection: Connection, *_: object) -> None:
    # A connection that broke may not be asked for its info, and takes it along.
    if not connection.invalidated:
        connection.info.pop(_CARRIED, None)


def _send_by_cursor(connection: Connection, text: str) -> bool:
    if _status(connection) == TransactionStatus.INERROR:
        return False
    _run(connection, f"SELECT set_config('{SETTING}', %s, true)", (text,))
    return True


def _run(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> None:
    """Run a statement by the driver's cursor: SQLAlchemy's would ask these hooks again."""
    with_cursor = connection.connection.cursor()
    try:
        with_cursor.execute(statement, values or None)
    finally:
        with_cursor.close()


def _send_with_begin(connection: Connection, text: str) -> bool:
    """Send the context in the round trip that begins the transaction, where none is under way.

    Tell whether it arrived. A connection that is broken is left to the statement itself, whose failure the pool understands.
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
            return False
        raise ContextRefused(f"The context can't be set: {result.get_error_message()}")
    return True


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


def _is_reader(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("audit_read_only", False))


def _is_idle(connection: Connection) -> bool:
    return _status(connection) == TransactionStatus.IDLE


def _is_autocommit(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return bool(driver.autocommit)


def _status(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    return int(driver.pgconn.transaction_status)
