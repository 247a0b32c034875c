"""With roles apart, the application writes as ever and can't reach what capture keeps."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture.context import acting_as
from audit_trail.capture.outbox import Event
from audit_trail.capture.sqlalchemy import attach, note, outbox, require_current, sync
from audit_trail.capture.watch import Table, WatchList
from audit_trail.errors import WatchRefused
from tests.capture.host import ADA, POSTGRESQL_SCHEMA, WATCH, PostgresqlHost, origin, told
from tests.capture.team import seeded
from tests.postgresql import Cluster

PARTITIONED = """
CREATE TABLE visits (id int, account_id int, year int) PARTITION BY LIST (year);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);
"""
VISITS = Table(name="visits", entity="visit")
ROLES_WATCH = WatchList(tables=(*WATCH.tables, VISITS), ignored=WATCH.ignored)
# Not TRIGGER: whoever has it may replace a trigger.
WRITING = (
    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO application"
)
NOTING = (
    "GRANT USAGE ON SCHEMA audit_trail TO application; "
    "GRANT EXECUTE ON FUNCTION audit_trail.note(text, text) TO application"
)


@pytest.fixture(scope="module")
def apart(postgresql: Cluster) -> Iterator[PostgresqlHost]:
    """A database whose tables, capture and application have a role each; to be copied."""
    postgresql.run(
        "CREATE ROLE capturer LOGIN",
        "CREATE ROLE keeper LOGIN IN ROLE capturer",
        "CREATE ROLE application LOGIN",
    )
    host = PostgresqlHost(postgresql, postgresql.database(), watch=ROLES_WATCH, user="keeper")
    host.shell(
        "CREATE SCHEMA audit_trail AUTHORIZATION capturer",
        "GRANT CREATE ON SCHEMA public TO keeper",
        "CREATE SCHEMA evil AUTHORIZATION application",
    )
    host.shell(POSTGRESQL_SCHEMA + PARTITIONED, user="keeper")
    host.sync()
    host.shell(WRITING, user="keeper")
    host.shell(NOTING, user="capturer")
    host.engine.dispose()
    yield host
    host.close()
    postgresql.run("DROP ROLE keeper", "DROP ROLE capturer", "DROP ROLE application")


@contextmanager
def engine_of(host: PostgresqlHost, role: str) -> Iterator[Engine]:
    engine = create_engine(host.engine.url.set(username=role))
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def host(postgresql: Cluster, apart: PostgresqlHost) -> Iterator[PostgresqlHost]:
    """The application under its own role; its outbox is read under the capture role."""
    database = postgresql.database(template=apart.database)
    host = PostgresqlHost(postgresql, database, watch=ROLES_WATCH, user="application")
    with engine_of(host, "capturer") as capturer:
        host.outbox = outbox(capturer, parents=host.watch.parents())
        host.sequencer = host.new_sequencer()
        yield host
    host.close()


def test_everything_that_capture_keeps_is_the_capture_roles(host: PostgresqlHost) -> None:
    owners = host.rows(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class "
        "WHERE relnamespace = 'audit_trail'::regnamespace "
        "UNION SELECT pg_get_userbyid(proowner) FROM pg_proc "
        "WHERE pronamespace = 'audit_trail'::regnamespace"
    )
    assert owners == [("capturer",)]


def test_the_application_writes_and_notes_as_ever(host: PostgresqlHost) -> None:
    host.write("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 1)")
    host.write("UPDATE teams SET n = 2")
    with host.writing() as connection:
        note(connection, Event(action="sign_in", account="1", entity_type="user", entity_id="7"))
    host.write("INSERT INTO visits VALUES (1, 1, 1)", "TRUNCATE teams CASCADE")
    host.write("TRUNCATE visits_1")
    assert [(each.entity, each.action, each.actor) for each in host.told()] == [
        ("team", "create", ADA.email),
        ("team", "update", ADA.email),
        ("user", "sign_in", ADA.email),
        ("visit", "create", ADA.email),
        ("team", "delete", ADA.email),
        ("visit", "delete", ADA.email),
    ]


def test_the_application_can_tell_whether_capture_is_current(host: PostgresqlHost) -> None:
    with host.engine.connect() as connection:
        require_current(connection, host.watch, "sync")


FORBIDDEN = [
    "SELECT * FROM audit_trail.outbox",
    "INSERT INTO audit_trail.outbox (operation) VALUES ('note')",
    "UPDATE audit_trail.outbox SET account = '2'",
    "DELETE FROM audit_trail.outbox",
    "TRUNCATE audit_trail.outbox",
    "DROP TABLE audit_trail.outbox",
    "BEGIN; LOCK TABLE audit_trail.outbox IN ACCESS EXCLUSIVE MODE",
    "SELECT nextval('audit_trail.outbox_id_seq')",
    "INSERT INTO audit_trail.quiet VALUES (pg_current_xact_id())",
    "DELETE FROM audit_trail.watched",
    "SELECT audit_trail.tell_lost()",
    "SELECT audit_trail.json_value('{}')",
    "CREATE TABLE audit_trail.mine (id int)",
    "CREATE FUNCTION audit_trail.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    (
        "CREATE OR REPLACE FUNCTION audit_trail.note(account text, event text) RETURNS void "
        "LANGUAGE sql AS 'SELECT 1'"
    ),
    (
        'CREATE OR REPLACE FUNCTION audit_trail."teams update"() RETURNS trigger '
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    ),
    'ALTER FUNCTION audit_trail."teams update"() SET search_path = evil',
    'DROP FUNCTION audit_trail."teams update"() CASCADE',
    'ALTER TABLE teams DISABLE TRIGGER "00_audit_update"',
    "ALTER TABLE teams DISABLE TRIGGER ALL",
    'DROP TRIGGER "00_audit_update" ON teams',
    'ALTER TRIGGER "00_audit_update" ON teams RENAME TO other',
    (
        'CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON teams FOR EACH ROW '
        "WHEN (false) EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "ALTER TABLE visits DETACH PARTITION visits_1",
    "DROP TABLE teams CASCADE",
    "SET session_replication_role = replica",
    "SET ROLE capturer",
    "DROP EVENT TRIGGER audit_trail_changed",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_is_denied_what_is_captures(apart: PostgresqlHost, statement: str) -> None:
    with pytest.raises(psycopg.Error, match=r"permission denied|must be owner|does not exist"):
        apart.shell(statement, user="application")
    with engine_of(apart, "application") as engine, engine.connect() as connection:
        require_current(connection, apart.watch, "sync")


def test_a_triggers_function_can_not_be_put_on_a_table_of_ones_own(host: PostgresqlHost) -> None:
    host.shell("CREATE TABLE evil.teams (LIKE public.teams)", user="application")
    for event, name in (("AFTER INSERT", "create"), ("AFTER DELETE", "delete")):
        with pytest.raises(psycopg.Error, match="permission denied for function"):
            host.shell(
                f"CREATE TRIGGER mine {event} ON evil.teams FOR EACH ROW "
                f'EXECUTE FUNCTION audit_trail."teams {name}"()',
                user="application",
            )


EVIL = """
CREATE TABLE evil.ran (who text);
CREATE FUNCTION evil.run(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO evil.ran VALUES (current_user); RETURN value; END $$;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
GRANT ALL ON evil.ran TO PUBLIC;
CREATE FUNCTION evil.to_json(value text) RETURNS json LANGUAGE sql AS
  $$ SELECT pg_catalog.to_json(evil.run(value)) $$;
CREATE FUNCTION evil.nullif(a text, b text) RETURNS text LANGUAGE sql AS $$ SELECT evil.run(a) $$;
CREATE FUNCTION evil.current_setting(a text, b boolean) RETURNS text LANGUAGE sql AS
  $$ SELECT evil.run(a) $$;
CREATE FUNCTION evil.joined(a text, b text) RETURNS text LANGUAGE sql AS $$ SELECT evil.run(a) $$;
CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.joined);
CREATE FUNCTION evil.same(a int, b int) RETURNS boolean LANGUAGE sql AS
  $$ SELECT evil.run('x') IS NULL $$;
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE TABLE evil.outbox (LIKE public.parrots);
CREATE TABLE evil.teams (LIKE public.teams);
"""


def test_what_stands_earlier_in_the_callers_search_path_is_not_used(host: PostgresqlHost) -> None:
    host.shell(EVIL, user="application")
    host.shell(
        "SET search_path = evil, pg_catalog, public; "
        "CREATE TEMP TABLE teams (id int, name text); CREATE TEMP TABLE outbox (id int); "
        "INSERT INTO public.teams (id, account_id, name) VALUES (1, 1, 'Red'); "
        "INSERT INTO public.members (id, account_id, team_id) VALUES (1, 1, 1); "
        "UPDATE public.teams SET name = 'Blue'; TRUNCATE public.teams CASCADE",
        user="application",
    )
    assert host.rows("SELECT DISTINCT who FROM evil.ran WHERE who <> 'application'") == []
    host.write("INSERT INTO teams (id, account_id, name) VALUES (2, 1, 'Red')")
    assert [(each.entity, each.action) for each in host.told()] == [("team", "create")]


def test_defaults_and_domains_run_as_the_application(host: PostgresqlHost) -> None:
    host.shell(EVIL, user="application")
    host.shell(
        "CREATE DOMAIN checked AS text CHECK (evil.run(VALUE) IS NOT NULL)",
        "CREATE TABLE things (id int PRIMARY KEY, account_id int, "
        "name checked, other text DEFAULT evil.run('x'), "
        "made text GENERATED ALWAYS AS (upper(other)) STORED)",
        user="keeper",
    )
    watch = WatchList(
        tables=(*ROLES_WATCH.tables, Table(name="things", entity="thing", label=("name",))),
        ignored=WATCH.ignored,
    )
    with engine_of(host, "keeper") as keeper, keeper.begin() as connection:
        sync(connection, watch)
    host.shell(WRITING, user="keeper")
    host.write("INSERT INTO things (id, account_id, name) VALUES (1, 1, 'a')")
    host.write("UPDATE things SET name = 'b', other = 'c'")
    host.write("TRUNCATE things")
    assert [each.action for each in host.told()] == ["create", "update", "delete"]
    assert host.rows("SELECT DISTINCT who FROM evil.ran") == [("application",)]


@pytest.mark.parametrize(("target", "how"), [("json", ""), ("int", "AS IMPLICIT")])
def test_a_cast_that_would_run_as_the_capture_role_is_refused(
    host: PostgresqlHost, target: str, how: str
) -> None:
    host.shell(
        "CREATE TYPE evil.mood AS ENUM ('sad'); CREATE TYPE evil.pair AS (mood evil.mood); "
        "GRANT USAGE ON SCHEMA evil TO PUBLIC; "
        f"CREATE FUNCTION evil.cast(evil.mood) RETURNS {target} LANGUAGE sql "
        f"AS $$ SELECT '1'::{target} $$",
        user="application",
    )
    host.shell("ALTER TABLE parrots ADD COLUMN moods evil.pair[]", user="keeper")
    table = Table(name="parrots", entity="parrot", key="name", account=None)
    watch = WatchList(tables=(*ROLES_WATCH.tables, table))
    with engine_of(host, "keeper") as keeper:
        with keeper.begin() as connection:
            sync(connection, watch)
        host.shell(
            f"CREATE CAST (evil.mood AS {target}) WITH FUNCTION evil.cast(evil.mood) {how}",
            user="application",
        )
        with pytest.raises(WatchRefused, match=r"evil\.mood"), keeper.begin() as connection:
            require_current(connection, watch, "sync")


def test_a_second_sync_by_the_tables_owner_changes_nothing(host: PostgresqlHost) -> None:
    versions = (
        "SELECT xmin::text, oid FROM pg_proc WHERE pronamespace = 'audit_trail'::regnamespace "
        "UNION ALL SELECT xmin::text, oid FROM pg_class WHERE relnamespace IN "
        "('audit_trail'::regnamespace, 'public'::regnamespace) "
        "UNION ALL SELECT xmin::text, oid FROM pg_trigger ORDER BY 2"
    )
    before = host.rows(versions)
    with engine_of(host, "keeper") as keeper, keeper.begin() as connection:
        sync(connection, host.watch)
    assert host.rows(versions) == before


def test_what_a_superuser_synced_tells_of_what_the_tables_owner_alters(
    host: PostgresqlHost,
) -> None:
    with engine_of(host, "postgres") as superuser, superuser.begin() as connection:
        sync(connection, host.watch)
    with engine_of(host, "keeper") as keeper:
        attach(keeper)
        with acting_as(ADA, origin()), keeper.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE teams DISABLE TRIGGER USER")
        with keeper.begin() as connection:
            sync(connection, host.watch)
    (entry,) = host.entries("0")
    assert (told(entry).action, told(entry).id, told(entry).actor) == (
        "schema_changed",
        "teams",
        ADA.email,
    )
    test_everything_that_capture_keeps_is_the_capture_roles(host)


@pytest.mark.parametrize("table", ["teams", "visits_1"])
def test_row_level_security_that_hides_from_capture_is_refused(
    host: PostgresqlHost, table: str
) -> None:
    host.shell(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    refused = pytest.raises(WatchRefused, match=f"{table} has row-level security")
    with engine_of(host, "keeper") as keeper, refused, keeper.begin() as connection:
        sync(connection, host.watch)


def test_a_refused_write_leaves_the_trail_as_it_was(host: PostgresqlHost) -> None:
    seeded(host)
    host.shell("REVOKE UPDATE ON teams FROM application", user="keeper")
    with pytest.raises(DBAPIError, match="permission denied"):
        host.write("UPDATE teams SET n = 5")
    assert host.told() == []
