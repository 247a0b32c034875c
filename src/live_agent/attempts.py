"""Failed sign-ins, refusals and reads: entries that can't be flooded, and the limit of sign-ins.

The first of a person or address is an entry at once. Further ones within the minute are counted,
and are one more entry when the minute ends. The counts are rows, so a restart loses none.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit_trail.capture.context import Actor, Context, Origin, acting_as, current_context
from audit_trail.capture.outbox import Event
from audit_trail.capture.sqlalchemy import note
from audit_trail.record.entry import INSTALLATION
from audit_trail.record.opened import READ
from live_agent.database import Database
from live_agent.errors import TooManyAttempts
from live_agent.schema import Account, AccountUser, Attempt, User

WINDOW_US: Final = 60 * 1_000_000
LONGEST_EMAIL: Final = 254

_FAILED: Final = "sign_in_failed"
_DENIED: Final = "read_denied"
_BY_EMAIL: Final = "limit_email"
_BY_EMAIL_ANYWHERE: Final = "limit_email_anywhere"
_BY_ADDRESS: Final = "limit_address"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many sign-ins may fail within a minute, and how often the trail's files may be asked for.

    Of an e-mail `an_email` from one address, so that no stranger locks its person out; and from
    all together `an_email_anywhere`, so that many addresses guess no faster.
    The latter is of one token, or one person's browsers: a monitor reads a million entries with
    their tiles in three minutes, and leaves the server to others.
    """

    an_email: int = 10
    an_email_anywhere: int = 60
    an_address: int = 30
    trail_files_a_second: int = 50


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to sign in: the e-mail as typed, whose it is, and from where."""

    email: str
    user_id: int | None
    name: str | None
    origin: Origin
    address: str

    @property
    def shown_email(self) -> str:
        """The e-mail as it is kept: cut, since anything can be typed, and what no text can hold
        replaced.
        """
        return self.email[:LONGEST_EMAIL].replace("\0", "?").encode(errors="replace").decode()


def admit(db: Session, attempt: Try, now_us: int, limits: Limits) -> None:
    """Count the attempt before its password is looked at, so that many at once can't slip by.

    Raises `TooManyAttempts`; the caller counts that with `failed` as well.
    """
    for kind, subject, limit in _limits(attempt, limits):
        window = db.get(Attempt, (kind, subject))
        if window and now_us < window.started_at + WINDOW_US and window.count >= limit:
            raise TooManyAttempts
    for kind, subject, _ in _limits(attempt, limits):
        _count(db, kind, subject, now_us)


def release(db: Session, attempt: Try, limits: Limits) -> None:
    """Take back the count of an attempt that succeeded."""
    for kind, subject, _ in _limits(attempt, limits):
        window = db.get(Attempt, (kind, subject))
        if window:
            window.count = max(window.count - 1, 0)


def _limits(attempt: Try, limits: Limits) -> Sequence[tuple[str, str, int]]:
    email = attempt.shown_email.strip().lower()
    return (
        (_BY_EMAIL, f"{email} from {attempt.address}", limits.an_email),
        (_BY_EMAIL_ANYWHERE, email, limits.an_email_anywhere),
        (_BY_ADDRESS, attempt.address, limits.an_address),
    )


def _count(db: Session, kind: str, subject: str, now_us: int) -> None:
    window = db.get(Attempt, (kind, subject))
    if window is None or now_us >= window.started_at + WINDOW_US:
        window = db.merge(Attempt(kind=kind, subject=subject, started_at=now_us, count=0))
    window.count += 1


def signed_in(db: Session, user: User) -> None:
    """Note a sign-in in each account of the person, under the context in force."""
    _note_all(db, _of_person(db, "sign_in", user.id, user.name))


def signed_out(db: Session, user: User) -> None:
    """Note a sign-out in each account of the person, under the context in force."""
    _note_all(db, _of_person(db, "sign_out", user.id, user.name))


def failed(database: Database, attempt: Try, reason: str, now_us: int) -> None:
    """Note a failed sign-in: for a known person in their accounts, else in the installation's trail.

    The actor is anonymous, since nobody has shown who they are; the e-mail is sealed with them.
    """
    actor = Actor(kind="anonymous", email=attempt.shown_email, name=attempt.name)
    known = attempt.user_id is not None
    subject = f"user {attempt.user_id}" if known else f"address {attempt.address}"
    sweep(database, now_us)
    with acting_as(actor, attempt.origin), database.transaction() as db:
        events = _failures(db, attempt, reason)
        _noted(db, _FAILED, subject, events, now_us)


def _failures(db: Session, attempt: Try, reason: str) -> list[Event]:
    if attempt.user_id is None:
        return [
            Event(
                action=_FAILED,
                account=INSTALLATION,
                entity_type="user",
                outcome="failure",
                details={"reason": reason},
            )
        ]
    return [
        msgspec.structs.replace(event, outcome="failure", details={"reason": reason})
        for event in _of_person(db, _FAILED, attempt.user_id, attempt.name)
    ]


def refused(database: Database, account_id: int, user_id: int, reason: str, now_us: int) -> None:
    """Note that a member was refused the audit logs, under the context in force."""
    event = Event(
        action=_DENIED,
        account=str(account_id),
        entity_type="audit_log",
        outcome="denied",
        details={"reason": reason},
    )
    sweep(database, now_us)
    with database.transaction() as db:
        _noted(db, _DENIED, f"user {user_id} account {account_id}", [event], now_us)


def opened(
    database: Database, account_id: int, user_id: int, said: dict[str, Any], now_us: int
) -> None:
    """Note that a member is about to be shown entries whole, under the context in force.

    Unless their account records no reads. Raises what the database does: then nothing is shown.
    """
    with database.reading() as db:
        if not db.get_one(Account, account_id).audit_reads:
            return
    event = Event(action=READ, account=str(account_id), entity_type="audit_log", details=said)
    subject = f"user {user_id} account {account_id} {_encoded(said)}"
    sweep(database, now_us)
    with database.transaction(account_id) as db:
        _noted(db, READ, subject, [event], now_us)


def sweep(database: Database, now_us: int) -> None:
    """Note the counts of the minutes that have ended, each as its last one, and forget them."""
    over = Attempt.started_at <= now_us - WINDOW_US
    with database.reading() as db:
        ended = db.scalars(select(Attempt).where(over)).all()
    for window in ended:
        if window.context is not None:
            context = msgspec.json.decode(window.context, type=Context)
            with acting_as(context.actor, context.origin), database.transaction() as db:
                current = db.get(Attempt, (window.kind, window.subject))
                if current is not None and current.started_at == window.started_at:
                    _note_count(db, current)
                    db.delete(current)
    if ended:
        with database.transaction() as db:
            db.execute(delete(Attempt).where(over, Attempt.context.is_(None)))


def _noted(db: Session, kind: str, subject: str, events: Sequence[Event], now_us: int) -> None:
    """Note the first event of a minute; count the ones after it. Ended minutes are swept before."""
    window = db.get(Attempt, (kind, subject))
    if window is not None:
        window.count += 1
        window.events, window.context = _encoded(events), _encoded(current_context())
        return
    db.add(Attempt(kind=kind, subject=subject, started_at=now_us, count=0))
    _note_all(db, events)


def _note_count(db: Session, window: Attempt) -> None:
    """Note how many more there were in a minute that has ended, as the last of them."""
    for event in msgspec.json.decode(window.events or "[]", type=list[Event]):
        details = {**event.details, "count": window.count}
        note(db.connection(), msgspec.structs.replace(event, details=details))


def _note_all(db: Session, events: Sequence[Event]) -> None:
    db.flush()
    for event in events:
        note(db.connection(), event)


def _of_person(db: Session, action: str, user_id: int, name: str | None) -> list[Event]:
    """One event for each account of the person; for someone who has none, the installation's."""
    accounts = db.scalars(
        select(AccountUser.account_id)
        .where(AccountUser.user_id == user_id)
        .order_by(AccountUser.account_id)
    ).all()
    return [
        Event(
            action=action,
            account=str(account_id),
            entity_type="user",
            entity_id=str(user_id),
            label=name,
        )
        for account_id in accounts or (INSTALLATION,)
    ]


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()
