"""Inboxes: their fields, and the verbs that read and write them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from live_agent.schema import Inbox
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, check_name, find, require
from live_agent.settings.working_hours import WEEK, working_hours

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(formula=False), required=True),
    "avatar_url": Field(label="Avatar", check=fields.url),
    "webhook_url": Field(label="Webhook URL", check=fields.url),
    "project_id": Field(label="Project ID", check=fields.text(limit=255)),
    "greeting_enabled": Field(label="Greeting", check=fields.boolean, form="checkbox"),
    "greeting_message": Field(label="Greeting message", check=fields.text(lines=True)),
    "enable_auto_assignment": Field(
        label="Allow auto assignment", check=fields.boolean, form="checkbox"
    ),
    "allow_reassignment": Field(label="Allow reassignment", check=fields.boolean, form="checkbox"),
    "agents_see_all_conversations": Field(
        label="Agents see all conversations", check=fields.boolean, form="checkbox"
    ),
    "enable_conversation_count": Field(
        label="Consider conversation count", check=fields.boolean, form="checkbox"
    ),
    "timezone": Field(label="Time zone", check=fields.timezone),
    "working_hours_enabled": Field(label="Working hours", check=fields.boolean, form="checkbox"),
    "working_hours": Field(label="Working hours", check=working_hours, form="json"),
    "out_of_office_message": Field(label="Out-of-office message", check=fields.text(lines=True)),
    "csat_survey_enabled": Field(label="CSAT survey", check=fields.boolean, form="checkbox"),
    "csat_config": Field(label="CSAT survey", check=fields.json_object, form="json"),
    "lock_to_single_conversation": Field(
        label="Lock to single conversation", check=fields.boolean, form="checkbox"
    ),
    "hmac_token": Field(label="Signing secret", check=fields.secret),
}


def listed(db: Session, account_id: int) -> Sequence[Inbox]:
    """Return the account's inboxes by name."""
    return db.scalars(
        select(Inbox)
        .where(Inbox.account_id == account_id)
        .order_by(func.lower(Inbox.name), Inbox.id)
    ).all()


def get(db: Session, account_id: int, record_id: int) -> Inbox:
    """Return the inbox. Raises `NotFound`."""
    return find(db, Inbox, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> Inbox:
    """Create an inbox; it has no collaborators. Raises `Invalid`."""
    accepted = _accepted(db, account_id, values)
    accepted.setdefault("working_hours", list(WEEK))
    inbox = Inbox(account_id=account_id, **accepted)
    db.add(inbox)
    db.flush()
    return inbox


def update(db: Session, record: Inbox, values: Mapping[str, object]) -> Inbox:
    """Change the fields that were given. Raises `Invalid`."""
    assign(record, _accepted(db, record.account_id, values, record))
    db.flush()
    return record


def delete(db: Session, record: Inbox) -> None:
    """Delete the inbox with its collaborators and webhooks; its bots belong to none then."""
    db.delete(record)
    db.flush()


def _accepted(
    db: Session, account_id: int, values: Mapping[str, object], record: Inbox | None = None
) -> dict[str, Any]:
    accepted, errors = checked(FIELDS, values, partial=record is not None)
    check_name(db, Inbox, account_id, accepted, errors, record.id if record else None)
    require(errors)
    return accepted
