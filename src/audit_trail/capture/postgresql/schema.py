"""Capture in a PostgreSQL database: the triggers kept as generated, and migrations."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from audit_trail.capture.postgresql import foundation
from audit_trail.capture.postgresql.columns import body_quoted, columns_of
from audit_trail.capture.postgresql.foundation import (
    FIXED,
    SCHEMA,
    SOUND_FUNCTION,
    as_capture,
    create_foundation,
    faults,
    quietly,
    run,
)
from audit_trail.capture.postgresql.records import take_baseline
from audit_trail.capture.postgresql.triggers import Trigger, Triggers, lost_of
from audit_trail.capture.watch import Membership, Table, WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import CaptureOutdated, WatchRefused

SMALLEST_POSTGRESQL: Final = 15

# Every table that can hold rows of its own; what is watched is the whole, not its partitions.
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p') AND NOT relispartition
"""
# TRUNCATE of a partition fires that partition's triggers alone, and that of the whole all of theirs.
_LEAVES: Final = """
SELECT format('%%s', c.oid::regclass) FROM pg_partition_tree(CAST(%s AS regclass)) AS t
  JOIN pg_class AS c ON c.oid = t.relid
WHERE t.isleaf AND c.relkind = 'r'
"""
# A partition's triggers are copies, which can be disabled each for itself.
_INSTALLED: Final = f"""
SELECT t.tgrelid::regclass::text, t.tgname, p.proname,
  t.tgtype, t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgnargs = 0 AND t.tgattr = ''
    AND t.tgconstraint = 0 AND p.prosecdef AND {SOUND_FUNCTION}
    AND NOT EXISTS (
      SELECT FROM pg_trigger AS copy JOIN pg_partition_tree(t.tgrelid) AS part
        ON part.relid = copy.tgrelid
      WHERE copy.tgname = t.tgname AND copy.tgenabled <> 'A'
    ),
  p.prosrc, coalesce(p.proconfig, '{{}}')
FROM pg_trigger AS t
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname = 'audit_trail' AND t.tgparentid = 0 AND t.tgname LIKE '00\\_audit\\_%%'
"""
_NAMED: Final = (
    "SELECT oid::regclass, relname::text FROM pg_class "
    "WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relname = ANY(%s)"
)
# TRUNCATE of a partition reads that partition itself.
_READ: Final = """
SELECT c.oid::regclass::text, has_table_privilege(o.oid, c.oid, 'SELECT'),
  c.relrowsecurity AND NOT (
    o.rolbypassrls OR o.rolsuper OR c.relowner = o.oid AND NOT c.relforcerowsecurity
  )
FROM pg_class AS c, pg_namespace AS n JOIN pg_roles AS o ON o.oid = n.nspowner
WHERE n.nspname = 'audit_trail' AND c.oid IN (
  SELECT coalesce(part.relid, to_regclass(name))
  FROM unnest(CAST(%s AS text[])) AS name
    LEFT JOIN LATERAL pg_partition_tree(to_regclass(name)) AS part ON true
)
"""
# A cast to text or JSON that is a function of somebody's runs in the trigger, as the capture role;
# and so does an implicit one, to whatever a reference's column is compared with.
_FOREIGN_CASTS: Final = """
WITH RECURSIVE used (type) AS (
  SELECT atttypid FROM unnest(CAST(%s AS text[])) AS name
    JOIN pg_attribute ON attrelid = to_regclass(name) AND attnum > 0
  UNION
  SELECT part.type FROM used JOIN pg_type AS t ON t.oid = used.type CROSS JOIN LATERAL (
    SELECT t.typelem UNION ALL SELECT t.typbasetype
    UNION ALL SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0
  ) AS part (type)
)
SELECT DISTINCT c.castsource::regtype::text
FROM used JOIN pg_cast AS c ON c.castsource = used.type JOIN pg_proc AS p ON p.oid = c.castfunc,
  pg_namespace AS n
WHERE n.nspname = 'audit_trail'
  AND (c.casttarget IN ('text'::regtype, 'json'::regtype) OR c.castcontext = 'i')
  AND NOT pg_has_role(p.proowner, n.nspowner, 'MEMBER')
"""
# Held for a transaction by whoever changes triggers, and by whoever looks at them.
_TURN: Final = 0x61756475  # "audu"
_GRANTED: Final = """
SELECT CASE WHEN c.oid IS NULL THEN 'USAGE ON SCHEMA' ELSE 'SELECT ON' END,
  coalesce(c.oid::regclass::text, s.oid::regnamespace::text), n.nspowner::regrole::text
FROM audit_trail.granted AS g
  JOIN pg_namespace AS n ON n.nspname = 'audit_trail'
  LEFT JOIN pg_class AS c ON c.oid = g.relation
  LEFT JOIN pg_namespace AS s ON s.oid = g.schema
WHERE c.oid IS NOT NULL OR s.oid IS NOT NULL
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


def sync(connection: Connection, watch: WatchList) -> list[str]:
    """Create the outbox, make every trigger as generated, and keep the watch list.

    Return the triggers that differed; what is as it must be is not touched, and takes no lock.
    Run it in one transaction, as the tables' owner and a member of the capture role. Raises
    `WatchRefused` when a table is neither watched nor ignored, or can't be watched here.
    """
    require_server(connection)
    take_turn(connection)
    create_foundation(connection)
    wanted, found = _wanted(connection, watch), installed(connection)
    gone = found.keys() - wanted.keys()
    changed = [place for place, each in wanted.items() if found.get(place) != as_installed(each)]
    if gone or changed:
        with quietly(connection):
            for place in gone:
                _drop(connection, *place)
            for place in changed:
                _create(connection, place[0], wanted[place])
    schema = schema_of(connection)
    for table in watch.tables:
        _require_readable(connection, table, watch.owner_of(table), schema)
    _grant_reading(connection, watch, schema)
    with as_capture(connection):
        _count_losses(connection, watch)
        _keep(connection, watch, schema)
        _mark(connection, [table for table, _ in (*gone, *changed)])
        take_baseline(connection, watch, schema)
    return _names_of({*gone, *changed})


def kept_watch_list(connection: Connection) -> WatchList:
    """Return the watch list that was kept beside the outbox. Raises `WatchRefused`."""
    looking = "SELECT to_regnamespace('audit_trail') IS NOT NULL"
    if not connection.exec_driver_sql(looking).scalar_one():
        return WatchList.read(None)
    with as_capture(connection):
        found = connection.exec_driver_sql("SELECT definition FROM audit_trail.watch").scalar()
    return WatchList.read(found)


def drop_triggers(connection: Connection) -> None:
    """Drop every trigger of ours; a migration does so before it touches a table."""
    take_turn(connection)
    if found := installed(connection):
        with quietly(connection):
            for place in found:
                _drop(connection, *place)


def remove(connection: Connection) -> int | None:
    """Drop all that capture made, take back what it granted, and return how many rows waited.

    None where it wasn't there. Once the triggers are gone nobody writes to the outbox any more, so
    what is counted then is all that there will be.
    """
    if not foundation.exists(connection):
        return None
    take_turn(connection)
    with foundation.unobserved(connection):
        for place in installed(connection):
            _drop(connection, *place)
        _take_back_reading(connection)
        with as_capture(connection):
            waiting = connection.exec_driver_sql("SELECT count(*) FROM audit_trail.outbox")
            return int(waiting.scalar_one())


def require_current(connection: Connection, watch: WatchList, command: str) -> None:
    """Raise `CaptureOutdated`, naming the command to run, unless all triggers are as generated."""
    require_server(connection)
    wanted = {place: as_installed(each) for place, each in _wanted(connection, watch).items()}
    found = installed(connection)
    places = found.keys() | wanted.keys()
    wrong = _names_of(place for place in places if found.get(place) != wanted.get(place))
    wrong += faults(connection)
    if wrong:
        raise CaptureOutdated(f"Missing, outdated or altered: {', '.join(wrong)}. Run: {command}")


@contextmanager
def migrating(engine: Engine, watch: WatchList) -> Iterator[Connection]:
    """Migrate the schema inside the block, in one transaction, without a row of it in the outbox."""
    with engine.begin() as connection:
        drop_triggers(connection)
        yield connection
        sync(connection, watch)


def take_turn(connection: Connection) -> None:
    """Let nobody sync, migrate or look meanwhile: they would see triggers that come and go."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")


