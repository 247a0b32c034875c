"""`audit-trail capture sync` makes triggers match the watch list that the database itself keeps."""

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from live_agent.database import Database
from live_agent.watching import WATCH
from tests.commands.processes import PROGRAMS, run

Place = tuple[str, Callable[[str], None]]


def sync(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("capture", "sync", *([url] if url else []), program="audit-trail", **environment)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The URL of a database with Live Agent's tables and triggers, and what runs a statement in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'live-agent.db'}"
    else:
        server = request.getfixturevalue("postgresql")
        url = server.url(server.database())

    def shell(statement: str) -> None:
        if request.param == "sqlite":
            with closing(sqlite3.connect(tmp_path / "live-agent.db")) as connection:
                connection.execute(statement)
                connection.commit()
        else:
            with psycopg.connect(url) as connection:
                connection.execute(statement.encode())

    with closing(Database(url)) as database:
        database.prepare()
    return url, shell


def test_a_trigger_that_is_gone_comes_back_and_is_named_once(place: Place) -> None:
    url, shell = place
    is_file = url.startswith("sqlite")
    name = "audit_teams_update" if is_file else "00_audit_update"
    shell(f"DROP TRIGGER {name}" if is_file else f'DROP TRIGGER "{name}" ON teams')
    first, second = sync(url), sync("", AUDIT_TRAIL_DATABASE_URL=url)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    changed, said = first.stdout.splitlines()
    assert changed.startswith(f"changed: {name}")
    assert said.startswith(f"The triggers of {len(WATCH.tables)} tables in ")
    assert second.stdout == said + "\n"


def test_a_column_that_was_added_is_watched_from_now_on(place: Place) -> None:
    url, shell = place
    shell("ALTER TABLE teams ADD COLUMN motto VARCHAR")
    assert "changed: " in sync(url).stdout
    assert sync(url).stdout.startswith(f"The triggers of {len(WATCH.tables)} tables")


def test_a_database_without_a_watch_list_says_what_to_do(tmp_path: Path, postgresql) -> None:
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    path.touch()
    for url in (f"sqlite:///{path}", postgresql.url(postgresql.database())):
        refused = sync(url)
        assert refused.returncode == 1
        assert refused.stderr == (
            "audit-trail: The database keeps no watch list yet. Attach it by `audit-trail attach`, "
            "or have its application sync capture.\n"
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////no/such/file.db", "There is no database /no/such/file.db."),
        ("mysql://ada:s3cret@host/name", "The URL of a database must look like"),
        ("postgresql://ada:s3cret@127.0.0.1:1/name", "postgresql://127.0.0.1:1/name failed: "),
    ],
)
def test_what_is_wrong_is_one_line_without_the_password(url: str, said: str) -> None:
    refused = sync(url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "s3cret" not in refused.stderr


def test_help_needs_no_database() -> None:
    program = (
        "import sys; sys.argv = ['audit-trail', 'capture', '--help']\n"
        "from audit_trail.cli.command import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('sqlalchemy', 'psycopg', 'litestar') if name in sys.modules])"
    )
    answered = subprocess.run(
        [str(PROGRAMS / "python"), "-c", program], capture_output=True, text=True, check=True
    )
    assert "sync" in answered.stdout
    assert answered.stdout.splitlines()[-1] == "[]"
