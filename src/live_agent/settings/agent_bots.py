"""Agent Copilot Bots: their fields, the verbs that read and write them, and which serve an inbox."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.schema import AgentBot, Inbox
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, check_inbox, check_name, find, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "description": Field(label="Description", check=fields.text(limit=2_000, lines=True)),
    "outgoing_url": Field(label="Endpoint Config URL", check=fields.url),
    "inbox_id": Field(label="Inbox", check=fields.optional(fields.integer), form="number"),
}


def listed(db: Session, account_id: int, inbox_id: int | None = None) -> Sequence[AgentBot]:
    """Return the account's bots, oldest first; with `inbox_id`, only those of this inbox."""
    wanted = select(AgentBot).where(AgentBot.account_id == account_id).order_by(AgentBot.id)
    return db.scalars(wanted if inbox_id is None else wanted.filter_by(inbox_id=inbox_id)).all()


def get(db: Session, account_id: int, record_id: int) -> AgentBot:
    """Return the bot. Raises `NotFound`."""
    return find(db, AgentBot, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> AgentBot:
    """Create a bot. Raises `Invalid`."""
    bot = AgentBot(account_id=account_id, **_accepted(db, account_id, values))
    db.add(bot)
    db.flush()
    return bot


def update(db: Session, record: AgentBot, values: Mapping[str, object]) -> AgentBot:
    """Change the fields that were given. Raises `Invalid`."""
    assign(record, _accepted(db, record.account_id, values, record))
    db.flush()
    return record


def delete(db: Session, record: AgentBot) -> None:
    """Delete the bot."""
    db.delete(record)
    db.flush()


def give(db: Session, inbox: Inbox, bot: AgentBot | None) -> None:
    """Make this the inbox's only bot; None releases all of them."""
    for other in listed(db, inbox.account_id, inbox.id):
        if other is not bot:
            other.inbox_id = None
    if bot is not None:
        bot.inbox_id = inbox.id
    db.flush()


def _accepted(
    db: Session, account_id: int, values: Mapping[str, object], record: AgentBot | None = None
) -> dict[str, Any]:
    accepted, errors = checked(FIELDS, values, partial=record is not None)
    check_name(db, AgentBot, account_id, accepted, errors, record.id if record else None)
    check_inbox(db, account_id, accepted, errors)
    require(errors)
    return accepted
