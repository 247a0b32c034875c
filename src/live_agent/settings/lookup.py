"""Finds records inside one account; it never answers one of another."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from audit_trail.record.language import marked, say, told
from live_agent.errors import Invalid, NotFound
from live_agent.schema import LARGEST_INTEGER, Inbox, Owned

Row = TypeVar("Row", bound=Owned)


def find(db: Session, model: type[Row], account_id: int, record_id: int) -> Row:
    """Return the account's record with this id. Raises `NotFound`."""
    found = None
    if 0 < record_id <= LARGEST_INTEGER:
        found = db.scalars(
            select(model).where(model.account_id == account_id, model.id == record_id)
        ).one_or_none()
    if found is None:
        raise NotFound
    return found


def is_taken(
    db: Session,
    model: type[Owned],
    account_id: int,
    name: str,
    but: int | None = None,
    *,
    column: str = "name",
) -> bool:
    """Tell whether another record of the account than `but` has this name, or what names it."""
    others = exists().where(model.account_id == account_id, getattr(model, column) == name)
    if but is not None:
        others = others.where(model.id != but)
    return bool(db.scalar(select(others)))


def check_inbox(
    db: Session, account_id: int, values: Mapping[str, Any], errors: dict[str, str]
) -> None:
    """Add an error where `inbox_id` names no inbox of the account."""
    if (inbox_id := values.get("inbox_id")) is None:
        return
    try:
        find(db, Inbox, account_id, inbox_id)
    except NotFound:
        errors["inbox_id"] = say("Inbox must be one of this account.")


def check_name(
    db: Session,
    model: type[Owned],
    account_id: int,
    values: Mapping[str, Any],
    errors: dict[str, str],
    but: int | None = None,
    *,
    column: str = "name",
    label: str = marked("Name"),
) -> None:
    """Add an error where another record of the account has the name, or what names it."""
    name = values.get(column)
    if name is not None and is_taken(db, model, account_id, name, but, column=column):
        errors[column] = say("%(label)s is already in use; choose another.", label=told(label))


def assign(record: object, values: Mapping[str, Any]) -> None:
    """Set the columns that were given; those that keep their value are not written."""
    for column, value in values.items():
        setattr(record, column, value)


def require(errors: Mapping[str, str]) -> None:
    """Raise `Invalid` when there is any error."""
    if errors:
        raise Invalid(errors)
