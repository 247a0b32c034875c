"""The page draws what happened: unequal values unequal, and nothing unseen."""

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.record.entry import Entity
from live_agent.catalog import CATALOG
from tests.pages.trail_page import TrailPage

FIELDS = ("conditions", "actions", "name", "subscriptions", "working_hours")

# Few letters, so that unequal values come close to each other; and what draws nothing.
texts = st.text('a1, "[e\u0301\xe9\n\t\x00\u200b\u200d\u202e\xa0👍', max_size=4)
scalars = st.none() | st.booleans() | st.integers(-2, 2) | texts
parts = st.fixed_dictionaries(
    {"action_name": st.just("assign_team"), "action_params": st.lists(scalars, max_size=3)}
)
documents = st.lists(scalars, max_size=3) | st.lists(parts, max_size=3) | scalars
values = scalars | documents.map(lambda value: {"$": "json", "value": value})
PAGE = TrailPage(CATALOG)


def sides(field: str, before: object, after: object) -> list[str]:
    """Before and After as they are drawn, without the marks of what differs."""
    PAGE.add(
        entity=Entity(type="automation_rule", id="1"),
        what={"changes": {field: {"before": before, "after": after}}},
    )
    html = PAGE.get(f"/{PAGE.trail.head('7').size}", HX_Request="true").text
    cells = re.findall(r'<td class="(?:before|after)">(.*?)</td>', html, re.DOTALL)
    return [unicodedata.normalize("NFC", re.sub(r"</?(?:del|ins)>", "", cell)) for cell in cells]


@settings(deadline=None)
@given(st.sampled_from(FIELDS), values, values)
def test_unequal_values_are_never_drawn_equal(field: str, before: object, after: object) -> None:
    if json.dumps(before) != json.dumps(after):
        old, new = sides(field, before, after)
        assert old != new


@pytest.mark.parametrize(
    ("before", "after", "drawn"),
    [
        (
            [["assign_team", [2]], ["add_label", ["a", "b"]]],
            [["assign_team", ["2"]], ["add_label", ["a, b"]]],
            ["assign team 2|add label a, b", 'assign team "2"|add label "a, b"'],
        ),
        (
            [["send_webhook_event", [{"url": "x"}]]],
            [["send_webhook_event", [None]]],
            ['send webhook event {"url": "x"}', "send webhook event null"],
        ),
    ],
)
def test_the_actions_of_a_rule_say_what_they_hold(
    before: list[list[object]], after: list[list[object]], drawn: list[str]
) -> None:
    old, new = (
        {"$": "json", "value": [{"action_name": name, "action_params": each} for name, each in it]}
        for it in (before, after)
    )
    cells = sides("actions", old, new)
    assert [
        "|".join(re.findall(r"<li>(.*?)</li>", cell)).replace("&#34;", '"') for cell in cells
    ] == drawn


def test_what_can_not_be_seen_stands_in_a_box(page: TrailPage) -> None:
    page.add(what={"changes": {"name": {"before": "a\x00b ", "after": "abc\u202edef"}}})
    html = page.get("/1").text
    assert 'a<span class="sign" title="U+0000">NUL</span>b' in html
    assert '<span class="sign" title="U+0020 SPACE">SP</span>' in html
    assert 'abc<span class="sign" title="U+202E RIGHT-TO-LEFT OVERRIDE">U+202E</span>def' in html
    assert html.count("In a box: characters that can&#39;t be seen") == 2
    assert "\x00" not in html and "\u202e" not in html


def test_no_name_or_label_turns_the_line_around(page: TrailPage) -> None:
    page.add(
        number="1\u200b",
        who={"email": "ana\u200b@example.com\u202e", "token": {"name": "crm\u2066"}},
        what={"label": "Support\u202e", "reason": "\x1b[0m", "details": {"k\u202e": "v\u202e"}},
    )
    for address in ("", "/1"):
        html = page.get(address).text
        assert not re.search("[\u200b\u2066\u202e\x1b]", html)
        assert 'Support<span class="sign"' in html
    assert "<title>Updated an inbox (#1U+200B) · Audit Logs" in page.get("/1").text


@pytest.fixture
def page() -> TrailPage:
    return TrailPage()
