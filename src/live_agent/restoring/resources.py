"""Which records can be restored, each by the settings' own verbs; it reads no entry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy.orm import Session

from audit_trail.capture.watch import Table
from audit_trail.record.language import marked
from live_agent.restoring.verbs import Agents, Members, OwnAccount, Persons
from live_agent.schema import (
    Account,
    AccountUser,
    AgentBot,
    AutomationRule,
    Inbox,
    InboxMember,
    Team,
    TeamMember,
    User,
    Webhook,
)
from live_agent.settings import agent_bots, automation_rules, inboxes, teams, webhooks
from live_agent.settings.fields import Field
from live_agent.watching import WATCH


class Verbs(Protocol):
    """What a module of the settings offers for its records. Each verb checks what it is given."""

    @property
    def FIELDS(self) -> Mapping[str, Field]: ...  # noqa: N802 -- a module's constant

    def get(self, db: Session, account_id: int, record_id: int, /) -> Any: ...

    def create(self, db: Session, account_id: int, values: Mapping[str, object], /) -> Any: ...

    def update(self, db: Session, record: Any, values: Mapping[str, object], /) -> Any: ...


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of record: its model, its verbs, and columns that return though no verb writes them."""

    model: type[Any]
    verbs: Verbs
    kept: tuple[str, ...] = ()


RESOURCES: Final[Mapping[str, Resource]] = MappingProxyType(
    {
        "account": Resource(model=Account, verbs=OwnAccount()),
        "account_user": Resource(model=AccountUser, verbs=Agents()),
        "agent_bot": Resource(model=AgentBot, verbs=agent_bots),
        "automation_rule": Resource(model=AutomationRule, verbs=automation_rules),
        "inbox": Resource(model=Inbox, verbs=inboxes, kept=("inbox_identifier",)),
        "inbox_member": Resource(model=InboxMember, verbs=Members(InboxMember, inboxes.get)),
        "team": Resource(model=Team, verbs=teams),
        "team_member": Resource(model=TeamMember, verbs=Members(TeamMember, teams.get)),
        "user": Resource(model=User, verbs=Persons()),
        "webhook": Resource(model=Webhook, verbs=webhooks),
    }
)
"""Each entity that can be restored: a module of the settings, or what acts like one."""

WHY_NOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access_token": marked(
            "Of an access token only that it was there is kept, not its secret; make a new one."
        ),
        "saved_view": marked("A saved view belongs to its owner, who can save it anew."),
    }
)
"""What is said of those that can't."""

TABLES: Final[Mapping[str, Table]] = MappingProxyType({each.entity: each for each in WATCH.tables})
