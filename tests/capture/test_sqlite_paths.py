"""What only SQLite has: REPLACE, ignored rows, and a driver that runs scripts."""

import sqlite3
from contextlib import closing

import pytest

from audit_trail.capture.sqlalchemy import migrating
from tests.capture.host import Host
from tests.capture.team import seeded, team


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


@pytest.mark.parametrize("foreign_keys", [False, True])
def test_a_shell_cascades_only_with_foreign_keys_on(host: Host, foreign_keys: bool) -> None:
    seeded(host)
    host.write("INSERT INTO members (id, account_id, team_id) VALUES (1, 1, 1)")
    host.forget()
    host.shell("DELETE FROM teams WHERE id = 1", foreign_keys=foreign_keys)
    gone = [each.entity for each in host.told()]
    assert sorted(gone) == (["member", "team"] if foreign_keys else ["team"])
