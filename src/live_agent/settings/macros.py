"""Macros: one's own and those for all, and who may write which."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audit_trail.record.language import say
from live_agent.access import Member
from live_agent.errors import Forbidden, NotFound
from live_agent.schema import VISIBILITIES, Macro
from live_agent.settings import fields
from live_agent.settings.automation import actions
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, find, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "visibility": Field(label="Visibility", check=fields.one_of(*VISIBILITIES)),
    "actions": Field(label="Actions", check=actions, form="json"),
}

ABOVE_AGENTS: Final = ("supervisor", "administrator")


def listed(db: Session, member: Member) -> Sequence[Macro]:
    """Return the member's own macros and those for all, oldest first."""
    return db.scalars(
        select(Macro)
        .where(
            Macro.account_id == member.account_id,
            or_(Macro.visibility == "global", Macro.user_id == member.user_id),
        )
        .order_by(Macro.id)
    ).all()


def get(db: Session, member: Member, record_id: int) -> Macro:
    """Return the macro. Raises `NotFound`, also for somebody else's own."""
    found = find(db, Macro, member.account_id, record_id)
    if found.visibility != "global" and found.user_id != member.user_id:
        raise NotFound
    return found


def create(db: Session, member: Member, values: Mapping[str, object]) -> Macro:
    """Create a macro of the member. Raises `Invalid`, or `Forbidden` for one for all."""
    accepted, errors = checked(FIELDS, values)
    require(errors)
    macro = Macro(account_id=member.account_id, user_id=member.user_id, **accepted)
    require_may_write(member, macro.visibility)
    db.add(macro)
    db.flush()
    return macro


def update(db: Session, member: Member, record: Macro, values: Mapping[str, object]) -> Macro:
    """Change the fields that were given. Raises `Invalid` or `Forbidden`."""
    accepted, errors = checked(FIELDS, values, partial=True)
    if accepted.get("visibility") == "personal" and record.user_id != member.user_id:
        errors["visibility"] = say("Visibility can be personal only of a macro of your own.")
    require(errors)
    require_may_write(member, record.visibility, accepted.get("visibility"))
    assign(record, accepted)
    db.flush()
    return record


def delete(db: Session, member: Member, record: Macro) -> None:
    """Delete the macro. Raises `Forbidden`."""
    require_may_write(member, record.visibility)
    db.delete(record)
    db.flush()


def delete_personal(db: Session, account_id: int, user_id: int) -> None:
    """Delete a person's own macros, one by one, each with an entry."""
    own = select(Macro).where(
        Macro.account_id == account_id,
        Macro.user_id == user_id,
        Macro.visibility != "global",
    )
    for macro in db.scalars(own).all():
        db.delete(macro)
    db.flush()


def may_write(member: Member, visibility: str | None) -> bool:
    """Tell whether the member may write macros that are seen so."""
    return visibility in (None, "personal") or member.role in ABOVE_AGENTS


def require_may_write(member: Member, *visibilities: str | None) -> None:
    """Raise `Forbidden` unless the member may write macros that are seen so."""
    if not all(may_write(member, each) for each in visibilities):
        raise Forbidden(say("Supervisors and administrators alone write macros for everybody."))
