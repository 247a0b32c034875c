"""What only PostgreSQL has: TRUNCATE, COPY, MERGE, functions, prepared transactions, partitions."""

from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from audit_trail.capture.context import acting_as
from audit_trail.capture.sqlalchemy import carry
from audit_trail.capture.watch import Reference, Table, WatchList
from tests.capture.conftest import Making
from tests.capture.host import ADA, BOB, NOTHING, PostgresqlHost, Told, origin, told
from tests.capture.team import Team, seeded, team


@pytest.fixture
def host(postgresql_host: PostgresqlHost) -> PostgresqlHost:
    return postgresql_host


def test_truncate_is_a_deletion_of_each_row_and_of_what_it_cascades_to(
    host: PostgresqlHost,
) -> None:
    seeded(host)
    host.write("INSERT INTO members (id, account_id, team_id, name) VALUES (1, 1, 1, 'Kit')")
    host.forget()
    host.write("TRUNCATE teams CASCADE")
    found = host.entries()
    assert [(told(each).entity, told(each).id, told(each).action) for each in found] == [
        ("team", "1", "delete"),
        ("team", "2", "delete"),
        ("team", "3", "delete"),
        ("member", "1", "delete"),
    ]
    assert {told(each).actor for each in found} == {ADA.email}
    assert told(found[0]) == team("delete", 1, name="Red", code="r", n=1)
    assert found[3].public.cause == found[0].public.id


def test_a_truncate_that_is_refused_leaves_nothing(host: PostgresqlHost) -> None:
    seeded(host)
    with pytest.raises(DBAPIError, match="foreign key"):
        host.write("TRUNCATE teams")
    with host.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE teams CASCADE")
        connection.rollback()
    assert host.told() == []


def test_copy_is_a_creation_of_each_row(host: PostgresqlHost) -> None:
    with host.writing() as connection:
        carry(connection)
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy("COPY teams (id, account_id, n) FROM STDIN") as copy:
            copy.write_row((1, 1, 10))
            copy.write_row((2, 1, 20))
    assert host.told() == [team("create", 1, n=10), team("create", 2, n=20)]


def test_a_merge_is_what_it_did_to_each_row(host: PostgresqlHost) -> None:
    seeded(host)
    host.write(
        "MERGE INTO teams AS t USING (VALUES (1, 10), (2, 0), (9, 90)) AS v (id, n) ON t.id = v.id "
        "WHEN MATCHED AND v.n = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET n = v.n "
        "WHEN NOT MATCHED THEN INSERT (id, account_id, n) VALUES (v.id, 1, v.n)"
    )
    assert sorted(host.told(), key=lambda each: str(each.id)) == [
        team("update", 1, n=(1, 10)),
        team("delete", 2, name="Blue", code="b", n=2),
        team("create", 9, n=90),
    ]


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count_up(1)",
        "-- why not\n/* a remark */ SELECT count_up(1)",
        "WITH changed AS (UPDATE teams SET n = n + 1 WHERE id = 1 RETURNING n) SELECT n FROM changed",
        "DO $$ BEGIN PERFORM count_up(1); END $$",
        "EXPLAIN ANALYZE UPDATE teams SET n = n + 1 WHERE id = 1",
        "VALUES (count_up(1))",
    ],
)
def test_a_write_inside_another_statement_has_its_actor(
    host: PostgresqlHost, autocommit: bool, statement: str
) -> None:
    seeded(host)
    host.shell(
        "CREATE FUNCTION count_up(number int) RETURNS int LANGUAGE sql "
        "AS 'UPDATE teams SET n = n + 1 WHERE id = number RETURNING n'"
    )
    level = "AUTOCOMMIT" if autocommit else "READ COMMITTED"
    engine = host.engine.execution_options(isolation_level=level)
    with acting_as(ADA, origin()), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert host.told() == [team("update", 1, n=(1, 2))]


