"""What was written behind the triggers' back is named row by row, and nothing else is."""

from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.errors import WatchRefused
from tests.capture.host import POSTGRESQL_SCHEMA, SCHEMA, Application, Host
from tests.reconciliation.behind import behind, found, report

pytestmark = pytest.mark.both_engines

TEAM = "INSERT INTO teams (id, account_id, name, n, active, rules, token) VALUES "


@pytest.fixture
def written(each_host: Application) -> Application:
    """Some teams with members, all of it told."""
    each_host.write(
        TEAM + "(1, 1, 'Alder', 3, true, '{\"a\": [1, 2.5]}', 'secret')",
        TEAM + "(2, 1, 'Birch', NULL, false, NULL, NULL)",
        TEAM + "(3, 2, 'Cedar', 5, true, '[]', 'other')",
        "INSERT INTO members (id, account_id, team_id, name) VALUES (1, 1, 1, 'Ada'), (2, 1, 2, 'Bob')",
    )
    each_host.write("UPDATE teams SET name = 'Aspen', note = 'x' WHERE id = 1")
    each_host.write("DELETE FROM teams WHERE id = 2")
    return each_host


def test_what_was_written_under_capture_agrees(written: Application) -> None:
    told = report(written)
    assert (told.differences, told.differing, told.undecided) == ((), 0, 0)
    assert {each.table: each.rows for each in told.tables} == {
        "teams": 2,
        "members": 1,
        "labels": 0,
        "orders": 0,
    }
    assert all(each.has_baseline and not each.before_capture for each in told.tables)


def test_changed_fields_are_named_with_both_values(written: Application) -> None:
    behind(
        written,
        "UPDATE teams SET name = 'Acacia', n = NULL WHERE id = 1",
        "UPDATE teams SET rules = '{\"b\": null}', active = false WHERE id = 3",
        "UPDATE members SET name = 'Eve' WHERE id = 1",
    )
    assert found(written) == {
        ("teams", "1", "name", "Aspen", "Acacia"),
        ("teams", "1", "n", "3", "None"),
        ("teams", "3", "rules", "[]", "{'b': None}"),
        ("teams", "3", "active", "True", "False"),
        ("members", "1", "name", "Ada", "Eve"),
    }


def test_a_row_that_no_entry_made_is_missing_in_the_trail(written: Application) -> None:
    behind(written, TEAM + "(9, 1, 'Yew', 1, true, NULL, NULL)")
    assert found(written) == {("teams", "9", "missing_in_trail")}


def test_a_row_that_went_unseen_is_missing_in_the_table(written: Application) -> None:
    behind(written, "DELETE FROM members WHERE id = 1")
    assert found(written) == {("members", "1", "missing_in_table")}


def test_a_deleted_record_that_is_back_is_missing_in_the_trail(written: Application) -> None:
    behind(written, TEAM + "(2, 1, 'Birch', NULL, false, NULL, NULL)")
    assert found(written) == {("teams", "2", "missing_in_trail")}


def test_a_row_that_went_to_another_account_unseen_is_missing_in_both(written: Application) -> None:
    behind(written, "UPDATE teams SET account_id = 2 WHERE id = 1")
    told = report(written)
    assert {(each.account, each.id, each.kind) for each in told.differences} == {
        ("1", "1", "missing_in_table"),
        ("2", "1", "missing_in_trail"),
    }
    assert told.differing == 2


def test_of_a_secret_only_whether_it_is_set_is_compared_and_shown(written: Application) -> None:
    behind(
        written,
        "UPDATE teams SET token = NULL WHERE id = 1",
        "UPDATE teams SET token = 'quite another' WHERE id = 3",
    )
    told = report(written)
    (difference,) = told.differences
    assert (difference.id, difference.field) == ("1", "token")
    assert difference.sentence == "teams #1 of account 1: token is null, and by the trail set"
    assert "secret" not in str(difference.as_json()["trail"])


def test_what_the_entry_before_the_difference_was_is_told(written: Application) -> None:
    behind(written, "UPDATE teams SET name = 'Acacia' WHERE id = 1")
    ((difference, *_),) = (report(written).differences,)
    assert difference.index is not None
    assert written.trail.entry("1", difference.index).public.action == "update"


def test_only_the_tables_asked_for_are_read(written: Application) -> None:
    behind(written, "UPDATE members SET name = 'Eve'", "UPDATE teams SET name = 'x' WHERE id = 1")
    assert found(written, "members") == {("members", "1", "name", "Ada", "Eve")}
    with pytest.raises(WatchRefused, match="Not watched: parrots"):
        report(written, "parrots")


def test_what_a_later_write_under_capture_changes_is_as_it_says(written: Application) -> None:
    behind(written, "UPDATE teams SET name = 'Acacia', note = 'y' WHERE id = 1")
    written.write("UPDATE teams SET name = 'Ash' WHERE id = 1")
    assert found(written) == {("teams", "1", "note", "x", "y")}


