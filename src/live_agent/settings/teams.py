"""Teams: their fields, and the verbs that read and write them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from live_agent.schema import Team
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, check_name, find, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(shortest=2, formula=False), required=True),
    "description": Field(label="Description", check=fields.text(limit=2_000, lines=True)),
    "allow_auto_assign": Field(label="Allow auto assign", check=fields.boolean, form="checkbox"),
}


def listed(db: Session, account_id: int) -> Sequence[Team]:
    """Return the account's teams by name."""
    return db.scalars(
        select(Team).where(Team.account_id == account_id).order_by(func.lower(Team.name), Team.id)
    ).all()


def get(db: Session, account_id: int, record_id: int) -> Team:
    """Return the team. Raises `NotFound`."""
    return find(db, Team, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> Team:
    """Create a team; it has no members. Raises `Invalid`."""
    team = Team(account_id=account_id, **_accepted(db, account_id, values))
    db.add(team)
    db.flush()
    return team


def update(db: Session, record: Team, values: Mapping[str, object]) -> Team:
    """Change the fields that were given. Raises `Invalid`."""
    assign(record, _accepted(db, record.account_id, values, record))
    db.flush()
    return record


def delete(db: Session, record: Team) -> None:
    """Delete the team with its memberships."""
    db.delete(record)
    db.flush()


def _accepted(
    db: Session, account_id: int, values: Mapping[str, object], record: Team | None = None
) -> dict[str, Any]:
    accepted, errors = checked(FIELDS, values, partial=record is not None)
    check_name(db, Team, account_id, accepted, errors, record.id if record else None)
    require(errors)
    return accepted
