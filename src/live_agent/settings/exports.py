"""Exports of the audit logs: what is asked for, by whom, how many at a time, and how they end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit_trail.capture.jobs import handed_over
from audit_trail.export.wanted import FORMS, Wanted
from audit_trail.record.language import say, speaking
from audit_trail.server.asked import RANGES, asked_of
from audit_trail.server.exporting import wanted_of
from audit_trail.server.zone import zone_of
from live_agent.catalog import CATALOG
from live_agent.errors import Invalid, NotFound
from live_agent.schema import LARGEST_INTEGER, Account, Export
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import require

MOST_UNFINISHED: Final = 3
MOST_KEPT: Final = 20
KEPT_DAYS: Final = 7
KEPT_US: Final = KEPT_DAYS * 86_400 * 1_000_000
LONGEST_DAY: Final = 10

UNFINISHED: Final = ("waiting", "running")
"""The states before the last one: done, failed, cancelled, or removed.

A file is removed where a part that it may hold was erased since.
"""

FIELDS: Final[Mapping[str, Field]] = {
    "format": Field(label="Format", check=fields.one_of(*FORMS), required=True),
    "q": Field(label="Search", check=fields.text(limit=20_000)),
    "range": Field(label="Range", check=fields.optional(fields.one_of(*RANGES))),
    "since": Field(label="Since", check=fields.text(limit=LONGEST_DAY)),
    "until": Field(label="Until", check=fields.text(limit=LONGEST_DAY)),
    "timezone": Field(label="Time zone", check=fields.timezone),
    "oldest_first": Field(label="Oldest first", check=fields.boolean, form="checkbox"),
}

_ASKED: Final = ("q", "range", "since", "until")


def listed(db: Session, account_id: int) -> Sequence[Export]:
    """Return the account's exports, the newest first."""
    return db.scalars(_of(account_id).order_by(Export.id.desc())).all()


def get(db: Session, account_id: int, record_id: int) -> Export:
    """Return the export. Raises `NotFound`."""
    found: Export | None = None
    if 0 < record_id <= LARGEST_INTEGER:
        found = db.scalars(_of(account_id).where(Export.id == record_id)).one_or_none()
    if found is None:
        raise NotFound
    return found


def create(
    db: Session,
    account_id: int,
    user_id: int,
    values: Mapping[str, object],
    *,
    size: int,
    now_us: int,
) -> Export:
    """Ask for an export of the trail at this size; a server writes it, as whoever asks here.

    Raises `Invalid`, and `QueryRefused` for a question that means nothing.
    """
    accepted, errors = checked(FIELDS, values)
    require(errors)
    kept = listed(db, account_id)
    if sum(each.state in UNFINISHED for each in kept) >= MOST_UNFINISHED:
        raise Invalid(
            message=say(
                "%(count)s exports are being written; wait for one, or cancel it.",
                count=MOST_UNFINISHED,
            )
        )
    for each in [each for each in kept if each.state not in UNFINISHED][MOST_KEPT - 1 :]:
        each.expires_at = 0
    wanted = _wanted(db, account_id, accepted, size, now_us)
    export = Export(
        account_id=account_id,
        user_id=user_id,
        format=wanted.form,
        wanted=msgspec.json.encode(wanted).decode(),
        handed=handed_over(),
        checked=size,
        total=size,
    )
    db.add(export)
    db.flush()
    return export


def end(db: Session, record: Export, now_us: int) -> None:
    """Cancel an export that isn't finished; let go of one that is, with its file."""
    if record.state in UNFINISHED:
        record.state, record.handed = "cancelled", None
        record.expires_at = now_us + KEPT_US
    else:
        record.expires_at = 0
    record.turn += 1
    db.flush()


def wanted_by(record: Export) -> Wanted | None:
    """Return what an export shall hold; None where another release said it in its own words."""
    try:
        return msgspec.json.decode(record.wanted, type=Wanted)
    except msgspec.DecodeError:
        return None


def _wanted(
    db: Session, account_id: int, accepted: Mapping[str, Any], size: int, now_us: int
) -> Wanted:
    zone = zone_of(accepted.get("timezone"), db.get_one(Account, account_id).timezone)
    given = {name: accepted[name] for name in _ASKED if accepted.get(name)}
    # First in the language of whoever asks, who is told what is wrong; the file is for programs.
    asked_of(given, str(account_id), zone, now_us, CATALOG)
    with speaking(None):
        asked = asked_of(given, str(account_id), zone, now_us, CATALOG)
        wanted = wanted_of(asked, accepted["format"], zone)
    # What comes later isn't in it, however often it is begun anew.
    query = msgspec.structs.replace(
        wanted.query, stop=size, newest_first=not accepted.get("oldest_first", False)
    )
    return msgspec.structs.replace(wanted, query=query)


def _of(account_id: int) -> Any:
    return select(Export).where(
        Export.account_id == account_id,
        # Those that have expired are only still to be put away.
        (Export.expires_at.is_(None)) | (Export.expires_at > 0),
    )
