"""Forms read and write what the settings hold, without a change that nobody made."""

import pytest

from live_agent.pages.clauses import (
    actions_from,
    actions_of,
    clauses_sent,
    conditions_from,
    conditions_of,
)
from live_agent.pages.week import days_of, days_sent, hours_of
from live_agent.settings.automation import actions, conditions
from live_agent.settings.working_hours import WEEK, working_hours

NAMES = {"teams": {3: "Tier 1", 4: "Tier 2", 5: "Twin", 6: "Twin"}, "inboxes": {8: "Support"}}


def condition(key: str, values: list[object], joined: str | None = None) -> dict[str, object]:
    return {
        "attribute_key": key,
        "filter_operator": "equal_to",
        "values": values,
        "query_operator": joined,
    }


def test_a_rule_that_nobody_edited_stays_as_it_is() -> None:
    stored = [
        condition("team_id", [3, 99], "or"),
        condition("content", ["a, b", "two\nlines", 4]),
    ]
    rows = conditions_of(stored, NAMES)
    assert [row.values for row in rows] == ["Tier 1 (#3)\n99", "a, b\ntwo\nlines\n4"]
    assert conditions(conditions_from(rows, NAMES, stored)) == stored
    done = [{"action_name": "send_message", "action_params": ["Hello,\nyou"]}]
    assert actions(actions_from(actions_of(done, NAMES), NAMES, done)) == done


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Tier 2 (#4)", [4]),
        ("tier 2", [4]),
        ("4\n3", [4, 3]),
        ("twin", ["twin"]),
        ("Tier 9", ["Tier 9"]),
        ("", []),
    ],
)
def test_a_team_is_read_by_its_name_or_number(typed: str, read: list[object]) -> None:
    rows = clauses_sent({"action_subject": ["assign_team"], "action_values": [typed]}, "action")
    assert actions_from(rows, NAMES)[0]["action_params"] == read


def test_empty_rows_are_left_out_and_half_filled_ones_kept() -> None:
    sent = {
        "condition_subject": ["", "status", ""],
        "condition_operator": ["equal_to", "equal_to", "equal_to"],
        "condition_values": ["", "open\r\npending", "left"],
        "condition_joined": ["and", "or"],
    }
    rows = clauses_sent(sent, "condition")
    assert [(row.subject, row.values) for row in rows] == [
        ("status", "open\npending"),
        ("", "left"),
    ]
    assert clauses_sent({}, "condition") == []


def test_a_week_comes_back_as_it_was() -> None:
    stored = working_hours([{**day, "open_all_day": day["day_of_week"] == 3} for day in WEEK])
    assert working_hours(hours_of(days_of(stored))) == stored
    assert [day.name for day in days_of(stored)][::6] == ["Monday", "Sunday"]


@pytest.mark.parametrize("time", ["", "soon", "25:00", "9", "09:60"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    sent = {f"day_{number}_state": ["closed"] for number in range(7)}
    sent |= {"day_1_state": ["open"], "day_1_opens": [time], "day_1_closes": ["17:00"]}
    with pytest.raises(ValueError, match="Monday"):
        working_hours(hours_of(days_sent(sent)))
