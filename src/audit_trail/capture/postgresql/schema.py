"""Capture in a PostgreSQL database: the outbox, the triggers kept as generated, and migrations.

The schema `audit_trail` holds outbox and functions. Its owner is the capture role: where that is
another role than the one that syncs, everything in it is made as that role, so that neither the
application nor the tables' owner can reach the outbox but through the triggers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from audit_trail.capture.postgresql.columns import body_quoted, columns_of, quoted
from audit_trail.capture.postgresql.connection import SMALLEST_POSTGRESQL
from audit_trail.capture.postgresql.triggers import Trigger, Triggers, lost_of
from audit_trail.capture.watch import Table, WatchList
from audit_trail.errors import CaptureOutdated, WatchRefused

SCHEMA: Final = "audit_trail"
_FIXED: Final = "search_path = pg_catalog, pg_temp"

# Every table that can hold rows of its own; what is watched is the whole, not its partitions.
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
# TRUNCATE of a partition fires that partition's triggers alone, and that of the whole all of theirs.
_LEAVES: Final = """
SELECT format('%%s', c.oid::regclass) FROM pg_partition_tree(CAST(%s AS regclass)) AS t
  JOIN pg_class AS c ON c.oid = t.relid
WHERE t.isleaf AND c.relkind = 'r'
"""
_INSTALLED: Final = """
SELECT t.tgrelid::regclass::text, t.tgname, p.proname,
  t.tgtype, t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgnargs = 0 AND t.tgattr = ''
    AND p.prosecdef AND p.proowner = n.nspowner AND l.lanname = 'plpgsql',
  p.prosrc, coalesce(p.proconfig, '{}')
FROM pg_trigger AS t
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname = 'audit_trail' AND t.tgparentid = 0 AND t.tgname LIKE '00\\_audit\\_%%'
"""
# tgtype of pg_trigger.h: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate.
_TYPES: Final = {"AFTER INSERT": 5, "AFTER UPDATE": 17, "AFTER DELETE": 9, "BEFORE TRUNCATE": 34}


class Installed(NamedTuple):
    """What of a trigger must be as generated. `sound` sums up what only an attack would change."""

    function: str
    type: int
    sound: bool
    body: str
    settings: tuple[str, ...]


def sync(connection: Connection, watch: WatchList) -> None:
    """Create the outbox, make every trigger as generated, and keep the watch list.

    Idempotent: what is as it must be is not touched, and takes no lock. Run it in one transaction,
    as the tables' owner and a member of the capture role. Raises `WatchRefused` when a table is
    neither watched nor ignored, or can't be watched here.
    """
    _require_server(connection)
    create_outbox(connection)
    wanted, installed = _wanted(connection, watch), _installed(connection)
    for place in installed.keys() - wanted.keys():
        _drop(connection, *place)
    for place, trigger in wanted.items():
        if installed.get(place) != _as_installed(trigger):
            _create(connection, place[0], trigger)
    _grant_reading(connection, watch)
    with _as_capture(connection):
        _count_losses(connection, watch)
        connection.exec_driver_sql(
            "INSERT INTO audit_trail.watch (one, definition) VALUES (1, %s) "
            "ON CONFLICT (one) DO UPDATE SET definition = excluded.definition",
            (msgspec.json.encode(watch, order="sorted").decode(),),
        )


def create_outbox(connection: Connection) -> None:
    """Create the outbox and its companions where they are missing."""
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    script = files("audit_trail.capture.postgresql").joinpath("outbox.sql").read_text()
    with _as_capture(connection):
        connection.exec_driver_sql(script.replace("%", "%%"))
        connection.exec_driver_sql(
            "DO $$ BEGIN EXECUTE format('ALTER TABLE audit_trail.outbox ALTER COLUMN cluster "
            "SET DEFAULT %%L', (SELECT system_identifier FROM pg_control_system())); END $$"
        )


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of ours; a migration does so before it touches a table."""
    for place in _installed(connection):
        _drop(connection, *place)


def require_current(connection: Connection, watch: WatchList, command: str) -> None:
    """Raise `CaptureOutdated`, naming the command to run, unless all triggers are as generated."""
    _require_server(connection)
    wanted = {place: _as_installed(each) for place, each in _wanted(connection, watch).items()}
    installed = _installed(connection)
    wrong = sorted(
        f"{name} on {table}"
        for table, name in installed.keys() | wanted.keys()
        if installed.get((table, name)) != wanted.get((table, name))
    )
    if not wrong and not _is_of_this_cluster(connection):
        wrong = ["the outbox's cluster"]
    if wrong:
        raise CaptureOutdated(
            f"These triggers are missing or outdated: {', '.join(wrong)}. Run: {command}"
        )


@contextmanager
def migrating(engine: Engine, watch: WatchList) -> Iterator[Connection]:
    """Migrate the schema inside the block, in one transaction, without a row of it in the outbox."""
    with engine.begin() as connection:
        if connection.exec_driver_sql(
            "SELECT to_regnamespace('audit_trail') IS NOT NULL"
        ).scalar_one():
            drop_triggers(connection)
        yield connection
        sync(connection, watch)


def _require_server(connection: Connection) -> None:
    version, encoding = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).one()
    if version < SMALLEST_POSTGRESQL[0] * 10_000:
        raise WatchRefused(f"PostgreSQL {version // 10_000} is too old; 15 or later is needed.")
    if encoding != "UTF8":
        raise WatchRefused(f"The database is encoded in {encoding}; capture needs UTF8.")


