"""How the contract writes each resource; secrets are in none of these shapes."""

from collections.abc import Sequence
from typing import Any

from live_agent.schema import (
    AccessToken,
    Account,
    AccountUser,
    AgentBot,
    AgentSkill,
    AutomationRule,
    CannedResponse,
    Conversation,
    Export,
    Inbox,
    InboxMember,
    Label,
    Macro,
    SavedView,
    Skill,
    Team,
    TeamMember,
    User,
    ViewDelivery,
    Webhook,
)
from live_agent.settings.exports import wanted_by

Shape = dict[str, Any]


def inbox_shape(inbox: Inbox) -> Shape:
    return {
        "id": inbox.id,
        "account_id": inbox.account_id,
        "channel_id": inbox.id,
        "channel_type": "Channel::Api",
        "name": inbox.name,
        "avatar_url": inbox.avatar_url,
        "webhook_url": inbox.webhook_url,
        "project_id": inbox.project_id,
        "inbox_identifier": inbox.inbox_identifier,
        "greeting_enabled": inbox.greeting_enabled,
        "greeting_message": inbox.greeting_message,
        "enable_auto_assignment": inbox.enable_auto_assignment,
        "allow_reassignment": inbox.allow_reassignment,
        "agents_see_all_conversations": inbox.agents_see_all_conversations,
        "enable_conversation_count": inbox.enable_conversation_count,
        "timezone": inbox.timezone,
        "working_hours_enabled": inbox.working_hours_enabled,
        "working_hours": inbox.working_hours,
        "out_of_office_message": inbox.out_of_office_message,
        "csat_survey_enabled": inbox.csat_survey_enabled,
        "csat_config": inbox.csat_config,
        "lock_to_single_conversation": inbox.lock_to_single_conversation,
    }


def agent_shape(agent: AccountUser) -> Shape:
    """Published clients know two roles, so a supervisor is an agent with a role of their own."""
    return {
        "id": agent.user_id,
        "uid": agent.user.email,
        "account_id": agent.account_id,
        "name": agent.user.name,
        "available_name": agent.user.name,
        "email": agent.user.email,
        **role_shape(agent.role),
        "availability": agent.availability,
        "availability_status": agent.availability,
        "confirmed": agent.user.password_hash is not None,
        "thumbnail": "",
    }


def role_shape(role: str) -> Shape:
    if role == "supervisor":
        return {"role": "agent", "custom_role": {"name": "supervisor"}}
    return {"role": role, "custom_role": None}


def agents_shape(agents: Sequence[AccountUser]) -> list[Shape]:
    return [agent_shape(agent) for agent in agents]


def team_shape(team: Team, *, is_member: bool) -> Shape:
    return {
        "id": team.id,
        "account_id": team.account_id,
        "name": team.name,
        "description": team.description,
        "allow_auto_assign": team.allow_auto_assign,
        "is_member": is_member,
    }


def webhook_shape(webhook: Webhook) -> Shape:
    return {
        "id": webhook.id,
        "account_id": webhook.account_id,
        "inbox_id": webhook.inbox_id,
        "url": webhook.url,
        "subscriptions": webhook.subscriptions,
    }


def agent_bot_shape(bot: AgentBot) -> Shape:
    return {
        "id": bot.id,
        "account_id": bot.account_id,
        "name": bot.name,
        "description": bot.description,
        "outgoing_url": bot.outgoing_url,
        "inbox_id": bot.inbox_id,
    }


def automation_rule_shape(rule: AutomationRule) -> Shape:
    return {
        "id": rule.id,
        "account_id": rule.account_id,
        "name": rule.name,
        "description": rule.description,
        "event_name": rule.event_name,
        "conditions": rule.conditions,
        "actions": rule.actions,
        "active": rule.active,
    }


def label_shape(label: Label) -> Shape:
    return {
        "id": label.id,
        "account_id": label.account_id,
        "title": label.title,
        "description": label.description,
        "color": label.color,
        "show_on_sidebar": label.show_on_sidebar,
    }


def canned_response_shape(response: CannedResponse) -> Shape:
    return {
        "id": response.id,
        "account_id": response.account_id,
        "short_code": response.short_code,
        "content": response.content,
    }


def macro_shape(macro: Macro) -> Shape:
    return {
        "id": macro.id,
        "account_id": macro.account_id,
        "name": macro.name,
        "visibility": macro.visibility,
        "actions": macro.actions,
        "created_by": None if macro.user is None else user_shape(macro.user),
    }


def skill_shape(skill: Skill) -> Shape:
    return {
        "id": skill.id,
        "account_id": skill.account_id,
        "name": skill.name,
        "description": skill.description,
    }


def conversation_shape(conversation: Conversation) -> Shape:
    return {
        "id": conversation.id,
        "account_id": conversation.account_id,
        "inbox_id": conversation.inbox_id,
        "status": conversation.status,
        "contact_name": conversation.contact_name,
        "contact_email": conversation.contact_email,
        "created_at": conversation.created_at // 1_000_000,
    }


def account_shape(account: Account) -> Shape:
    return {
        "id": account.id,
        "name": account.name,
        "timezone": account.timezone,
        "locale": account.locale,
        "domain": account.domain,
        "support_email": account.support_email,
        "auto_resolve_duration": account.auto_resolve_duration,
        "audit_reads": account.audit_reads,
    }


def membership_shape(member: InboxMember | TeamMember | AgentSkill) -> Shape:
    match member:
        case InboxMember():
            parent = {"inbox_id": member.inbox_id}
        case TeamMember():
            parent = {"team_id": member.team_id}
        case _:
            parent = {"skill_id": member.skill_id}
    return {
        "id": member.id,
        "account_id": member.account_id,
        **parent,
        "user_id": member.user_id,
    }


def user_shape(user: User) -> Shape:
    return {"id": user.id, "name": user.name, "email": user.email}


def access_token_shape(token: AccessToken) -> Shape:
    return {
        "id": token.id,
        "account_id": token.account_id,
        "name": token.name,
        "scope": token.scope,
        "user_id": token.user_id,
    }


def saved_view_shape(view: SavedView, delivery: ViewDelivery | None) -> Shape:
    return {
        "id": view.id,
        "account_id": view.account_id,
        "user_id": view.user_id,
        "name": view.name,
        "question": view.question,
        "range": view.range,
        "since": view.since,
        "until": view.until,
        "columns": view.columns,
        "timezone": view.timezone,
        "is_shared": view.is_shared,
        "webhook_url": view.webhook_url,
        "period_seconds": view.period_seconds,
        "is_failing": delivery is not None and delivery.failed_at is not None,
    }


def export_shape(export: Export) -> Shape:
    wanted = wanted_by(export)
    return {
        "id": export.id,
        "account_id": export.account_id,
        "user_id": export.user_id,
        "state": export.state,
        "format": export.format,
        "q": wanted.question if wanted else None,
        "timezone": wanted.zone if wanted else None,
        "oldest_first": not wanted.query.newest_first if wanted else None,
        "written": export.written,
        "looked_at": export.looked_at,
        "total": export.total,
        "bytes": export.bytes,
        "sha256": export.sha256,
        "failure": export.failure,
        "created_at": export.created_at // 1_000_000,
        "expires_at": None if export.expires_at is None else export.expires_at // 1_000_000,
    }
