"""Every command, setting, error code and endpoint is in the reference."""

import re
from pathlib import Path
from typing import Any

import typer
from litestar.exceptions import (
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from audit_trail.cli.command import app as audit_trail_app
from audit_trail.errors import AuditError
from live_agent import cli
from live_agent.app import build_services, create_app, problem_of
from live_agent.errors import LiveAgentError
from live_agent.operating import OPERATING_PATHS

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def commands(group: Any, prefix: str) -> list[str]:
    names = []
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        names += commands(command, full) if hasattr(command, "commands") else [full]
    return names


def descendants(error: Any) -> set[Any]:
    return {error}.union(*map(descendants, error.__subclasses__()))


def test_every_command_is_described():
    programs = {"live-agent": cli.app, "audit-trail": audit_trail_app}
    names = [
        name
        for program, app in programs.items()
        for name in commands(typer.main.get_command(app), program)
    ]
    assert "audit-trail capture sync" in names
    assert [name for name in names if f"`{name}" not in REFERENCE] == []


def test_every_setting_is_described():
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    settings = set(re.findall(r"(?:LIVE_AGENT|AUDIT_TRAIL)_[A-Z_]+", sources))
    assert "LIVE_AGENT_TRAIL_OWNER_URL" in settings
    assert sorted(name for name in settings if f"`{name}`" not in REFERENCE) == []


def error_codes() -> dict[str, str]:
    """Each code of the reference's table, and the status beside it."""
    table = REFERENCE.partition("## Error codes")[2]
    return dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", table, re.MULTILINE))


def test_every_error_code_is_described_with_its_status_and_no_other_is():
    errors = [each() for tree in (AuditError, LiveAgentError) for each in descendants(tree)]
    # What the framework raises, and what nobody foresaw.
    errors += [
        NotFoundException(),
        MethodNotAllowedException(),
        RequestEntityTooLarge(),
        ValidationException(),
        RuntimeError(),
    ]
    answered = {(problem.code, problem.status) for problem in map(problem_of, errors)}
    described = error_codes()
    assert sorted({code for code, _ in answered} ^ described.keys()) == []
    # A dash stands for an error that only a command or a log shows.
    assert [
        (code, status)
        for code, status in sorted(answered)
        if described[code] != str(status) and (status < 500 or described[code] != "-")
    ] == []


def test_every_endpoint_is_described(tmp_path):
    app = create_app(build_services(tmp_path))
    paths = {re.sub(r":\w+\}", "}", route.path) for route in app.routes}
    endpoints = {
        path for path in paths if path.startswith(("/api/v1/", "/auth/", *OPERATING_PATHS))
    }
    assert len(endpoints) > 20
    assert "/health/ready" in endpoints
    described = REFERENCE.replace("…", "/api/v1/accounts/{account_id}")
    assert sorted(path for path in endpoints if path.rstrip("/") not in described) == []


def test_the_glossary_has_the_house_s_words():
    glossary = (ROOT / "docs" / "glossary.md").read_text().lower()
    words = "account actor origin entity action change entry outbox sequencer trail index leaf request store"
    assert [word for word in words.split() if word not in glossary] == []
