"""Rewrites the tables in which erased parts still lie as dead rows; who may is their owner.

An UPDATE leaves the old row in its page, and even a plain VACUUM leaves its bytes in the page's free
space; only a rewritten file is without them. The write-ahead log ages out by itself.
"""

import time
from typing import Final

import psycopg

from audit_trail.store.port import Wiped
from audit_trail.store.postgresql.connections import Connections

ATTEMPTS: Final = 20
PAUSE_SECONDS: Final = 0.2
LOCK_TIMEOUT: Final = "5s"

_ACCOUNTS: Final = (
    b"SELECT DISTINCT account FROM audit_trail.removals "
    b"WHERE part <> 'entry' AND next > last AND NOT wiped"
)
_TABLES: Final = b"""
SELECT partition.oid::regclass::text, pg_has_role(partition.relowner, 'USAGE')
FROM unnest(%b::bytea[]) AS asked (account)
CROSS JOIN LATERAL (
  SELECT tableoid FROM audit_trail.entries WHERE account = asked.account LIMIT 1
) AS entry
JOIN pg_class AS partition ON partition.oid = entry.tableoid GROUP BY partition.oid
UNION
SELECT oid::regclass::text, pg_has_role(relowner, 'USAGE') FROM pg_class
WHERE oid IN ('audit_trail.search_pages'::regclass, 'audit_trail.search_bits'::regclass)"""
# A row that some snapshot can still see is copied into the new file, dead as it is.
_SEEN: Final = b"""
SELECT EXISTS (
  SELECT FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
    AND age(backend_xmin) > age(%b::text::xid)
) OR EXISTS (
  SELECT FROM pg_prepared_xacts
  WHERE database = current_database() AND age(transaction) > age(%b::text::xid)
) OR EXISTS (
  SELECT FROM pg_replication_slots WHERE age(xmin) > age(%b::text::xid)
)"""
_UNWIPED: Final = (
    b"SELECT account, part, first FROM audit_trail.removals "
    b"WHERE account = ANY(%b::bytea[]) AND part <> 'entry' AND next > last AND NOT wiped"
)
_WIPED: Final = b"""
UPDATE audit_trail.removals AS removal SET wiped = true
FROM unnest(%b::bytea[], %b::text[], %b::bigint[]) AS done (account, part, first)
WHERE (removal.account, removal.part, removal.first) = (done.account, done.part, done.first)"""


def wipe(connections: Connections) -> Wiped:
    """Rewrite each table that holds bytes of erased parts, the index too; note that it was done."""
    with connections.lend() as connection:
        erased = [account for (account,) in connection.execute(_ACCOUNTS).fetchall()]
        if not erased:
            return "done"
        tables = connection.execute(_TABLES, [erased]).fetchall()
        if not all(may for _, may in tables):
            return "forbidden"
        # What is removed from now on may miss the new file, so it is left for the next time.
        removed = connection.execute(_UNWIPED, [erased]).fetchall()
        if not _is_unseen(connection):
            return "busy"
        try:
            _rewrite(connection, [name for name, _ in tables])
        except psycopg.errors.LockNotAvailable:
            return "busy"
        if removed:
            connection.execute(_WIPED, [list(each) for each in zip(*removed, strict=True)])
        return "done"


def is_wiped(connections: Connections) -> bool:
    """Tell whether no part was erased since."""
    with connections.lend() as connection:
        return connection.execute(_ACCOUNTS + b" LIMIT 1").fetchone() is None


def _is_unseen(connection: psycopg.Connection) -> bool:
    """Wait until nobody reads what was there before this began; give up after some seconds."""
    (now,) = connection.execute(
        "SELECT pg_current_xact_id()::text::bigint % 4294967296"
    ).fetchall()[0]
    for _ in range(ATTEMPTS):
        if connection.execute(_SEEN, [str(now)] * 3).fetchone() == (False,):
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def _rewrite(connection: psycopg.Connection, tables: list[str]) -> None:
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'".encode())
    try:
        for table in tables:
            # The name comes from the server's own catalog, quoted where it must be.
            connection.execute(f"VACUUM (FULL) {table}".encode())
    finally:
        connection.execute("RESET lock_timeout")
