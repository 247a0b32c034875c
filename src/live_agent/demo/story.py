"""Four weeks at Alder Travel, request by request; it sends nothing.

`{name}` in a path or a body stands for the id that the request of that name answered.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

ACCOUNT: Final = "Alder Travel"
TIMEZONE: Final = "Europe/Berlin"


class Person(NamedTuple):
    """Someone at Alder Travel, and the address they usually work from."""

    name: str
    email: str
    role: str
    ip: str


class Step(NamedTuple):
    """One request: how many days before now, at what time (UTC), by whom."""

    days_ago: int
    clock: str
    person: str
    method: str
    path: str
    body: Mapping[str, Any] = {}
    name: str | None = None


FOUNDER: Final = "dana"
PEOPLE: Final = {
    "dana": Person(
        "Dana Whitfield", "dana.whitfield@alder.example", "administrator", "203.0.113.9"
    ),
    "ana": Person("Ana Ruiz", "ana.ruiz@alder.example", "administrator", "192.0.2.41"),
    "priya": Person("Priya Nair", "priya.nair@alder.example", "supervisor", "192.0.2.87"),
    "leo": Person("Leo Brandt", "leo.brandt@alder.example", "agent", "198.51.100.17"),
    "mia": Person("Mia Okafor", "mia.okafor@alder.example", "agent", "198.51.100.32"),
    "tom": Person("Tom Lindqvist", "tom.lindqvist@alder.example", "agent", "198.51.100.58"),
}
DEMO_SIGN_INS: Final = {"administrator": "dana", "supervisor": "priya", "agent": "leo"}
"""Who has chosen a password, by role; the others were invited and haven't yet."""


def _weekdays(opens: int, closes: int, friday_closes: int | None = None) -> list[dict[str, Any]]:
    return [
        {
            "day_of_week": day,
            "closed_all_day": day in (0, 6),
            "open_all_day": False,
            "open_hour": opens,
            "open_minutes": 0,
            "close_hour": (friday_closes or closes) if day == 5 else closes,
            "close_minutes": 0,
        }
        for day in range(7)
    ]


_ESCALATION: Final = {
    "name": "Escalate after two hours",
    "description": "Nobody should wait longer than two hours.",
    "event_name": "conversation_updated",
    "conditions": [
        {
            "attribute_key": "status",
            "filter_operator": "equal_to",
            "values": ["open"],
            "query_operator": None,
        }
    ],
    "actions": [
        {"action_name": "change_priority", "action_params": ["high"]},
        {"action_name": "assign_team", "action_params": ["{tier2}"]},
    ],
}
_VIP: Final = {
    "name": "VIP first",
    "description": "Travellers with a platinum card are answered first.",
    "event_name": "conversation_created",
    "conditions": [
        {
            "attribute_key": "email",
            "filter_operator": "contains",
            "values": ["platinum"],
            "query_operator": None,
        }
    ],
    "actions": [{"action_name": "change_priority", "action_params": ["urgent"]}],
}
_GREETING: Final = (
    "Hello and welcome to Alder Travel. Our agents are here from nine to five on weekdays. "
    "Please have your booking number at hand, and we will answer as soon as we can."
)
_NEW_GREETING: Final = (
    "Hello and welcome to Alder Travel. Our agents are here from eight to eight on weekdays. "
    "Please have your booking number ready, and we will answer within ten minutes."
)


def _hired(days_ago: int, clock: str, key: str) -> Step:
    person = PEOPLE[key]
    body = {"name": person.name, "email": person.email, "role": person.role}
    return Step(days_ago, clock, "dana", "POST", "/agents", body, key)


