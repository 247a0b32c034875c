"""Entries about administrators: who was added or removed, who signed in, and who tried; it appends none."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.own import own_draft
from audit_trail.record.catalog import Catalog, Field, Kind
from audit_trail.record.entry import INSTALLATION, Change, Draft, Entity, Outcome
from audit_trail.record.language import marked
from audit_trail.record.value import SECRET
from audit_trail.standalone.administrators import Administrator

KIND: Final = "administrator"
CATALOG: Final = Catalog(
    kinds={
        KIND: Kind(name=marked("administrator"), fields={"email": Field(label=marked("e-mail"))})
    }
)
"""What administrators are called; of the application's own records their names say it."""

Clock = Callable[[], int]
Changes = Callable[[Administrator, str], Mapping[str, Change]]


def added(context: Context, administrator: Administrator, clock: Clock) -> list[Draft]:
    """Return the entries that an administrator was added."""
    return _changed(context, administrator, "create", clock, _members("after"))


def removed(context: Context, administrator: Administrator, clock: Clock) -> list[Draft]:
    """Return the entries that an administrator was removed."""
    return _changed(context, administrator, "delete", clock, _members("before"))


def password_set(context: Context, administrator: Administrator, clock: Clock) -> list[Draft]:
    """Return the entries that an administrator has a new password."""
    hidden = msgspec.Raw(SECRET)
    changes = {"password": Change(before=hidden, after=hidden)}
    return _changed(context, administrator, "update", clock, lambda *_: changes)


def happened(
    context: Context,
    administrator: Administrator | None,
    action: str,
    clock: Clock,
    *,
    outcome: Outcome = "success",
    details: Mapping[str, Any] | None = None,
) -> list[Draft]:
    """Return the entries of a sign-in and the like; of nobody known, the installation's alone."""
    return [
        own_draft(
            context,
            account,
            action,
            clock=clock,
            details=details or {},
            entity=_entity(administrator),
            label=administrator.email if administrator else None,
            outcome=outcome,
        )
        for account in (administrator.noted_in if administrator else (INSTALLATION,))
    ]


def _changed(
    context: Context,
    administrator: Administrator,
    action: str,
    clock: Clock,
    changes: Changes,
) -> list[Draft]:
    return [
        own_draft(
            context,
            account,
            action,
            clock=clock,
            details={},
            entity=_entity(administrator),
            label=administrator.email,
            changes=changes(administrator, account),
        )
        for account in administrator.noted_in
    ]


def _members(side: str) -> Changes:
    def members(administrator: Administrator, account: str) -> Mapping[str, Change]:
        accounts = administrator.accounts
        told: dict[str, Any] = {"email": administrator.email, "all_accounts": accounts is None}
        # Which other accounts somebody may read is no account's business.
        if accounts is not None and account == INSTALLATION:
            told["accounts"] = {"$": "json", "value": accounts}
        return {
            name: Change(**{side: msgspec.Raw(msgspec.json.encode(value))})
            for name, value in told.items()
        }

    return members


def _entity(administrator: Administrator | None) -> Entity:
    return Entity(type=KIND, id=str(administrator.id) if administrator else None)
