"""What a look finds in PostgreSQL alone: partitions, roles, schemas, and what event triggers note."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from audit_trail.capture import look as looks
from audit_trail.capture.postgresql import schema as postgresql_schema
from audit_trail.capture.watch import Table, WatchList
from audit_trail.coverage.looking import look_only
from audit_trail.errors import CoverageRefused, WatchRefused
from tests.capture.conftest import Making
from tests.capture.host import PostgresqlHost
from tests.capture.looks import (
    Clock,
    actions,
    an_account,
    drop_update,
    facts,
    gaps,
    of,
    rounds,
    states,
)


@pytest.fixture
def visits(making: Making) -> PostgresqlHost:
    return making(
        "CREATE TABLE visits (id int, account_id int, year int) PARTITION BY LIST (year);"
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);"
        "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2);",
        watch=WatchList(tables=(Table(name="visits", entity="visit"),)),
    )


def test_a_trigger_disabled_on_one_partition_is_a_gap_of_the_table(
    visits: PostgresqlHost, clock: Clock
) -> None:
    server = rounds(visits, clock)
    server.step()
    visits.shell('ALTER TABLE visits_2 DISABLE TRIGGER "00_audit_update"')
    look = server.step()
    assert [(each.name, each.state) for each in of(look, "visits").wrong] == [
        ("00_audit_update on visits", "disabled")
    ]
    visits.shell('ALTER TABLE visits_2 ENABLE TRIGGER "00_audit_update"')
    # Enabled is not enough: under session_replication_role it would not fire.
    assert not server.step().is_complete
    visits.shell('ALTER TABLE visits_2 ENABLE ALWAYS TRIGGER "00_audit_update"')
    assert server.step().is_complete
    assert actions(visits, "0")[-1] == "capture_started"


def test_a_partition_without_its_truncate_trigger_is_a_gap_of_the_table(
    visits: PostgresqlHost, clock: Clock
) -> None:
    visits.shell("CREATE TABLE visits_3 PARTITION OF visits FOR VALUES IN (3)")
    look = rounds(visits, clock).step()
    assert [(each.name, each.state) for each in of(look, "visits").wrong] == [
        ("00_audit_truncate on visits_3", "missing")
    ]


HIDDEN = {
    "disabled in one transaction": 'ALTER TABLE visits DISABLE TRIGGER "00_audit_create"; '
    "INSERT INTO visits VALUES (1, 1, 1); "
    'ALTER TABLE visits ENABLE ALWAYS TRIGGER "00_audit_create"',
    "dropped": "CREATE TEMP TABLE was AS SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger "
    "WHERE tgrelid = 'visits'::regclass AND tgname = '00_audit_create'; "
    'DROP TRIGGER "00_audit_create" ON visits; INSERT INTO visits VALUES (1, 1, 1); '
    "DO $$ BEGIN EXECUTE (SELECT text FROM was); END $$; "
    'ALTER TABLE visits ENABLE ALWAYS TRIGGER "00_audit_create"',
    "disabled on a partition": 'ALTER TABLE visits_2 DISABLE TRIGGER "00_audit_create"; '
    'ALTER TABLE visits_2 ENABLE ALWAYS TRIGGER "00_audit_create"',
    "a function replaced": "CREATE TABLE was AS SELECT pg_get_functiondef(tgfoid) AS text "
    "FROM pg_trigger WHERE tgname = '00_audit_create' AND tgrelid = 'visits'::regclass; "
    'CREATE OR REPLACE FUNCTION audit_trail."visits create"() RETURNS trigger LANGUAGE plpgsql '
    "AS 'BEGIN RETURN NULL; END'; INSERT INTO visits VALUES (1, 1, 1); "
    "DO $$ BEGIN EXECUTE (SELECT text FROM was); END $$; DROP TABLE was",
    "a partition renamed": 'ALTER TABLE visits_2 DISABLE TRIGGER "00_audit_create"; '
    'ALTER TABLE visits_2 ENABLE ALWAYS TRIGGER "00_audit_create"; '
    "ALTER TABLE visits_2 RENAME TO visits_two",
    "a partition detached": "ALTER TABLE visits DETACH PARTITION visits_2; "
    "INSERT INTO visits_2 VALUES (1, 1, 2); "
    "ALTER TABLE visits ATTACH PARTITION visits_2 FOR VALUES IN (2); "
    'ALTER TABLE visits_2 ENABLE ALWAYS TRIGGER "00_audit_create", '
    'ENABLE ALWAYS TRIGGER "00_audit_update", ENABLE ALWAYS TRIGGER "00_audit_delete"',
}


@pytest.mark.parametrize("how", HIDDEN)
def test_what_is_taken_away_and_put_back_between_two_looks_is_a_gap_that_has_ended(
    visits: PostgresqlHost, clock: Clock, how: str
) -> None:
    server = rounds(visits, clock)
    server.step()  # at 1 and 2 s
    visits.shell(HIDDEN[how])
    assert server.step().is_complete  # at 3 and 4 s
    server.step()
    assert actions(visits, "0") == ["capture_started", "capture_started"]
    (gap,) = gaps(visits, "0")
    assert (gap.table, gap.entity, set(gap.wrong.values())) == ("visits", "visit", {"touched"})
    assert {name.split(" on ")[0] for name in gap.wrong} >= {"00_audit_create"}
    assert gap.good_us is not None
    assert (gap.found_us, gap.right_us) == (4_000_000, 4_000_000)


@pytest.mark.parametrize(
    "harmless",
    [
        "BEGIN; ALTER TABLE visits DISABLE TRIGGER ALL; ROLLBACK",
        "VACUUM FULL pg_trigger",
        "VACUUM FREEZE pg_trigger",
        "ALTER TABLE visits ADD COLUMN motto text, ALTER COLUMN account_id TYPE bigint",
        "CREATE INDEX ON visits (id); TRUNCATE visits; CLUSTER visits_1 USING visits_1_id_idx",
        "ALTER TABLE visits RENAME TO seen; ALTER TABLE seen RENAME TO visits",
        "DROP TABLE visits_2",
    ],
)
def test_what_takes_no_trigger_away_is_no_gap_that_has_ended(
    visits: PostgresqlHost, clock: Clock, harmless: str
) -> None:
    server = rounds(visits, clock)
    server.step()
    try:
        visits.shell(*harmless.split("; "))
    finally:
        server.step()
    touched = [gap for gap in gaps(visits, "0") if "touched" in gap.wrong.values()]
    assert touched == []


def test_a_sync_that_makes_triggers_anew_is_no_gap_and_hides_none(
    visits: PostgresqlHost, clock: Clock
) -> None:
    server = rounds(visits, clock)
    server.step()
    visits.shell("ALTER TABLE visits ADD COLUMN motto text")
    visits.sync()
    assert server.step().is_complete
    visits.shell("CREATE TABLE visits_3 PARTITION OF visits FOR VALUES IN (3)")
    visits.sync()  # Its trigger for TRUNCATE has the function of the others.
    assert server.step().is_complete
    assert actions(visits, "0") == ["capture_started"]
    visits.shell(HIDDEN["disabled in one transaction"])
    visits.sync()
    server.step()
    assert actions(visits, "0") == ["capture_started", "capture_started"]


@pytest.mark.parametrize(
    "change",
    [
        "DROP COLUMN year CASCADE",
        "ADD COLUMN motto text, DROP COLUMN account_id",
        "RENAME COLUMN year TO season",
        "ALTER COLUMN year TYPE text",
    ],
)
def test_a_gap_of_columns_that_are_no_longer_there_concerns_the_whole_table(
    making: Making, clock: Clock, change: str
) -> None:
    """A table that goes on records nothing then, and what is lost isn't only what was added."""
    table = Table(name="visits", entity="visit", when_outbox_fails="go_on")
    host = making(
        "CREATE TABLE visits (id int PRIMARY KEY, account_id int, year int)",
        watch=WatchList(tables=(table,)),
    )
    server = rounds(host, clock)
    server.step()
    host.shell(f"ALTER TABLE visits {change}")
    assert states(server.step(), "visits") == {"unfit"}
    assert [gap.is_partial for gap in gaps(host, "0")] == [False]


