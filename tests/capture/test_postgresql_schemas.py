"""On PostgreSQL triggers stay as generated: sync mends what differs and touches nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from audit_trail.capture.sqlalchemy import migrating, require_current, sync
from audit_trail.capture.watch import Membership, Reference, Table, WatchList
from audit_trail.errors import CaptureOutdated, OutboxFailed, WatchRefused
from audit_trail.record.entry import Entry, read_what
from tests.capture.conftest import Making
from tests.capture.host import WATCH, PostgresqlHost
from tests.capture.team import seeded, team
from tests.postgresql import Cluster

COMMAND = "live-agent database sync"


@pytest.fixture
def host(postgresql_host: PostgresqlHost) -> PostgresqlHost:
    return postgresql_host


def require(host: PostgresqlHost, watch: WatchList | None = None) -> None:
    with host.engine.connect() as connection:
        require_current(connection, watch or host.watch, COMMAND)


def happened(entry: Entry) -> tuple[str, str | None, Any]:
    return entry.public.action, entry.public.entity.id, read_what(entry.what).details


def test_a_second_sync_waits_for_no_writer_and_lets_none_wait(host: PostgresqlHost) -> None:
    seeded(host)
    with host.foreign() as writer, host.engine.begin() as connection:
        writer.execute("BEGIN; UPDATE teams SET n = 5 WHERE id = 1; TRUNCATE labels")
        connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        with pytest.raises(DBAPIError, match="lock timeout"), connection.begin_nested():
            connection.exec_driver_sql("SELECT * FROM labels")
        writer.execute("ROLLBACK; BEGIN; UPDATE teams SET n = 5 WHERE id = 1")
        sync(connection, host.watch)
        held = connection.exec_driver_sql(
            "SELECT relation::regclass::text, mode FROM pg_locks WHERE pid = pg_backend_pid() "
            "AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "OR relname = 'outbox') AND mode <> 'AccessShareLock'"
        ).fetchall()
        assert held == []
        writer.execute("COMMIT")
    require(host)


TAMPERING = [
    (['ALTER TABLE teams DISABLE TRIGGER "00_audit_update"'], "00_audit_update on teams"),
    (['ALTER TABLE teams ENABLE TRIGGER "00_audit_update"'], "00_audit_update on teams"),
    (['ALTER TABLE teams ENABLE REPLICA TRIGGER "00_audit_update"'], "00_audit_update on teams"),
    (["ALTER TABLE teams DISABLE TRIGGER ALL"], "00_audit_truncate on teams"),
    (['DROP TRIGGER "00_audit_delete" ON teams'], "00_audit_delete on teams"),
    (['ALTER TRIGGER "00_audit_delete" ON teams RENAME TO "00_audit_gone"'], "00_audit_gone"),
    (
        [
            'DROP TRIGGER "00_audit_update" ON teams',
            (
                'CREATE TRIGGER "00_audit_update" AFTER UPDATE ON teams FOR EACH ROW WHEN (false) '
                'EXECUTE FUNCTION audit_trail."teams update"()'
            ),
            'ALTER TABLE teams ENABLE ALWAYS TRIGGER "00_audit_update"',
        ],
        "00_audit_update on teams",
    ),
    (
        [
            'DROP TRIGGER "00_audit_update" ON teams',
            (
                'CREATE TRIGGER "00_audit_update" AFTER UPDATE OF n ON teams FOR EACH ROW '
                'EXECUTE FUNCTION audit_trail."teams update"()'
            ),
            'ALTER TABLE teams ENABLE ALWAYS TRIGGER "00_audit_update"',
        ],
        "00_audit_update on teams",
    ),
    (
        [
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            (
                'CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON teams FOR EACH ROW '
                "EXECUTE FUNCTION nothing()"
            ),
        ],
        "00_audit_update on teams",
    ),
    (
        [
            (
                'CREATE OR REPLACE FUNCTION audit_trail."teams update"() RETURNS trigger '
                "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp "
                "AS 'BEGIN RETURN NULL; END'"
            )
        ],
        "00_audit_update on teams",
    ),
    (
        ['ALTER FUNCTION audit_trail."teams update"() SET search_path = public'],
        "00_audit_update on teams",
    ),
    (
        ['ALTER FUNCTION audit_trail."teams update"() SET session_replication_role = replica'],
        "00_audit_update on teams",
    ),
    (['ALTER FUNCTION audit_trail."teams update"() SECURITY INVOKER'], "00_audit_update on teams"),
    (
        ['ALTER FUNCTION audit_trail."teams update"() OWNER TO pg_monitor'],
        "00_audit_update on teams",
    ),
    (['GRANT EXECUTE ON FUNCTION audit_trail."teams update"() TO PUBLIC'], "00_audit_update on"),
    (
        [
            (
                "CREATE OR REPLACE FUNCTION audit_trail.json_value(value text) RETURNS text "
                "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN 1; END'"
            )
        ],
        "the function json_value",
    ),
    (["DROP FUNCTION audit_trail.note(text, text)"], "the function note"),
    (["ALTER EVENT TRIGGER audit_trail_changed DISABLE"], "the event trigger audit_trail_changed"),
]
# What sync can't mend, since rows that wait could be lost.
BROKEN_OUTBOX = [
    "CREATE RULE nothing AS ON INSERT TO audit_trail.outbox DO INSTEAD NOTHING",
    "ALTER TABLE audit_trail.outbox ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit_trail.outbox SET UNLOGGED",
    "GRANT INSERT ON audit_trail.outbox TO PUBLIC",
    "ALTER TABLE audit_trail.outbox RENAME TO elsewhere",
]


@pytest.fixture(scope="module")
def mended(postgresql: Cluster, synced: str) -> Iterator[PostgresqlHost]:
    """A host that each test leaves as it found it."""
    host = PostgresqlHost(postgresql, postgresql.database(template=synced))
    yield host
    host.close()


@pytest.mark.parametrize(("statements", "named"), TAMPERING)
def test_what_was_altered_is_found_and_mended(
    mended: PostgresqlHost, statements: list[str], named: str
) -> None:
    require(mended)
    mended.shell(*statements)
    with pytest.raises(CaptureOutdated, match=named) as caught:
        require(mended)
    assert COMMAND in str(caught.value)
    mended.sync()
    require(mended)


@pytest.mark.parametrize("statement", BROKEN_OUTBOX)
def test_an_outbox_that_would_lose_rows_is_found(host: PostgresqlHost, statement: str) -> None:
    host.shell(statement)
    with pytest.raises(CaptureOutdated, match="the table outbox"):
        require(host)


def test_a_trigger_disabled_on_one_partition_is_found_and_mended(making: Making) -> None:
    host = making(
        "CREATE TABLE visits (id int, account_id int, year int) PARTITION BY LIST (year);"
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1) PARTITION BY LIST (year);"
        "CREATE TABLE visits_1a PARTITION OF visits_1 FOR VALUES IN (1);",
        watch=WatchList(tables=(Table(name="visits", entity="visit"),)),
    )
    require(host)
    host.shell('ALTER TABLE visits_1a DISABLE TRIGGER "00_audit_update"')
    with pytest.raises(CaptureOutdated, match="00_audit_update on visits"):
        require(host)
    host.sync()
    require(host)


def test_a_partition_without_its_truncate_trigger_is_found_and_mended(making: Making) -> None:
    host = making(
        "CREATE TABLE visits (id int, account_id int, year int) PARTITION BY LIST (year);",
        watch=WatchList(tables=(Table(name="visits", entity="visit"),)),
    )
    host.shell("CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1)")
    with pytest.raises(CaptureOutdated, match="00_audit_truncate on visits_1"):
        require(host)
    host.sync()
    require(host)
    host.write("INSERT INTO visits VALUES (1, 1, 1)", "TRUNCATE visits_1")
    host.write("INSERT INTO visits VALUES (2, 1, 1)")
    host.write("TRUNCATE visits")
    assert [(each.action, each.id) for each in host.told()] == [("create", "2"), ("delete", "2")]


def test_a_database_restored_in_another_cluster_is_found_and_mended(host: PostgresqlHost) -> None:
    host.shell("ALTER TABLE audit_trail.outbox ALTER COLUMN cluster SET DEFAULT 1")
    with pytest.raises(CaptureOutdated, match="the outbox's cluster"):
        require(host)
    host.sync()
    require(host)


def test_without_the_schema_the_start_is_refused(making: Making) -> None:
    host = making(
        "CREATE TABLE parrots (name text)", watch=WatchList(tables=(), ignored={"parrots": "x"})
    )
    require(host)
    host.shell("DROP SCHEMA audit_trail CASCADE")
    with pytest.raises(CaptureOutdated, match="the schema audit_trail"):
        require(host)


def test_a_table_no_longer_watched_loses_its_triggers(host: PostgresqlHost) -> None:
    fewer = WatchList(tables=WATCH.tables[:-1], ignored={"parrots": "x", "orders": "no longer"})
    with pytest.raises(CaptureOutdated, match="00_audit_create on orders"):
        require(host, fewer)
    with host.engine.begin() as connection:
        sync(connection, fewer)
    host.write("INSERT INTO orders (id, account_id) VALUES (1, 1)")
    assert host.told() == []
    require(host, fewer)


def test_a_renamed_table_is_synced_by_its_new_name(host: PostgresqlHost) -> None:
    host.shell("ALTER TABLE orders RENAME TO purchases")
    host.forget()
    host.write("INSERT INTO purchases (id, account_id) VALUES (1, 1)")
    renamed = WatchList(
        tables=(*WATCH.tables[:-1], Table(name="purchases", entity="order")), ignored=WATCH.ignored
    )
    with pytest.raises(CaptureOutdated, match="on purchases"):
        require(host, renamed)
    with host.engine.begin() as connection:
        sync(connection, renamed)
    require(host, renamed)
    host.write("INSERT INTO purchases (id, account_id) VALUES (2, 1)")
    assert [row[0] for row in host.waiting()] == ["orders", "purchases"]


def test_a_renamed_column_refuses_writes_with_what_to_do_until_a_sync(host: PostgresqlHost) -> None:
    seeded(host)
    host.shell("ALTER TABLE teams RENAME COLUMN note TO remark")
    host.forget()
    with pytest.raises(OutboxFailed, match=r"can't be recorded: .*note.*Sync capture"):
        host.write("UPDATE teams SET n = 5 WHERE id = 1")
    with pytest.raises(CaptureOutdated, match="00_audit_update on teams"):
        require(host)
    host.sync()
    host.write("UPDATE teams SET remark = 'x' WHERE id = 1")
    assert host.told() == [team("update", 1, remark=(None, "x"))]


def test_an_added_and_a_dropped_column_leave_writes_alone_or_say_what_to_do(
    host: PostgresqlHost,
) -> None:
    seeded(host)
    host.shell("ALTER TABLE teams ADD COLUMN motto text")
    host.write("UPDATE teams SET motto = 'on', n = 5 WHERE id = 1")
    with pytest.raises(CaptureOutdated, match="00_audit_update on teams"):
        require(host)
    host.shell("ALTER TABLE teams DROP COLUMN loose")
    with pytest.raises(OutboxFailed, match="Sync capture"):
        host.write("UPDATE teams SET n = 6 WHERE id = 1")
    host.sync()
    host.write("UPDATE teams SET motto = 'off' WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 5)), team("update", 1, motto=("on", "off"))]


def test_without_an_outbox_a_write_is_refused_with_what_to_do(host: PostgresqlHost) -> None:
    seeded(host)
    host.shell("ALTER TABLE audit_trail.outbox RENAME TO elsewhere")
    with pytest.raises(OutboxFailed, match=r"audit_trail\.outbox.*does not exist.*Sync capture"):
        host.write("UPDATE teams SET n = 5 WHERE id = 1")
    host.shell("ALTER TABLE audit_trail.elsewhere RENAME TO outbox")
    host.write("UPDATE teams SET n = 5 WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 5))]


GOING_ON = WatchList(
    tables=(Table(name="things", entity="thing", when_outbox_fails="go_on"),), ignored={}
)
THINGS = "CREATE TABLE things (id int PRIMARY KEY, account_id int, name text)"


def test_a_table_that_goes_on_counts_what_was_lost_and_tells_of_it(making: Making) -> None:
    host = making(THINGS, watch=GOING_ON)
    require(host)
    host.write("INSERT INTO things VALUES (1, 1, 'a')")
    host.shell("ALTER TABLE audit_trail.outbox RENAME TO elsewhere")
    host.write("INSERT INTO things VALUES (2, 1, 'b')", "UPDATE things SET name = 'c'")
    host.write("TRUNCATE things")
    host.shell("ALTER TABLE audit_trail.elsewhere RENAME TO outbox")
    host.write("INSERT INTO things VALUES (3, 1, 'd')")
    assert [(each.action, each.id) for each in host.told()] == [("create", "1"), ("create", "3")]
    (gap,) = host.entries("0")
    assert happened(gap) == ("capture_lost", None, {"table": "things", "writes": 4})
    assert gap.public.entity.type == "thing"
    host.sequencer.drain()
    assert len(host.entries("0")) == 1
    host.sync()
    require(host)


def test_a_table_that_goes_on_survives_a_renamed_column(making: Making) -> None:
    host = making(THINGS, watch=GOING_ON)
    host.shell("ALTER TABLE things RENAME COLUMN name TO title")
    host.forget()
    host.write("INSERT INTO things VALUES (1, 1, 'a'), (2, 1, 'b')")
    assert host.told() == []
    assert [happened(each) for each in host.entries("0")] == [
        ("capture_lost", None, {"table": "things", "writes": 2})
    ]


ALTERATIONS = [
    ("ALTER TABLE teams ALTER COLUMN n TYPE bigint USING n + 1", "ALTER TABLE", "teams"),
    ('ALTER TABLE teams DISABLE TRIGGER "00_audit_update"', "ALTER TABLE", "teams"),
    ("ALTER TABLE teams RENAME COLUMN note TO remark", "ALTER TABLE", "teams"),
    ('DROP TRIGGER "00_audit_update" ON teams', "DROP TRIGGER", "teams"),
    ("DROP TABLE members", "DROP TABLE", "members"),
    (
        (
            'CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON teams FOR EACH ROW '
            'WHEN (false) EXECUTE FUNCTION audit_trail."teams update"()'
        ),
        "CREATE TRIGGER",
        "teams",
    ),
]


@pytest.mark.parametrize(("statement", "command", "table"), ALTERATIONS)
def test_a_change_to_the_schema_of_a_watched_table_is_told(
    host: PostgresqlHost, statement: str, command: str, table: str
) -> None:
    host.write("ALTER TABLE parrots ADD COLUMN colour text", statement)
    (entry,) = host.entries("0")
    assert happened(entry) == ("schema_changed", table, {"command": command})
    assert (entry.public.entity.type, entry.public.actor.id) == ("table", "7")


def test_partitions_that_come_and_go_are_told(making: Making) -> None:
    host = making(
        "CREATE TABLE visits (id int, account_id int, year int) PARTITION BY LIST (year);"
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);",
        watch=WatchList(tables=(Table(name="visits", entity="visit"),)),
    )
    for statement, said in (
        ("CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2)", ("visits", "CREATE TABLE")),
        ("ALTER TABLE visits DETACH PARTITION visits_2", ("visits", "ALTER TABLE")),
        (
            "ALTER TABLE visits ATTACH PARTITION visits_2 FOR VALUES IN (2)",
            ("visits", "ALTER TABLE"),
        ),
        ('ALTER TABLE visits_1 DISABLE TRIGGER "00_audit_create"', ("visits", "ALTER TABLE")),
        ("DROP TABLE visits_1", ("visits_1", "DROP TABLE")),
    ):
        known = len(host.entries("0"))
        host.shell(statement)
        assert [happened(each) for each in host.entries("0")[known:]][-1:] == [
            ("schema_changed", said[0], {"command": said[1]})
        ], statement


def test_capture_tells_nothing_of_its_own_triggers(host: PostgresqlHost) -> None:
    host.shell('ALTER TABLE teams DISABLE TRIGGER "00_audit_update"')
    host.forget()
    host.sync()
    assert host.waiting() == []
    with migrating(host.engine, host.watch) as connection:
        connection.exec_driver_sql("ALTER TABLE teams ADD COLUMN motto text")
        connection.exec_driver_sql("UPDATE teams SET motto = 'on'")
    assert [happened(each) for each in host.entries("0")] == [
        ("schema_changed", "teams", {"command": "ALTER TABLE"})
    ]
    require(host)


def test_a_change_to_the_schema_is_never_refused(host: PostgresqlHost) -> None:
    host.shell("ALTER TABLE audit_trail.outbox RENAME TO elsewhere")
    host.shell("ALTER TABLE teams ADD COLUMN motto text", "DROP TABLE members")
    host.shell("DROP SCHEMA audit_trail CASCADE", "ALTER TABLE teams ADD COLUMN hymn text")


def test_a_migration_that_fails_leaves_everything_as_it_was(host: PostgresqlHost) -> None:
    def migrate() -> None:
        with migrating(host.engine, host.watch) as connection:
            connection.exec_driver_sql("ALTER TABLE teams ADD COLUMN motto text")
            connection.exec_driver_sql("DROP TABLE no_such")

    with pytest.raises(DBAPIError, match="no_such"):
        migrate()
    require(host)
    assert host.waiting() == []


@pytest.mark.parametrize(
    "table",
    [
        Table(
            name="parrots",
            entity="x",
            key="name",
            account=None,
            references=(Reference(table="missing", columns=("name",), label="name"),),
        ),
        Table(
            name="parrots",
            entity="x",
            key="name",
            account=None,
            references=(Reference(table="teams", columns=("name",), label="no_such"),),
        ),
        Table(
            name="parrots",
            entity="x",
            key="name",
            account=Membership(table="members", record="no_such", account="account_id"),
        ),
        Table(
            name="parrots",
            entity="x",
            key="name",
            account=None,
            references=(Reference(table="teams", columns=("name",), label="token"),),
        ),
        Table(
            name="parrots",
            entity="x",
            key="name",
            account=None,
            references=(Reference(table="teams", columns=("name",), label="name"),),
        ),
        Table(name="missing", entity="x"),
        Table(name="parrots", entity="x", key="no_such"),
    ],
)
def test_a_watch_list_that_does_not_fit_the_tables_is_refused(
    host: PostgresqlHost, table: Table
) -> None:
    watch = WatchList(tables=(*WATCH.tables, table), ignored={"parrots": "x"})
    with pytest.raises(WatchRefused), host.engine.begin() as connection:
        sync(connection, watch)


def test_a_table_neither_watched_nor_ignored_is_refused(host: PostgresqlHost) -> None:
    host.shell("CREATE TABLE surprise (id int)")
    with pytest.raises(WatchRefused, match="ignored with a reason: surprise"):
        host.sync()


def test_a_database_in_another_encoding_is_refused(host: PostgresqlHost) -> None:
    name = host.cluster.database(encoding="LATIN1", locale="'C'", template="template0")
    latin = PostgresqlHost(host.cluster, name)
    with pytest.raises(WatchRefused, match="LATIN1"):
        latin.sync()
    latin.close()