def test_an_upsert_that_does_nothing_leaves_no_entry(host: PostgresqlHost) -> None:
    seeded(host)
    host.write(
        "INSERT INTO teams (id, name) VALUES (7, 'Red') ON CONFLICT DO NOTHING",
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red') "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    )
    assert host.told() == []


def test_a_prepared_transaction_is_recorded_when_it_commits(host: PostgresqlHost) -> None:
    seeded(host)
    with acting_as(ADA, origin()), host.engine.connect() as connection:
        for number, kept in ((1, True), (2, False)):
            transaction = connection.begin_twophase()
            connection.execute(update(Team).where(Team.id == number).values(n=50))
            transaction.prepare()
            assert host.told() == ([] if kept else [team("update", 1, n=(1, 50))])
            (transaction.commit if kept else transaction.rollback)()
    host.write("UPDATE teams SET n = 60 WHERE id = 3", actor=BOB)
    assert host.told() == [
        team("update", 1, n=(1, 50)),
        team("update", 3, "bob@example.com", n=(3, 60)),
    ]


def test_statements_that_end_a_transaction_by_hand_end_its_context(host: PostgresqlHost) -> None:
    seeded(host)
    with acting_as(ADA, origin()), host.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 2")
        connection.exec_driver_sql("SAVEPOINT here")
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("UPDATE teams SET n = -5 WHERE id = 2")
        connection.exec_driver_sql("ROLLBACK TO here")
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 3")
        connection.commit()
    assert host.told() == [
        team("update", 1, n=(1, 5)),
        team("update", 2, n=(2, 5)),
        team("update", 3, n=(3, 5)),
    ]


def test_a_transaction_begun_by_hand_in_autocommit_has_its_actor(host: PostgresqlHost) -> None:
    seeded(host)
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        for statement in ("BEGIN", "UPDATE teams SET n = 5 WHERE id = 1", "COMMIT", "VACUUM teams"):
            connection.exec_driver_sql(statement)
    assert host.told() == [team("update", 1, n=(1, 5))]


def test_a_procedure_that_commits_by_itself_runs_without_a_context(host: PostgresqlHost) -> None:
    seeded(host)
    host.shell(
        "CREATE PROCEDURE in_two() LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE teams SET n = 5 WHERE id = 1; COMMIT; UPDATE teams SET n = 6 WHERE id = 2; END $$"
    )
    alone = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()):
        with alone.connect() as connection, pytest.raises(DBAPIError, match="termination"):
            connection.exec_driver_sql("CALL in_two()")
        assert host.told() == []
        with alone.execution_options(audit_read_only=True).connect() as connection:
            connection.exec_driver_sql("CALL in_two()")
    assert host.told() == [
        team("update", 1, "system", n=(1, 5)),
        team("update", 2, "system", n=(2, 6)),
    ]


def test_rows_that_a_replica_replays_are_recorded(host: PostgresqlHost) -> None:
    seeded(host)
    host.shell("SET session_replication_role = replica; UPDATE teams SET n = 5 WHERE id = 1")
    assert host.told() == [team("update", 1, "system", n=(1, 5))]


def test_a_deferred_trigger_of_the_application_writes_under_the_same_person(
    host: PostgresqlHost,
) -> None:
    seeded(host)
    host.shell(
        "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN UPDATE teams SET n = n + 1 WHERE id = 3; RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER counted AFTER UPDATE ON teams DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (new.id < 3) EXECUTE FUNCTION counted()",
    )
    host.write("UPDATE teams SET n = 5 WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 5)), team("update", 3, n=(3, 4))]


def test_a_standing_transaction_level_is_kept_where_the_context_opens_it(
    host: PostgresqlHost,
) -> None:
    engine = host.engine.execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True)
    with acting_as(ADA, origin()), engine.connect() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "serializable"
        assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"


PARTITIONED = """
CREATE TABLE regions (id int PRIMARY KEY, name text);
CREATE TABLE visits (
  id int, account_id int, year int NOT NULL, note text, region_id int REFERENCES regions,
  PRIMARY KEY (id, year)
) PARTITION BY RANGE (year);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM (2025) TO (2026);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM (2026) TO (2027)
  PARTITION BY LIST (year);
CREATE TABLE visits_2026_a PARTITION OF visits_2026 FOR VALUES IN (2026);
"""
PARTITIONED_WATCH = WatchList(
    tables=(
        Table(
            name="visits",
            entity="visit",
            references=(Reference(table="regions", columns=("region_id",), label="name"),),
        ),
    ),
    ignored={"regions": "they never change"},
)


def visit(action: str, number: int, actor: Any = "ada@example.com", **changes: Any) -> Told:
    whole = {"create": lambda v: (NOTHING, v), "delete": lambda v: (v, NOTHING)}
    say = whole.get(action, lambda v: v)
    return Told(action, "visit", str(number), {n: say(v) for n, v in changes.items()}, actor)


