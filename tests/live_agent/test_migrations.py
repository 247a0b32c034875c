"""A migration leaves the tables as the schema says, the triggers as generated, and no entry."""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.credentials import digest
from audit_trail.errors import WatchRefused
from live_agent.access import create_token, person_of_token
from live_agent.database import SYNC_COMMAND, Database
from live_agent.errors import DatabaseFailed, DatabaseOutdated, Invalid
from live_agent.migrations.history import VERSIONS, migrate
from live_agent.schema import SCHEMA_VERSION, AccessToken, Record, User
from live_agent.settings import accounts, teams
from live_agent.watching import WATCH

NEXT = Path(__file__).parent / "next_versions"


def waiting(any_database: Database) -> int:
    table = "audit_trail.outbox" if any_database.is_postgresql else "audit_outbox"
    with any_database.engine.connect() as connection:
        statement = f"SELECT count(*) FROM {table} WHERE operation <> 'note'"
        return int(connection.exec_driver_sql(statement).scalar_one())


def require_current(any_database: Database) -> None:
    with any_database.engine.connect() as connection:
        capture.require_current(connection, WATCH, SYNC_COMMAND)


def _said(options: Mapping[str, object]) -> dict[str, str]:
    """An index's condition is equal to no other until it is text."""
    return {name: str(value) for name, value in options.items()}


