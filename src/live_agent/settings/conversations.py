"""Conversations, as far as their deletion is concerned: the verbs that list, begin and delete them."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.schema import STATUSES, Conversation
from live_agent.settings import fields
from live_agent.settings.fields import LONGEST_NAME, Field, checked
from live_agent.settings.lookup import check_inbox, find, require

PAGE: Final = 25

FIELDS: Final[Mapping[str, Field]] = {
    "inbox_id": Field(label="Inbox", check=fields.integer, required=True, form="number"),
    "status": Field(label="Status", check=fields.one_of(*STATUSES)),
    "contact_name": Field(label="Contact's name", check=fields.text(limit=LONGEST_NAME)),
    "contact_email": Field(label="Contact's e-mail", check=fields.optional(fields.email)),
}


def listed(db: Session, account_id: int, page: int = 1) -> Sequence[Conversation]:
    """Return a page of the account's conversations, newest first."""
    wanted = select(Conversation).where(Conversation.account_id == account_id)
    newest = wanted.order_by(Conversation.id.desc())
    return db.scalars(newest.offset((page - 1) * PAGE).limit(PAGE)).all()


def get(db: Session, account_id: int, record_id: int) -> Conversation:
    """Return the conversation. Raises `NotFound`."""
    return find(db, Conversation, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> Conversation:
    """Begin a conversation in an inbox. Raises `Invalid`."""
    accepted, errors = checked(FIELDS, values)
    check_inbox(db, account_id, accepted, errors)
    require(errors)
    conversation = Conversation(account_id=account_id, **accepted)
    db.add(conversation)
    db.flush()
    return conversation


def delete(db: Session, record: Conversation) -> None:
    """Delete the conversation."""
    db.delete(record)
    db.flush()
