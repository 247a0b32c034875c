"""What a trail implies of records at a moment that is over: asked of the trail, never of the tables.

An entry counts for a moment when it happened by then. Entries are taken in the order of their index,
up to the first that happened later.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from audit_trail.record.entry import Entry, Reference, read_what
from audit_trail.record.query import Changed, Condition, Is, Query, Value, all_of, any_of
from audit_trail.record.state import (
    NOTHING_KNOWN,
    Identity,
    State,
    Step,
    folded,
    former_id,
    looking_back,
    step_of,
)
from audit_trail.trail import Trail

Identities = Mapping[str, Identity]
"""By entity type; of one that isn't named, a change of `id` or `account_id` moves a record."""

NO_IDENTITIES: Final[Identities] = MappingProxyType({})
SAME: Final = Identity()


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it was. `label` is how it was called; references name what it pointed to.

    `fields` are all that any of its entries names. `by` is the index of the entry that left it so,
    `then` that of the next one; None where there is none.
    """

    state: State
    fields: tuple[str, ...] = ()
    label: str | None = None
    references: Mapping[str, Reference] = {}
    by: int | None = None
    then: int | None = None


class Roles(NamedTuple):
    """Which records tell who has which role: their entity type, and the field.

    `person` are the entity type and the field that tell, under the same ids, how people are called.
    """

    entity: str
    field: str
    person: tuple[str, str] | None = None


def state_of(
    trail: Trail,
    account: str,
    entity: str,
    record: str,
    *,
    identities: Identities,
    at_us: int | None = None,
    index: int | None = None,
) -> Past:
    """Return a record as it was at a time (µs UTC), as an entry by its index left it, or as it is."""
    identity = identities.get(entity, SAME)
    found = _entries(trail, account, entity, record, identity)
    return _past(found, record, identity, at_us, index)


def states_at(
    trail: Trail, account: str, entity: str, *, at_us: int | None, identities: Identities
) -> dict[str, Past]:
    """Return every record of a type that any entry names, by id, as it was at a time."""
    identity = identities.get(entity, SAME)
    by_record: dict[str, list[Entry]] = defaultdict(list)
    query = Query(account=account, where=Is("entity", entity), newest_first=False)
    for entry in trail.matching(query):
        record = entry.public.entity.id
        if record is not None:
            by_record[record].append(entry)
            former = former_id(step_of(entry, identity), identity, record)
            if former is not None:
                by_record[former].append(entry)
    return {
        record: _past(entries, record, identity, at_us, None)
        for record, entries in by_record.items()
    }


def renamed_by(
    trail: Trail, account: str, entity: str, field: str, *, at_us: int
) -> dict[str, tuple[int, str]]:
    """Return the last new name of each record that had one by a time, after its entry's index."""
    where = all_of(Is("entity", entity), Changed(field=field))
    found: dict[str, tuple[int, str]] = {}
    for entry in trail.matching(Query(account=account, where=where, newest_first=False)):
        if entry.public.occurred_at > at_us:
            break
        label = read_what(entry.what, entry.public.what).label
        if label and entry.public.entity.id is not None:
            found[entry.public.entity.id] = entry.index, label
    return found


def recorded_since(trail: Trail, account: str) -> int | None:
    """Return when the account's trail begins (µs UTC): of what was before, it tells little."""
    if beginning := trail.beginning(account):
        return beginning.entry.public.occurred_at
    first = trail.entries(account, 0, 1)
    return first[0].public.occurred_at if first else None


def _entries(
    trail: Trail, account: str, entity: str, record: str, identity: Identity
) -> list[Entry]:
    """Return the record's entries, and those of records that took over its id."""
    took: list[Condition] = [
        Changed(field=field, before=Value(record)) for field in identity.fields[:1]
    ]
    where = all_of(Is("entity", entity), any_of(Is("id", record), *took))
    return list(trail.matching(Query(account=account, where=where, newest_first=False)))


def _past(
    entries: Sequence[Entry],
    record: str,
    identity: Identity,
    at_us: int | None,
    index: int | None,
) -> Past:
    concerned = [(entry, step) for entry in entries if (step := _step(entry, record, identity))]
    stop = next(
        (place for place, (_, step) in enumerate(concerned) if _is_later(step, at_us, index)),
        len(concerned),
    )
    before, later = concerned[:stop], concerned[stop:]
    state = folded((step for _, step in before), NOTHING_KNOWN)
    state = looking_back(state, [step for _, step in later])
    label, references = _names(entry for entry, step in concerned[: max(stop, 1)] if step.is_own)
    named = dict.fromkeys(
        field for entry, step in concerned for field in (*entry.public.fields, *sorted(step.fields))
    )
    return Past(
        state=state,
        fields=tuple(named),
        label=label,
        references=references,
        by=_nearest(step for _, step in reversed(before)),
        then=_nearest(step for _, step in later),
    )


def _nearest(steps: Iterable[Step]) -> int | None:
    """Return the index of the first that changed the record; a sign-in of a person changes nothing.

    Where none did, that of the first.
    """
    first: int | None = None
    for step in steps:
        if step.act is not None:
            return step.index
        first = step.index if first is None else first
    return first


def _step(entry: Entry, record: str, identity: Identity) -> Step | None:
    """Return what the entry says of the record. Queries ignore letters' case; ids don't."""
    own = step_of(entry, identity)
    if entry.public.entity.id == record:
        return own
    named = entry.public.entity.id
    if named is not None and former_id(own, identity, named) == record:
        return step_of(entry, identity, record)
    return None


def _is_later(step: Step, at_us: int | None, index: int | None) -> bool:
    if index is not None:
        return step.index > index
    return at_us is not None and step.occurred_us > at_us


def _names(entries: Iterable[Entry]) -> tuple[str | None, Mapping[str, Reference]]:
    """Return how the record, and what it pointed to, was called last."""
    label: str | None = None
    references: dict[str, Reference] = {}
    for entry in entries:
        what = read_what(entry.what, entry.public.what)
        label = what.label or label
        if entry.public.action != "delete":
            references = {
                name: each for name, each in references.items() if name not in what.changes
            } | what.references
    return label, references
