"""Every way to write is recorded on either engine: who, and each value before and after."""

import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from hypothesis import HealthCheck, example, given, settings
from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit_trail.capture.context import Actor, acting_as
from audit_trail.record.entry import read_what
from tests.capture.host import ADA, BOB, NOTHING, Application, PostgresqlHost, Told, origin, told
from tests.capture.savepoints import RELEASED_WITHIN, STEPS, played
from tests.capture.team import Team, seeded, team
from tests.postgresql import programs


@pytest.fixture
def host(each_host: Application) -> Application:
    return each_host


def test_the_orm_creates_updates_and_deletes(host: Application) -> None:
    with acting_as(ADA, origin()), Session(host.engine, expire_on_commit=False) as session:
        red = Team(id=1, account_id=1, name="Red", active=True, rules=["a"])
        session.add(red)
        session.commit()
        red.name, red.active, red.rules = "Rot", False, ["a", "b"]
        session.commit()
        session.delete(red)
        session.commit()
    assert host.told() == [
        team("create", 1, name="Red", active=True, rules=["a"]),
        team("update", 1, name=("Red", "Rot"), active=(True, False), rules=(["a"], ["a", "b"])),
        team("delete", 1, name="Rot", active=False, rules=["a", "b"]),
    ]


def test_what_follows_in_the_transaction_of_somebody_is_the_system_s(host: Application) -> None:
    """Also around a savepoint, and then somebody's again."""
    with host.engine.begin() as connection:
        with acting_as(ADA, origin()):
            connection.execute(insert(Team), {"id": 1, "account_id": 1})
        with connection.begin_nested():
            connection.execute(insert(Team), {"id": 2, "account_id": 1})
        connection.execute(insert(Team), {"id": 3, "account_id": 1})
        with acting_as(BOB, origin()):
            connection.execute(insert(Team), {"id": 4, "account_id": 1})
    with host.engine.begin() as connection:
        connection.execute(insert(Team), {"id": 5, "account_id": 1})
    actors = [entry.public.actor for entry in host.entries()]
    assert [each.id or each.kind for each in actors] == [
        ADA.id,
        "system",
        "system",
        BOB.id,
        "system",
    ]


def test_what_follows_a_savepoint_of_somebody_that_was_rolled_back_is_the_system_s(
    host: Application,
) -> None:
    seeded(host)
    with host.engine.begin() as connection:
        with acting_as(ADA, origin()):
            connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
            with acting_as(BOB, origin()):
                connection.begin_nested().rollback()
        connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 2")
    assert host.told() == [
        team("update", 1, n=(1, 5)),
        team("update", 2, "system", n=(2, 6)),
    ]


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=STEPS)
@example(steps=RELEASED_WITHIN)
def test_whoever_is_in_force_did_it_whatever_becomes_of_savepoints(
    host: Application, steps: list[str]
) -> None:
    known = len(host.entries())
    with host.engine.begin() as connection:
        wanted = played(
            steps,
            lambda number: connection.execute(insert(Team), {"id": number, "account_id": 1}),
            connection.begin_nested,
        )
    names = {ADA.id: "ada", BOB.id: "bob", None: "system"}
    found = [each.public for each in host.entries()[known:]]
    assert [(each.entity.id, names[each.actor.id]) for each in found] == wanted


def test_a_save_that_changes_nothing_leaves_no_entry(host: Application) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        found = session.get_one(Team, 1)
        found.name = "Red"
        session.flush()
        session.execute(update(Team).values(n=Team.n))
        found.updated_at = "now"
        session.commit()
    assert host.waiting() == []
    assert host.told() == []


def test_bulk_statements_of_the_orm_are_seen_row_by_row(host: Application) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(insert(Team), [{"id": i, "account_id": 1, "n": i} for i in (1, 2)])
        session.commit()
        session.execute(update(Team), [{"id": 1, "n": 5}, {"id": 2, "n": 6}])
        session.commit()
        session.execute(update(Team).where(Team.n > 5).values(n=0))
        session.commit()
        session.execute(delete(Team))
        session.commit()
    assert host.told() == [
        team("create", 1, n=1),
        team("create", 2, n=2),
        team("update", 1, n=(1, 5)),
        team("update", 2, n=(2, 6)),
        team("update", 2, n=(6, 0)),
        team("delete", 1, n=5),
        team("delete", 2, n=0),
    ]


