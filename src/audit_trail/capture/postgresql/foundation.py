"""The schema `audit_trail`: outbox and functions kept as written; it touches none of the application's.

Its owner is the capture role: where that is another role than the one that syncs, everything in it
is made as that role, so that neither the application nor the tables' owner can reach the outbox
but through the triggers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from audit_trail.capture.ways import quoted

SCHEMA: Final = "audit_trail"
FIXED: Final = "search_path=pg_catalog, pg_temp"
"""What every function has set, or the caller's search_path would choose what it runs."""

_TABLE: Final = re.compile(r"CREATE (?:TABLE|INDEX) IF NOT EXISTS (?:audit_trail\.)?(\w+)")
_FUNCTION: Final = re.compile(
    r"FUNCTION audit_trail\.(\w+)\((.*?) AS \$body\$(.*?)\$body\$", re.DOTALL
)
_PRESENT: Final = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('audit_trail')"
SOUND_FUNCTION: Final = (
    "p.proowner = n.nspowner AND l.lanname = 'plpgsql' "
    "AND NOT has_function_privilege('public', p.oid, 'EXECUTE')"
)
"""SQL that tells whether a function has the owner it must, and nobody may run it unasked."""

_FUNCTIONS: Final = f"""
SELECT p.proname, p.prosrc, p.prosecdef,
  {SOUND_FUNCTION} AND p.proconfig = ARRAY['{FIXED}']
FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname = 'audit_trail'
"""
_DISOWNED: Final = """
SELECT format('ALTER FUNCTION %%s OWNER TO %%s', p.oid::regprocedure, n.nspowner::regrole)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'audit_trail' AND p.proowner <> n.nspowner
"""
# What would keep rows out of the outbox, or let others write to it.
_OUTBOX: Final = """
SELECT c.relowner = n.nspowner AND c.relpersistence = 'p' AND c.relkind = 'r'
  AND NOT c.relrowsecurity
  AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
  AND NOT EXISTS (
    SELECT FROM aclexplode(c.relacl) AS a
    WHERE a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'
  )
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'audit_trail' AND c.relname = 'outbox'
"""
_CLUSTER: Final = """
SELECT pg_get_expr(d.adbin, d.adrelid) LIKE
  '%%' || (SELECT system_identifier FROM pg_control_system()) || '%%'
FROM pg_attrdef AS d
  JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  JOIN pg_class AS c ON c.oid = d.adrelid
WHERE c.relnamespace = to_regnamespace('audit_trail') AND c.relname = 'outbox'
  AND a.attname = 'cluster'
"""
# Earlier releases drew the bits of an entry's id with each row.
_DRAWS: Final = """
SELECT atthasdef FROM pg_attribute
WHERE attrelid = to_regclass('audit_trail.outbox') AND attname = 'nonce'
"""
# The functions, with those of triggers, the counts of what was lost, and the tables.
_OWN_OBJECTS: Final = """
SELECT format('DROP FUNCTION %%s', p.oid::regprocedure) FROM pg_proc AS p
WHERE p.pronamespace = to_regnamespace('audit_trail')
UNION ALL SELECT format('DROP SEQUENCE audit_trail.%%I', sequence) FROM audit_trail.told
UNION ALL SELECT format('DROP TABLE audit_trail.%%I', name)
FROM unnest(CAST(%s AS text[])) AS name WHERE to_regclass('audit_trail.' || name) IS NOT NULL
"""
# Each event trigger with its event and its function.
_EVENT_TRIGGERS: Final = {
    "audit_trail_changed": ("ddl_command_end", "schema_changed"),
    "audit_trail_dropped": ("sql_drop", "schema_dropped"),
}


def create_foundation(connection: Connection) -> None:
    """Create what is missing in the schema, and mend what isn't as written; touch nothing else.

    Event triggers tell of changes to the schema of watched tables. Only a superuser may create
    them; where the one who syncs isn't, such changes leave no entry.
    """
    if not exists(connection):
        run(connection, f"CREATE SCHEMA {SCHEMA}")
    for statement in connection.exec_driver_sql(_DISOWNED).scalars().all():
        run(connection, statement)
    with as_capture(connection):
        if lacking(connection):
            run(connection, _script("outbox.sql"))
        if not connection.exec_driver_sql(_CLUSTER).scalar():
            run(
                connection,
                "DO $$ BEGIN EXECUTE format('ALTER TABLE audit_trail.outbox ALTER COLUMN cluster "
                "SET DEFAULT %L', (SELECT system_identifier FROM pg_control_system())); END $$",
            )
        if connection.exec_driver_sql(_DRAWS).scalar():
            run(
                connection,
                "ALTER TABLE audit_trail.outbox "
                "ALTER COLUMN nonce DROP DEFAULT, ALTER COLUMN nonce DROP NOT NULL",
            )
        if _wrong_functions(connection):
            run(connection, _script("functions.sql"))
    for name, (event, function) in _EVENT_TRIGGERS.items():
        _create_event_trigger(connection, name, event, function)


def faults(connection: Connection) -> list[str]:
    """Name what of the schema isn't as written."""
    if not exists(connection):
        return ["the schema audit_trail"]
    found = [f"the table {name}" for name in lacking(connection) if name != "outbox"]
    found += [f"the function {name}" for name in _wrong_functions(connection)]
    if not connection.exec_driver_sql(_OUTBOX).scalar():
        found.append("the table outbox")
    elif not connection.exec_driver_sql(_CLUSTER).scalar():
        found.append("the outbox's cluster")
    return found + unsound_event_triggers(connection)