def test_a_record_that_moves_is_followed_under_its_new_id(written: Application) -> None:
    written.write("UPDATE members SET id = 7 WHERE id = 1")
    written.write("UPDATE teams SET account_id = 2 WHERE id = 1")
    assert found(written) == set()
    behind(written, "UPDATE members SET name = 'Eve' WHERE id = 7")
    assert found(written) == {("members", "7", "name", "Ada", "Eve")}


def test_a_record_that_moves_to_another_account_under_a_new_id_is_followed(
    written: Application,
) -> None:
    written.write("UPDATE members SET id = 7, account_id = 2 WHERE id = 1")
    assert found(written) == set()
    written.write("UPDATE members SET account_id = 1 WHERE id = 7")
    written.write(
        "UPDATE members SET account_id = 2 WHERE id = 7",
        "UPDATE members SET account_id = 1, id = 8 WHERE id = 7",
        "DELETE FROM members WHERE id = 8",
    )
    assert found(written) == set()


def test_more_differences_than_are_named_are_counted(written: Application) -> None:
    behind(
        written,
        *(
            f"INSERT INTO members (id, account_id, name) VALUES ({n}, 1, 'x')"
            for n in range(10, 30)
        ),
    )
    told = report(written, most_named=5)
    assert (len(told.differences), told.differing) == (5, 20)


def test_rows_from_before_capture_are_no_differences_until_they_change_unseen(
    tmp_path: Path,
) -> None:
    before = "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'old'), (2, 1, 'older');"
    with closing(Host(tmp_path / "host.db", schema=SCHEMA + before)) as host:
        told = report(host)
        (teams, *_) = told.tables
        assert (told.differences, teams.before_capture) == ((), 2)
        host.write("UPDATE teams SET name = 'new' WHERE id = 1")
        assert found(host) == set()
        behind(
            host,
            "UPDATE teams SET name = 'newer', note = 'never told' WHERE id = 1",
            "DELETE FROM teams WHERE id = 2",
            "INSERT INTO teams (id, account_id) VALUES (3, 1)",
        )
        assert found(host) == {
            ("teams", "1", "name", "new", "newer"),
            ("teams", "2", "missing_in_table"),
            ("teams", "3", "missing_in_trail"),
        }


def test_the_baseline_is_kept_on_postgresql_too(making) -> None:
    before = "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'old'), (2, 1, 'older');"
    host = making(POSTGRESQL_SCHEMA + before)
    assert found(host) == set()
    behind(
        host, "DELETE FROM teams WHERE id = 2", "INSERT INTO teams (id, account_id) VALUES (3, 1)"
    )
    assert found(host) == {("teams", "2", "missing_in_table"), ("teams", "3", "missing_in_trail")}


def test_a_column_that_came_later_with_a_default_is_no_difference(each_host: Application) -> None:
    each_host.write("INSERT INTO members (id, account_id, name) VALUES (1, 1, 'Ada')")
    each_host.sequencer.drain()
    each_host.shell("ALTER TABLE members ADD COLUMN level INTEGER DEFAULT 5")
    each_host.sync()
    assert found(each_host, "members") == set()
    each_host.write("INSERT INTO members (id, account_id, level) VALUES (2, 1, NULL)")
    each_host.write("UPDATE members SET level = 6 WHERE id = 1")
    behind(each_host, "UPDATE members SET level = 7")
    assert found(each_host, "members") == {
        ("members", "1", "level", "6", "7"),
        ("members", "2", "level", "None", "7"),
    }


def test_a_record_that_left_and_was_deleted_at_once_is_gone_from_both_accounts(
    written: Application,
) -> None:
    written.write("DELETE FROM members")
    written.write("UPDATE teams SET account_id = 2 WHERE id = 1", "DELETE FROM teams WHERE id = 1")
    assert found(written) == set()
    gone = [written.entries(account)[-1].public for account in ("1", "2")]
    assert [(each.action, each.entity.type, each.entity.id) for each in gone] == [
        ("delete", "team", "1")
    ] * 2


def test_what_an_emptied_outbox_lost_is_named(written: Application) -> None:
    written.sequencer.drain()
    written.write("UPDATE teams SET name = 'Acacia' WHERE id = 1")
    written.write("INSERT INTO members (id, account_id, name) VALUES (5, 1, 'Eve')")
    written.forget()
    assert found(written) == {
        ("teams", "1", "name", "Aspen", "Acacia"),
        ("members", "5", "missing_in_trail"),
    }


def test_a_baseline_that_was_written_hides_a_row(written: Application) -> None:
    behind(written, "INSERT INTO members (id, account_id, name) VALUES (5, 1, 'Eve')")
    table = written.outbox_table.replace("outbox", "baseline")
    written.shell(f"INSERT INTO {table} VALUES ('members', '1', '5')")
    told = report(written, "members")
    assert (told.differing, [each.before_capture for each in told.tables]) == (0, [1])