def test_insert_many_with_returning_is_seen(host: Application) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        rows = [{"account_id": 1, "n": i} for i in range(300)]
        numbers = session.scalars(insert(Team).returning(Team.id), rows).all()
        session.commit()
    found = host.told()
    assert sorted(numbers) == sorted(int(each.id or 0) for each in found)
    assert sorted(each.changes["n"][1] for each in found) == list(range(300))


def test_an_upsert_is_a_creation_or_an_update(host: Application) -> None:
    seeded(host)
    with host.writing() as connection:
        rows = [{"id": 1, "account_id": 1, "n": 10}, {"id": 9, "account_id": 1, "n": 90}]
        on_sqlite = connection.dialect.name == "sqlite"
        statement = (sqlite_insert if on_sqlite else postgresql_insert)(Team).values(rows)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={"n": statement.excluded.n})
        )
    assert host.told() == [team("update", 1, n=(1, 10)), team("create", 9, n=90)]


def test_raw_sql_inside_a_session_is_seen(host: Application) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(text("-- why not\nUPDATE teams SET n = 7 WHERE id = 1"))
        session.execute(
            text("WITH x AS (SELECT 8 AS n) UPDATE teams SET n = x.n FROM x WHERE id=2")
        )
        session.commit()
    assert host.told() == [team("update", 1, n=(1, 7)), team("update", 2, n=(2, 8))]


def test_raw_sql_of_a_shell_is_recorded_as_system_via_the_database(host: Application) -> None:
    seeded(host)
    host.shell("UPDATE teams SET n = 7 WHERE id = 1")
    (entry,) = host.entries()
    assert (entry.public.actor.kind, entry.public.via, entry.who) == ("system", "database", None)
    assert host.told() == [team("update", 1, "system", n=(1, 7))]


def test_a_cascade_is_recorded_with_its_cause_and_its_person(host: Application) -> None:
    seeded(host)
    host.write(
        "INSERT INTO members (id, account_id, team_id, name) VALUES (1, 1, 1, 'Kit'), (2, 1, 1, 'Lu')",
        "INSERT INTO labels (id, account_id, team_id, name) VALUES (1, 1, 1, 'hot')",
    )
    host.forget()
    host.write("DELETE FROM teams WHERE id = 1", actor=BOB)
    first, *others = host.entries()
    bob = "bob@example.com"
    assert told(first) == team("delete", 1, bob, name="Red", code="r", n=1)
    assert sorted(map(told, others)) == [
        Told("delete", "member", "1", {"team_id": (1, NOTHING), "name": ("Kit", NOTHING)}, bob),
        Told("delete", "member", "2", {"team_id": (1, NOTHING), "name": ("Lu", NOTHING)}, bob),
        Told("update", "label", "1", {"team_id": (1, None)}, bob),
    ]
    assert {each.public.cause for each in others} == {first.public.id}
    whats = [read_what(each.what) for each in others]
    assert sorted(str(what.label) for what in whats) == ["Kit · Red", "Lu · Red", "hot"]
    assert {what.details["went_with"] for what in whats} == {"team"}


def test_an_expression_is_recorded_with_what_it_came_to(host: Application) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        found = session.get_one(Team, 2)
        found.n = Team.n + 1
        session.commit()
        session.execute(update(Team).values(n=Team.n + 1))
        session.commit()
    first, *others = host.told()
    assert first == team("update", 2, n=(2, 3))
    # In the order in which the database found the rows.
    assert sorted(others, key=lambda each: str(each.id)) == [
        team("update", 1, n=(1, 2)),
        team("update", 2, n=(3, 4)),
        team("update", 3, n=(3, 4)),
    ]


def test_two_flushes_in_one_transaction_are_one_entry(host: Application) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        red = Team(id=1, account_id=1, name="Red", n=1)
        session.add(red)
        session.flush()
        red.n = 2
        session.flush()
        red.note = "x"
        session.commit()
    assert host.told() == [team("create", 1, name="Red", n=2, note="x")]


