"""What Live Agent's entities and fields are called; it changes nothing and asks nobody."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from audit_trail.record.catalog import Catalog, Field, Kind, worded

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def _working_hours(days: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write opening hours by day, neighbours with the same hours as one line."""
    week = sorted(days, key=lambda day: (int(day["day_of_week"]) + 6) % 7)
    lines = []
    for hours, group in groupby(week, key=_hours):
        names = [_DAYS[int(day["day_of_week"])] for day in group]
        span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        lines.append(f"{span}, {hours}")
    return lines


def _hours(day: Mapping[str, Any]) -> str:
    if day.get("closed_all_day"):
        return "closed"
    if day.get("open_all_day"):
        return "open all day"
    return "{open_hour:02}:{open_minutes:02}–{close_hour:02}:{close_minutes:02}".format(**day)


def _condition(condition: Mapping[str, Any]) -> str:
    words = (condition["attribute_key"], condition["filter_operator"])
    said = " ".join(str(word).replace("_", " ") for word in words)
    values = ", ".join(map(worded, condition.get("values") or []))
    following = f" {condition['query_operator'].upper()}" if condition.get("query_operator") else ""
    return f"{said} {values}".strip() + following


def _action(action: Mapping[str, Any]) -> str:
    values = ", ".join(map(worded, action.get("action_params") or []))
    return f"{str(action['action_name']).replace('_', ' ')} {values}".strip()


def _subscription(name: str) -> str:
    return name.replace("_", " ")


_MEMBER: Final = {"user_id": Field(label="agent")}

CATALOG: Final = Catalog(
    kinds={
        "agent_bot": Kind(
            name="agent copilot bot", fields={"outgoing_url": Field(label="endpoint config URL")}
        ),
        "automation_rule": Kind(
            name="automation rule",
            fields={
                "event_name": Field(label="event"),
                "conditions": Field(line=_condition),
                "actions": Field(line=_action),
            },
        ),
        "inbox": Kind(
            name="inbox",
            fields={
                "working_hours": Field(lines=_working_hours),
                "csat_config": Field(label="CSAT survey"),
                "csat_survey_enabled": Field(label="CSAT survey enabled"),
                "hmac_token": Field(label="signing secret"),
                "timezone": Field(label="time zone"),
                "enable_auto_assignment": Field(label="allow auto assignment"),
                "inbox_identifier": Field(label="inbox ID"),
                "project_id": Field(label="project ID"),
                "avatar_url": Field(label="avatar"),
            },
        ),
        "inbox_member": Kind(name="inbox collaborator", fields=_MEMBER),
        "webhook": Kind(
            name="webhook",
            with_reference=("inbox_id", "inbox webhook"),
            fields={
                "subscriptions": Field(line=_subscription),
                "secret": Field(label="signing secret"),
            },
        ),
        "team": Kind(name="team"),
        "team_member": Kind(name="team member", fields=_MEMBER),
        "account_user": Kind(name="agent", fields=_MEMBER),
        "access_token": Kind(
            name="access token", fields={**_MEMBER, "token_hash": Field(label="token")}
        ),
        "user": Kind(
            name="user",
            fields={"password_hash": Field(label="password"), "email": Field(label="e-mail")},
        ),
        "account": Kind(name="account", fields={"timezone": Field(label="time zone")}),
        "saved_view": Kind(
            name="saved view",
            fields={
                "user_id": Field(label="owner"),
                "is_shared": Field(label="shared"),
                "timezone": Field(label="time zone"),
                "webhook_secret": Field(label="signing secret"),
            },
        ),
        "audit_log": Kind(name="audit log"),
    },
    events={"view_failed": "Gave up telling of a saved view"},
)