def test_what_hides_nothing_is_no_gap(visits: PostgresqlHost, clock: Clock) -> None:
    """A trigger left on what was a partition, and an event trigger that tells no more."""
    server = rounds(visits, clock)
    server.step()
    visits.shell(
        "ALTER TABLE visits DETACH PARTITION visits_2",
        "ALTER EVENT TRIGGER audit_trail_dropped DISABLE",
    )
    look = server.step()
    assert [(each.name, each.state) for each in look.harmless] == [
        ("the event trigger audit_trail_dropped", "altered"),
        ("00_audit_truncate on visits_2", "outdated"),
    ]
    assert (look.wrong, look.unwatched) == ({}, ("visits_2",))
    assert "A superuser's sync would make event triggers" in facts(visits, is_seen=False)


def test_notes_of_the_schema_narrow_when_a_gap_began(
    postgresql_host: PostgresqlHost,
) -> None:
    """Where a superuser synced: nothing touched the table's schema before that moment."""
    host = postgresql_host
    rounds(host, lambda: 1_000_000).step()
    drop_update(host)
    ((altered,),) = host.rows(
        "SELECT (extract(epoch FROM altered_at) * 1000000)::bigint FROM audit_trail.altered"
    )
    rounds(host, lambda: int(altered) + 60_000_000).step()
    (gap,) = gaps(host, "0")
    assert (gap.good_us, gap.found_us) == (int(altered), int(altered) + 60_000_000)
    assert host.rows("SELECT count(*) FROM audit_trail.altered") == [(0,)]