def test_what_is_changed_back_or_created_and_deleted_leaves_no_entry(host: Application) -> None:
    seeded(host)
    host.write(
        "UPDATE teams SET n = 9 WHERE id = 1",
        "UPDATE teams SET n = 1 WHERE id = 1",
        "INSERT INTO teams (id, account_id) VALUES (50, 1)",
        "DELETE FROM teams WHERE id = 50",
    )
    assert host.told() == []
    assert host.waiting() == []


def test_a_savepoint_rolled_back_takes_its_rows_along_and_the_rest_stays(host: Application) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(update(Team).where(Team.id == 1).values(n=10))
        refused = session.begin_nested()
        session.execute(update(Team).where(Team.id == 2).values(n=20))
        with pytest.raises(IntegrityError):
            session.execute(update(Team).where(Team.id == 2).values(n=-1))
        refused.rollback()
        nested = session.begin_nested()
        session.execute(update(Team).where(Team.id == 2).values(n=21))
        nested.rollback()
        session.execute(update(Team).where(Team.id == 3).values(n=30))
        session.commit()
    assert host.told() == [team("update", 1, n=(1, 10)), team("update", 3, n=(3, 30))]


def test_an_actor_known_only_since_a_savepoint_that_rolled_back_still_counts(
    host: Application,
) -> None:
    seeded(host)
    with host.engine.begin() as connection:
        nested = connection.begin_nested()
        with acting_as(ADA, origin()):
            connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
            nested.rollback()
            connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 6))]


def test_two_actors_in_one_transaction_each_answer_for_their_own(host: Application) -> None:
    seeded(host)
    with host.engine.begin() as connection:
        with acting_as(ADA, origin()):
            connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        with acting_as(BOB, origin()):
            connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 2")
    assert host.told() == [
        team("update", 1, n=(1, 5)),
        team("update", 2, "bob@example.com", n=(2, 6)),
    ]


def test_a_rollback_leaves_nothing(host: Application) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(update(Team).values(n=10))
        session.rollback()
        session.execute(delete(Team))
        session.flush()
    assert host.waiting() == []
    assert host.told() == []


def test_a_check_that_refuses_a_save_leaves_no_ghost(host: Application) -> None:
    seeded(host)
    with pytest.raises(IntegrityError):
        host.write("UPDATE teams SET n = 50 WHERE id = 1", "UPDATE teams SET n = -1 WHERE id = 2")
    assert host.told() == []


def test_a_constraint_that_fails_at_commit_leaves_nothing_and_no_context(host: Application) -> None:
    with pytest.raises(IntegrityError):
        host.write("INSERT INTO orders (id, account_id, team_id) VALUES (1, 1, 404)")
    assert host.waiting() == []
    host.shell("INSERT INTO orders (id, account_id) VALUES (2, 1)")
    assert [each.actor for each in host.told()] == ["system"]


REWRITE = {
    "sqlite": """
CREATE TRIGGER rewrite_{event} AFTER {event} ON teams {when}
BEGIN
  UPDATE teams SET note = 'seen ' || new.n, n = new.n + 1 WHERE id = new.id;
END
""",
    "postgresql": """
CREATE OR REPLACE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE teams SET note = 'seen ' || new.n, n = new.n + 1 WHERE id = new.id;
  RETURN NULL;
END
$body$;
CREATE TRIGGER "!first_{event}" AFTER {event} ON teams FOR EACH ROW {when}
EXECUTE FUNCTION rewrite()
""",
}
ONLY_ONCE = "new.note IS NULL OR new.note NOT LIKE 'seen%'"


