"""What the page on attaching shows works: its commands, its file on its tables, and its tables of keys."""

import os
import re
import shlex
import sqlite3
import subprocess
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.attaching.config import Config, Recorded
from tests.attach.installation import Installation, PostgresqlInstallation, SqliteInstallation
from tests.commands.processes import PROGRAMS

PAGE = (Path(__file__).parents[2] / "docs" / "attaching.md").read_text(encoding="utf-8")
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
TABLES, _ROLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
(FILE,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def statements() -> list[str]:
    return [each for each in TABLES.split(";\n") if each.strip()]


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    if request.param == "sqlite":
        return SqliteInstallation(tmp_path)
    return PostgresqlInstallation(request.getfixturevalue("postgresql"), tmp_path)


def test_the_page_s_commands_run_in_turn(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "desk.db")) as connection:
        connection.executescript(TABLES)
        before = set(connection.execute("SELECT name, sql FROM sqlite_master"))
    said = []
    environment = dict(os.environ)
    for line in COMMANDS.splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environment[name] = value
            continue
        done = subprocess.run(
            [str(PROGRAMS / words[0]), *words[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (line, done.stderr)
        said.append(done.stdout)
        if "--config" in line:
            with closing(sqlite3.connect(tmp_path / "desk.db")) as connection, connection:
                connection.execute("INSERT INTO accounts VALUES (1, 'Alder')")
    assert said[0].startswith("Wrote capture.toml: 6 tables to record, 1 to ignore.")
    assert said[-1] == "Nothing of capture is left.\n"
    with closing(sqlite3.connect(tmp_path / "trail.db")) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone()[0] >= 1
    with closing(sqlite3.connect(tmp_path / "desk.db")) as connection:
        left = set(connection.execute("SELECT name, sql FROM sqlite_master")) - before
        assert {name for name, _ in left} == {"sqlite_sequence"}


def test_the_page_s_file_records_its_tables(installation: Installation) -> None:
    installation.write(*statements())
    installation.attach(FILE)
    installation.act(
        "INSERT INTO accounts VALUES (1, 'Alder')",
        "INSERT INTO users VALUES (7, 'Ada', 'digest')",
        "INSERT INTO account_users VALUES (1, 1, 7)",
        "INSERT INTO channel_api VALUES (3, 'https://a.example', 'hmac')",
        "INSERT INTO inboxes VALUES (4, 1, 'Support', 'Channel::Api', 3)",
        "INSERT INTO conversations VALUES (5, 4, 'Hello', NULL)",
        "INSERT INTO sessions VALUES (1, 'x')",
    )
    installation.write("UPDATE channel_api SET webhook_url = 'https://b.example'")
    assert [f"{action} {record}" for action, record, _ in installation.said()] == [
        *("create user 7", "create account_user 1", "create inbox 4", "create conversation 5"),
        "update inbox 4",
    ]
    changes = installation.said()[-1][2]
    assert changes == {"channel.webhook_url": ("https://a.example", "https://b.example")}


def test_a_draft_looks_like_the_page_s_file(installation: Installation) -> None:
    installation.write(*statements())
    drafted: dict[str, Any] = tomllib.loads(installation.draft_text())
    shown: dict[str, Any] = tomllib.loads(FILE)
    assert drafted["tables"].keys() == shown["tables"].keys()
    for name, table in shown["tables"].items():
        if name != "account_users":
            assert drafted["tables"][name] == table
    assert drafted["ignored"].keys() == shown["ignored"].keys()


def test_every_key_of_the_file_is_described_and_no_other_is() -> None:
    tables = [
        PAGE.partition(head)[2].partition("\n\n")[0] for head in ("| key at the top", "| key of")
    ]
    top, of_table = ([*re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)] for table in tables)
    fields = {field.name for field in msgspec.structs.fields(Config)} - {"tables", "ignored"}
    assert {*top} == fields
    assert {*of_table} == {field.name for field in msgspec.structs.fields(Recorded)}
