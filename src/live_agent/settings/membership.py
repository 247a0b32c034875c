"""Who belongs to an inbox or a team, or has a skill: one way to list, add, replace and remove them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit_trail.record.language import say
from live_agent.schema import (
    AccountUser,
    AgentSkill,
    Inbox,
    InboxMember,
    Skill,
    Team,
    TeamMember,
    User,
)
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import require

Parent: TypeAlias = Inbox | Team | Skill
Membership: TypeAlias = InboxMember | TeamMember | AgentSkill

_KINDS: Final[Mapping[type[Parent], tuple[type[Any], str]]] = {
    Inbox: (InboxMember, "inbox_id"),
    Team: (TeamMember, "team_id"),
    Skill: (AgentSkill, "skill_id"),
}
"""The table of each parent's members, and its column that points to the parent."""

FIELDS: Final[Mapping[str, Field]] = {
    "user_ids": Field(label="Agents", check=fields.numbers, required=True, form="numbers"),
}


def column_of(model: type[Membership]) -> str:
    """Return the column of a membership that points to its inbox, team or skill."""
    return next(column for members, column in _KINDS.values() if members is model)


def agents_of(db: Session, parent: Parent) -> Sequence[AccountUser]:
    """Return the agents who are members, by name."""
    return db.scalars(
        select(AccountUser)
        .join(User, User.id == AccountUser.user_id)
        .where(
            AccountUser.account_id == parent.account_id,
            AccountUser.user_id.in_([member.user_id for member in _members(db, parent)]),
        )
        .order_by(func.lower(User.name), User.id)
    ).all()


def add(db: Session, parent: Parent, user_ids: object) -> Sequence[AccountUser]:
    """Add those who aren't members yet, and return all. Raises `Invalid`."""
    _join(db, parent, _accepted(db, parent, user_ids))
    return agents_of(db, parent)


def join(db: Session, parent: Parent, user_id: object) -> None:
    """Add one person who isn't a member yet, whatever the number of the others. Raises `Invalid`."""
    (accepted,) = _accepted(db, parent, [user_id])
    model, column = _KINDS[type(parent)]
    wanted = select(model.id).where(getattr(model, column) == parent.id, model.user_id == accepted)
    if db.scalar(wanted) is None:
        db.add(_membership(parent, accepted))
        db.flush()


def replace(db: Session, parent: Parent, user_ids: object) -> Sequence[AccountUser]:
    """Make these the only members, and return them. Raises `Invalid`."""
    wanted = _accepted(db, parent, user_ids)
    members = _members(db, parent)
    _leave(db, [member for member in members if member.user_id not in wanted])
    _join(db, parent, wanted)
    return agents_of(db, parent)


def remove(db: Session, parent: Parent, user_ids: object) -> Sequence[AccountUser]:
    """Remove those who are members, and return who stays. Raises `Invalid`."""
    unwanted = _accepted(db, parent, user_ids)
    _leave(db, [member for member in _members(db, parent) if member.user_id in unwanted])
    return agents_of(db, parent)


def _accepted(db: Session, parent: Parent, user_ids: object) -> list[int]:
    """Accept ids of agents of the parent's account, and of nobody else."""
    given = {} if user_ids is None else {"user_ids": user_ids}
    accepted, errors = checked(FIELDS, given)
    wanted: list[int] = accepted.get("user_ids", [])
    known = set(
        db.scalars(
            select(AccountUser.user_id).where(
                AccountUser.account_id == parent.account_id, AccountUser.user_id.in_(wanted)
            )
        )
    )
    if strangers := [str(user_id) for user_id in wanted if user_id not in known]:
        errors["user_ids"] = say(
            "Agents must be of this account; these are not: %(ids)s.", ids=_some(strangers)
        )
    require(errors)
    return wanted


def _some(ids: Sequence[str]) -> str:
    said = ", ".join(ids[:10])
    return say("%(ids)s and more", ids=said) if len(ids) > 10 else said


def _members(db: Session, parent: Parent) -> Sequence[Membership]:
    model, column = _KINDS[type(parent)]
    of_parent = select(model).where(getattr(model, column) == parent.id).order_by(model.id)
    return db.scalars(of_parent).all()


def _join(db: Session, parent: Parent, user_ids: Collection[int]) -> None:
    present = {member.user_id for member in _members(db, parent)}
    for user_id in user_ids:
        if user_id not in present:
            db.add(_membership(parent, user_id))
            db.flush()  # One by one, so that the entries come in the order that was asked for.


def _membership(parent: Parent, user_id: int) -> Membership:
    model, column = _KINDS[type(parent)]
    made: Membership = model(account_id=parent.account_id, user_id=user_id, **{column: parent.id})
    return made


def _leave(db: Session, members: Collection[Membership]) -> None:
    for member in members:
        db.delete(member)
        db.flush()