@pytest.mark.parametrize("late", [True, False])
def test_a_row_written_again_by_a_trigger_of_the_application_is_one_entry(
    host: Application, late: bool
) -> None:
    seeded(host)
    for event in ("INSERT", "UPDATE"):
        when = f"WHEN ({ONLY_ONCE})"
        host.shell(REWRITE[host.engine.dialect.name].format(event=event, when=when))
    if not late:
        host.sync()
    host.write("UPDATE teams SET n = 10 WHERE id = 1")
    host.write("INSERT INTO teams (id, account_id, n) VALUES (9, 1, 5)")
    assert host.rows("SELECT id, n, note FROM teams WHERE id IN (1, 9) ORDER BY id") == [
        (1, 11, "seen 10"),
        (9, 6, "seen 5"),
    ]
    assert host.told() == [
        team("update", 1, n=(1, 11), note=(None, "seen 10")),
        team("create", 9, n=6, note="seen 5"),
    ]


def test_a_changed_key_is_an_update_of_the_record_it_became(host: Application) -> None:
    seeded(host)
    host.write("UPDATE teams SET id = 100 WHERE id = 1")
    assert host.told() == [team("update", 100, id=(1, 100))]


def test_keys_exchanged_lose_nothing(host: Application) -> None:
    seeded(host)
    host.write(
        "UPDATE teams SET id = 99 WHERE id = 1",
        "UPDATE teams SET id = 1 WHERE id = 2",
        "UPDATE teams SET id = 2 WHERE id = 99",
    )
    assert sorted(change for each in host.told() for change in [each.changes["id"]]) == [
        (1, 99),
        (2, 1),
        (99, 2),
    ]


def test_a_delete_of_everything_is_a_deletion_of_each(host: Application) -> None:
    seeded(host)
    host.shell("DELETE FROM teams")
    assert [(each.action, each.id) for each in host.told()] == [
        ("delete", "1"),
        ("delete", "2"),
        ("delete", "3"),
    ]


def test_the_isolation_level_autocommit_is_recorded_too(host: Application) -> None:
    seeded(host)
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        connection.commit()
    host.write("UPDATE teams SET n = 6 WHERE id = 2")
    assert host.told() == [team("update", 1, n=(1, 5)), team("update", 2, n=(2, 6))]


def test_a_job_acts_for_the_person_who_asked(host: Application) -> None:
    seeded(host)
    job = Actor(kind="job", id="nightly")
    with host.writing(job, origin=origin("job"), on_behalf_of=(ADA,)) as connection:
        connection.execute(update(Team).where(Team.id == 1).values(n=5))
    (entry,) = host.entries()
    assert (entry.public.actor.kind, entry.public.via) == ("job", "job")
    assert [each.id for each in entry.public.on_behalf_of] == ["7"]
    assert told(entry) == team("update", 1, "job", n=(1, 5))


def test_a_cascade_of_the_orm_is_recorded_with_its_cause(host: Application) -> None:
    seeded(host)
    host.write("INSERT INTO members (id, account_id, team_id, name) VALUES (1, 1, 1, 'Kit')")
    host.forget()
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.delete(session.get_one(Team, 1))
        session.commit()
    first, second = host.entries()
    assert told(first) == team("delete", 1, name="Red", code="r", n=1)
    assert told(second).changes == {"team_id": (1, NOTHING), "name": ("Kit", NOTHING)}
    assert (second.public.cause, told(second).actor) == (first.public.id, ADA.email)


def test_a_core_statement_is_recorded(host: Application) -> None:
    seeded(host)
    with host.writing() as connection:
        connection.execute(insert(Team), [{"id": 8, "account_id": 1}, {"id": 9, "account_id": 1}])
        connection.execute(update(Team).where(Team.id == 2).values(n=Team.n + 1))
        connection.execute(delete(Team).where(Team.id == 3))
    assert host.told() == [
        team("create", 8),
        team("create", 9),
        team("update", 2, n=(2, 3)),
        team("delete", 3, name="Green", code="g", n=3),
    ]


def test_an_autocommit_statement_refused_by_a_check_leaves_no_ghost(host: Application) -> None:
    seeded(host)
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("UPDATE teams SET n = -1 WHERE id = 1")
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 2")
    host.shell("UPDATE teams SET n = 6 WHERE id = 3")
    assert host.told() == [team("update", 2, n=(2, 5)), team("update", 3, "system", n=(3, 6))]