def require_server(connection: Connection) -> None:
    version, encoding = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).one()
    if version < SMALLEST_POSTGRESQL * 10_000:
        raise WatchRefused(f"PostgreSQL {version // 10_000} is too old; 15 or later is needed.")
    if encoding != "UTF8":
        raise WatchRefused(f"The database is encoded in {encoding}; capture needs UTF8.")


def _wanted(connection: Connection, watch: WatchList) -> dict[tuple[str, str], Trigger]:
    """Return every trigger by table and name, for the tables as they are now."""
    schema = schema_of(connection)
    watch.require_complete(tables_of(connection))
    require_plain_types(connection, watch, schema)
    return {
        place: trigger
        for table in watch.tables
        for place, trigger in wanted_of(connection, watch, table, schema).items()
    }


def wanted_of(
    connection: Connection, watch: WatchList, table: Table, schema: str
) -> dict[tuple[str, str], Trigger]:
    """Return the triggers of one table. Raises `WatchRefused` where it can't be watched."""
    name = f"{quoted(schema)}.{quoted(table.name)}"
    shown = _shown(connection, name, table)
    leaves = connection.exec_driver_sql(_LEAVES, (name,)).scalars().all() or [shown]
    return {
        (place, trigger.name): trigger
        for trigger in _triggers(connection, watch, table, schema).texts()
        for place in (leaves if trigger.event == "BEFORE TRUNCATE" else [shown])
    }


