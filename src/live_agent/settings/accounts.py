"""Accounts: their fields, and the verbs that read and write them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit_trail.record.language import say
from live_agent.errors import NotFound
from live_agent.schema import Account
from live_agent.settings import fields
from live_agent.settings.fields import LONGEST_NAME, Field, checked, integer
from live_agent.settings.lookup import assign, require

LONGEST_DAYS: Final = 999


def language(value: object) -> str:
    """Accept a language as a tag, such as pt_BR."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", value):
        raise ValueError(say("must be the tag of a language, such as en or pt_BR"))
    return value


def domain(value: object) -> str | None:
    """Accept the name of a host, or nothing."""
    if value is None or value == "":
        return None
    named = isinstance(value, str) and len(value) <= LONGEST_NAME
    if not named or not re.fullmatch(
        r"[a-z0-9-]+(\.[a-z0-9-]+)+", str(value), re.IGNORECASE | re.ASCII
    ):
        raise ValueError(say("must be the name of a host, such as alder.example"))
    return str(value).lower()


def days(value: object) -> int:
    """Accept after how many days a conversation without news is resolved."""
    accepted = integer(value)
    if not 1 <= accepted <= LONGEST_DAYS:
        raise ValueError(say("must be from 1 to %(most)s", most=LONGEST_DAYS))
    return accepted


FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "timezone": Field(label="Time zone", check=fields.timezone),
    "locale": Field(label="Language", check=language),
    "domain": Field(label="Domain", check=domain),
    "support_email": Field(label="Support e-mail", check=fields.optional(fields.email)),
    "auto_resolve_duration": Field(
        label="Days until resolved", check=fields.optional(days), form="number"
    ),
    "audit_reads": Field(
        label="Record who reads the audit logs", check=fields.boolean, form="checkbox"
    ),
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
