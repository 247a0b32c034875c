"""Webhooks, of an inbox or of the account: their fields, and the verbs that read and write them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.schema import Webhook
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, check_inbox, find, require

SUBSCRIPTIONS: Final = (
    "conversation_created",
    "conversation_updated",
    "conversation_status_changed",
    "conversation_typing_on",
    "conversation_typing_off",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
)

FIELDS: Final[Mapping[str, Field]] = {
    "url": Field(label="URL", check=fields.required_url, required=True),
    "subscriptions": Field(
        label="Subscriptions", check=fields.some_of(*SUBSCRIPTIONS), form="list"
    ),
    "inbox_id": Field(label="Inbox", check=fields.optional(fields.integer), form="number"),
    "secret": Field(label="Signing secret", check=fields.secret),
}


def listed(db: Session, account_id: int, inbox_id: int | None = None) -> Sequence[Webhook]:
    """Return the account's webhooks, oldest first; with `inbox_id`, only those of this inbox."""
    wanted = select(Webhook).where(Webhook.account_id == account_id).order_by(Webhook.id)
    return db.scalars(wanted if inbox_id is None else wanted.filter_by(inbox_id=inbox_id)).all()


def get(db: Session, account_id: int, record_id: int) -> Webhook:
    """Return the webhook. Raises `NotFound`."""
    return find(db, Webhook, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> Webhook:
    """Create a webhook with a signing secret. Raises `Invalid`."""
    webhook = Webhook(account_id=account_id, **_accepted(db, account_id, values))
    db.add(webhook)
    db.flush()
    return webhook


def update(db: Session, record: Webhook, values: Mapping[str, object]) -> Webhook:
    """Change the fields that were given. Raises `Invalid`."""
    assign(record, _accepted(db, record.account_id, values, partial=True))
    db.flush()
    return record


def delete(db: Session, record: Webhook) -> None:
    """Delete the webhook."""
    db.delete(record)
    db.flush()


def _accepted(
    db: Session, account_id: int, values: Mapping[str, object], *, partial: bool = False
) -> dict[str, Any]:
    accepted, errors = checked(FIELDS, values, partial=partial)
    check_inbox(db, account_id, accepted, errors)
    require(errors)
    return accepted
