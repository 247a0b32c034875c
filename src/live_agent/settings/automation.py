"""What an automation rule may say: its events, and the shape of its conditions and actions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from audit_trail.record.language import say
from live_agent.settings.fields import require_plain

EVENTS: Final = (
    "conversation_created",
    "conversation_updated",
    "conversation_opened",
    "message_created",
)
ATTRIBUTES: Final = (
    "status",
    "priority",
    "inbox_id",
    "team_id",
    "assignee_id",
    "labels",
    "content",
    "message_type",
    "private_note",
    "email",
    "phone_number",
    "name",
    "company",
    "city",
    "country_code",
    "browser_language",
    "conversation_language",
    "mail_subject",
    "referer",
)
OPERATORS: Final = (
    "equal_to",
    "not_equal_to",
    "contains",
    "does_not_contain",
    "starts_with",
    "is_present",
    "is_not_present",
    "is_greater_than",
    "is_less_than",
    "days_before",
)
VALUELESS_OPERATORS: Final = frozenset({"is_present", "is_not_present"})
ACTIONS: Final = (
    "assign_agent",
    "assign_team",
    "add_label",
    "remove_label",
    "send_email_to_team",
    "send_email_transcript",
    "mute_conversation",
    "snooze_conversation",
    "resolve_conversation",
    "change_priority",
    "change_status",
    "send_webhook_event",
    "send_message",
)
VALUELESS_ACTIONS: Final = frozenset(
    {"mute_conversation", "snooze_conversation", "resolve_conversation"}
)
MOST_PARTS: Final = 50


def conditions(value: object) -> list[dict[str, Any]]:
    """Accept a list of {attribute_key, filter_operator, values, query_operator}."""
    parts = _parts(value)
    return [
        _condition(part, say("condition %(number)s", number=number), is_last=number == len(parts))
        for number, part in enumerate(parts, 1)
    ]


def actions(value: object) -> list[dict[str, Any]]:
    """Accept a list of {action_name, action_params}."""
    return [
        _action(part, say("action %(number)s", number=number))
        for number, part in enumerate(_parts(value), 1)
    ]


def _parts(value: object) -> Sequence[Mapping[str, object]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise ValueError(say("must be a list of objects"))
    if len(value) > MOST_PARTS:
        raise ValueError(say("must have at most %(count)s items", count=MOST_PARTS))
    require_plain(value)
    return value


def _condition(part: Mapping[str, object], place: str, *, is_last: bool) -> dict[str, Any]:
    operator = _known(
        part.get("filter_operator"), OPERATORS, say("operator in %(place)s", place=place)
    )
    values = _values(part.get("values"), place)
    if not values and operator not in VALUELESS_OPERATORS:
        raise ValueError(say("must have a value in %(place)s", place=place))
    return {
        "attribute_key": _known(
            part.get("attribute_key"), ATTRIBUTES, say("attribute in %(place)s", place=place)
        ),
        "filter_operator": operator,
        "values": values,
        "query_operator": None if is_last else _joined_by(part.get("query_operator"), place),
    }


def _joined_by(value: object, place: str) -> str:
    if not isinstance(value, str) or value.lower() not in ("and", "or"):
        raise ValueError(say("must say AND or OR after %(place)s", place=place))
    return value.lower()


def _action(part: Mapping[str, object], place: str) -> dict[str, Any]:
    name = _known(part.get("action_name"), ACTIONS, say("name in %(place)s", place=place))
    values = _values(part.get("action_params"), place)
    if not values and name not in VALUELESS_ACTIONS:
        raise ValueError(say("must have a value in %(place)s", place=place))
    return {"action_name": name, "action_params": values}


def _known(value: object, names: Sequence[str], what: str) -> str:
    if not isinstance(value, str) or value not in names:
        raise ValueError(
            say("must have a known %(what)s: %(names)s", what=what, names=", ".join(names))
        )
    return value


def _values(value: object, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(say("must have a list of values in %(place)s", place=place))
    return value
