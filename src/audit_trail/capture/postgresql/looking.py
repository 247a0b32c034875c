"""Looks what capture records of a PostgreSQL database; it changes nothing but what looks keep."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from audit_trail.capture.look import (
    GONE,
    Fact,
    Look,
    Mark,
    Trigger,
    columns_print,
    compared,
    fingerprint,
    left_over,
    others,
    sound,
    watched,
    width_of,
)
from audit_trail.capture.postgresql.foundation import (
    as_capture,
    faults,
    installed_functions,
    lacking,
    tells_of_schema,
    unsound_event_triggers,
)
from audit_trail.capture.postgresql.schema import (
    as_installed,
    installed,
    kept_watch_list,
    require_plain_types,
    require_server,
    schema_of,
    tables_of,
    wanted_of,
)
from audit_trail.capture.watch import Table, WatchList
from audit_trail.capture.ways import quoted
from audit_trail.errors import CoverageRefused, WatchRefused

# A partition's triggers are copies, which can be disabled each for itself.
_DISABLED: Final = """
SELECT DISTINCT t.tgrelid::regclass::text, t.tgname
FROM pg_trigger AS t JOIN pg_trigger AS copy ON copy.tgname = t.tgname
WHERE t.tgparentid = 0 AND t.tgname LIKE '00\\_audit\\_%%' AND copy.tgenabled <> 'A'
  AND copy.tgrelid IN (SELECT t.tgrelid UNION SELECT relid FROM pg_partition_tree(t.tgrelid))
"""
# Whoever disables, drops or makes a trigger, replaces its function or detaches a partition leaves
# other rows in the catalog, even if all is as before in the end. Rows that the table's last sync
# wrote have the mark of that sync's transaction. What is restored elsewhere is another database.
_MARKS: Final = """
SELECT w.table_name, format('%%s/%%s/%%s %%s: %%s',
    (SELECT system_identifier FROM pg_control_system()), d.oid, t.tgrelid, t.tgname, part.kind),
  format('%%s on %%s', t.tgname, t.tgrelid::regclass),
  format('%%s/%%s', part.oid, part.written), part.written = w.xmin
FROM audit_trail.watched AS w
  JOIN pg_trigger AS t ON t.tgname LIKE '00\\_audit\\_%%' AND t.tgrelid IN (
    SELECT w.relation UNION SELECT relid FROM pg_partition_tree(w.relation))
  JOIN pg_proc AS p ON p.oid = t.tgfoid
  CROSS JOIN LATERAL (
    VALUES ('trigger', t.oid, t.xmin), ('function', p.oid, p.xmin)
  ) AS part (kind, oid, written)
  JOIN pg_database AS d ON d.datname = current_database()
"""
_COLUMNS: Final = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_ALTERED: Final = """
WITH taken AS (DELETE FROM audit_trail.altered RETURNING table_name, altered_at)
SELECT table_name, (extract(epoch FROM min(altered_at)) * 1000000)::bigint
FROM taken GROUP BY table_name
"""
# Where the watched tables lie, whatever the search_path of whoever looks.
_SCHEMA: Final = """
SELECT c.relnamespace::regnamespace::text FROM audit_trail.watched AS w
  JOIN pg_class AS c ON c.oid = w.relation LIMIT 1
"""
_MAY_LOOK: Final = """
SELECT current_user, nspowner::regrole::text, pg_has_role(nspowner, 'MEMBER')
FROM pg_namespace WHERE nspname = 'audit_trail'
"""
_OWNERS: Final = """
SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE oid = ANY(CAST(%s AS regclass[]))
"""
_UNLOGGED: Final = """
SELECT relname FROM pg_class
WHERE oid = ANY(CAST(%s AS regclass[])) AND relpersistence = 'u' ORDER BY relname
"""
# Foreign tables and materialised views, and where else there are tables.
_BEYOND: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('f', 'm') ORDER BY relname
"""
_ELSEWHERE: Final = """
SELECT DISTINCT nspname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'f') AND nspname NOT LIKE 'pg\\_%%'
  AND nspname NOT IN ('information_schema', 'audit_trail', current_schema()) ORDER BY nspname
"""
_REPLICATED: Final = """
SELECT DISTINCT relname FROM pg_subscription_rel JOIN pg_class ON oid = srrelid
WHERE srrelid = ANY(CAST(%s AS regclass[])) ORDER BY relname
"""


