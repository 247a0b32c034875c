"""What fields accept, by themselves: forms, hours, rules, addresses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_agent.settings import (
    accounts,
    agents,
    automation_rules,
    canned_responses,
    inboxes,
    labels,
    macros,
    skills,
    teams,
    webhooks,
)
from live_agent.settings.automation import actions, conditions
from live_agent.settings.fields import checked, email, from_form, timezone, url
from live_agent.settings.working_hours import WEEK, working_hours

MONDAY = {
    "day_of_week": 1,
    "closed_all_day": False,
    "open_all_day": False,
    "open_hour": 9,
    "open_minutes": 0,
    "close_hour": 17,
    "close_minutes": 30,
}


def test_a_form_s_texts_become_values() -> None:
    form = {
        "name": "Support",
        "greeting_enabled": ["0", "1"],
        "greeting_message": "Hello\r\nthere",
        "webhook_url": " ",
        "working_hours": "[]",
    }
    names = (
        "name",
        "greeting_enabled",
        "enable_auto_assignment",
        "greeting_message",
        "webhook_url",
        "working_hours",
    )
    assert from_form(inboxes.FIELDS, form, names) == {
        "name": "Support",
        "greeting_enabled": True,
        "enable_auto_assignment": False,
        "greeting_message": "Hello\nthere",
        "webhook_url": None,
        "working_hours": [],
    }


def test_a_form_s_lists_and_numbers_become_values_and_what_can_t_is_refused() -> None:
    form = {"subscriptions": ["message_created", ""], "inbox_id": "7", "url": "https://a.example/"}
    names = ("url", "subscriptions", "inbox_id")
    values = from_form(webhooks.FIELDS, form, names)
    assert values == {
        "url": "https://a.example/",
        "subscriptions": ["message_created"],
        "inbox_id": 7,
    }
    wrong = from_form(webhooks.FIELDS, {**form, "inbox_id": "seven"}, names)
    assert checked(webhooks.FIELDS, wrong).errors == {"inbox_id": "Inbox must be a whole number."}
    rule = from_form(automation_rules.FIELDS, {"conditions": "{"}, ["conditions"])
    assert checked(automation_rules.FIELDS, rule, partial=True).errors == {
        "conditions": "Conditions must be a list of objects."
    }


def test_a_missing_field_is_an_error_only_where_the_whole_is_asked_for() -> None:
    assert checked(teams.FIELDS, {}).errors == {"name": "Name is required."}
    assert checked(teams.FIELDS, {}, partial=True) == ({}, {})
    assert checked(agents.FIELDS, {"unknown": 1}, partial=True) == ({}, {})


def test_a_week_is_kept_in_its_order_with_every_part() -> None:
    sunday = {"day_of_week": 0, "closed_all_day": True, "open_hour": 9}
    assert working_hours([MONDAY, sunday]) == [
        {**WEEK[0], "closed_all_day": True},
        MONDAY,
    ]
    assert working_hours(list(WEEK)) == list(WEEK)


@pytest.mark.parametrize(
    "week",
    [
        None,
        {},
        [1],
        [{}],
        [MONDAY, MONDAY],
        [{**MONDAY, "day_of_week": 7}],
        [{**MONDAY, "day_of_week": True}],
        [{**MONDAY, "open_hour": None}],
        [{**MONDAY, "open_hour": 24}],
        [{**MONDAY, "open_hour": "9"}],
        [{**MONDAY, "close_hour": 9, "close_minutes": 0}],
        [{**MONDAY, "closed_all_day": "no"}],
        [{**MONDAY, "closed_all_day": True, "open_all_day": True}],
    ],
)
def test_hours_that_are_none_are_refused(week: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        working_hours(week)


def test_conditions_are_joined_by_and_or_or_except_after_the_last() -> None:
    one = {"attribute_key": "status", "filter_operator": "equal_to", "values": ["open"]}
    joined = conditions([{**one, "query_operator": "AND"}, {**one, "query_operator": "or"}])
    assert [each["query_operator"] for each in joined] == ["and", None]
    assert conditions(None) == actions(None) == []


@pytest.mark.parametrize("address", ["ana@alder.example", " Ana.Ruiz+x@Alder.Example "])
def test_an_e_mail_is_kept_in_lower_case(address: str) -> None:
    assert email(address) == address.strip().lower()


@pytest.mark.parametrize(
    "address", ["", "ana", "ana@", "@a", "a b@c.d", "a@b@c", "a@b\n", None, 3, "a" * 300 + "@b.c"]
)
def test_what_is_no_e_mail_is_refused(address: object) -> None:
    with pytest.raises(ValueError, match=r"must|required"):
        email(address)


@pytest.mark.parametrize(
    "address",
    ["http://a", "https://a.example:8443/x?y=1#z", "https://[::1]:80/", "https://bücher.example/"],
)
def test_addresses_of_the_web_are_accepted(address: str) -> None:
    assert url(address) == address


@pytest.mark.parametrize(
    "name", ["Europe", "../../etc/passwd", "Europe/Berlin/", "", "utc\0", None, "posixrules/../UTC"]
)
def test_what_is_no_time_zone_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="time zone"):
        timezone(name)


@given(st.text())
def test_no_text_whatever_makes_a_check_fail(text: str) -> None:
    for fields in (
        inboxes.FIELDS,
        teams.FIELDS,
        webhooks.FIELDS,
        agents.FIELDS,
        automation_rules.FIELDS,
        accounts.FIELDS,
        labels.FIELDS,
        canned_responses.FIELDS,
        macros.FIELDS,
        skills.FIELDS,
    ):
        checked(fields, dict.fromkeys(fields, text))
        checked(fields, from_form(fields, dict.fromkeys(fields, text), fields))
