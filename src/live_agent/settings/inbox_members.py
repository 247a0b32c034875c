"""Inbox collaborators: the agents who work in an inbox."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from live_agent.schema import AccountUser
from live_agent.settings import inboxes, membership


def listed(db: Session, account_id: int, inbox_id: int) -> Sequence[AccountUser]:
    """Return the inbox's collaborators by name. Raises `NotFound`."""
    return membership.agents_of(db, inboxes.get(db, account_id, inbox_id))


def add(db: Session, account_id: int, inbox_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Add collaborators, and return all. Raises `NotFound` or `Invalid`."""
    return membership.add(db, inboxes.get(db, account_id, inbox_id), user_ids)


def replace(db: Session, account_id: int, inbox_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Make these the only collaborators, and return them. Raises `NotFound` or `Invalid`."""
    return membership.replace(db, inboxes.get(db, account_id, inbox_id), user_ids)


def remove(db: Session, account_id: int, inbox_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Remove collaborators, and return who stays. Raises `NotFound` or `Invalid`."""
    return membership.remove(db, inboxes.get(db, account_id, inbox_id), user_ids)
