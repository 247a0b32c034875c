"""Automation rules: the verbs that read, write, clone, activate and deactivate them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.schema import AutomationRule
from live_agent.settings import fields
from live_agent.settings.automation import EVENTS, actions, conditions
from live_agent.settings.fields import LONGEST_NAME, Field, checked
from live_agent.settings.lookup import assign, check_name, find, is_taken, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "description": Field(label="Description", check=fields.text(limit=2_000, lines=True)),
    "event_name": Field(label="Event", check=fields.one_of(*EVENTS), required=True),
    "conditions": Field(label="Conditions", check=conditions, form="json"),
    "actions": Field(label="Actions", check=actions, form="json"),
    "active": Field(label="Active", check=fields.boolean, form="checkbox"),
}


def listed(db: Session, account_id: int) -> Sequence[AutomationRule]:
    """Return the account's rules, oldest first."""
    return db.scalars(
        select(AutomationRule)
        .where(AutomationRule.account_id == account_id)
        .order_by(AutomationRule.id)
    ).all()


def get(db: Session, account_id: int, record_id: int) -> AutomationRule:
    """Return the rule. Raises `NotFound`."""
    return find(db, AutomationRule, account_id, record_id)


def create(db: Session, account_id: int, values: Mapping[str, object]) -> AutomationRule:
    """Create a rule. Raises `Invalid`."""
    rule = AutomationRule(account_id=account_id, **_accepted(db, account_id, values))
    db.add(rule)
    db.flush()
    return rule


def update(db: Session, record: AutomationRule, values: Mapping[str, object]) -> AutomationRule:
    """Change the fields that were given. Raises `Invalid`."""
    assign(record, _accepted(db, record.account_id, values, record))
    db.flush()
    return record


def delete(db: Session, record: AutomationRule) -> None:
    """Delete the rule."""
    db.delete(record)
    db.flush()


def clone(db: Session, record: AutomationRule) -> AutomationRule:
    """Create an inactive copy under a free name, so that it can be looked over first."""
    copy = AutomationRule(
        account_id=record.account_id,
        name=_free_name(db, record),
        description=record.description,
        event_name=record.event_name,
        conditions=record.conditions,
        actions=record.actions,
        active=False,
    )
    db.add(copy)
    db.flush()
    return copy


def activate(db: Session, record: AutomationRule) -> AutomationRule:
    """Make the rule act from now on."""
    return update(db, record, {"active": True})


def deactivate(db: Session, record: AutomationRule) -> AutomationRule:
    """Keep the rule, but let it act no more."""
    return update(db, record, {"active": False})


def _free_name(db: Session, record: AutomationRule) -> str:
    number = 1
    while True:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        name = record.name[: LONGEST_NAME - len(suffix)] + suffix
        if not is_taken(db, AutomationRule, record.account_id, name):
            return name
        number += 1


def _accepted(
    db: Session, account_id: int, values: Mapping[str, object], record: AutomationRule | None = None
) -> dict[str, Any]:
    accepted, errors = checked(FIELDS, values, partial=record is not None)
    check_name(db, AutomationRule, account_id, accepted, errors, record.id if record else None)
    require(errors)
    return accepted
