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
    CannedResponse,
    Inbox,
    InboxMember,
    Label,
    Macro,
    Skill,
    Team,
    TeamMember,
    User,
    Webhook,
)
from live_agent.settings import agent_bots, automation_rules, inboxes, teams, webhooks
from live_agent.settings.canned_responses import CANNED_RESPONSES
from live_agent.settings.fields import Field
from live_agent.settings.labels import LABELS
from live_agent.settings.skills import SKILLS
from live_agent.watching import WATCH


class Verbs(Protocol):
    """What a module of the settings offers for its records. Each verb checks what it is given."""

    @property
    def FIELDS(self) -> Mapping[str, Field]: ...  # noqa: N802 -- a module's constant

    def get(self, db: Session, account_id: int, record_id: int, /) -> Any: ...

    def create(self, db: Session, account_id: int, values: Mapping[str, object], /) -> Any: ...

    def update(self, db: Session, record: Any, values: Mapping[str, object], /) -> Any: ...


class Restorable(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of record: its model, the verbs that write it, and what they don't write.

    `kept` are columns that return with a deleted record all the same.
    """

    model: type[Any]
    verbs: Verbs
    kept: tuple[str, ...] = ()


def _of(model: type[Any], verbs: Verbs, *kept: str) -> Restorable:
    return Restorable(model=model, verbs=verbs, kept=kept)


RESTORABLE: Final[Mapping[str, Restorable]] = MappingProxyType(
    {
        "account": _of(Account, OwnAccount()),
        "account_user": _of(AccountUser, Agents()),
        "agent_bot": _of(AgentBot, agent_bots),
        "agent_skill": _of(AgentSkill, Members(AgentSkill, SKILLS.get)),
        "automation_rule": _of(AutomationRule, automation_rules),
        "canned_response": _of(CannedResponse, CANNED_RESPONSES),
        "inbox": _of(Inbox, inboxes, "inbox_identifier"),
        "inbox_member": _of(InboxMember, Members(InboxMember, inboxes.get)),
        "label": _of(Label, LABELS),
        "macro": _of(Macro, Macros(), "user_id"),
        "skill": _of(Skill, SKILLS),
        "team": _of(Team, teams),
        "team_member": _of(TeamMember, Members(TeamMember, teams.get)),
        "user": _of(User, Persons()),
        "webhook": _of(Webhook, webhooks),
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