def test_a_row_that_moves_between_partitions_is_one_update(making: Making) -> None:
    host = making(PARTITIONED, watch=PARTITIONED_WATCH)
    host.write("INSERT INTO visits VALUES (1, 1, 2025, 'a'), (2, 1, 2026, 'b')")
    host.write("UPDATE visits SET year = 2026, note = 'c' WHERE id = 1")
    host.write("UPDATE visits SET note = 'd' WHERE id = 2")
    host.write("DELETE FROM visits_2026_a WHERE id = 1")
    assert host.told() == [
        visit("create", 1, year=2025, note="a"),
        visit("create", 2, year=2026, note="b"),
        visit("update", 1, year=(2025, 2026), note=("a", "c")),
        visit("update", 2, note=("b", "d")),
        visit("delete", 1, year=2026, note="c"),
    ]


def test_truncate_of_the_whole_or_of_a_partition_is_recorded_once(making: Making) -> None:
    host = making(PARTITIONED, watch=PARTITIONED_WATCH)
    host.write("INSERT INTO visits VALUES (1, 1, 2025, 'a'), (2, 1, 2026, 'b'), (3, 1, 2026, 'c')")
    host.forget()
    host.write("TRUNCATE visits_2025")
    host.write("TRUNCATE visits")
    assert host.told() == [
        visit("delete", 1, year=2025, note="a"),
        visit("delete", 2, year=2026, note="b"),
        visit("delete", 3, year=2026, note="c"),
    ]


def test_a_partition_made_or_attached_later_is_watched_too(making: Making) -> None:
    host = making(PARTITIONED, watch=PARTITIONED_WATCH)
    host.shell(
        "CREATE TABLE visits_2027 PARTITION OF visits FOR VALUES FROM (2027) TO (2028)",
        "CREATE TABLE visits_old (LIKE visits)",
        "ALTER TABLE visits ATTACH PARTITION visits_old FOR VALUES FROM (2000) TO (2025)",
    )
    host.write("INSERT INTO visits VALUES (7, 1, 2027, 'a'), (8, 1, 2024, 'b')")
    host.shell("SET session_replication_role = replica; DELETE FROM visits_2027")
    assert host.told() == [
        visit("create", 7, year=2027, note="a"),
        visit("create", 8, year=2024, note="b"),
        visit("delete", 7, "system", year=2027, note="a"),
    ]


def test_a_child_by_inheritance_must_be_watched_by_its_own_name(making: Making) -> None:
    schema = (
        "CREATE TABLE things (id int PRIMARY KEY, account_id int, name text);"
        "CREATE TABLE special (extra text) INHERITS (things);"
    )
    watch = WatchList(
        tables=(Table(name="things", entity="thing"), Table(name="special", entity="special"))
    )
    host = making(schema, watch=watch)
    host.write(
        "INSERT INTO things VALUES (1, 1, 'a')", "INSERT INTO special VALUES (2, 1, 'b', 'c')"
    )
    host.write("UPDATE things SET name = 'z'")
    host.write("TRUNCATE things")
    assert [(each.entity, each.action, each.id) for each in host.told()] == [
        ("thing", "create", "1"),
        ("special", "create", "2"),
        ("thing", "update", "1"),
        ("special", "update", "2"),
        ("thing", "delete", "1"),
        ("special", "delete", "2"),
    ]


def test_a_table_with_row_level_security_is_recorded_whole(making: Making) -> None:
    host = making(
        "CREATE TABLE things (id int PRIMARY KEY, account_id int, name text);"
        "ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY nothing ON things USING (false);",
        watch=WatchList(tables=(Table(name="things", entity="thing"),)),
    )
    host.write("INSERT INTO things VALUES (1, 1, 'a')")
    host.write("TRUNCATE things")
    assert [each.action for each in host.told()] == ["create", "delete"]


def test_a_killed_connection_loses_its_change_with_its_entry(host: PostgresqlHost) -> None:
    seeded(host)

    def lose_the_connection() -> None:
        with host.writing() as connection:
            connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            host.shell(f"SELECT pg_terminate_backend({pid}, 5000)")
            connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 1")

    with pytest.raises(OperationalError, match="terminating connection"):
        lose_the_connection()
    host.write("UPDATE teams SET n = 7 WHERE id = 1", actor=BOB)
    assert host.told() == [team("update", 1, "bob@example.com", n=(1, 7))]
