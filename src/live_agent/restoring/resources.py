"""Which records can be restored, each by the settings' own verbs; it reads no entry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy.orm import Session

from audit_trail.capture.watch import Table
from audit_trail.record.language import marked
from live_agent.restoring.verbs import Agents, Macros, Members, OwnAccount, Persons
from live_agent.schema import (
    Account,
    AccountUser,
    AgentBot,
    AgentSkill,
    AutomationRule,
    Inbox,
    InboxMember,
    Macro,
    Team,
    TeamMember,
    User,
    Webhook,
)
from live_agent.settings import (
    accounts,
    agent_bots,
    agents,
    automation_rules,
    inboxes,
    macros,
    membership,
    teams,
    webhooks,
)
from live_agent.settings.canned_responses import CANNED_RESPONSES
from live_agent.settings.fields import Field
from live_agent.settings.labels import LABELS
from live_agent.settings.resource import Resource
from live_agent.settings.skills import SKILLS
from live_agent.watching import WATCH


class Verbs(Protocol):
    """How the settings find, make and change a record. Each verb checks what it is given."""

    def get(self, db: Session, account_id: int, record_id: int, /) -> Any: ...

    def create(self, db: Session, account_id: int, values: Mapping[str, object], /) -> Any: ...

    def update(self, db: Session, record: Any, values: Mapping[str, object], /) -> Any: ...


class Restorable(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of record: its model, the verbs that write it, and the fields that they take.

    `kept` are columns that return with a deleted record though no verb writes them.
    """

    model: type[Any]
    verbs: Verbs
    fields: Mapping[str, Field]
    kept: tuple[str, ...] = ()


def _of(model: type[Any], verbs: Verbs, fields: Mapping[str, Field], *kept: str) -> Restorable:
    return Restorable(model=model, verbs=verbs, fields=fields, kept=kept)


def _by(resource: Resource[Any]) -> Restorable:
    return _of(resource.model, resource, resource.fields)


def _members(model: type[Any], column: str, parent_of: Any) -> Restorable:
    return _of(model, Members(model, column, parent_of), membership.FIELDS)


RESTORABLE: Final[Mapping[str, Restorable]] = MappingProxyType(
    {
        "account": _of(Account, OwnAccount(), accounts.FIELDS),
        "account_user": _of(AccountUser, Agents(), agents.FIELDS),
        "agent_bot": _of(AgentBot, agent_bots, agent_bots.FIELDS),
        "agent_skill": _members(AgentSkill, "skill_id", SKILLS.get),
        "automation_rule": _of(AutomationRule, automation_rules, automation_rules.FIELDS),
        "canned_response": _by(CANNED_RESPONSES),
        "inbox": _of(Inbox, inboxes, inboxes.FIELDS, "inbox_identifier"),
        "inbox_member": _members(InboxMember, "inbox_id", inboxes.get),
        "label": _by(LABELS),
        "macro": _of(Macro, Macros(), macros.FIELDS, "user_id"),
        "skill": _by(SKILLS),
        "team": _of(Team, teams, teams.FIELDS),
        "team_member": _members(TeamMember, "team_id", teams.get),
        "user": _of(User, Persons(), agents.FIELDS),
        "webhook": _of(Webhook, webhooks, webhooks.FIELDS),
    }
)
"""Each entity that can be restored, in a line: how the settings write it."""

WHY_NOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access_token": marked(
            "Of an access token only that it was there is kept, not its secret; make a new one."
        ),
        "conversation": marked(
            "Of a conversation only that it was there is kept, not what was said."
        ),
        "saved_view": marked("A saved view belongs to its owner, who can save it anew."),
    }
)
"""What is said of those that can't."""

TABLES: Final[Mapping[str, Table]] = MappingProxyType({each.entity: each for each in WATCH.tables})
