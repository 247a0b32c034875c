"""The catalogue lists all that is recorded; what it doesn't know reads sensibly all the same."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit_trail.record.entry import ActorId, Entity, Public, What
from audit_trail.record.sentence import EVENTS, activity
from live_agent.auditing.catalogue import OPERATIONS, catalogue
from live_agent.auditing.events import ABOUT
from live_agent.catalog import CATALOG, ENTITY_TYPES
from live_agent.cli import app
from live_agent.schema import Record
from live_agent.watching import WATCH

SOURCE = Path(__file__).parents[2] / "src"
NOTING = {"Event": "action", "Telling": "action", "own_draft": 2, "_of_person": 1}
"""What makes events, and where the action stands."""


def test_every_table_is_recorded_or_left_out_with_a_reason() -> None:
    found = catalogue()
    tables = {each.name for each in WATCH.tables} | {each.table for each in found.ignored}
    assert tables == set(Record.metadata.tables) | {"alembic_version"}
    assert [each.type for each in found.entities if each.type not in CATALOG.kinds] == []
    assert {each.contract for each in found.entities} <= set(ENTITY_TYPES)
    for each in found.entities:
        assert each.left_out or each.actions == OPERATIONS, each.type
    assert all(each.reason for each in found.ignored)


def test_every_event_says_what_it_means_and_whose_it_is() -> None:
    assert {*EVENTS, *CATALOG.events} <= set(ABOUT)
    for event in catalogue().events:
        assert event.sentence and event.description and event.role and event.trail, event.action


def actions_in(path: Path) -> Iterator[str]:
    """The actions of the events that a module makes, so far as they are written in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        place = NOTING.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
        given: ast.expr | None = None
        if isinstance(place, str):
            given = next((each.value for each in node.keywords if each.arg == place), None)
        elif isinstance(place, int) and place < len(node.args):
            given = node.args[place]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            yield given.value
        elif isinstance(given, ast.Name) and given.id in constants:
            yield constants[given.id]


def test_every_event_that_the_source_makes_is_listed() -> None:
    made = {
        action
        for folder in ("audit_trail", "live_agent")
        for path in (SOURCE / folder).rglob("*.py")
        for action in actions_in(path)
    }
    assert {"sign_in", "sign_in_failed", "read_denied", "drop"} <= made
    assert made <= {event.action for event in catalogue().events}


def test_secrets_are_marked_and_keys_and_accounts_are_no_fields() -> None:
    entities = {each.type: each for each in catalogue().entities}
    secrets = {
        (each.type, field.name)
        for each in entities.values()
        for field in each.fields
        if field.is_secret
    }
    assert secrets == {
        ("user", "password_hash"),
        ("inbox", "hmac_token"),
        ("webhook", "secret"),
        ("access_token", "token_hash"),
        ("saved_view", "webhook_secret"),
    }
    assert [field.name for field in entities["team"].fields] == [
        "name",
        "description",
        "allow_auto_assign",
    ]
    assert entities["webhook"].name == "webhook or inbox webhook"
    assert entities["conversation"].actions == ("delete",)


def test_the_command_prints_it_for_people_and_programs() -> None:
    runner = CliRunner()
    said = runner.invoke(app, ["audit", "catalog"])
    assert said.exit_code == 0
    for words in ("canned response", "Signed in", "sign_in_failed", "table exports", "(secret)"):
        assert words in said.output
    found = json.loads(runner.invoke(app, ["audit", "catalog", "--json"]).output)
    assert set(found) == {"entities", "events", "ignored"}
    assert {each["type"] for each in found["entities"]} == {each.entity for each in WATCH.tables}


@pytest.mark.parametrize(
    ("action", "kind", "sentence"),
    [
        ("create", "voice_bot", "Created a new voice bot (#7)"),
        ("update", "app_user", "Updated an app user (#7)"),
        ("merge_contacts", "contact", "Merge contacts"),
    ],
)
def test_what_is_not_in_the_catalog_reads_by_its_own_name(
    action: str, kind: str, sentence: str
) -> None:
    public = Public(
        v=1,
        id="0" * 36,
        account="1",
        outcome="success",
        action=action,
        entity=Entity(type=kind, id="7"),
        actor=ActorId(kind="system"),
        occurred_at=0,
        recorded_at=0,
        via="database",
    )
    assert activity(public, What(), CATALOG) == sentence