def _triggers(connection: Connection, watch: WatchList, table: Table, schema: str) -> Triggers:
    columns = columns_of(connection, f"{quoted(schema)}.{quoted(table.name)}")
    owner = watch.owner_of(table)
    return Triggers(
        table,
        columns,
        schema=schema,
        owner=_triggers(connection, watch, owner, schema) if owner else None,
    )


def tables_of(connection: Connection) -> list[str]:
    """Name every table that must be watched or ignored."""
    return list(connection.exec_driver_sql(_TABLES).scalars())


def schema_of(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())


def _require_readable(
    connection: Connection, table: Table, owner: Table | None, schema: str
) -> None:
    """Raise `WatchRefused` where a trigger would fail to read, and so refuse every write."""
    for mine, name, *columns in _joined_by(table, owner):
        value, key, column = map(quoted, columns)
        try:
            run(
                connection,
                f"SELECT n.{value}::text FROM {quoted(schema)}.{quoted(name)} AS n "
                f"JOIN {quoted(schema)}.{quoted(mine)} AS t ON n.{key} = t.{column} LIMIT 0",
            )
        except ProgrammingError as error:
            raise WatchRefused(
                f"What {mine} refers to in {name} can't be read: {error.orig}"
            ) from error


def _joined_by(table: Table, owner: Table | None) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what triggers join: a table with another one, whose value, key, and column for it."""
    for each in table.references:
        yield (
            table.name,
            each.label_table or each.table,
            each.label,
            each.label_key,
            each.columns[0],
        )
    if isinstance(member := table.account, Membership):
        yield table.name, member.table, member.account, member.record, table.keys[0]
    mine = table.name
    for step, further in pairwise(table.path):
        yield mine, step.table or "", further.column, step.key, step.column
        mine = step.table or ""
    if owner and table.part_of:
        key, column = owner.keys[0], table.part_of.column
        if not column:
            key, column = table.part_of.owner_column or "", table.keys[0]
        for value in (key, *owner.keys, *table.part_of.where):
            yield table.name, owner.name, value, key, column


def require_plain_types(connection: Connection, watch: WatchList, schema: str) -> None:
    names = [f"{quoted(schema)}.{quoted(name)}" for name in sorted(_read_by(watch))]
    foreign = connection.exec_driver_sql(_FOREIGN_CASTS, (names,)).scalars().all()
    if foreign:
        raise WatchRefused(
            f"The cast of {', '.join(foreign)} would run as the capture role, "
            "though its owner isn't of that role. Drop the cast."
        )


def _shown(connection: Connection, name: str, table: Table) -> str:
    """Return the table's name as the server writes it. Raises `WatchRefused` where it isn't."""
    found = connection.exec_driver_sql("SELECT to_regclass(%s)::text", (name,)).scalar_one()
    if found is None:
        raise WatchRefused(f"There is no table {table.name} to watch.")
    return str(found)


def installed(connection: Connection) -> dict[tuple[str, str], Installed]:
    rows = connection.exec_driver_sql(_INSTALLED).fetchall()
    return {
        (table, name): Installed(function, kind, sound, body, tuple(sorted(settings)))
        for table, name, function, kind, sound, body, settings in rows
    }


def as_installed(trigger: Trigger) -> Installed:
    settings = (each.replace("'", "").replace(" = ", "=") for each in trigger.settings)
    return Installed(
        trigger.function,
        _TYPES[trigger.event],
        True,
        trigger.body,
        tuple(sorted([FIXED, *settings])),
    )


def _names_of(places: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{name} on {table}" for table, name in places)


def _create(connection: Connection, table: str, trigger: Trigger) -> None:
    function = f"{SCHEMA}.{quoted(trigger.function)}"
    settings = " ".join(f"SET {each}" for each in (FIXED, *trigger.settings))
    level = "STATEMENT" if trigger.event == "BEFORE TRUNCATE" else "ROW"
    with as_capture(connection):
        run(
            connection,
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql "
            f"SECURITY DEFINER {settings} AS {body_quoted(trigger.body)}",
        )
        # Whoever may run it could put it on a table of their own, and write entries.
        run(connection, f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    run(connection, f"DROP TRIGGER IF EXISTS {quoted(trigger.name)} ON {table}")
    run(
        connection,
        f"CREATE TRIGGER {quoted(trigger.name)} {trigger.event} ON {table} "
        f"FOR EACH {level} EXECUTE FUNCTION {function}()",
    )
    # Also where the session replays what another server wrote.
    run(connection, f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {quoted(trigger.name)}")


def _drop(connection: Connection, table: str, name: str) -> None:
    run(connection, f"DROP TRIGGER {quoted(name)} ON {table}")


def _grant_reading(connection: Connection, watch: WatchList, schema: str) -> None:
    """Let the capture role read what names records, and the rows that TRUNCATE removes.

    Raises `WatchRefused` where row-level security would hide rows from it.
    """
    names = [f"{quoted(schema)}.{quoted(name)}" for name in sorted(_read_by(watch))]
    owner, may_use = connection.exec_driver_sql(
        "SELECT nspowner::regrole::text, has_schema_privilege(nspowner, current_schema(), 'USAGE') "
        "FROM pg_namespace WHERE nspname = 'audit_trail'"
    ).one()
    if not may_use:
        run(connection, f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {owner}")
        with as_capture(connection):
            connection.exec_driver_sql(
                "INSERT INTO audit_trail.granted (schema) VALUES (quote_ident(%s)::regnamespace)",
                (schema,),
            )
    for name, may_read, hides in connection.exec_driver_sql(_READ, (names,)).fetchall():
        if hides:
            raise WatchRefused(
                f"The table {name} has row-level security, which would hide rows from TRUNCATE's "
                f"record and from labels. Give the role {owner} BYPASSRLS."
            )
        if not may_read:
            run(connection, f"GRANT SELECT ON {name} TO {owner}")
            with as_capture(connection):
                connection.exec_driver_sql(
                    "INSERT INTO audit_trail.granted (relation) VALUES (CAST(%s AS regclass))",
                    (name,),
                )


def _take_back_reading(connection: Connection) -> None:
    """Revoke what was granted, of tables that are still there."""
    with as_capture(connection):
        granted = connection.exec_driver_sql(_GRANTED).fetchall()
    for what, name, owner in granted:
        run(connection, f"REVOKE {what} {name} FROM {owner}")


def _read_by(watch: WatchList) -> set[str]:
    """Name the tables that triggers read."""
    names = {table.name for table in watch.tables}
    names |= {r.label_table or r.table for table in watch.tables for r in table.references}
    members = (t.account for t in watch.tables if isinstance(t.account, Membership))
    names |= {step.table for table in watch.tables for step in table.path if step.table}
    return names | {member.table for member in members}


def _count_losses(connection: Connection, watch: WatchList) -> None:
    for table in watch.tables:
        if table.when_outbox_fails == "go_on":
            sequence = lost_of(table)
            run(connection, f"CREATE SEQUENCE IF NOT EXISTS {SCHEMA}.{quoted(sequence)}")
            connection.exec_driver_sql(
                "INSERT INTO audit_trail.told (table_name, entity, sequence) VALUES (%s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                (table.name, table.entity, sequence),
            )


def _mark(connection: Connection, tables: list[str]) -> None:
    """Leave this transaction's mark beside that of the triggers it made, by which looks know them."""
    connection.exec_driver_sql(
        "UPDATE audit_trail.watched AS w SET table_name = table_name "
        "FROM unnest(CAST(%s AS text[])) AS name "
        "WHERE w.relation = to_regclass(name) OR w.relation IN ("
        "SELECT relid FROM pg_partition_ancestors(to_regclass(name)))",
        (tables,),
    )


def _keep(connection: Connection, watch: WatchList, schema: str) -> None:
    """Keep the watch list, and which relations it names."""
    connection.exec_driver_sql(
        "INSERT INTO audit_trail.watch AS w (one, definition) VALUES (1, %s) ON CONFLICT (one) "
        "DO UPDATE SET definition = excluded.definition WHERE w.definition <> excluded.definition",
        (watch.text(),),
    )
    named = (schema, [table.name for table in watch.tables])
    connection.exec_driver_sql(
        f"DELETE FROM audit_trail.watched WHERE (relation, table_name) NOT IN ({_NAMED})", named
    )
    connection.exec_driver_sql(
        f"INSERT INTO audit_trail.watched (relation, table_name) {_NAMED} ON CONFLICT DO NOTHING",
        named,
    )