def unsound_event_triggers(connection: Connection) -> list[str]:
    """Name the event triggers that are there and aren't as written."""
    installed = _event_triggers(connection)
    return [
        f"the event trigger {name}"
        for name, (event, function) in _EVENT_TRIGGERS.items()
        if installed.get(name, (event, function, "A")) != (event, function, "A")
    ]


def lacking(connection: Connection) -> list[str]:
    """Name what is missing of the tables and indexes that capture keeps."""
    present = set(connection.exec_driver_sql(_PRESENT).scalars())
    return sorted(set(_TABLE.findall(_script("outbox.sql"))) - present)


def tells_of_schema(connection: Connection) -> bool:
    """Tell whether event triggers note changes to the schema of watched tables."""
    wanted = {name: (*each, "A") for name, each in _EVENT_TRIGGERS.items()}
    return wanted.items() <= _event_triggers(connection).items()


@contextmanager
def quietly(connection: Connection) -> Iterator[None]:
    """Change triggers without being told of it. Only the capture role can say so."""
    with as_capture(connection):
        run(connection, "INSERT INTO audit_trail.quiet VALUES (pg_current_xact_id())")
    yield
    with as_capture(connection):
        run(connection, "DELETE FROM audit_trail.quiet WHERE transaction = pg_current_xact_id()")


@contextmanager
def unobserved(connection: Connection) -> Iterator[None]:
    """Take down, without being told of it, what is inside; and at last the schema itself.

    What others made in it, or made depend on it, is in the way, and is named by the server.
    """
    with as_capture(connection):
        run(connection, "INSERT INTO audit_trail.quiet VALUES (pg_current_xact_id())")
    yield
    for name in _EVENT_TRIGGERS:
        run(connection, f"DROP EVENT TRIGGER IF EXISTS {name}")
    with as_capture(connection):
        for statement in connection.exec_driver_sql(_OWN_OBJECTS, (_own_tables(),)).scalars().all():
            run(connection, statement)
        run(connection, f"DROP SCHEMA {SCHEMA}")


def _own_tables() -> list[str]:
    return re.findall(r"CREATE TABLE IF NOT EXISTS audit_trail\.(\w+)", _script("outbox.sql"))


@contextmanager
def as_capture(connection: Connection) -> Iterator[None]:
    """Act as the owner of the schema while inside."""
    owner, is_owner = connection.exec_driver_sql(
        "SELECT nspowner::regrole::text, pg_get_userbyid(nspowner) = current_user "
        "FROM pg_namespace WHERE nspname = 'audit_trail'"
    ).one()
    if is_owner:
        yield
        return
    before = connection.exec_driver_sql("SELECT current_setting('role')").scalar_one()
    run(connection, f"SET LOCAL ROLE {owner}")
    yield
    run(connection, f"SET LOCAL ROLE {quoted(before) if before != 'none' else 'NONE'}")


def run(connection: Connection, statement: str) -> None:
    """Run a statement as it stands: names may hold a per cent sign."""
    connection.exec_driver_sql(statement.replace("%", "%%"))


def exists(connection: Connection) -> bool:
    """Tell whether capture has its schema."""
    statement = "SELECT to_regnamespace('audit_trail') IS NOT NULL"
    return bool(connection.exec_driver_sql(statement).scalar_one())


def _script(name: str) -> str:
    return files("audit_trail.capture.postgresql").joinpath(name).read_text()


def installed_functions(connection: Connection) -> list[tuple[str, str, bool, bool]]:
    """Return each function of the schema that isn't a trigger's: name, body, and how it runs."""
    names = {name for name, _, _ in _FUNCTION.findall(_script("functions.sql"))}
    rows = connection.exec_driver_sql(_FUNCTIONS).fetchall()
    return sorted((row[0], row[1], row[2], row[3]) for row in rows if row[0] in names)


def _wrong_functions(connection: Connection) -> list[str]:
    installed = {name: told for name, *told in installed_functions(connection)}
    return [
        name
        for name, head, body in _FUNCTION.findall(_script("functions.sql"))
        if installed.get(name) != [body, "SECURITY DEFINER" in head, True]
    ]


def _event_triggers(connection: Connection) -> dict[str, tuple[str, str, str]]:
    rows = connection.exec_driver_sql(
        "SELECT e.evtname, e.evtevent, p.proname, e.evtenabled FROM pg_event_trigger AS e "
        "JOIN pg_proc AS p ON p.oid = e.evtfoid "
        "WHERE p.pronamespace = to_regnamespace('audit_trail') AND e.evttags IS NULL"
    )
    return {name: (event, function, enabled) for name, event, function, enabled in rows}


def _create_event_trigger(connection: Connection, name: str, event: str, function: str) -> None:
    if _event_triggers(connection).get(name) == (event, function, "A"):
        return
    attempt = connection.begin_nested()
    try:
        run(connection, f"DROP EVENT TRIGGER IF EXISTS {name}")
        run(
            connection,
            f"CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION {SCHEMA}.{function}()",
        )
        # Also where the session replays what another server wrote.
        run(connection, f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS")
    except ProgrammingError:
        attempt.rollback()
    else:
        attempt.commit()
