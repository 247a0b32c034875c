"""The log of a real server: what was asked and how it ended, and nothing of what came with it."""

import io
import json
import logging
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from live_agent.database import Database
from live_agent.founding import create_account, create_user
from live_agent.logs import configure_logs
from tests.commands.processes import run, serving

SECRET = "xyzzy-7c1f"
PASSWORD = "correct horse battery"
EMAIL = f"{SECRET}@alder.example"


def secret(where: str) -> str:
    """A secret that says where it was sent, should it turn up."""
    return f"{SECRET}-{where}"


@pytest.fixture
def founded(tmp_path: Path) -> tuple[Path, str]:
    """A data directory with an administrator, and their token."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(folder / "live-agent.db")
    database.prepare()
    account = create_account(database, "Alder Travel", "UTC")
    person = create_user(database, account, EMAIL, secret("name"), "administrator", PASSWORD)
    database.close()
    return folder, person.token


@pytest.fixture
def untouched() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    before = root.handlers, root.level, sys.excepthook, threading.excepthook
    yield
    root.handlers, level, sys.excepthook, threading.excepthook = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_secret_sent_anywhere_never_reaches_the_log(
    founded: tuple[Path, str], tmp_path: Path
) -> None:
    folder, token = founded
    log = tmp_path / "log"
    headers = {
        "authorization": f"Bearer {secret('authorization')}",
        "cookie": f"live_agent_session={secret('cookie')}; other={secret('other')}",
        "user-agent": secret("agent"),
        "referer": f"https://elsewhere.example/{secret('referer')}",
        "x-forwarded-for": secret("forwarded"),
        "x-request-id": secret("request"),
        "accept": "text/html",
    }
    with serving(folder, log) as served, httpx2.Client(base_url=served.url, timeout=30) as client:
        teams = "/api/v1/accounts/1/teams"
        for path in (
            "/",
            teams,
            f"/{secret('path')}",
            "/health/ready",
            "/metrics",
            "/static/app.css",
        ):
            client.get(path, params={"q": secret("query")}, headers=headers)
        client.request(f"M{SECRET}", teams)
        for path in ("/auth/sign_in", "/sign-in"):
            wrong = {"email": EMAIL, "password": secret("password")}
            client.post(path, json=wrong)
            client.post(path, data=wrong)
        assert client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}).is_redirect
        client.cookies.clear()
        mine = {"api_access_token": token}
        body = {"name": secret("body"), "description": secret("body")}
        assert client.post(teams, json=body, headers=mine).status_code == 200
        assert client.post(teams, content=f'{{"{SECRET}', headers=mine).status_code >= 400
        with closing(sqlite3.connect(folder / "live-agent.db", isolation_level=None)) as shell:
            # The driver's error would repeat the statement's parameters.
            shell.execute("PRAGMA legacy_alter_table = ON")
            shell.execute("ALTER TABLE audit_outbox RENAME TO gone")
            again = {"name": secret("again")}
            assert client.post(teams, json=again, headers=mine).status_code == 503
            shell.execute("ALTER TABLE gone RENAME TO audit_outbox")
    for unwanted in (SECRET, token, PASSWORD, "alder.example", "Traceback"):
        assert unwanted not in log.read_text()

    lines = lines_of(log)
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    created = [line for line in lines if line.get("method") == "POST" and line.get("account") == 1]
    assert [line["status"] for line in created if line["event"] == "answered"] == [200, 422, 503]
    assert all(line["duration_ms"] > 0 for line in created if line["event"] == "answered")
    failed = next(line for line in lines if line["event"] == "a request failed")
    assert failed["request"] == created[-1]["request"]
    assert "audit_trail.errors.ChangeRefused: The change was refused" in failed["exception"]
    assert "OperationalError" in failed["exception"]

    with closing(sqlite3.connect(folder / "trail.db")) as trail:
        requests = [row[0] for row in trail.execute("SELECT public ->> 'request' FROM entries")]
    assert created[0]["request"] in requests


def test_libraries_and_warnings_and_dying_threads_speak_in_the_same_form(untouched: None) -> None:
    stream = io.StringIO()
    configure_logs("json", stream)
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("took %d s", 3, extra={"secret": SECRET})
    thread = threading.Thread(target=lambda: int(SECRET), name="sequencer")
    thread.start()
    thread.join()
    library, died = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (library["event"], library["level"]) == ("took 3 s", "warning")
    assert library.keys() == {"event", "level", "logger", "timestamp"}
    assert died["level"] == "critical"
    assert died["exception"].startswith("builtins.ValueError\n  threading.py:")
    assert SECRET not in stream.getvalue()


def test_an_error_of_ours_is_told_whole_and_what_it_came_from_by_kind(untouched: None) -> None:
    stream = io.StringIO()
    configure_logs("json", stream)
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise sqlite3.OperationalError("disk I/O error") from error
    except sqlite3.OperationalError:
        logging.getLogger("live_agent.here").exception("failed")
    (line,) = [json.loads(each) for each in stream.getvalue().splitlines()]
    told = line["exception"].splitlines()
    assert told[0] == "sqlite3.OperationalError: disk I/O error"
    assert told[2] == "builtins.ValueError"
    assert "test_logs.py" in told[1]


@pytest.mark.parametrize(
    ("form", "is_terminal", "is_json"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("json", True, True),
        ("console", False, False),
    ],
)
def test_people_on_a_terminal_get_lines_for_people(
    untouched: None, form: Any, is_terminal: bool, is_json: bool
) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    configure_logs(form, stream)
    logging.getLogger("live_agent.here").info("answered", extra={"route": "/teams"})
    assert stream.getvalue().startswith("{") is is_json
    assert "/teams" in stream.getvalue()


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    refused = run("serve", "--log-format", "xml", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "xml" in refused.stderr
