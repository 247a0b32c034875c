"""A record as it was at a moment, and who had which role then, as the page shows it; it judges nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from audit_trail.past import Identities, Past, Roles, recorded_since, state_of
from audit_trail.record.catalog import Catalog, titled
from audit_trail.record.difference import panels
from audit_trail.record.entry import ActorId, Change, Entity, Entry, Public, What, read_what
from audit_trail.record.language import marked, say, told
from audit_trail.record.opened import details_of_state
from audit_trail.record.sentence import ERASED
from audit_trail.record.value import SECRET
from audit_trail.server.asked import Asked
from audit_trail.server.changes import Field, fields_shown
from audit_trail.server.states import moment_us, people_at, time_of
from audit_trail.server.zone import Moment, Zone, moment, zone_phrase
from audit_trail.trail import Trail

_SECOND_US: Final = 999_999
"""People choose seconds, and mean what was so when they had passed."""

_EXISTENCE: Final = {
    True: marked("It was there."),
    False: marked("It wasn't there."),
    None: marked("Nothing tells whether it was there."),
}


class Was(msgspec.Struct, frozen=True, kw_only=True):
    """One field as it was: its value, or none where that isn't known. A secret is only set."""

    label: str
    name: str
    value: Field | None
    is_set: bool = False


class Then(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it was at a moment, and where the entries around the moment are.

    `chosen` is the moment as a form's field has it, in the zone; `read` are the details of a read.
    """

    number: int
    read: dict[str, Any]
    title: str
    label: str
    zone: str
    at: Moment
    chosen: str
    says: str
    exists: bool | None
    since: Moment | None
    fields: Sequence[Was]
    by: str | None
    then: str | None
    entry: str
    history: str
    action: str
    recorded_since: Moment | None
    hidden: Sequence[tuple[str, str]]


class PersonThen(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and the role they had; none where it isn't known."""

    id: str
    name: str
    role: str | None
    is_member: bool | None
    since: Moment | None
    address: str | None


class RolesThen(msgspec.Struct, frozen=True, kw_only=True):
    """Who had which role at a moment."""

    zone: str
    at: Moment
    chosen: str
    people: Sequence[PersonThen]
    recorded_since: Moment | None


def then_of(
    trail: Trail,
    entry: Entry,
    asked: Asked,
    catalog: Catalog,
    zone: Zone,
    path: str,
    *,
    at: str,
    identities: Identities,
) -> Then:
    """Return an entry's record as the entry left it, or as it was at a chosen moment.

    Raises `QueryRefused` for what is no moment.
    """
    public, account = entry.public, asked.query.account
    kind, record, number = public.entity.type, public.entity.id or "", entry.index + 1
    at_us = _chosen(at, zone) if at else None
    past = state_of(
        trail,
        account,
        kind,
        record,
        at_us=at_us,
        index=None if at else entry.index,
        identities=identities,
    )
    shown_us = public.occurred_at if at_us is None else at_us
    what = read_what(entry.what, public.what)
    name = told(catalog.name(kind, frozenset(past.references) | frozenset(what.references)))
    since = past.state.since_us
    return Then(
        number=number,
        read=details_of_state(past.by, past.then),
        title=say("State of %(name)s (#%(number)s)", name=name, number=record),
        label=past.label or (told(ERASED) if what.is_erased else ""),
        zone=zone_phrase(zone, moment(shown_us, zone)),
        at=moment(shown_us, zone),
        chosen=_for_form(shown_us, zone),
        says=told(_EXISTENCE[past.state.exists]),
        exists=past.state.exists,
        since=None if since is None else moment(since, zone),
        fields=_fields(past, kind, catalog) if past.state.exists is not False else (),
        by=None if past.by is None else asked.at(f"{path}/{past.by + 1}"),
        then=None if past.then is None else asked.at(f"{path}/{past.then + 1}"),
        entry=asked.at(f"{path}/{number}"),
        history=asked.at(f"{path}/{number}/history"),
        action=f"{path}/{number}/state",
        recorded_since=_moment(recorded_since(trail, account), zone),
        hidden=tuple(asked.given.items()),
    )


def roles_then(
    trail: Trail,
    account: str,
    zone: Zone,
    path: str,
    *,
    at: str,
    now_us: int,
    roles: Roles,
    identities: Identities,
) -> RolesThen:
    """Return who had which role at a chosen moment, or now. Raises `QueryRefused`."""
    at_us = _chosen(at, zone) if at else now_us
    return RolesThen(
        zone=zone_phrase(zone, moment(at_us, zone)),
        at=moment(at_us, zone),
        chosen=_for_form(at_us, zone),
        recorded_since=_moment(recorded_since(trail, account), zone),
        people=[
            PersonThen(
                id=each.id,
                name=each.name or say("no name is left"),
                role=None if each.role is None else told(titled(each.role.replace("_", " "))),
                is_member=each.is_member,
                since=None if each.since is None else moment(_us(each.since), zone),
                address=None if each.by is None else f"{path}/{each.by + 1}",
            )
            for each in people_at(trail, account, at_us, roles, identities)
        ],
    )


def _chosen(at: str, zone: Zone) -> int:
    at_us = moment_us(at, zone)
    return at_us if at_us % 1_000_000 else at_us + _SECOND_US


def _for_form(at_us: int, zone: Zone) -> str:
    """Write a moment as a field of a form has it: by the zone's clocks, without an offset."""
    local = time_of(at_us).astimezone(zone.info)
    return f"{local.year:04}-{local:%m-%dT%H:%M:%S}"


def _fields(past: Past, kind: str, catalog: Catalog) -> Sequence[Was]:
    """Draw the fields as a creation with these values would be drawn."""
    known = {name: value for name in past.fields if (value := past.state.value(name)) is not None}
    what = What(
        references=dict(past.references),
        changes={name: Change(after=msgspec.Raw(value)) for name, value in known.items()},
    )
    drawn = {each.name: each for each in fields_shown(panels(_public(kind, known), what, catalog))}
    return [
        Was(
            label=titled(told(catalog.field(kind, name).label or name)),
            name=name,
            value=drawn.get(name),
            is_set=known.get(name) == SECRET,
        )
        for name in past.fields
    ]


def _public(kind: str, fields: Sequence[str] | dict[str, bytes]) -> Public:
    return Public(
        v=1,
        id="",
        account="",
        action="create",
        actor=ActorId(kind="system"),
        entity=Entity(type=kind),
        fields=tuple(fields),
        occurred_at=0,
        recorded_at=0,
        outcome="success",
        via="database",
    )


def _moment(at_us: int | None, zone: Zone) -> Moment | None:
    return None if at_us is None else moment(at_us, zone)


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
