"""What was at a moment, as programs read it: a record, and who had which role; it judges nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from audit_trail.errors import EntryNotFound, QueryRefused
from audit_trail.past import (
    Identities,
    Past,
    Roles,
    recorded_since,
    renamed_by,
    state_of,
    states_at,
)
from audit_trail.record.language import say
from audit_trail.record.state import State
from audit_trail.record.value import plain
from audit_trail.server.viewer import Reader
from audit_trail.server.zone import UTC_ZONE, Zone, zone_named
from audit_trail.trail import Trail

LONGEST: Final = 200
"""Characters of an entity's type, and of its id."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST: Final = len("2026-11-24T10:00")


class RecordState(msgspec.Struct, frozen=True, kw_only=True):
    """A record as its entries imply that it was at `at`.

    `exists` is null where nothing tells, and `since` is when its present life, or what is known of
    it, begins. `values` has the fields that are known, in the resource's own form; of a secret only
    "[hidden]" where it was set. `unknown` names those that aren't: erased, dropped or never told.
    `by` is the index of the entry that left it so, `then` that of the next one.
    """

    type: str
    id: str
    at: datetime
    exists: bool | None
    since: datetime | None
    label: str | None
    values: dict[str, Any]
    unknown: list[str]
    by: int | None
    then: int | None
    recorded_since: datetime | None


class PersonsRole(msgspec.Struct, frozen=True, kw_only=True):
    """A person and their role. `is_member` is null where nothing tells whether they were one.

    `role` is null where it isn't known. `by` is the index of the entry that told it last.
    """

    id: str
    name: str | None
    is_member: bool | None
    role: str | None
    since: datetime | None
    by: int | None


class RolesFound(msgspec.Struct, frozen=True, kw_only=True):
    """Who had which role at `at`. Of people whom no entry names, the trail knows nothing."""

    at: datetime
    recorded_since: datetime | None
    people: list[PersonsRole]


class States:
    """Answers what was, of one trail."""

    def __init__(self, trail: Trail, identities: Identities, clock: Callable[[], int]) -> None:
        self._trail = trail
        self._identities = identities
        self._clock = clock

    def record(self, reader: Reader, kind: str, record: str, at: str, zone: str) -> RecordState:
        """Return the record as it was. Raises `QueryRefused`, and `EntryNotFound` of an unknown one."""
        for name, text in (("type", kind), ("id", record)):
            if not 0 < len(text) <= LONGEST:
                raise QueryRefused(f"{name} must be given, in at most {LONGEST} characters.")
        at_us = self._at(reader, at, zone)
        past = state_of(
            self._trail, reader.account, kind, record, at_us=at_us, identities=self._identities
        )
        if past.by is None and past.then is None:
            raise EntryNotFound(f"No entry is about the {kind[:40]} with the id {record[:40]}.")
        values, unknown = told_of(past)
        return RecordState(
            type=kind,
            id=record,
            at=time_of(at_us),
            exists=past.state.exists,
            since=_time(past.state.since_us),
            label=past.label,
            values=values,
            unknown=unknown,
            by=past.by,
            then=past.then,
            recorded_since=_time(recorded_since(self._trail, reader.account)),
        )

    def roles(self, reader: Reader, roles: Roles, at: str, zone: str) -> RolesFound:
        """Return who had which role. Raises `QueryRefused`."""
        at_us = self._at(reader, at, zone)
        return RolesFound(
            at=time_of(at_us),
            recorded_since=_time(recorded_since(self._trail, reader.account)),
            people=list(people_at(self._trail, reader.account, at_us, roles, self._identities)),
        )

    def _at(self, reader: Reader, at: str, zone: str) -> int:
        chosen = zone_named(zone or reader.zone)
        if zone and chosen is None:
            raise QueryRefused("zone must be the name of a time zone, such as Europe/Berlin.")
        return moment_us(at, chosen or UTC_ZONE) if at else self._clock()


def people_at(
    trail: Trail, account: str, at_us: int, roles: Roles, identities: Identities
) -> Iterator[PersonsRole]:
    """Yield who was, or may have been, a member then, by name."""
    found = states_at(trail, account, roles.entity, at_us=at_us, identities=identities)
    renamed = renamed_by(trail, account, *roles.person, at_us=at_us) if roles.person else {}
    names = {record: _name(past, renamed.get(record)) for record, past in found.items()}
    for record in sorted(found, key=lambda each: (names[each] or "", each)):
        past = found[record]
        if past.state.exists is False:
            continue
        role = past.state.value(roles.field)
        yield PersonsRole(
            id=record,
            name=names[record],
            is_member=past.state.exists,
            role=None if role is None else str(plain(role)),
            since=_time(past.state.since_us),
            by=past.state.told_by.get(roles.field, past.by),
        )


def _name(past: Past, renamed: tuple[int, str] | None) -> str | None:
    """Return what told it last: an entry about the membership, or one about the person."""
    if renamed and (past.by is None or past.by < renamed[0]):
        return renamed[1]
    return past.label


def told_of(past: Past) -> tuple[dict[str, Any], list[str]]:
    """Return the values that are known, and the names of the fields that aren't."""
    state: State = past.state
    if state.exists is False:
        return {}, []
    values = {field: value for field in past.fields if (value := state.value(field)) is not None}
    unknown = [field for field in past.fields if field not in values]
    return {field: plain(value) for field, value in values.items()}, unknown


def moment_us(text: str, zone: Zone) -> int:
    """Read a moment, by the clocks of the zone where it has no offset. Raises `QueryRefused`."""
    try:
        if not _SHORTEST <= len(text) <= LONGEST:
            raise ValueError
        at = datetime.fromisoformat(text)
        utc = (at if at.tzinfo else at.replace(tzinfo=zone.info)).astimezone(UTC)
        # Of a zone's clocks the first and the last year have too few days to tell what is so.
        if not 1 < utc.year < 9999:
            raise ValueError
    except (ValueError, OverflowError):
        raise QueryRefused(
            say("at must be a moment such as %(one)s.", one="2026-11-24T10:00:00Z")
        ) from None
    return (utc - _EPOCH) // timedelta(microseconds=1)


def time_of(at_us: int) -> datetime:
    """Return a moment as a time, UTC."""
    return _EPOCH + timedelta(microseconds=at_us)


def _time(at_us: int | None) -> datetime | None:
    return None if at_us is None else time_of(at_us)
