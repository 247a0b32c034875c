"""Saved views of the audit logs: whose they are, what they ask, and whom their webhooks tell."""

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from audit_trail.errors import QuestionRefused
from audit_trail.record.language import grouped, say
from audit_trail.record.question import understand
from audit_trail.server.columns import COLUMNS
from live_agent.catalog import CATALOG
from live_agent.errors import NotFound
from live_agent.schema import LARGEST_INTEGER, Account, SavedView, ViewDelivery
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, require

RANGES: Final = ("1h", "24h", "7d", "30d", "90d")
SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 86_400
MOST_COLUMNS: Final = 20
SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""


def _day(value: object) -> str:
    try:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(say("must be a day, such as %(day)s", day="2026-11-30")) from None


def _columns(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_COLUMNS:
        raise ValueError(say("must be a list of at most %(count)s names", count=MOST_COLUMNS))
    if not all(isinstance(each, str) and each in COLUMNS for each in value):
        raise ValueError(
            say("must be a list of columns, some of %(names)s", names=", ".join(COLUMNS))
        )
    return list(dict.fromkeys(value))


def _period(value: object) -> int:
    seconds = fields.integer(value)
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise ValueError(
            say(
                "must be %(least)s to %(most)s seconds",
                least=SHORTEST_SECONDS,
                most=grouped(LONGEST_SECONDS),
            )
        )
    return seconds


FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "question": Field(label="Search", check=fields.text(limit=2_000)),
    "range": Field(label="Range", check=fields.optional(fields.one_of(*RANGES))),
    "since": Field(label="Since", check=fields.optional(_day)),
    "until": Field(label="Until", check=fields.optional(_day)),
    "columns": Field(label="Columns", check=_columns, form="list"),
    "timezone": Field(label="Time zone", check=fields.timezone),
    "is_shared": Field(label="Shared", check=fields.boolean, form="checkbox"),
    "webhook_url": Field(label="Webhook URL", check=fields.url),
    "period_seconds": Field(label="Period", check=_period, form="number"),
}

_ASKED: Final = ("question", "timezone", "webhook_url")
"""What, when it changes, makes a webhook begin anew."""


def listed(db: Session, account_id: int, user_id: int) -> Sequence[SavedView]:
    """Return the person's own views and the shared ones, by name."""
    return db.scalars(_seen_by(account_id, user_id).order_by(SavedView.name, SavedView.id)).all()


def get(db: Session, account_id: int, user_id: int, record_id: int) -> SavedView:
    """Return the view, if it is the person's own or shared. Raises `NotFound`."""
    found = None
    if 0 < record_id <= LARGEST_INTEGER:
        found = db.scalars(_seen_by(account_id, user_id).filter_by(id=record_id)).one_or_none()
    if found is None:
        raise NotFound
    return found


def create(
    db: Session, account_id: int, user_id: int, values: Mapping[str, object], *, position: int
) -> SavedView:
    """Keep a view of the person; its webhook tells of entries from `position` on (an index).

    Raises `Invalid`.
    """
    view = SavedView(account_id=account_id, user_id=user_id, is_shared=False)
    view.timezone = db.get_one(Account, account_id).timezone
    return _saved(db, view, user_id, *checked(FIELDS, values), position)


def update(
    db: Session, record: SavedView, user_id: int, values: Mapping[str, object], *, position: int
) -> SavedView:
    """Change the fields that were given, as this person. Raises `Invalid`.

    A webhook of which was given up is tried again. Where something else is asked than before, it
    tells of entries from `position` on (an index).
    """
    return _saved(db, record, user_id, *checked(FIELDS, values, partial=True), position)


def delete(db: Session, record: SavedView) -> None:
    """Delete the view."""
    db.delete(record)
    db.flush()


def delete_private(db: Session, account_id: int, user_id: int) -> None:
    """Delete what a person who leaves the account kept for themselves; shared views stay."""
    mine = select(SavedView).where(
        SavedView.account_id == account_id,
        SavedView.user_id == user_id,
        SavedView.is_shared.is_(False),
    )
    for view in db.scalars(mine):
        db.delete(view)
    db.flush()


def delivery_of(db: Session, record: SavedView) -> ViewDelivery | None:
    """Return how far the view's webhook has come; None without one."""
    return db.get(ViewDelivery, record.id)


def parameters(record: SavedView) -> str:
    """Return the view as the parameters of the page's address."""
    asked = {
        "q": record.question,
        "range": record.range,
        "since": record.since,
        "until": record.until,
        "columns": ",".join(record.columns),
    }
    return urlencode({name: value for name, value in asked.items() if value})


def _seen_by(account_id: int, user_id: int) -> Select[SavedView]:
    return select(SavedView).where(
        SavedView.account_id == account_id,
        or_(SavedView.is_shared, SavedView.user_id == user_id),
    )


def _saved(
    db: Session,
    view: SavedView,
    user_id: int,
    accepted: dict[str, Any],
    errors: dict[str, str],
    position: int,
) -> SavedView:
    wanted = {name: accepted.get(name, getattr(view, name)) for name in FIELDS}
    _check_name(db, view, wanted, errors)
    _check_question(wanted, errors)
    if wanted["range"] and (wanted["since"] or wanted["until"]):
        errors["range"] = say("Range can't be given together with days.")
    if wanted["until"] and wanted["since"] and wanted["until"] < wanted["since"]:
        errors["until"] = say("Until must not be before since.")
    if view.is_shared and not wanted["is_shared"] and view.user_id != user_id:
        errors["is_shared"] = say("Shared can be taken back only by whose view it is.")
    require(errors)
    is_asked_anew = any(wanted[name] != getattr(view, name) for name in _ASKED)
    is_moved = wanted["webhook_url"] != view.webhook_url
    assign(view, accepted)
    if is_moved:
        # A secret is one receiver's: the next one gets another.
        view.webhook_secret = _secret() if view.webhook_url else None
    db.add(view)
    db.flush()
    _begin(db, view, is_asked_anew, position)
    return view


def _check_name(
    db: Session, view: SavedView, wanted: Mapping[str, Any], errors: dict[str, str]
) -> None:
    of_others = exists().where(
        SavedView.account_id == view.account_id, SavedView.name == wanted["name"]
    )
    if view.id is not None:
        of_others = of_others.where(SavedView.id != view.id)
    of_owner = of_others.where(SavedView.user_id == view.user_id)
    of_all = of_others.where(SavedView.is_shared)
    if db.scalar(select(of_owner)) or (wanted["is_shared"] and db.scalar(select(of_all))):
        errors["name"] = say("%(label)s is already in use; choose another.", label=say("Name"))


def _check_question(wanted: Mapping[str, Any], errors: dict[str, str]) -> None:
    if "question" in errors or "timezone" in errors:
        return
    try:
        understand(
            wanted["question"] or "", zone=ZoneInfo(wanted["timezone"]), now_us=0, catalog=CATALOG
        )
    except QuestionRefused as error:
        errors["question"] = say("Search can't be understood: %(why)s", why=error)


def _secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _begin(db: Session, view: SavedView, is_asked_anew: bool, position: int) -> None:
    delivery = db.get(ViewDelivery, view.id)
    if delivery is not None and (is_asked_anew or not view.webhook_url):
        db.delete(delivery)
        db.flush()
        delivery = None
    if delivery is None and view.webhook_url:
        db.add(ViewDelivery(view_id=view.id, position=position))
    elif delivery is not None:
        delivery.attempts, delivery.failed_at = 0, None
        delivery.turn += 1
    db.flush()