def look(connection: Connection, known: Mapping[str, str]) -> Look:
    """Return what is recorded. `known` are fingerprints of an earlier look.

    Raises `WatchRefused`, and `CoverageRefused` for a role that may not look.
    """
    require_server(connection)
    _require_may_look(connection)
    watch = kept_watch_list(connection)
    with as_capture(connection):
        _choose_schema(connection)
        return _looked(connection, watch, known)


def kept(connection: Connection) -> str | None:
    """Return what the last look kept, if there was one."""
    _require_may_look(connection)
    if "coverage" in lacking(connection):
        return None
    with as_capture(connection):
        found = connection.exec_driver_sql("SELECT state FROM audit_trail.coverage").scalar()
    return None if found is None else str(found)


def keep(connection: Connection, state: str) -> None:
    """Keep this for the next look."""
    with as_capture(connection):
        connection.exec_driver_sql(
            "INSERT INTO audit_trail.coverage AS c (one, state) VALUES (1, %s) "
            "ON CONFLICT (one) DO UPDATE SET state = excluded.state",
            (state,),
        )


def take_altered(connection: Connection) -> dict[str, int]:
    """Return when the schema of which tables was first altered since this was last asked, µs UTC.

    What commits later is left for the next time, however early it was written.
    """
    with as_capture(connection):
        rows = connection.exec_driver_sql(_ALTERED).fetchall()
    return {str(name): int(at_us) for name, at_us in rows}


def _require_may_look(connection: Connection) -> None:
    found = connection.exec_driver_sql(_MAY_LOOK).one_or_none()
    if found and not found[2]:
        raise CoverageRefused(
            f"The role {found[0]} may not read what capture keeps. Look as the capture role "
            f"{found[1]}, or as a member of it."
        )


def _choose_schema(connection: Connection) -> None:
    """Look where the watched tables are, and call them as a sync does."""
    if "watched" in lacking(connection):
        return
    if schema := connection.exec_driver_sql(_SCHEMA).scalar():
        connection.exec_driver_sql("SELECT set_config('search_path', %s, true)", (schema,))


def _looked(connection: Connection, watch: WatchList, known: Mapping[str, str]) -> Look:
    names, schema = tables_of(connection), schema_of(connection)
    found = {_said(*place): fingerprint(each) for place, each in installed(connection).items()}
    disabled = _disabled(connection)
    functions = {"the functions": fingerprint(installed_functions(connection))}
    tables, wanted, prints = [], dict[str, str](), dict[str, str]()
    for table in watch.tables:
        of_table = _wanted(connection, watch, table, names, schema)
        columns = _columns(connection, schema, table)
        print_ = columns_print(table.name, columns)
        width = width_of(table.name, columns, known)
        triggers = compared(of_table, found, known, disabled, width=width)
        tables.append(watched(table, [name for name, _ in columns], triggers))
        wanted |= of_table
        prints |= sound(triggers, found, print_)
    parts = list(_parts(connection, watch, schema, is_as_known=functions.items() <= known.items()))
    there = [each.name for each in watch.tables if each.name in names]
    return Look(
        engine=_engine(connection),
        watch=watch,
        tables=(*tables, *others(watch, sorted(names))),
        parts=tuple(Trigger(name=name, state="altered") for name in parts),
        harmless=(
            *(Trigger(name=name, state="altered") for name in unsound_event_triggers(connection)),
            *left_over(found, wanted),
        ),
        facts=tuple(_facts(connection, [f"{quoted(schema)}.{quoted(name)}" for name in there])),
        prints=prints if parts else prints | functions,
        marks=_marks(connection),
    )


