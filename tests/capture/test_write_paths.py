"""Every way to write on SQLite is recorded: who, and each value before and after."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Integer, Text, delete, insert, text, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from audit_trail.capture.context import acting_as
from audit_trail.capture.sqlalchemy import migrating, sync
from audit_trail.record.entry import read_what
from tests.capture.host import ADA, BOB, NOTHING, Host, Told, origin, told


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    n: Mapped[int | None] = mapped_column(Integer)
    active: Mapped[bool | None] = mapped_column(Boolean)
    rules: Mapped[list[str] | None] = mapped_column(JSON)
    updated_at: Mapped[str | None] = mapped_column(Text)


ADA_SAYS = "ada@example.com"


def team(action: str, number: int, actor: str = ADA_SAYS, **changes: Any) -> Told:
    whole = {"create": lambda v: (NOTHING, v), "delete": lambda v: (v, NOTHING)}
    say: Callable[[Any], tuple[Any, Any]] = whole.get(action, lambda v: v)
    return Told(action, "team", str(number), {n: say(v) for n, v in changes.items()}, actor)


def seeded(host: Host) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name, code, n) VALUES "
        "(1, 1, 'Red', 'r', 1), (2, 1, 'Blue', 'b', 2), (3, 1, 'Green', 'g', 3)"
    )
    host.forget()


def test_the_orm_creates_updates_and_deletes(host: Host) -> None:
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


def test_a_save_that_changes_nothing_leaves_no_entry(host: Host) -> None:
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


def test_bulk_statements_of_the_orm_are_seen_row_by_row(host: Host) -> None:
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


def test_insert_many_with_returning_is_seen(host: Host) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        rows = [{"account_id": 1, "n": i} for i in range(300)]
        numbers = session.scalars(insert(Team).returning(Team.id), rows).all()
        session.commit()
    found = host.told()
    assert sorted(numbers) == sorted(int(each.id or 0) for each in found)
    assert sorted(each.changes["n"][1] for each in found) == list(range(300))


def test_an_upsert_is_a_creation_or_an_update(host: Host) -> None:
    seeded(host)
    with host.writing() as connection:
        rows = [{"id": 1, "account_id": 1, "n": 10}, {"id": 9, "account_id": 1, "n": 90}]
        statement = sqlite_insert(Team).values(rows)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={"n": statement.excluded.n})
        )
    assert host.told() == [team("update", 1, n=(1, 10)), team("create", 9, n=90)]


def test_an_upsert_that_does_nothing_leaves_no_entry_and_no_ghost_later(host: Host) -> None:
    seeded(host)
    host.write("INSERT INTO teams (id, name) VALUES (7, 'Red') ON CONFLICT DO NOTHING")
    host.write("INSERT OR IGNORE INTO teams (id, account_id) VALUES (2, 1)")
    host.write("UPDATE teams SET name = name, code = 'B2' WHERE id = 2")
    host.write("UPDATE teams SET id = id, name = 'Verde' WHERE id = 3")
    assert host.told() == [
        team("update", 2, code=("b", "B2")),
        team("update", 3, name=("Green", "Verde")),
    ]


def test_a_row_ignored_and_then_deleted_is_one_deletion(host: Host) -> None:
    seeded(host)
    host.write("INSERT OR IGNORE INTO teams (id, account_id) VALUES (1, 1)")
    host.write("DELETE FROM teams WHERE id = 1")
    host.write("INSERT INTO teams (id, account_id) VALUES (8, 1)")
    assert host.told() == [team("delete", 1, name="Red", code="r", n=1), team("create", 8)]


def test_a_migration_between_an_ignored_row_and_a_write_invents_no_deletion(host: Host) -> None:
    seeded(host)
    host.write("INSERT OR IGNORE INTO teams (id, account_id) VALUES (1, 1)")
    with migrating(host.engine, host.watch) as connection:
        connection.exec_driver_sql("DELETE FROM teams WHERE id = 1")
    host.write("UPDATE teams SET name = name")
    assert host.told() == []


REPLACE = "REPLACE INTO teams (id, account_id, name, n) VALUES (1, 1, 'Red', 9)"


def test_replace_on_our_connection_is_an_update_with_all_it_took_away(host: Host) -> None:
    seeded(host)
    host.write(REPLACE)
    assert host.told() == [team("update", 1, code=("r", None), n=(1, 9))]


@pytest.mark.parametrize("recursive", [0, 1])
@pytest.mark.parametrize("foreign_keys", [False, True])
def test_replace_on_a_foreign_connection_is_a_deletion_and_a_creation(
    host: Host, recursive: int, foreign_keys: bool
) -> None:
    seeded(host)
    host.shell(f"PRAGMA recursive_triggers = {recursive}", REPLACE, foreign_keys=foreign_keys)
    assert host.told() == [
        team("delete", 1, "system", name="Red", code="r", n=1),
        team("create", 1, "system", name="Red", n=9),
    ]


@pytest.mark.parametrize("recursive", [0, 1])
def test_replace_that_displaces_several_rows_by_several_keys_records_each(
    host: Host, recursive: int
) -> None:
    seeded(host)
    host.shell(
        f"PRAGMA recursive_triggers = {recursive}",
        "INSERT OR REPLACE INTO teams (id, account_id, name, code) VALUES (1, 1, 'Blue', 'G')",
    )
    found = host.told()
    assert found[-1] == team("create", 1, "system", name="Blue", code="G")
    assert {each.id for each in found[:-1]} == {"1", "2", "3"}
    assert {each.action for each in found[:-1]} == {"delete"}


def test_replace_of_many_rows_in_one_statement_records_each_once(host: Host) -> None:
    seeded(host)
    host.write(
        "REPLACE INTO teams (id, account_id, name, n) VALUES "
        "(1, 1, 'A', 1), (1, 1, 'B', 2), (2, 1, 'B', 3), (NULL, 1, 'New', 4)"
    )
    with host.foreign() as connection:
        rows = connection.execute("SELECT id, name, n FROM teams ORDER BY id").fetchall()
    assert rows == [(2, "B", 3), (3, "Green", 3), (4, "New", 4)]
    assert sorted(host.told(), key=lambda each: each.id or "") == [
        team("delete", 1, name="Red", code="r", n=1),
        team("update", 2, name=("Blue", "B"), code=("b", None), n=(2, 3)),
        team("create", 4, name="New", n=4),
    ]


@pytest.mark.parametrize("recursive", [0, 1])
def test_update_or_replace_records_the_row_it_displaced(host: Host, recursive: int) -> None:
    seeded(host)
    host.shell(
        f"PRAGMA recursive_triggers = {recursive}",
        "UPDATE OR REPLACE teams SET name = 'Blue' WHERE id = 1",
    )
    assert host.told() == [
        team("delete", 2, "system", name="Blue", code="b", n=2),
        team("update", 1, "system", name=("Red", "Blue")),
    ]


def test_update_or_replace_of_the_key_records_both_records(host: Host) -> None:
    seeded(host)
    host.write("UPDATE OR REPLACE teams SET id = 2 WHERE id = 1")
    assert host.told() == [
        team("delete", 2, name="Blue", code="b", n=2),
        team("update", 2, id=(1, 2)),
    ]


def test_a_key_with_letters_of_another_case_displaces_too(host: Host) -> None:
    seeded(host)
    host.shell("REPLACE INTO teams (id, account_id, code) VALUES (20, 1, 'R')")
    assert [(each.action, each.id) for each in host.told()] == [("delete", "1"), ("create", "20")]


def test_raw_sql_inside_a_session_is_seen(host: Host) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(text("-- why not\nUPDATE teams SET n = 7 WHERE id = 1"))
        session.execute(
            text("WITH x AS (SELECT 8 AS n) UPDATE teams SET n = x.n FROM x WHERE id=2")
        )
        session.commit()
    assert host.told() == [team("update", 1, n=(1, 7)), team("update", 2, n=(2, 8))]


def test_raw_sql_of_a_shell_is_recorded_as_system_via_the_database(host: Host) -> None:
    seeded(host)
    host.shell("UPDATE teams SET n = 7 WHERE id = 1")
    (entry,) = host.entries()
    assert (entry.public.actor.kind, entry.public.via, entry.who) == ("system", "database", None)
    assert host.told() == [team("update", 1, "system", n=(1, 7))]


def test_a_cascade_is_recorded_with_its_cause_and_its_person(host: Host) -> None:
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


def test_an_expression_is_recorded_with_what_it_came_to(host: Host) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        found = session.get_one(Team, 2)
        found.n = Team.n + 1
        session.commit()
        session.execute(update(Team).values(n=Team.n + 1))
        session.commit()
    assert host.told() == [
        team("update", 2, n=(2, 3)),
        team("update", 1, n=(1, 2)),
        team("update", 2, n=(3, 4)),
        team("update", 3, n=(3, 4)),
    ]


def test_two_flushes_in_one_transaction_are_one_entry(host: Host) -> None:
    with acting_as(ADA, origin()), Session(host.engine) as session:
        red = Team(id=1, account_id=1, name="Red", n=1)
        session.add(red)
        session.flush()
        red.n = 2
        session.flush()
        red.note = "x"
        session.commit()
    assert host.told() == [team("create", 1, name="Red", n=2, note="x")]


def test_what_is_changed_back_or_created_and_deleted_leaves_no_entry(host: Host) -> None:
    seeded(host)
    host.write(
        "UPDATE teams SET n = 9 WHERE id = 1",
        "UPDATE teams SET n = 1 WHERE id = 1",
        "INSERT INTO teams (id, account_id) VALUES (50, 1)",
        "DELETE FROM teams WHERE id = 50",
    )
    assert host.told() == []
    assert host.waiting() == []


def test_a_savepoint_rolled_back_takes_its_rows_along_and_the_rest_stays(host: Host) -> None:
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


def test_an_actor_known_only_since_a_savepoint_that_rolled_back_still_counts(host: Host) -> None:
    seeded(host)
    with host.engine.begin() as connection:
        nested = connection.begin_nested()
        with acting_as(ADA, origin()):
            connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
            nested.rollback()
            connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 1")
    assert host.told() == [team("update", 1, n=(1, 6))]


def test_two_actors_in_one_transaction_each_answer_for_their_own(host: Host) -> None:
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


def test_a_rollback_leaves_nothing(host: Host) -> None:
    seeded(host)
    with acting_as(ADA, origin()), Session(host.engine) as session:
        session.execute(update(Team).values(n=10))
        session.rollback()
        session.execute(delete(Team))
        session.flush()
    assert host.waiting() == []
    assert host.told() == []


def test_a_check_that_refuses_a_save_leaves_no_ghost(host: Host) -> None:
    seeded(host)
    with pytest.raises(IntegrityError):
        host.write("UPDATE teams SET n = 50 WHERE id = 1", "UPDATE teams SET n = -1 WHERE id = 2")
    assert host.told() == []


def test_a_constraint_that_fails_at_commit_leaves_nothing_and_no_context(host: Host) -> None:
    with pytest.raises(IntegrityError):
        host.write("INSERT INTO orders (id, account_id, team_id) VALUES (1, 1, 404)")
    assert host.waiting() == []
    host.shell("INSERT INTO orders (id, account_id) VALUES (2, 1)")
    assert [each.actor for each in host.told()] == ["system"]


REWRITE = """
CREATE TRIGGER rewrite AFTER {event} ON teams {when}
BEGIN
  UPDATE teams SET note = 'seen ' || new.n, n = new.n + 1 WHERE id = new.id;