def _wanted(connection: Connection, watch: WatchList) -> dict[tuple[str, str], Trigger]:
    """Return every trigger by table and name, for the tables as they are now."""
    schema = str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    watch.require_complete(list(connection.exec_driver_sql(_TABLES).scalars()))
    wanted = {}
    for table in watch.tables:
        name = f"{quoted(schema)}.{quoted(table.name)}"
        shown = _shown(connection, name, table)
        leaves = connection.exec_driver_sql(_LEAVES, (name,)).scalars().all() or [shown]
        for trigger in Triggers(table, columns_of(connection, name), schema=schema).texts():
            for place in leaves if trigger.event == "BEFORE TRUNCATE" else [shown]:
                wanted[place, trigger.name] = trigger
    return wanted


def _shown(connection: Connection, name: str, table: Table) -> str:
    """Return the table's name as the server writes it. Raises `WatchRefused` where it can't be."""
    found = connection.exec_driver_sql(
        "SELECT c.oid::regclass::text, c.relrowsecurity AND NOT (o.rolbypassrls OR o.rolsuper) "
        "FROM pg_class AS c, pg_namespace AS n JOIN pg_roles AS o ON o.oid = n.nspowner "
        "WHERE c.oid = to_regclass(%s) AND n.nspname = 'audit_trail'",
        (name,),
    ).one_or_none()
    if found is None:
        raise WatchRefused(f"There is no table {table.name} to watch.")
    if found[1]:
        raise WatchRefused(
            f"The table {table.name} has row-level security, which would hide rows from TRUNCATE's "
            "record and from labels. Give the owner of the schema audit_trail BYPASSRLS."
        )
    return str(found[0])


def _installed(connection: Connection) -> dict[tuple[str, str], Installed]:
    rows = connection.exec_driver_sql(_INSTALLED).fetchall()
    return {
        (table, name): Installed(function, kind, sound, body, tuple(sorted(settings)))
        for table, name, function, kind, sound, body, settings in rows
    }


def _as_installed(trigger: Trigger) -> Installed:
    settings = (each.replace("'", "").replace(" = ", "=") for each in (_FIXED, *trigger.settings))
    return Installed(
        trigger.function, _TYPES[trigger.event], True, trigger.body, tuple(sorted(settings))
    )


def _create(connection: Connection, table: str, trigger: Trigger) -> None:
    function = f"{SCHEMA}.{quoted(trigger.function)}"
    settings = " ".join(f"SET {each}" for each in (_FIXED, *trigger.settings))
    level = "STATEMENT" if trigger.event == "BEFORE TRUNCATE" else "ROW"
    with _as_capture(connection):
        _run(
            connection,
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql "
            f"SECURITY DEFINER {settings} AS {body_quoted(trigger.body)}",
        )
    _run(connection, f"DROP TRIGGER IF EXISTS {quoted(trigger.name)} ON {table}")
    _run(
        connection,
        f"CREATE TRIGGER {quoted(trigger.name)} {trigger.event} ON {table} "
        f"FOR EACH {level} EXECUTE FUNCTION {function}()",
    )
    # Also where the session replays what another server wrote.
    _run(connection, f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {quoted(trigger.name)}")


def _drop(connection: Connection, table: str, name: str) -> None:
    _run(connection, f"DROP TRIGGER {quoted(name)} ON {table}")


def _grant_reading(connection: Connection, watch: WatchList) -> None:
    """Let the capture role read what names records, and the rows that TRUNCATE removes."""
    if _is_capture(connection):
        return
    names = {table.name for table in watch.tables}
    names |= {r.label_table or r.table for table in watch.tables for r in table.references}
    owner, schema = connection.exec_driver_sql(
        "SELECT nspowner::regrole::text, current_schema() FROM pg_namespace "
        "WHERE nspname = 'audit_trail'"
    ).one()
    _run(connection, f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {owner}")
    for name in sorted(names):
        _run(connection, f"GRANT SELECT ON {quoted(schema)}.{quoted(name)} TO {owner}")


def _count_losses(connection: Connection, watch: WatchList) -> None:
    for table in watch.tables:
        if table.when_outbox_fails == "go_on":
            sequence = lost_of(table)
            _run(connection, f"CREATE SEQUENCE IF NOT EXISTS {SCHEMA}.{quoted(sequence)}")
            connection.exec_driver_sql(
                "INSERT INTO audit_trail.told (table_name, entity, sequence) VALUES (%s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                (table.name, table.entity, sequence),
            )


def _is_of_this_cluster(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT pg_get_expr(d.adbin, d.adrelid) LIKE "
            "'%%' || (SELECT system_identifier FROM pg_control_system()) || '%%' "
            "FROM pg_attrdef AS d JOIN pg_attribute AS a "
            "ON a.attrelid = d.adrelid AND a.attnum = d.adnum "
            "WHERE d.adrelid = to_regclass('audit_trail.outbox') AND a.attname = 'cluster'"
        ).scalar()
    )


def _is_capture(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT nspowner = (SELECT oid FROM pg_roles WHERE rolname = current_user) "
            "FROM pg_namespace WHERE nspname = 'audit_trail'"
        ).scalar_one()
    )


@contextmanager
def _as_capture(connection: Connection) -> Iterator[None]:
    """Act as the owner of the capture schema while inside."""
    if _is_capture(connection):
        yield
        return
    owner = connection.exec_driver_sql(
        "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'audit_trail'"
    ).scalar_one()
    before = connection.exec_driver_sql("SELECT current_setting('role')").scalar_one()
    _run(connection, f"SET LOCAL ROLE {owner}")
    yield
    _run(connection, f"SET LOCAL ROLE {quoted(before) if before != 'none' else 'NONE'}")


def _run(connection: Connection, statement: str) -> None:
    """Run a statement as it stands: names may hold a per cent sign."""
    connection.exec_driver_sql(statement.replace("%", "%%"))