STEPS: Final = (
    _hired(27, "08:05", "ana"),
    _hired(27, "08:07", "priya"),
    _hired(27, "08:09", "leo"),
    _hired(27, "08:11", "mia"),
    _hired(27, "08:12", "tom"),
    Step(27, "08:20", "dana", "POST", "/inboxes", {"name": "Support", "channel": {"type": "api", "webhook_url": "https://staging.alder.example/handover/liveagent"}}, "support"),
    Step(27, "08:24", "dana", "POST", "/inbox_members", {"inbox_id": "{support}", "user_ids": ["{leo}", "{mia}"]}),
    Step(27, "08:31", "dana", "POST", "/teams", {"name": "Tier 1", "description": "First answer"}, "tier1"),
    Step(27, "08:33", "dana", "POST", "/teams", {"name": "Tier 2", "description": "Bookings that went wrong"}, "tier2"),
    Step(27, "08:36", "dana", "POST", "/teams/{tier1}/team_members", {"user_ids": ["{leo}", "{mia}", "{tom}"]}),
    Step(26, "07:58", "dana", "SIGN_IN", ""),
    Step(26, "08:15", "ana", "PATCH", "/inboxes/{support}", {"greeting_enabled": True, "greeting_message": _GREETING}),
    Step(26, "08:40", "ana", "PATCH", "/inboxes/{support}", {"working_hours_enabled": True, "working_hours": _weekdays(9, 17, 15), "timezone": "Europe/Berlin"}),
    Step(26, "09:10", "ana", "POST", "/webhooks", {"url": "https://crm.alder.example/hooks/live-agent", "inbox_id": "{support}", "subscriptions": ["conversation_created", "message_created"]}, "crm"),
    Step(25, "09:02", "ana", "POST", "/agent_bots", {"name": "Summaries", "description": "Sums up a conversation at handover", "outgoing_url": "https://bots.alder.example/summaries/v1"}, "summaries"),
    Step(25, "09:05", "ana", "POST", "/inboxes/{support}/set_agent_bot", {"agent_bot": "{summaries}"}),
    Step(25, "13:20", "dana", "POST", "/inboxes", {"name": "Sales", "channel": {"type": "api", "webhook_url": "https://desk.alder.example/sales"}}, "sales"),
    Step(25, "13:24", "dana", "POST", "/inbox_members", {"inbox_id": "{sales}", "user_ids": ["{tom}"]}),
    Step(24, "09:31", "priya", "POST", "/labels", {"title": "refund", "description": "Money that goes back", "color": "#b45309"}, "refund"),
    Step(24, "09:33", "priya", "POST", "/labels", {"title": "group-booking", "show_on_sidebar": False}, "groups"),
    Step(23, "10:05", "ana", "PATCH", "", {"domain": "help.alder.example", "support_email": "help@alder.example", "auto_resolve_duration": 30}),
    Step(23, "13:40", "priya", "POST", "/canned_responses", {"short_code": "hours", "content": "We are here from nine to five on weekdays."}, "hours"),
    Step(23, "13:52", "priya", "POST", "/skills", {"name": "French"}, "french"),
    Step(23, "13:53", "priya", "POST", "/skills/{french}/agents", {"user_ids": ["{mia}"]}),
    Step(22, "08:12", "dana", "POST", "/automation_rules", _ESCALATION, "escalation"),
    Step(22, "08:31", "dana", "POST", "/automation_rules", _VIP, "vip"),
    Step(22, "15:47", "leo", "SIGN_IN", ""),
    Step(22, "15:48", "leo", "GET", "/audit_logs"),
    Step(21, "09:40", "ana", "PATCH", "/teams/{tier2}", {"allow_auto_assign": False}),
    Step(21, "09:44", "ana", "POST", "/teams/{tier2}/team_members", {"user_ids": ["{priya}"]}),
    Step(20, "10:03", "ana", "POST", "/inboxes", {"name": "WhatsApp Germany", "channel": {"type": "api", "webhook_url": "https://desk.alder.example/whatsapp-de"}}, "whatsapp"),
    Step(20, "10:06", "ana", "PATCH", "/inbox_members", {"inbox_id": "{whatsapp}", "user_ids": ["{mia}", "{priya}"]}),
    Step(20, "10:30", "ana", "PATCH", "/inboxes/{whatsapp}", {"enable_auto_assignment": False, "lock_to_single_conversation": True}),
    Step(19, "14:11", "dana", "PATCH", "/automation_rules/{escalation}", {"actions": [{"action_name": "change_priority", "action_params": ["urgent"]}, {"action_name": "assign_team", "action_params": ["{tier2}"]}, {"action_name": "add_label", "action_params": ["escalated"]}]}),
    Step(18, "08:55", "ana", "PATCH", "/webhooks/{crm}", {"subscriptions": ["conversation_created", "conversation_status_changed", "message_created"]}),
    Step(17, "09:26", "leo", "POST", "/conversations", {"inbox_id": "{support}", "contact": {"name": "Noor Haddad", "email": "noor.haddad@mail.example"}}, "noor"),
    Step(16, "10:48", "dana", "DELETE", "/conversations/{noor}"),
    Step(16, "15:19", "priya", "POST", "/macros", {"name": "Hand to Tier 2", "visibility": "global", "actions": [{"action_name": "assign_team", "action_params": ["{tier2}"]}, {"action_name": "add_label", "action_params": ["refund"]}]}, "hand"),
    Step(15, "09:17", "dana", "POST", "/webhooks", {"url": "https://legacy.alder.example/crm", "subscriptions": ["contact_created", "contact_updated"]}, "legacy"),
    Step(15, "11:29", "ana", "PATCH", "/agent_bots/{summaries}", {"outgoing_url": "https://bots.alder.example/summaries/v2"}),
    Step(14, "08:44", "dana", "POST", "/teams", {"name": "Weekend cover", "description": "Saturdays and public holidays"}, "weekend"),
    Step(14, "08:46", "dana", "POST", "/teams/{weekend}/team_members", {"user_ids": ["{leo}", "{tom}"]}),
    Step(13, "13:05", "ana", "POST", "/automation_rules/{vip}/clone", {}, "vip_copy"),
    Step(13, "13:09", "ana", "PATCH", "/automation_rules/{vip_copy}", {"name": "Groups first", "description": "Bookings of ten or more.", "active": False}),
    Step(12, "10:22", "ana", "PATCH", "/agents/{priya}", {"availability": "busy"}),
    Step(12, "18:47", "priya", "FAILED_SIGN_IN", ""),
    Step(12, "18:48", "priya", "SIGN_IN", ""),
    Step(11, "09:30", "dana", "PATCH", "/inboxes/{sales}", {"csat_survey_enabled": True, "csat_config": {"display": "emoji", "send_after_minutes": 0, "labels": ["resolved"]}}),
    Step(10, "11:02", "priya", "PUT", "/macros/{hand}", {"actions": [{"action_name": "assign_team", "action_params": ["{tier2}"]}, {"action_name": "change_priority", "action_params": ["high"]}]}),
    Step(9, "08:36", "priya", "PATCH", "/canned_responses/{hours}", {"content": "We are here from eight to eight on weekdays."}),
    Step(9, "08:41", "priya", "DELETE", "/labels/{groups}"),
    Step(8, "08:14", "ana", "PATCH", "/inboxes/{sales}", {"csat_config": {"display": "emoji", "send_after_minutes": 15, "language": "de", "labels": ["resolved"]}}),
    Step(8, "08:52", "dana", "DELETE", "/webhooks/{legacy}"),
    Step(7, "14:39", "dana", "PATCH", "/automation_rules/{vip}", {"conditions": [{"attribute_key": "email", "filter_operator": "contains", "values": ["platinum", "gold"], "query_operator": None}]}),
    Step(7, "15:02", "dana", "PATCH", "/agents/{leo}", {"role": "supervisor"}),
    Step(7, "15:04", "dana", "PATCH", "/agents/{leo}", {"role": "agent"}),
    Step(6, "08:09", "ana", "POST", "/agent_bots", {"name": "Translations", "description": "Drafts answers in the traveller's language", "outgoing_url": "https://bots.alder.example/translate"}, "translations"),
    Step(6, "08:12", "ana", "PATCH", "/agent_bots/{translations}", {"inbox_id": "{whatsapp}"}),
    Step(5, "16:20", "dana", "DELETE", "/teams/{weekend}"),
    Step(5, "16:31", "dana", "POST", "/teams", {"name": "Night shift", "allow_auto_assign": True}, "night"),
    Step(5, "16:33", "dana", "POST", "/teams/{night}/team_members", {"user_ids": ["{mia}"]}),
    Step(4, "09:51", "dana", "DELETE", "/agents/{tom}"),
    Step(4, "10:02", "ana", "PATCH", "/agents/{mia}", {"name": "Mia Okafor-Klein"}),
    Step(3, "08:25", "ana", "DELETE", "/automation_rules/{vip_copy}"),
    Step(3, "11:40", "ana", "POST", "/webhooks", {"url": "https://hooks.alder.example/quality", "inbox_id": "{sales}", "subscriptions": ["conversation_status_changed"]}, "quality"),
    Step(2, "09:14", "dana", "DELETE", "/inbox_members", {"inbox_id": "{whatsapp}", "user_ids": ["{priya}"]}),
    Step(2, "09:20", "dana", "PATCH", "/teams/{tier1}", {"description": "First answer, within ten minutes"}),
    Step(1, "08:30", "ana", "DELETE", "/agent_bots/{translations}"),
    Step(1, "13:12", "ana", "PATCH", "/inboxes/{support}", {"working_hours": _weekdays(8, 20)}),
    Step(1, "14:59", "dana", "PATCH", "/inboxes/{support}", {"enable_conversation_count": True, "greeting_message": _NEW_GREETING, "channel": {"webhook_url": "https://desk.alder.example/handover/liveagent"}}),
)  # fmt: skip
