"""Restores: shows first what would change, by a rehearsal of it, and then does it; it asks nobody who may."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Self

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit_trail.capture.context import undoing
from audit_trail.record.entry import Entry
from audit_trail.record.language import say
from audit_trail.trail import Trail
from live_agent.database import Database
from live_agent.errors import ChangedMeanwhile, Invalid, NotFound, RestorationRefused
from live_agent.restoring.former import former_of
from live_agent.restoring.plan import Field, Plan, planned
from live_agent.restoring.rebirth import born_as
from live_agent.settings import fields as settings
from live_agent.settings.lookup import require


class WithIt(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of what was deleted or emptied with the record, and why it can't be restored with it."""

    entry: Entry
    secrets: tuple[str, ...] = ()
    refusal: str | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What restoring from an entry would do; a `refusal` says why nothing."""

    entry: Entry
    digest: str = ""
    fields: tuple[Field, ...] = ()
    secrets: tuple[str, ...] = ()
    with_it: tuple[WithIt, ...] = ()
    others: int = 0
    refusal: str | None = None

    @property
    def is_deletion(self) -> bool:
        return self.entry.public.action == "delete"


FIELDS: Final[Mapping[str, settings.Field]] = {
    "digest": settings.Field(
        label="Digest", check=settings.text(limit=64, nullable=False), required=True
    ),
    "fields": settings.Field(label="Fields", check=settings.names, form="list"),
    "with_it": settings.Field(label="Entries", check=settings.numbers, form="numbers"),
}
"""How a choice is sent."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be restored of what was shown: of an update fields, of a deletion entries with it."""

    digest: str
    fields: Collection[str] = ()
    with_it: Collection[int] = ()

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Read a choice as it was sent. Raises `Invalid`."""
        accepted, errors = settings.checked(FIELDS, values)
        require(errors)
        return cls(**accepted)


def preview(database: Database, trail: Trail, account_id: int, index: int) -> Preview:
    """Show what restoring from the entry at this index would do, by a rehearsal. Keeps nothing.

    Raises `EntryNotFound`.
    """
    entry = trail.entry(str(account_id), index)
    try:
        former = former_of(trail, str(account_id), entry)
        with database.rehearsal() as db:
            return _rehearsed(db, trail, planned(db, trail, former), entry)
    except Invalid as refused:
        return Preview(entry=entry, refusal=str(refused))


def restore(db: Session, trail: Trail, account_id: int, index: int, chosen: Chosen) -> Preview:
    """Restore what was chosen, in the session's transaction; return what was shown of it.

    Raises `EntryNotFound`, `RestorationRefused`, `ChangedMeanwhile`, and what the settings refuse
    as `Invalid`: nothing is kept then.
    """
    entry = trail.entry(str(account_id), index)
    plan = planned(db, trail, former_of(trail, str(account_id), entry))
    if plan.digest != chosen.digest:
        raise ChangedMeanwhile
    fields = [each for each in plan.fields if each.name in chosen.fields]
    with_it = [each for each in plan.with_it if each.index in chosen.with_it]
    _require_known(plan, chosen, fields, with_it)
    _carry_out(db, plan, fields)
    return Preview(
        entry=entry,
        digest=plan.digest,
        fields=tuple(fields),
        secrets=plan.secrets,
        with_it=tuple(_required(db, trail, each) for each in with_it),
    )


def _required(db: Session, trail: Trail, entry: Entry) -> WithIt:
    try:
        return _restore_with(db, trail, entry)
    except Invalid as error:
        raise RestorationRefused(f"#{entry.index + 1}: {error}") from error


def _require_known(
    plan: Plan, chosen: Chosen, fields: Collection[Field], with_it: Collection[Entry]
) -> None:
    errors = {
        each.name: f"{each.label}: {each.refusal}" for each in fields if each.refusal is not None
    }
    if plan.former.is_deletion and chosen.fields:
        errors["fields"] = say("A deleted record is restored with all its fields; choose none.")
    elif len(fields) < len(set(chosen.fields)):
        errors["fields"] = say("Fields must be some of those that were shown.")
    elif not fields and not plan.former.is_deletion:
        errors["fields"] = say("Choose at least one field to restore.")
    if len(with_it) < len(set(chosen.with_it)):
        errors["with_it"] = say("Entries must be some of those that were shown.")
    require(errors)


def _rehearsed(db: Session, trail: Trail, plan: Plan, entry: Entry) -> Preview:
    """Do it, and tell what the settings refuse."""
    fields = plan.fields
    wanted = [each for each in fields if each.refusal is None]
    try:
        if wanted or plan.former.is_deletion:
            _carry_out(db, plan, wanted)
    except Invalid as error:
        errors = dict(error.errors)
        if (
            plan.former.is_deletion
            or not errors
            or not errors.keys() <= {each.name for each in wanted}
        ):
            raise RestorationRefused(str(error)) from error
        fields = tuple(
            msgspec.structs.replace(each, refusal=errors[each.name], changed_since=False)
            if each.name in errors
            else each
            for each in fields
        )
    return Preview(
        entry=entry,
        digest=plan.digest,
        fields=fields,
        secrets=plan.secrets,
        with_it=tuple(_with_it(db, trail, plan)),
        others=plan.others,
    )


def _with_it(db: Session, trail: Trail, plan: Plan) -> Iterator[WithIt]:
    for each in plan.with_it:
        try:
            yield _restore_with(db, trail, each)
        except Invalid as error:
            yield WithIt(entry=each, refusal=str(error))


def _restore_with(db: Session, trail: Trail, entry: Entry) -> WithIt:
    """Restore, as a whole and unasked, what an entry took with the record that is there again."""
    with db.begin_nested():
        plan = planned(db, trail, former_of(trail, entry.public.account, entry))
        for field in plan.fields:
            if field.changed_since:
                raise RestorationRefused(
                    say("%(field)s was changed since; change it yourself.", field=field.label)
                )
            if field.refusal:
                raise RestorationRefused(f"{field.label}: {field.refusal}")
        _carry_out(db, plan, plan.fields)
    return WithIt(entry=entry, secrets=plan.secrets)


def _carry_out(db: Session, plan: Plan, fields: Collection[Field]) -> None:
    """Let the settings' own verb write it, as a change that says what it undoes."""
    former = plan.former
    with undoing(former.undone):
        try:
            if former.is_deletion:
                _make_again(db, plan)
            else:
                record = former.kind.verbs.get(db, former.account_id, former.record_id)
                former.kind.verbs.update(db, record, {each.name: each.then for each in fields})
        except NotFound as error:
            raise RestorationRefused(say("What it belonged to is gone.")) from error
        except IntegrityError as error:
            raise RestorationRefused(
                say("Another record stands in its place, or what it belonged to is gone.")
            ) from error


def _make_again(db: Session, plan: Plan) -> None:
    former = plan.former
    # What the entry doesn't name was null: no verb may put whoever restores in its place.
    then = {each.name: each.then for each in plan.fields}
    kept: dict[str, Any] = {name: then.get(name) for name in former.kind.kept}
    if former.table.identity is None:
        kept["id"] = former.record_id
    with born_as(db, former.kind.model, kept) as born:
        former.kind.verbs.create(db, former.account_id, plan.values())
    if not born:
        raise RestorationRefused(say("The same is there again, under another number."))