def _engine(connection: Connection) -> str:
    return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


def _said(table: str, name: str) -> str:
    return f"{name} on {table}"


def _wanted(
    connection: Connection, watch: WatchList, table: Table, names: Sequence[str], schema: str
) -> dict[str, str]:
    """Return the fingerprints of the table's triggers; where it can't have them, what it lacks."""
    if table.name not in names:
        return {f"the table {table.name}": GONE}
    try:
        found = wanted_of(connection, watch, table, schema)
    except WatchRefused as error:
        return {str(error): ""}
    return {_said(*place): fingerprint(as_installed(each)) for place, each in found.items()}


def _disabled(connection: Connection) -> set[str]:
    return {_said(table, name) for table, name in connection.exec_driver_sql(_DISABLED)}


def _marks(connection: Connection) -> dict[str, dict[str, Mark]]:
    if "watched" in lacking(connection):
        return {}
    found: dict[str, dict[str, Mark]] = defaultdict(dict)
    for table, place, *mark in connection.exec_driver_sql(_MARKS):
        found[table][place] = Mark(*mark)
    return found


def _columns(connection: Connection, schema: str, table: Table) -> list[tuple[str, str]]:
    """Return each column with its type."""
    name = f"{quoted(schema)}.{quoted(table.name)}"
    return [(each, type_) for each, type_ in connection.exec_driver_sql(_COLUMNS, (name,))]


def _parts(
    connection: Connection, watch: WatchList, schema: str, *, is_as_known: bool
) -> Iterator[str]:
    """Name what is wrong with what all triggers rest on; an earlier release's functions are as good."""
    for name in faults(connection):
        is_harmless = name in unsound_event_triggers(connection)
        if not (is_harmless or (is_as_known and name.startswith("the function "))):
            yield name
    try:
        require_plain_types(connection, watch, schema)
    except WatchRefused as error:
        yield str(error)


def _facts(connection: Connection, tables: list[str]) -> Iterator[Fact]:
    yield Fact(
        is_seen=True,
        says="Every insert, update and delete of a watched table, by any statement of any role: "
        "COPY, MERGE, cascades and TRUNCATE among them.",
    )
    yield Fact(
        is_seen=True,
        says="What is written under session_replication_role, since the triggers are ENABLE ALWAYS.",
    )
    yield from _facts_of_schema(connection, tables)

    def named(statement: str, *values: object) -> str:
        return ", ".join(connection.exec_driver_sql(statement, values or None).scalars())

    if replicated := named(_REPLICATED, tables):
        yield Fact(is_seen=True, says=f"What a subscription replicates into {replicated}.")
    if unlogged := named(_UNLOGGED, tables):
        yield Fact(is_seen=False, says=f"The loss of all rows of {unlogged}, unlogged, in a crash.")
    if beyond := named(_BEYOND):
        yield Fact(
            is_seen=False,
            says=f"Foreign tables and materialised views, which aren't listed: {beyond}.",
        )
    if elsewhere := named(_ELSEWHERE):
        yield Fact(
            is_seen=False, says=f"Tables of other schemas, which aren't listed: {elsewhere}."
        )


def _facts_of_schema(connection: Connection, tables: list[str]) -> Iterator[Fact]:
    owners = ", ".join(connection.exec_driver_sql(_OWNERS, (tables,)).scalars())
    if owners:
        yield Fact(
            is_seen=False,
            says="What is written while a trigger is disabled or gone, which the owner of the table "
            f"({owners}) and a superuser can bring about. The next look tells that it was so.",
        )
    commands = "ALTER TABLE … USING, attached, detached and dropped partitions, disabled triggers"
    if tells_of_schema(connection):
        yield Fact(
            is_seen=True,
            says=f"Commands on the schema of a watched table ({commands}): event triggers note the "
            "command, and not what it did to the rows.",
        )
    else:
        yield Fact(
            is_seen=False,
            says=f"Commands on the schema ({commands}). A superuser's sync would make event triggers "
            "that note them.",
        )
