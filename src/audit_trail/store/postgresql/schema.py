"""The trail's tables, and what the role that uses them may do; its owner runs this."""

from contextlib import closing
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

from audit_trail.errors import StoreFailed
from audit_trail.store.postgresql.connections import Connections

_MISSING: Final = (
    b"SELECT has_database_privilege(current_database(), 'CREATE') WHERE NOT EXISTS ("
    b"SELECT FROM pg_tables WHERE schemaname = 'audit_trail' AND tablename = 'search_blocks')"
)


def create(url: str) -> None:
    """Create what is missing of the trail's schema. Raises `StoreFailed`."""
    with closing(Connections(url, 1)) as connections, connections.lend() as connection:
        _create(connection)


def grants(role: str) -> str:
    """Return the SQL that lets this role append and read, and takes all else from it."""
    return _text("grants.sql").replace("{role}", sql.Identifier(role).as_string())


def require(connections: Connections) -> None:
    """Create the schema where it is missing, if we may. Raises `StoreFailed`, with what to do."""
    with connections.lend() as connection:
        missing = connection.execute(_MISSING).fetchone()
        if missing == (True,):
            _create(connection)
        elif missing:
            raise StoreFailed(
                f"The trail's database {connections.name} has no tables for it, and this role may "
                "not create them. Run `live-agent database init` as a role that may."
            )


def _create(connection: psycopg.Connection) -> None:
    connection.execute(_text("schema.sql").encode())


def _text(name: str) -> str:
    return files("audit_trail.store.postgresql").joinpath(name).read_text()