def described(connection: Connection) -> dict[str, object]:
    """Everything that the database says of its tables, defaults included."""
    found = inspect(connection)
    return {
        name: (
            [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(found.get_foreign_keys(name), key=str),
            sorted(found.get_unique_constraints(name), key=str),
            sorted(
                [
                    {**each, "dialect_options": _said(each.get("dialect_options", {}))}
                    for each in found.get_indexes(name)
                ],
                key=str,
            ),
        )
        for name in found.get_table_names()
        if name in Record.metadata.tables
    }


def test_the_migrated_tables_are_those_of_the_schema(any_database: Database) -> None:
    with any_database.engine.begin() as connection:
        migrate(connection)
        migrated = described(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Record.metadata) == []
        Record.metadata.drop_all(connection)
        Record.metadata.create_all(connection)
        assert described(connection) == migrated
    assert len(migrated) == len(Record.metadata.tables)


def test_the_newest_version_is_the_one_that_the_start_asks_for() -> None:
    scripts = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
    assert scripts.get_heads() == [SCHEMA_VERSION]


def founded(any_database: Database) -> int:
    """Prepare the any_database, and return the id of a team beyond which a later one was deleted."""
    any_database.prepare()
    with any_database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"})
        kept = teams.create(db, account.id, {"name": "Tier 1", "description": "First"})
        teams.delete(db, teams.create(db, account.id, {"name": "Tier 2"}))
    return kept.id


def test_a_watched_table_is_rebuilt_or_altered_without_an_entry(any_database: Database) -> None:
    kept = founded(any_database)
    before = waiting(any_database)
    with capture.migrating(any_database.engine, WATCH) as connection:
        migrate(connection, versions=(VERSIONS, NEXT))
    assert waiting(any_database) == before
    require_current(any_database)
    with any_database.engine.begin() as connection:
        assert connection.execute(text("SELECT id, name, purpose, motto FROM teams")).all() == [
            (kept, "Tier 1", "First", None)
        ]
        connection.execute(text("UPDATE teams SET motto = 'On we go'"))
        connection.execute(text("INSERT INTO teams (account_id, name) VALUES (1, 'Tier 3')"))
        # The deleted team's id isn't used again, though the table was made anew without it.
        assert connection.execute(text("SELECT max(id) FROM teams")).scalar_one() == kept + 2
    assert waiting(any_database) == before + 2


def test_a_rebuilt_table_that_would_use_ids_again_is_refused(tmp_path: Path) -> None:
    forgetful = tmp_path / "version_7.py"
    forgetful.write_text(
        (NEXT / "version_7.py").read_text().replace("sqlite_autoincrement", "sqlite_with_rowid")
    )
    with closing(Database(tmp_path / "live-agent.db")) as database:
        founded(database)
        with (
            pytest.raises(DatabaseFailed, match="would let teams use its ids again"),
            capture.migrating(database.engine, WATCH) as connection,
        ):
            migrate(connection, versions=(VERSIONS, tmp_path))
        database.prepare()


def test_a_migration_that_fails_is_undone_as_a_whole(any_database: Database) -> None:
    founded(any_database)
    before = waiting(any_database)

    def fail_at_the_end() -> None:
        with capture.migrating(any_database.engine, WATCH) as connection:
            migrate(connection, versions=(VERSIONS, NEXT))
            connection.exec_driver_sql("SELECT no_such_column FROM teams")

    with pytest.raises(DBAPIError):
        fail_at_the_end()
    assert waiting(any_database) == before
    any_database.prepare()
    with any_database.reading() as db:
        assert [team.description for team in teams.listed(db, 1)] == ["First"]


def test_a_migration_that_leaves_orphans_is_undone_as_a_whole(any_database: Database) -> None:
    founded(any_database)

    def orphan_the_team() -> None:
        with capture.migrating(any_database.engine, WATCH) as connection:
            connection.exec_driver_sql("ALTER TABLE accounts RENAME TO firms")
            connection.exec_driver_sql("UPDATE teams SET account_id = 99")

    with pytest.raises((WatchRefused, DBAPIError)):
        orphan_the_team()
    any_database.prepare()


def test_a_database_of_an_earlier_version_stops_the_start_with_the_command(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_database.prepare()
    monkeypatch.setattr("live_agent.database.SCHEMA_VERSION", "7")
    with pytest.raises(DatabaseOutdated, match=f"has schema 6, .* needs 7. Run: {SYNC_COMMAND}"):
        any_database.prepare()


def test_tokens_that_know_no_scope_stay_what_they_were(
    any_database: Database, tmp_path: Path
) -> None:
    shutil.copy(VERSIONS / "version_1.py", tmp_path)
    with any_database.engine.begin() as connection:
        migrate(connection, versions=(tmp_path,))
        connection.execute(text("INSERT INTO users (name, email) VALUES ('Ada', 'ada@a.example')"))
        connection.execute(
            text("INSERT INTO access_tokens (user_id, name, token_hash) VALUES (1, 'old', :hash)"),
            [{"hash": digest(secret)} for secret in ("kept", "deleted")],
        )
        connection.execute(text("DELETE FROM access_tokens WHERE id = 2"))
    any_database.sync()
    any_database.prepare()
    assert waiting(any_database) == 0
    with any_database.transaction() as db:
        person = person_of_token(db, "kept")
        assert person is not None and person.token is not None
        assert (person.token.id, person.scope, person.token.account_id) == (1, None, None)
        create_token(db, 1, "new")
        assert db.scalar(text("SELECT max(id) FROM access_tokens")) == 3


@pytest.mark.parametrize(
    "columns",
    [
        {"scope": "audit_trail"},
        {"account_id": 1},
        {"scope": "audit_trail", "account_id": 1, "user_id": 1},
    ],
)
def test_the_database_keeps_a_scope_to_one_account_of_its_person(
    any_database: Database, columns: dict[str, Any]
) -> None:
    any_database.prepare()
    with any_database.transaction() as db:
        accounts.create(db, {"name": "Alder"})
        db.add(User(name="Ada", email="ada@alder.example"))
    with pytest.raises(Invalid, match="conflicts"), any_database.transaction() as db:
        db.add(AccessToken(**{"user_id": 1, **columns}, name="x", token_hash="x"))


def test_a_file_of_the_first_release_is_adopted_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "live-agent.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "first_release.sql").read_text())
    with closing(Database(path)) as database:
        with pytest.raises(DatabaseOutdated, match=f"has schema 1, .* Run: {SYNC_COMMAND}"):
            database.prepare()
        database.sync()
        database.prepare()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (SCHEMA_VERSION,)
        ]
        assert connection.execute("SELECT name FROM teams").fetchall() == [("Tier 1",)]
        # What waited, and the note that capture was looked at for the first time.
        waiting = "SELECT operation = 'note', count(*) FROM audit_outbox GROUP BY 1"
        assert connection.execute(waiting).fetchall() == [(0, 4), (1, 1)]
        last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'teams'")
        assert last.fetchall() == [(2,)]