END
"""


@pytest.mark.parametrize("when", ["", "WHEN new.note IS NULL OR new.note NOT LIKE 'seen%'"])
@pytest.mark.parametrize("late", [True, False])
def test_a_row_written_again_by_a_trigger_of_the_application_is_one_entry(
    host: Host, when: str, late: bool
) -> None:
    seeded(host)
    for event in ("INSERT", "UPDATE OF n"):
        name = event.split(" ")[0].lower()
        host.shell(REWRITE.replace("rewrite", f"rewrite_{name}").format(event=event, when=when))
    if not late:
        with host.engine.begin() as connection:
            sync(connection, host.watch)
    host.write("UPDATE teams SET n = 10 WHERE id = 1")
    host.write("INSERT INTO teams (id, account_id, n) VALUES (9, 1, 5)")
    with host.foreign() as connection:
        rows = dict(connection.execute("SELECT id, n || ' ' || note FROM teams").fetchall())
    first, second = host.told()
    assert first.changes.keys() == {"n", "note"}
    assert (first.changes["n"], first.changes["note"][0]) == ((1, int(rows[1].split(" ")[0])), None)
    assert f"{first.changes['n'][1]} {first.changes['note'][1]}" == rows[1]
    assert second.action == "create"
    assert f"{second.changes['n'][1]} {second.changes['note'][1]}" == rows[9]


def test_a_changed_key_is_an_update_of_the_record_it_became(host: Host) -> None:
    seeded(host)
    host.write("UPDATE teams SET id = 100 WHERE id = 1")
    assert host.told() == [team("update", 100, id=(1, 100))]


def test_keys_exchanged_lose_nothing(host: Host) -> None:
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


def test_the_driver_used_by_itself_in_an_open_session_is_seen_under_its_actor(host: Host) -> None:
    seeded(host)
    with host.writing() as connection:
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with closing(driver.cursor()) as cursor:
            cursor.executemany("UPDATE teams SET n = ? WHERE id = ?", [(6, 2), (7, 3)])
    assert host.told() == [
        team("update", 1, n=(1, 5)),
        team("update", 2, n=(2, 6)),
        team("update", 3, n=(3, 7)),
    ]


def test_a_script_of_several_statements_is_seen(host: Host) -> None:
    with host.foreign() as connection:
        connection.executescript(
            "BEGIN; INSERT INTO teams (id, account_id) VALUES (1, 1);"
            "UPDATE teams SET n = 3; COMMIT; DELETE FROM teams;"
        )
    assert host.told() == [
        team("create", 1, "system"),
        team("update", 1, "system", n=(None, 3)),
        team("delete", 1, "system", n=3),
    ]


def test_a_delete_of_everything_is_a_deletion_of_each(host: Host) -> None:
    seeded(host)
    host.shell("DELETE FROM teams")
    assert [(each.action, each.id) for each in host.told()] == [
        ("delete", "1"),
        ("delete", "2"),
        ("delete", "3"),
    ]


def test_the_isolation_level_autocommit_is_recorded_too(host: Host) -> None:
    seeded(host)
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), engine.connect() as connection:
        connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        connection.commit()
    host.write("UPDATE teams SET n = 6 WHERE id = 2")
    assert host.told() == [team("update", 1, n=(1, 5)), team("update", 2, n=(2, 6))]
