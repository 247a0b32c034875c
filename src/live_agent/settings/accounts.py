"""Accounts: their fields, and the verbs that read and write them."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.errors import NotFound
from live_agent.schema import Account
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "timezone": Field(label="Time zone", check=fields.timezone),
}


def listed(db: Session) -> Sequence[Account]:
    """Return every account, oldest first."""
    return db.scalars(select(Account).order_by(Account.id)).all()


def get(db: Session, account_id: int) -> Account:
    """Return the account. Raises `NotFound`."""
    if (account := db.get(Account, account_id)) is None:
        raise NotFound
    return account


def create(db: Session, values: Mapping[str, object]) -> Account:
    """Create an account; nobody belongs to it yet. Raises `Invalid`."""
    accepted, errors = checked(FIELDS, values)
    require(errors)
    account = Account(**accepted)
    db.add(account)
    db.flush()
    return account


def update(db: Session, record: Account, values: Mapping[str, object]) -> Account:
    """Change the fields that were given. Raises `Invalid`."""
    accepted, errors = checked(FIELDS, values, partial=True)
    require(errors)
    assign(record, accepted)
    db.flush()
    return record
