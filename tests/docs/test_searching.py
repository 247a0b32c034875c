"""Every example of the page about searching finds what the page says it does."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.errors import QuestionRefused
from audit_trail.record.catalog import Catalog, Kind
from audit_trail.record.entry import ActorId, Entry
from audit_trail.record.matching import matches
from audit_trail.record.question import understand
from tests.record.entries import entry

PAGE = (Path(__file__).parents[2] / "docs" / "searching.md").read_text()
CATALOG = Catalog(kinds={"automation_rule": Kind(name="automation rule")})
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]


def told(name: str, **given: Any) -> Entry:
    return entry(**{"occurred_at": at(2026, 11, 24, 11), "reason": name, **given})


ENTRIES = {
    "renamed": told(
        "renamed",
        number="1564",
        changes={"name": ("Support", "Support Berlin")},
        ip="203.0.113.7",
        request="req-42",
        details={"undoes": {"index": 122, "id": "018f0000-0000-7000-8000-000000000122"}},
    ),
    "sales": told("sales", action="create", label="Sales", via="api", occurred_at=at(2026, 10, 3)),
    "promoted": told(
        "promoted",
        type="account_user",
        changes={"role": ("agent", "administrator")},
        actor=ActorId(kind="user", id="7"),
        email="ada@example.com",
        occurred_at=at(2026, 11, 1, 14),
    ),
    "demoted": told(
        "demoted",
        type="account_user",
        changes={"role": ("administrator", "agent")},
        occurred_at=at(2026, 11, 7),
    ),
    "rule": told(
        "rule",
        action="delete",
        type="automation_rule",
        actor=ActorId(kind="ai_agent", id="3"),
        on_behalf_of=({"email": "ada@example.com"},),
        occurred_at=at(2026, 11, 13),
    ),
    "filled": told("filled", changes={"greeting": (None, "Hello")}, occurred_at=at(2026, 11, 20)),
    "moved": told(
        "moved", changes={"city": ("Berlin", "Bonn")}, via="cli", occurred_at=at(2026, 11, 19)
    ),
    "refused": told(
        "refused", action="sign_in_failed", outcome="failure", occurred_at=at(2026, 11, 18)
    ),
}
LATER = {"renamed", "filled", "moved", "refused"}
FOUND = {
    "support": {"renamed"},
    "support berlin": {"renamed"},
    '"support berlin"': {"renamed"},
    "supp*": {"renamed"},
    "support OR sales": {"renamed", "sales"},
    "(support OR sales) -berlin": {"sales"},
    "#1564": {"renamed"},
    "203.0.113.7": {"renamed"},
    "actor:ada": {"promoted"},
    "actor:user/7": {"promoted"},
    "on_behalf_of:ada": {"rule"},
    "action:deleted": {"rule"},
    'entity:"automation rule"': {"rule"},
    "id:1564": {"renamed"},
    "field:role": {"promoted", "demoted"},
    "field:role from:agent to:administrator": {"promoted"},
    "to:administrator": {"promoted"},
    "from:none": {"filled"},
    "before:berlin": {"moved"},
    "via:api,cli": {"sales", "moved"},
    "ip:203.0.113.0/24": {"renamed"},
    "outcome:failed": {"refused"},
    "request:req-42": {"renamed"},
    "undoes:123": {"renamed"},
    "-actor:ada action:deleted": {"rule"},
    "date:2026-11-01": {"promoted"},
    "date:2026-11": set(ENTRIES) - {"sales"},
    "date:2026-11-01..2026-11-07": {"promoted"},
    "date:..2026-11-01": {"sales"},
    "date:-7d": LATER,
    "date:-2w..-1w": {"rule"},
    "date:today": {"renamed"},
    "time:18:00..08:00": set(ENTRIES) - {"renamed", "promoted"},
    "day:sat,sun": {"sales", "promoted", "demoted"},
}


def test_every_example_of_the_page_is_tried_here() -> None:
    assert re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE) == list(FOUND)


@pytest.mark.parametrize(("text", "names"), FOUND.items())
def test_an_example_finds_what_the_page_says(text: str, names: set[str]) -> None:
    now_us = int(NOW.timestamp()) * 1_000_000
    where = understand(text, zone=UTC, now_us=now_us, catalog=CATALOG).where
    assert {name for name, each in ENTRIES.items() if matches(where, each)} == names


def test_the_page_s_wrong_question_is_refused_with_its_right_one() -> None:
    with pytest.raises(QuestionRefused) as refused:
        understand("user:ada", zone=UTC, now_us=0)
    assert refused.value.suggestion == "actor:ada"


def test_an_erased_part_is_not_found_by_what_it_said() -> None:
    erased = msgspec.structs.replace(ENTRIES["promoted"], who=None, what=None)
    for text, is_found in [("to:administrator", False), ("-ada", True), ("field:role", True)]:
        assert matches(understand(text, zone=UTC, now_us=0).where, erased) is is_found
