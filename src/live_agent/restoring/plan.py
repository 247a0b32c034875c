"""What a restoration would change, field by field, as the database is now; it changes nothing."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from audit_trail.capture.watch import Reference
from audit_trail.record.catalog import spelled, titled
from audit_trail.record.entry import Entry
from audit_trail.record.language import say, told
from audit_trail.record.query import Is, Query, all_of
from audit_trail.trail import Trail
from live_agent.catalog import CATALOG
from live_agent.errors import NotFound, RestorationRefused
from live_agent.restoring.former import Former, Value
from live_agent.restoring.resources import RESTORABLE, TABLES
from live_agent.schema import LARGEST_INTEGER, Record

MOST_WITH_IT: Final = 500
"""Records that can return together with the one they belonged to."""

LOOKED_AT_ONCE: Final = 256
MOST_LOOKED_AT: Final = 20_000


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: before the entry (`then`), in the database (`now`), and what the entry set it to.

    Of a deleted record there is no `now`. It is `changed_since` where it isn't as the entry left it.
    A reference has labels: what it pointed to, and what it points to.
    """

    name: str
    label: str
    then: Any
    now: Any
    set_to: Any
    label_then: str | None = None
    label_now: str | None = None
    changed_since: bool = False
    refusal: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What can be restored of an entry. `secrets` are columns that are drawn anew.

    `with_it` went with a deleted record, and so did `others` that can't return with it.
    """

    former: Former
    fields: tuple[Field, ...]
    secrets: tuple[str, ...] = ()
    with_it: tuple[Entry, ...] = ()
    others: int = 0

    @property
    def digest(self) -> str:
        """SHA-256 of all that was shown, so that what has changed since is noticed."""
        shown = [
            self.former.public.id,
            [
                # Why something is refused is said in one language or another.
                [each.name, each.then, each.now, each.set_to, each.refusal is None]
                for each in self.fields
            ],
            [each.public.id for each in self.with_it],
        ]
        text = json.dumps(shown, sort_keys=True, default=repr, skipkeys=True)
        return sha256(text.encode(errors="surrogatepass")).hexdigest()

    def values(self) -> dict[str, Any]:
        """Return what a deleted record had, as far as one of the settings' verbs writes it."""
        fields = self.former.kind.verbs.FIELDS
        names = {*fields, *(pointer.columns[0] for pointer in self.former.table.references)}
        return {each.name: each.then for each in self.fields if each.name in names}


def planned(db: Session, trail: Trail, former: Former) -> Plan:
    """Return what would change. Raises `RestorationRefused` where nothing can."""
    if former.is_deletion:
        return _of_deletion(db, trail, former)
    return _of_update(db, trail, former)


def _of_update(db: Session, trail: Trail, former: Former) -> Plan:
    try:
        record = former.kind.verbs.get(db, former.account_id, former.record_id)
    except NotFound:
        raise RestorationRefused(_gone(trail, former)) from None
    fields = tuple(_fields(db, former, record))
    unknown = [value.unknown for value in former.before.values() if value.unknown]
    known = [each for each in fields if not former.before[each.name].unknown]
    if unknown and not known:
        raise RestorationRefused(unknown[0])
    if all(is_same(each.then, each.now) for each in known):
        raise RestorationRefused(
            say("Everything is as it was before this entry already; nothing would change.")
        )
    return Plan(former=former, fields=fields)


def _fields(db: Session, former: Former, record: Any) -> Iterator[Field]:
    for name, value in former.before.items():
        now, set_to = getattr(record, name, None), former.after[name].plain
        refusal = value.unknown or _refusal(db, former, name, value, now)
        changed = not value.unknown and not is_same(now, set_to)
        yield Field(
            name=name,
            label=label_of(former, name),
            then=value.plain,
            now=None if value.unknown else now,
            set_to=set_to,
            label_then=_label_then(former, name),
            label_now=_label_now(db, former, name, now),
            changed_since=changed and refusal is None,
            refusal=refusal,
        )


def _refusal(db: Session, former: Former, name: str, value: Value, now: Any) -> str | None:
    if is_same(value.plain, now):
        return say("It is as it was already.")
    if name not in former.kind.verbs.FIELDS:
        return say("No setting of the account changes it.")
    pointer = former.table.reference_of(name)
    return _missing(db, former, pointer) if pointer else None


