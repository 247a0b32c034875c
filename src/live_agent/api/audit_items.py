"""An entry as the contract's item: who, what, and the values in the form of the resource's JSON."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit_trail.record.entry import Change, Entry, Public, What, Who, read_what, read_who
from audit_trail.record.facts import undone_number
from audit_trail.record.opened import summary as read_summary
from audit_trail.record.sentence import actor_name, principals
from audit_trail.record.value import plain
from live_agent.api import shapes
from live_agent.api.shapes import Shape
from live_agent.catalog import class_name
from live_agent.schema import (
    AccessToken,
    Account,
    AccountUser,
    AgentBot,
    AgentSkill,
    AutomationRule,
    CannedResponse,
    Conversation,
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
from live_agent.services import Services

ACTIONS: Final = {"delete": "destroy"}
ERASED: Final = "[erased]"

Live = Mapping[tuple[str, int | str | None], Shape]
"""The records that still exist, by entity type and id."""


def audit_items(services: Services, account_id: int, entries: Sequence[Entry]) -> list[Shape]:
    """Return the entries as items, each with its record as it is now, or null."""
    publics = [entry.public for entry in entries]
    with services.database.reading() as db:
        live = _live(db, account_id, publics)
    return [
        _item(services, account_id, entry, public, live)
        for entry, public in zip(entries, publics, strict=True)
    ]


def _item(services: Services, account_id: int, entry: Entry, public: Public, live: Live) -> Shape:
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    is_user = public.actor.kind == "user"
    record_id = _number(public.entity.id)
    return {
        "id": entry.index + 1,
        "auditable_id": record_id,
        "auditable_type": class_name(public.entity.type),
        "auditable": live.get((public.entity.type, record_id)),
        "associated_id": _number(public.account),
        "associated_type": "Account",
        "user_id": _number(public.actor.id) if is_user else None,
        "user_type": "User" if is_user else None,
        "username": actor_name(public, who.email, who.name),
        "action": ACTIONS.get(public.action, public.action),
        "audited_changes": _changes(public, what),
        "version": entry.version,
        "comment": _comment(public, what),
        "request_uuid": public.request,
        "created_at": public.occurred_at // 1_000_000,
        "remote_address": who.nearest,
        "mismatches": services.trail.mismatches(str(account_id), entry),
        **_beyond_the_contract(public, who, what),
    }


def _beyond_the_contract(public: Public, who: Who, what: What) -> Shape:
    """What the contract has no member for: its user is a user, and acts for nobody."""
    names = [principal.name for principal in principals(public, who)]
    acted_for = public.on_behalf_of
    return {
        "actor": {"kind": public.actor.kind, "id": _number(public.actor.id)},
        "on_behalf_of": [
            {"kind": actor.kind, "id": _number(actor.id), "username": name}
            for actor, name in zip(acted_for, names[: len(acted_for)], strict=True)
        ],
        "via": public.via,
        "job": who.job,
        "access_token": who.token,
        "ticket": what.ticket,
        "undoes": _number(undone_number(what)),
        "erased": [name for name, part in (("who", who), ("what", what)) if part.is_erased],
    }


def _number(text: str | None) -> int | str | None:
    return (
        int(text)
        if text is not None and text.isascii() and text.isdecimal() and len(text) < 19
        else text
    )


def _changes(public: Public, what: What) -> dict[str, Any]:
    if what.is_erased:
        value = [ERASED, ERASED] if public.action == "update" else ERASED
        return dict.fromkeys(public.fields, value)
    match public.action:
        case "update":
            return {
                name: [_plain(change.before), _plain(change.after)]
                for name, change in what.changes.items()
            }
        case "delete":
            return {name: _plain(change.before) for name, change in what.changes.items()}
        case _:
            return {name: _plain(change.after) for name, change in what.changes.items()}


def _plain(value: Change | msgspec.Raw | msgspec.UnsetType) -> Any:
    return plain(bytes(value)) if isinstance(value, msgspec.Raw) else None


def _comment(public: Public, what: What) -> str | None:
    reason = what.reason or what.details.get("reason")
    read = read_summary(public.action, what.details)
    count = what.details.get("count")
    more = f"{count} more within a minute" if count else None
    return "; ".join(str(part) for part in (reason, read, more) if part) or None


def _live(db: Session, account_id: int, publics: Sequence[Public]) -> Live:
    """Look up each type's records at once; only those of the account are found."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for public in publics:
        record_id = _number(public.entity.id)
        if isinstance(record_id, int) and public.entity.type in _FINDERS:
            wanted[public.entity.type].add(record_id)
    return {
        (entity_type, record_id): shape
        for entity_type, ids in wanted.items()
        for record_id, shape in _FINDERS[entity_type](db, account_id, ids).items()
    }


Finder = Callable[[Session, int, set[int]], dict[int, Shape]]


def _owned(model: type[Any], shape: Callable[[Any], Shape]) -> Finder:
    def find(db: Session, account_id: int, ids: set[int]) -> dict[int, Shape]:
        found = db.scalars(select(model).where(model.account_id == account_id, model.id.in_(ids)))
        return {record.id: shape(record) for record in found}

    return find


def _agents(db: Session, account_id: int, ids: set[int]) -> dict[int, Shape]:
    found = db.scalars(
        select(AccountUser).where(
            AccountUser.account_id == account_id, AccountUser.user_id.in_(ids)
        )
    )
    return {agent.user_id: shapes.agent_shape(agent) for agent in found}


def _people(db: Session, account_id: int, ids: set[int]) -> dict[int, Shape]:
    found = db.scalars(
        select(User)
        .join(AccountUser, AccountUser.user_id == User.id)
        .where(AccountUser.account_id == account_id, User.id.in_(ids))
    )
    return {user.id: shapes.user_shape(user) for user in found}


def _account(db: Session, account_id: int, ids: set[int]) -> dict[int, Shape]:
    account = db.get(Account, account_id)
    return {account.id: shapes.account_shape(account)} if account and account_id in ids else {}


_FINDERS: Final[Mapping[str, Finder]] = {
    "inbox": _owned(Inbox, shapes.inbox_shape),
    "automation_rule": _owned(AutomationRule, shapes.automation_rule_shape),
    "webhook": _owned(Webhook, shapes.webhook_shape),
    "team": _owned(Team, lambda team: shapes.team_shape(team, is_member=False)),
    "inbox_member": _owned(InboxMember, shapes.membership_shape),
    "team_member": _owned(TeamMember, shapes.membership_shape),
    "agent_bot": _owned(AgentBot, shapes.agent_bot_shape),
    "label": _owned(Label, shapes.label_shape),
    "canned_response": _owned(CannedResponse, shapes.canned_response_shape),
    "macro": _owned(Macro, shapes.macro_shape),
    "skill": _owned(Skill, shapes.skill_shape),
    "agent_skill": _owned(AgentSkill, shapes.membership_shape),
    "conversation": _owned(Conversation, shapes.conversation_shape),
    "access_token": _owned(AccessToken, shapes.access_token_shape),
    "account_user": _agents,
    "user": _people,
    "account": _account,
}