def test_an_altered_outbox_is_a_gap_of_every_table(
    postgresql_host: PostgresqlHost, clock: Clock
) -> None:
    host = postgresql_host
    an_account(host)
    server = rounds(host, clock)
    server.step()
    host.shell(
        "CREATE RULE gone AS ON INSERT TO audit_trail.outbox WHERE NEW.operation = 'x' DO INSTEAD NOTHING"
    )
    look = server.step()
    assert look.wrong.keys() == {looks.OF_ALL}
    assert [(gap.table, gap.wrong) for gap in gaps(host)] == [("", {"the table outbox": "altered"})]


def test_tables_in_another_schema_are_found_whatever_the_search_path(making: Making) -> None:
    host = making(
        'CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Big Orders" '
        "(id int PRIMARY KEY, account_id int);",
        watch=WatchList(tables=(Table(name="Big Orders", entity="order"),)),
        connect_args={"options": '-c search_path="My\\ Shop"'},
    )
    elsewhere = create_engine(host.engine.url)
    look, _ = look_only(elsewhere)
    assert (look.is_complete, [each.name for each in look.tables]) == (True, ["Big Orders"])
    host.shell('ALTER TABLE "My Shop"."Big Orders" DISABLE TRIGGER ALL')
    look, _ = look_only(elsewhere)
    assert states(look, "Big Orders") == {"disabled"}
    elsewhere.dispose()


@pytest.fixture
def nobody(postgresql_host: PostgresqlHost) -> Iterator[str]:
    """A role that may connect, and nothing else."""
    name = "nobody_in_particular"
    postgresql_host.cluster.run(f"CREATE ROLE {name} LOGIN")
    yield name
    postgresql_host.cluster.run(f"DROP ROLE {name}")


def test_a_role_that_may_not_look_is_told_who_may(
    postgresql_host: PostgresqlHost, nobody: str
) -> None:
    engine = create_engine(postgresql_host.engine.url.set(username=nobody))
    with pytest.raises(CoverageRefused, match=f"{nobody} may not .* the capture role postgres"):
        look_only(engine)
    engine.dispose()


def test_a_server_that_is_too_old_is_refused(
    postgresql_host: PostgresqlHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_schema, "SMALLEST_POSTGRESQL", 99)
    with pytest.raises(WatchRefused, match="is too old"):
        look_only(postgresql_host.engine)


def test_what_no_trigger_sees_is_told_only_where_it_is_so(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    assert "event triggers note" in facts(host, is_seen=True)
    unseen = facts(host, is_seen=False)
    assert ("unlogged" in unseen, "Foreign tables" in unseen, "other schemas" in unseen) == (
        False,
        False,
        False,
    )
    host.shell(
        "DROP EVENT TRIGGER audit_trail_dropped",
        "ALTER TABLE orders SET UNLOGGED",
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders",
        "CREATE SCHEMA elsewhere",
        "CREATE TABLE elsewhere.things (id int)",
    )
    assert "event triggers note" not in facts(host, is_seen=True)
    unseen = facts(host, is_seen=False)
    assert "of orders, unlogged" in unseen
    assert "aren't listed: totals" in unseen
    assert "aren't listed: elsewhere" in unseen