def test_two_writers_of_one_row_each_tell_what_they_found(host: Application) -> None:
    seeded(host)

    def count_up(actor: Actor) -> None:
        for _ in range(10):
            with acting_as(actor, origin()), Session(host.engine) as session:
                session.execute(update(Team).where(Team.id == 1).values(n=Team.n + 1))
                session.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(count_up, (ADA, BOB)))
    found = host.told()
    assert [each.changes["n"] for each in found] == [(n, n + 1) for n in range(1, 21)]
    assert Counter(each.actor for each in found) == {ADA.email: 10, BOB.email: 10}


def test_a_thread_pool_acts_as_whoever_gave_it_the_work(host: Application) -> None:
    seeded(host)

    def work(number: int) -> None:
        with host.engine.begin() as connection:
            connection.execute(update(Team).where(Team.id == number).values(n=number * 10))

    with ThreadPoolExecutor(1) as pool:
        for number, actor in ((1, ADA), (2, BOB)):
            with acting_as(actor, origin()):
                pool.submit(copy_context().run, work, number).result()
        pool.submit(work, 3).result()
    assert host.told() == [
        team("update", 1, n=(1, 10)),
        team("update", 2, "bob@example.com", n=(2, 20)),
        team("update", 3, "system", n=(3, 30)),
    ]


def test_a_database_shell_is_recorded_as_system(host: Application) -> None:
    seeded(host)
    statement = "UPDATE teams SET n = n + 1 WHERE id = 1; DELETE FROM teams WHERE id = 2"
    if isinstance(host, PostgresqlHost):
        command = [str(programs() / "psql"), "-qX", host.cluster.url(host.database)]
    else:
        # Where the shell isn't installed, another program that knows nothing of capture.
        script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())"
        shell = [found] if (found := shutil.which("sqlite3")) else [sys.executable, "-c", script]
        command = [*shell, str(host.engine.url.database)]
    subprocess.run(command, input=statement.encode(), check=True, capture_output=True, timeout=30)
    assert host.told() == [
        team("update", 1, "system", n=(1, 2)),
        team("delete", 2, "system", name="Blue", code="b", n=2),
    ]


def test_a_command_line_acts_via_cli(host: Application) -> None:
    seeded(host)
    script = (
        "import sys\n"
        "from sqlalchemy import create_engine\n"
        "from audit_trail.capture.context import SYSTEM, Origin, acting_as\n"
        "from audit_trail.capture.sqlalchemy import attach\n"
        "engine = create_engine(sys.argv[1])\n"
        "attach(engine)\n"
        "with acting_as(SYSTEM, Origin(via='cli')), engine.begin() as connection:\n"
        "    connection.exec_driver_sql('UPDATE teams SET n = 5 WHERE id = 1')\n"
    )
    url = host.engine.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", script, url], check=True, timeout=60)
    (entry,) = host.entries()
    assert (entry.public.actor.kind, entry.public.via) == ("system", "cli")
    assert told(entry) == team("update", 1, "system", n=(1, 5))


def test_an_autocommit_statement_that_returns_rows_is_committed(host: Application) -> None:
    seeded(host)
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        rows = connection.exec_driver_sql("UPDATE teams SET n = 9 WHERE id < 3 RETURNING id")
        assert sorted(rows.scalars()) == [1, 2]
        connection.exec_driver_sql("UPDATE teams SET n = 8 WHERE id = 3")
    with acting_as(BOB, origin()), engine.connect() as connection:
        number = connection.exec_driver_sql("DELETE FROM teams WHERE id = 3 RETURNING n")
        assert number.scalar_one() == 8
    assert host.told() == [
        team("update", 1, n=(1, 9)),
        team("update", 2, n=(2, 9)),
        team("update", 3, n=(3, 8)),
        team("delete", 3, "bob@example.com", name="Green", code="g", n=8),
    ]


def test_a_deferred_constraint_refuses_an_autocommit_statement_whole(host: Application) -> None:
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql(
                "INSERT INTO orders (id, account_id, team_id) VALUES (1, 1, 404)"
            )
        connection.exec_driver_sql("INSERT INTO orders (id, account_id) VALUES (2, 1)")
    assert [(each.id, each.actor) for each in host.told()] == [("2", ADA.email)]
