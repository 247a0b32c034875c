"""Attaches capture to Django's database connections; what to send, each engine's carrier knows."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.db import connections
from django.db.backends.signals import connection_created

from audit_trail.capture.django.carrier import Carrier
from audit_trail.capture.django.postgresql import PostgresqlCarrier
from audit_trail.capture.django.sqlite import SqliteCarrier
from audit_trail.errors import ContextRefused

_CARRIERS: Final[dict[str, type[Carrier]]] = {
    "postgresql": PostgresqlCarrier,
    "sqlite": SqliteCarrier,
}


def attach(*aliases: str) -> None:
    """Make every transaction of these databases carry the context in force; call it once, at start.

    Raises `ContextRefused` for a database or driver that can't be captured, as it connects.
    """
    connection_created.connect(
        partial(_attach_created, aliases), dispatch_uid="audit_trail", weak=False
    )
    for connection in connections.all(initialized_only=True):
        if connection.alias in aliases and connection.connection is not None:
            _attach(connection)


def carry(alias: str = "default") -> None:
    """Put the context in force into the transaction under way.

    Call it before what Django's cursors don't see: COPY, a SELECT that writes as it reads a table.
    """
    connections[alias].ensure_connection()
    _carrier(connections[alias]).carry()


def _attach_created(aliases: tuple[str, ...], *, connection: Any, **_: object) -> None:
    if connection.alias in aliases:
        _attach(connection)


def _attach(connection: Any) -> None:
    """Let one carrier see all statements and ends of transactions, over each reconnection."""
    if not any(isinstance(each, Carrier) for each in connection.execute_wrappers):
        carrier = _CARRIERS.get(connection.vendor)
        if carrier is None:
            raise ContextRefused(f"Capture knows SQLite and PostgreSQL, not {connection.vendor}.")
        # The first sees each statement as it was written; whoever wraps later sees what is sent.
        connection.execute_wrappers.insert(0, carrier(connection))
        for name in ("commit", "rollback", "set_autocommit"):
            setattr(connection, name, _ending(connection, getattr(connection, name), name))
    _carrier(connection).prepare()


def _ending(connection: Any, end: Callable[..., None], name: str) -> Callable[..., None]:
    def run(*args: Any, **options: Any) -> None:
        carrier = _carrier(connection)
        if name != "rollback":
            carrier.clear()
        try:
            end(*args, **options)
        finally:
            carrier.forget()

    return run


def _carrier(connection: Any) -> Carrier:
    for each in connection.execute_wrappers:
        if isinstance(each, Carrier):
            return each
    raise ContextRefused(f"Capture isn't attached to the database {connection.alias}.")
