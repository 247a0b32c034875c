"""Entries about administrators: who was added or removed, who came, tried, or read; it appends none."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.own import ABOUT_THE_TRAIL, own_draft
from audit_trail.record.catalog import Catalog, Field, Kind
from audit_trail.record.entry import INSTALLATION, Change, Draft, Entity, Outcome
from audit_trail.record.language import marked
from audit_trail.record.opened import READ
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


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What happened under a context, and the accounts whose trails say so."""

    context: Context
    accounts: tuple[str, ...]
    action: str
    entity: Entity = ABOUT_THE_TRAIL
    label: str | None = None
    outcome: Outcome = "success"
    details: dict[str, Any] = {}

    def drafts(self, clock: Clock, count: int = 0) -> list[Draft]:
        """Return its entries; with a `count`, those of so many further ones within a minute."""
        return [
            own_draft(
                self.context,
                account,
                self.action,
                clock=clock,
                details=self.details | ({"count": count} if count else {}),
                entity=self.entity,
                label=self.label,
                outcome=self.outcome,
            )
            for account in self.accounts
        ]


def at_the_door(
    context: Context,
    administrator: Administrator | None,
    action: str,
    *,
    outcome: Outcome = "success",
    details: Mapping[str, Any] | None = None,
) -> Happening:
    """Return a sign-in or the like; one of nobody known is told in the installation's trail alone."""
    return Happening(
        context=context,
        accounts=administrator.noted_in if administrator else (INSTALLATION,),
        action=action,
        entity=_entity(administrator),
        label=administrator.email if administrator else None,
        outcome=outcome,
        details=dict(details or {}),
    )


def opened(context: Context, account: str, said: Mapping[str, Any]) -> Happening:
    """Return that somebody is about to be shown entries of the account whole."""
    return Happening(context=context, accounts=(account,), action=READ, details=dict(said))


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
