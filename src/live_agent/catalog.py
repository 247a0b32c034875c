"""What Live Agent's entities and fields are called; it changes nothing and asks nobody."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from audit_trail.record.catalog import Catalog, Field, Kind, spelled, worded
from audit_trail.record.language import marked, say, told

_DAYS: Final = (
    marked("Sunday"),
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
)


def _working_hours(days: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write opening hours by day, neighbours with the same hours as one line."""
    week = sorted(days, key=lambda day: (int(day["day_of_week"]) + 6) % 7)
    lines = []
    for hours, group in groupby(week, key=_hours):
        names = [say(_DAYS[int(day["day_of_week"])]) for day in group]
        span = names[0]
        if len(names) > 1:
            span = say("%(first)s to %(last)s", first=names[0], last=names[-1])
        lines.append(f"{span}, {hours}")
    return lines


def _hours(day: Mapping[str, Any]) -> str:
    if day.get("closed_all_day"):
        return say("closed")
    if day.get("open_all_day"):
        return say("open all day")
    return "{open_hour:02}:{open_minutes:02}–{close_hour:02}:{close_minutes:02}".format(**day)


def called_within(word: str) -> str:
    """Return what a word of the contract is called in a sentence: an event, an action, a role.

    One that isn't known reads by its own name.
    """
    return told(spelled(str(word)))


def called(word: str) -> str:
    """Return the same where it stands alone."""
    within = called_within(word)
    return within[:1].upper() + within[1:]


def _condition(condition: Mapping[str, Any]) -> str:
    said = " ".join(map(called_within, (condition["attribute_key"], condition["filter_operator"])))
    values = ", ".join(map(worded, condition.get("values") or []))
    joined = condition.get("query_operator")
    following = f" {called_within(joined).upper()}" if joined else ""
    return f"{said} {values}".strip() + following


def _action(action: Mapping[str, Any]) -> str:
    values = ", ".join(map(worded, action.get("action_params") or []))
    return f"{called_within(action['action_name'])} {values}".strip()


_MEMBER: Final = {"user_id": Field(label=marked("agent"))}

CATALOG: Final = Catalog(
    kinds={
        "agent_bot": Kind(
            name=marked("agent copilot bot"),
            fields={"outgoing_url": Field(label=marked("endpoint config URL"))},
        ),
        "automation_rule": Kind(
            name=marked("automation rule"),
            fields={
                "event_name": Field(label=marked("event")),
                "conditions": Field(line=_condition),
                "actions": Field(line=_action),
            },
        ),
        "inbox": Kind(
            name=marked("inbox"),
            fields={
                "working_hours": Field(lines=_working_hours),
                "csat_config": Field(label=marked("CSAT survey")),
                "csat_survey_enabled": Field(label=marked("CSAT survey enabled")),
                "hmac_token": Field(label=marked("signing secret")),
                "timezone": Field(label=marked("time zone")),
                "enable_auto_assignment": Field(label=marked("allow auto assignment")),
                "inbox_identifier": Field(label=marked("inbox ID")),
                "project_id": Field(label=marked("project ID")),
                "avatar_url": Field(label=marked("avatar")),
            },
        ),
        "inbox_member": Kind(name=marked("inbox collaborator"), fields=_MEMBER),
        "webhook": Kind(
            name=marked("webhook"),
            with_reference=("inbox_id", marked("inbox webhook")),
            fields={
                "subscriptions": Field(line=called_within),
                "secret": Field(label=marked("signing secret")),
            },
        ),
        "label": Kind(name=marked("label")),
        "canned_response": Kind(name=marked("canned response")),
        "macro": Kind(
            name=marked("macro"),
            fields={"user_id": Field(label=marked("owner")), "actions": Field(line=_action)},
        ),
        "skill": Kind(name=marked("skill")),
        "agent_skill": Kind(name=marked("agent skill"), fields=_MEMBER),
        "conversation": Kind(
            name=marked("conversation"),
            fields={"contact_email": Field(label=marked("contact e-mail"))},
        ),
        "team": Kind(name=marked("team")),
        "team_member": Kind(name=marked("team member"), fields=_MEMBER),
        "account_user": Kind(name=marked("agent"), fields=_MEMBER),
        "access_token": Kind(
            name=marked("access token"),
            fields={**_MEMBER, "token_hash": Field(label=marked("token"))},
        ),
        "user": Kind(
            name=marked("user"),
            fields={
                "password_hash": Field(label=marked("password")),
                "email": Field(label=marked("e-mail")),
                "timezone": Field(label=marked("time zone")),
            },
        ),
        "account": Kind(
            name=marked("account"),
            fields={
                "timezone": Field(label=marked("time zone")),
                "locale": Field(label=marked("language")),
                "support_email": Field(label=marked("support e-mail")),
                "auto_resolve_duration": Field(label=marked("days until resolved")),
                "audit_reads": Field(label=marked("record who reads the audit logs")),
            },
        ),
        "saved_view": Kind(
            name=marked("saved view"),
            fields={
                "user_id": Field(label=marked("owner")),
                "is_shared": Field(label=marked("shared")),
                "timezone": Field(label=marked("time zone")),
                "webhook_secret": Field(label=marked("signing secret")),
            },
        ),
        "audit_log": Kind(name=marked("audit log")),
    },
    events={"view_failed": marked("Gave up telling of a saved view")},
)

ENTITY_TYPES: Final[Mapping[str, str]] = {
    "Inbox": "inbox",
    "AutomationRule": "automation_rule",
    "Webhook": "webhook",
    "Team": "team",
    "InboxMember": "inbox_member",
    "TeamMember": "team_member",
    "AccountUser": "account_user",
    "Account": "account",
    "Macro": "macro",
    "AgentBot": "agent_bot",
    "Label": "label",
    "CannedResponse": "canned_response",
    "Skill": "skill",
    "AgentSkill": "agent_skill",
    "Conversation": "conversation",
    "User": "user",
    "AccessToken": "access_token",
    "SavedView": "saved_view",
    "AuditLog": "audit_log",
}
"""Entity types by the contract's class names."""

CLASS_NAMES: Final = {entity_type: name for name, entity_type in ENTITY_TYPES.items()}


def class_name(entity_type: str) -> str:
    """Return the contract's name of an entity type; one it doesn't know is spelled as a class."""
    known = CLASS_NAMES.get(entity_type)
    return known or "".join(word.capitalize() for word in entity_type.split("_"))