def _of_deletion(db: Session, trail: Trail, former: Former) -> Plan:
    if _is_there(db, former):
        raise RestorationRefused(say("The record is there again."))
    if (later := _later_deletion(trail, former)) is not None:
        raise RestorationRefused(
            say(
                "The record was deleted again since; restore it from entry #%(number)s.",
                number=later + 1,
            )
        )
    for name, value in former.before.items():
        if value.unknown and name not in former.table.secrets:
            raise RestorationRefused(f"{label_of(former, name)}: {value.unknown}")
        # No verb checks what it doesn't write, and a shell may have left anything there.
        column = former.kind.model.__table__.columns.get(name)
        if name in former.kind.kept and type(value.plain) is not column.type.python_type:
            raise RestorationRefused(
                say("%(field)s is of another kind than its column.", field=label_of(former, name))
            )
    for pointer in former.table.references:
        if missing := _missing(db, former, pointer):
            raise RestorationRefused(missing)
    secrets = former.table.secrets & former.before.keys()
    with_it, others = _went_with(trail, former)
    return Plan(
        former=former,
        fields=tuple(
            Field(
                name=name,
                label=label_of(former, name),
                then=each.plain,
                now=None,
                set_to=None,
                label_then=_label_then(former, name),
            )
            for name, each in former.before.items()
            if name not in secrets
        ),
        secrets=tuple(sorted(secrets)),
        with_it=tuple(with_it),
        others=others,
    )


def _is_there(db: Session, former: Former) -> bool:
    """Ask for the record, or for whatever else has its number: ids are everybody's."""
    if former.table.identity is None:
        return db.get(former.kind.model, former.record_id) is not None
    try:
        former.kind.verbs.get(db, former.account_id, former.record_id)
    except NotFound:
        return False
    return True


def _gone(trail: Trail, former: Former) -> str:
    if (later := _later_deletion(trail, former)) is None:
        return say("The record is gone.")
    return say(
        "The record was deleted since; restore it from entry #%(number)s first.", number=later + 1
    )


def _later_deletion(trail: Trail, former: Former) -> int | None:
    entity = former.public.entity
    where = all_of(Is("entity", entity.type), Is("id", entity.id or ""), Is("action", "delete"))
    query = Query(account=former.public.account, where=where, start=former.index + 1)
    found = trail.page(query, limit=1).entries
    return found[0].index if found else None


def _missing(db: Session, former: Former, pointer: Reference) -> str | None:
    """Say which record is gone that the former value points to."""
    column = pointer.columns[0]
    value = former.before.get(column, Value(None)).plain
    if value is None or _exists(db, pointer, value, former.account_id):
        return None
    entity = next(each.entity for each in TABLES.values() if each.name == pointer.table)
    return say(
        "The %(name)s %(label)s is gone. Restore it first.",
        name=told(CATALOG.name(entity)),
        label=_called(former, column, value),
    )


def _exists(db: Session, pointer: Reference, value: object, account_id: int) -> bool:
    if type(value) is not int or not 0 < value <= LARGEST_INTEGER:
        return False
    table = Record.metadata.tables[pointer.table]
    wanted = [table.c[pointer.target[0]] == value]
    if "account_id" in table.columns:
        wanted.append(table.c.account_id == account_id)
    return db.scalar(select(1).where(and_(*wanted))) is not None


def _called(former: Former, column: str, value: object) -> str:
    label = _label_then(former, column)
    return f"{label} (#{value})" if label else f"#{value}"


def _label_then(former: Former, column: str) -> str | None:
    reference = former.what.references.get(column)
    if reference is None:
        return None
    return reference.label if former.is_deletion else reference.before


def _label_now(db: Session, former: Former, column: str, value: object) -> str | None:
    pointer = former.table.reference_of(column)
    if pointer is None or type(value) is not int:
        return None
    table = Record.metadata.tables[pointer.label_table or pointer.table]
    found = db.scalar(select(table.c[pointer.label]).where(table.c[pointer.label_key] == value))
    return None if found is None else str(found)


def _went_with(trail: Trail, former: Former) -> tuple[list[Entry], int]:
    """Return the entries that this one caused, and how many more of what can't be restored.

    All stand behind it, appended together with it; what took one of them along is among them.
    """
    account, start = former.public.account, former.index + 1
    family, found, others = {former.public.id}, list[Entry](), 0
    for first in range(start, start + MOST_LOOKED_AT, LOOKED_AT_ONCE):
        entries = trail.entries(account, first, first + LOOKED_AT_ONCE)
        children = [each for each in entries if each.public.cause in family]
        for each in children:
            family.add(each.public.id)
            is_offered = each.public.entity.type in RESTORABLE and len(found) < MOST_WITH_IT
            found += [each] if is_offered else []
            others += not is_offered
        if not children:
            break
    return found, others


def label_of(former: Former, name: str) -> str:
    """Return what a field is called, as a heading."""
    field = CATALOG.field(former.public.entity.type, name)
    return titled(told(field.label or spelled(name)))


def is_same(one: Any, other: Any) -> bool:
    """Compare as JSON: to Python, True and 1 are the same."""
    return _written(one) == _written(other)


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
