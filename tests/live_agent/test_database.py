"""The database's file: made ready, checked at start, and clear about what is wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.errors import CaptureOutdated
from live_agent.app import problem_of
from live_agent.database import Database
from live_agent.errors import DatabaseBusy, DatabaseFailed, DatabaseOutdated, Invalid
from live_agent.schema import Inbox, Record
from live_agent.settings import accounts, inboxes, teams
from live_agent.watching import WATCH


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "live-agent.db")
    opened.prepare()
    yield opened
    opened.close()


def test_a_new_file_is_private_and_can_be_prepared_again(database: Database) -> None:
    assert database.path.stat().st_mode & 0o077 == 0
    database.prepare()


def test_every_table_is_watched_or_left_out_with_a_reason() -> None:
    watched = {table.name for table in WATCH.tables}
    assert watched | set(WATCH.ignored) == {*Record.metadata.tables, "alembic_version"}
    assert watched & set(WATCH.ignored) == set()
    assert all(WATCH.ignored.values())


def test_every_table_but_people_and_accounts_carries_its_account() -> None:
    # Of what isn't watched, exports alone are an account's; each is an entry of its own.
    exempt = {"accounts", "users", *WATCH.ignored} - {"exports"}
    for name, table in Record.metadata.tables.items():
        assert ("account_id" in table.columns) == (name not in exempt), name


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"no database " * 1_000), "file is not a database"),
        (lambda path: path.mkdir(), "unable to open database file"),
    ],
)
def test_a_file_that_is_no_database_is_named_with_the_cause(tmp_path, damage, message) -> None:
    path = tmp_path / "live-agent.db"
    damage(path)
    with closing(Database(path)) as database, pytest.raises(DatabaseFailed) as error:
        database.prepare()
    assert str(error.value) == f"The database {path} failed: {message}"


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "live-agent.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id)")
    with (
        closing(Database(path)) as database,
        pytest.raises(DatabaseOutdated, match="not one of Live Agent"),
    ):
        database.prepare()


def test_a_later_version_s_database_is_left_alone(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '99'")
        connection.commit()
    for use in (database.prepare, database.sync):
        with pytest.raises(DatabaseOutdated, match="schema 99"):
            use()


def test_an_outdated_trigger_stops_the_start_and_sync_creates_it_anew(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("DROP TRIGGER audit_inboxes_update")
    with pytest.raises(CaptureOutdated, match="Run: live-agent database sync"):
        database.prepare()
    database.sync()
    database.prepare()


def test_a_locked_database_is_busy_and_says_so(database: Database, monkeypatch) -> None:
    monkeypatch.setattr("audit_trail.capture.sqlite.connection.BUSY_TIMEOUT_MS", 1)
    with (
        closing(sqlite3.connect(database.path, isolation_level=None)) as other,
        closing(Database(database.path)) as impatient,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="database is locked") as error:
            impatient.transaction().__enter__()
    problem = problem_of(error.value)
    assert (problem.status, problem.headers) == (503, {"Retry-After": "1"})
    assert str(database.path) not in problem.message


def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    def fail_after_a_write() -> None:
        with database.transaction() as db:
            accounts.create(db, {"name": "Alder"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_write()
    with database.reading() as db:
        assert accounts.listed(db) == []


def test_what_the_database_refuses_is_invalid_and_no_failure(database: Database) -> None:
    def take_a_name_twice() -> None:
        with database.transaction() as db:
            account = accounts.create(db, {"name": "Alder"})
            db.add_all([Inbox(account_id=account.id, name="Same") for _ in range(2)])

    with pytest.raises(Invalid):
        take_a_name_twice()


def test_the_context_reaches_the_outbox_and_a_shell_s_write_has_none(database: Database) -> None:
    with acting_as(SYSTEM, Origin(via="cli", request="r-1")), database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"})
        teams.create(db, account.id, {"name": "Tier 1"})
    with closing(sqlite3.connect(database.path)) as shell, shell:
        shell.execute("PRAGMA foreign_keys = ON")
        shell.execute("INSERT INTO inboxes (account_id, name) VALUES (?, 'Shell')", (account.id,))
        rows = shell.execute(
            "SELECT table_name, operation, account, token IS NULL FROM audit_outbox ORDER BY id"
        ).fetchall()
    assert rows == [
        ("accounts", "create", "0", 0),
        ("teams", "create", account.id, 0),
        ("inboxes", "create", account.id, 1),
    ]


def test_ids_are_never_used_again(database: Database) -> None:
    with database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"})
        first = inboxes.create(db, account.id, {"name": "One"})
        inboxes.delete(db, first)
        assert inboxes.create(db, account.id, {"name": "Two"}).id > first.id
