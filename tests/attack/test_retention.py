"""Nobody gets a run to drop what it must keep, or to cover what they took away themselves."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.errors import EntryNotFound, PolicyAltered, RemovalRefused, StoreFailed
from audit_trail.record.entry import Entity, Removed
from audit_trail.record.removed import holds
from audit_trail.retention.keeping import Run
from audit_trail.retention.rounds import Rounds
from audit_trail.seal.merkle import leaf_hash
from audit_trail.store.port import Pending
from audit_trail.store.sqlite import SqliteStore
from tests.retention.years import ADA, NOW, Years


class Shell:
    """Somebody with a database shell, who has dropped the triggers that refuse them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, statement: str, *values: object, triggers: bool = False) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            if not triggers:
                named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                for (name,) in named.fetchall():
                    connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement, values)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "trail.db")


@pytest.fixture
def years(shell: Shell) -> Iterator[Years]:
    store = SqliteStore(shell.path)
    yield Years(store)
    store.close()


def opened_again(years: Years, shell: Shell) -> Years:
    """As the server opens it at its next start, its triggers made anew."""
    again = Years(SqliteStore(shell.path))
    again.now, again.seals, again._numbers = years.now, years.seals, years._numbers
    return again


def test_the_database_refuses_to_delete_what_no_entry_declares(years: Years, shell: Shell) -> None:
    years.add(5)
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        shell.run("DELETE FROM entries WHERE idx = 2", triggers=True)
    assert years.left() == [0, 1, 2, 3, 4]


def test_what_was_taken_away_is_never_covered_by_a_run(years: Years, shell: Shell) -> None:
    years.add(9)
    years.pass_days(401)
    years.add()
    shell.run("DELETE FROM entries WHERE idx = 4")
    again = opened_again(years, shell)
    again.retention.run("1")
    removed = again.newest().public.removed
    assert removed == Removed(entry=((0, 3), (5, 8)))
    with pytest.raises(EntryNotFound, match="There is no entry 5"):
        again.trail.entry("1", 4)
    again.verify()


def test_a_note_without_an_entry_is_not_taken_into_the_next_run(years: Years, shell: Shell) -> None:
    years.add(9)
    years.pass_days(300)
    years.add(9)
    years.pass_days(101)
    years.retention.run("1")
    drop = years.newest().index
    for declared_by in (drop, 3):
        shell.run(
            "INSERT INTO removals (account, part, first, last, declared_by, next) "
            "VALUES ('1', 'entry', ?, ?, ?, 99)",
            12 + declared_by,
            12 + declared_by,
            declared_by,
        )
    shell.run(
        "INSERT INTO removals (account, part, first, last, declared_by, next) "
        "VALUES ('1', 'entry', 12, 12, 13, 99)"
    )
    shell.run("DELETE FROM entries WHERE idx = 12")
    again = opened_again(years, shell)
    again.pass_days(300)
    again.add()
    again.retention.run("1")
    removed = again.newest().public.removed
    assert removed
    assert not holds(removed.entry, 12)
    assert holds(removed.entry, 11)
    assert again.trail.removed_by("1", "entry", 12) is None


@pytest.mark.parametrize("with_leaf", [False, True])
def test_an_entry_made_to_look_old_stays_and_takes_no_other_along(
    years: Years, shell: Shell, with_leaf: bool
) -> None:
    years.add(3)
    years.pass_days(401)
    years.add(5)
    entry = years.trail.entry("1", 6)
    altered = entry.public_bytes.replace(str(years.now).encode(), str(NOW).encode())
    assert altered != entry.public_bytes
    leaf = leaf_hash(altered) if with_leaf else entry.leaf
    shell.run("UPDATE entries SET public = ?, leaf = ? WHERE idx = 6", altered, leaf)
    again = opened_again(years, shell)
    assert again.retention.run("1") == Run(dropped=3, kept=0, altered=0)
    assert again.left() == [3, 4, 5, 6, 7, 8]


def test_an_entry_altered_to_escape_its_hold_stays_as_evidence(years: Years, shell: Shell) -> None:
    years.add(3, number="1")
    years.add(1, number="2")
    years.retention.place("1", ADA, entity=Entity(type="inbox", id="2"))
    years.pass_days(401)
    years.add()
    entry = years.trail.entry("1", 3)
    altered = entry.public_bytes.replace(b'"id":"2"', b'"id":"1"')
    shell.run(
        "UPDATE entries SET public = ?, leaf = ?, entity_id = '1' WHERE idx = 3",
        altered,
        leaf_hash(altered),
    )
    again = opened_again(years, shell)
    assert again.retention.run("1") == Run(dropped=3, kept=1, altered=1)
    assert again.left() == [3, 4, 5, 6]
    assert again.details(again.newest())["altered"] == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET what = CAST(replace(what, '800', '100') AS BLOB) WHERE idx = 3",
        "UPDATE entries SET what = NULL, what_salt = NULL WHERE idx = 3",
        "UPDATE entries SET what = x'ff' WHERE idx = 3",
        "UPDATE entries SET leaf = zeroblob(32) WHERE idx = 3",
        "UPDATE entries SET public = replace(public, '\"ui\"', '\"api\"') WHERE idx = 3",
    ],
)
def test_a_policy_that_was_altered_stops_the_run_and_no_other_account_s(
    years: Years, shell: Shell, statement: str
) -> None:
    years.add(3)
    years.retention.change("1", 800, ADA)
    other = Years(years.store, account="2")
    other._numbers = years._numbers
    other.add(3)
    years.pass_days(801)
    years.add()
    shell.run(f"{statement} AND account = '1'")
    again = opened_again(years, shell)
    with pytest.raises(PolicyAltered, match="Entry 4 of account 1 states its retention"):
        again.retention.run("1")
    with pytest.raises(PolicyAltered):
        again.retention.change("1", 900, ADA)
    rounds = Rounds(again.trail, again.retention, lambda: True)
    assert (rounds.step(), rounds.errors) == (3, 1)
    assert again.left() == [0, 1, 2, 3, 4]


def test_a_drop_that_names_less_than_was_dropped_is_refused(years: Years) -> None:
    years.add(9)
    years.pass_days(401)
    years.add()
    years.retention.run("1")
    with pytest.raises(RemovalRefused, match="this one doesn't name"):
        years.add(action="drop", type="audit_log", number=None, removed=Removed(entry=((0, 3),)))


def test_a_failing_database_stops_the_run_and_the_next_goes_on(
    years: Years, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    years.add(5)
    years.pass_days(401)
    years.add()
    remove = years.store.remove
    failing = iter([True])

    def fail_once(account: str, limit: int, only: Collection[Pending] | None = None) -> int:
        if account == "1" and years.trail.head("1").first and next(failing, False):
            raise StoreFailed
        return remove(account, limit, only)

    monkeypatch.setattr(years.store, "remove", fail_once)
    with pytest.raises(StoreFailed):
        years.retention.run("1")
    assert years.left() == [0, 1, 2, 3, 4, 5, 6]
    assert years.retention.run("1") is None
    assert years.left() == [5, 6]
    years.verify()
