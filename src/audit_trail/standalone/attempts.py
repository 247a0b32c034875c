"""Failed sign-ins and reads: entries that can't be flooded, and the limit of sign-ins; it checks no password.

The first of a person or address is an entry at once. Further ones within the minute are counted,
and are one more entry when the minute ends. The counts are rows, so a restart loses none.
"""

import sqlite3
from typing import Final

import msgspec

from audit_trail.capture.context import Actor, Context, Origin
from audit_trail.record.entry import Draft
from audit_trail.standalone.administrators import Administrator, spelled
from audit_trail.standalone.noting import Clock, Happening, at_the_door

WINDOW_US: Final = 60 * 1_000_000
LONGEST_EMAIL: Final = 254
_FAILED: Final = "sign_in_failed"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many sign-ins may fail within a minute.

    Of an e-mail `an_email` from one address, so that no stranger locks its person out; and from
    all together `an_email_anywhere`, so that many addresses guess no faster.
    """

    an_email: int = 10
    an_email_anywhere: int = 60
    an_address: int = 30


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to sign in: the e-mail as typed, whose it is, from where, and why it failed."""

    email: str
    administrator: Administrator | None
    origin: Origin
    reason: str = ""

    @property
    def shown_email(self) -> str:
        """The e-mail as it is kept: cut, since anything can be typed, and what no text can hold
        replaced."""
        return self.email[:LONGEST_EMAIL].replace("\0", "?").encode(errors="replace").decode()

    @property
    def subject(self) -> str:
        """What its failures are counted by."""
        known = self.administrator
        return f"administrator {known.id}" if known else f"address {self.origin.network}"

    @property
    def failure(self) -> Happening:
        """That it failed. Nobody has shown who they are, so it is an anonymous who acts."""
        context = Context(actor=Actor(kind="anonymous", email=self.shown_email), origin=self.origin)
        details = {"reason": self.reason}
        return at_the_door(context, self.administrator, _FAILED, outcome="failure", details=details)


def is_admitted(db: sqlite3.Connection, attempt: Attempt, now_us: int, limits: Limits) -> bool:
    """Count an attempt before its password is looked at, so that many at once can't slip by.

    Tell whether there weren't too many before; then it isn't counted.
    """
    counted = _limits(attempt, limits)
    for kind, subject, limit in counted:
        (count,) = db.execute(
            "SELECT ifnull(sum(count), 0) FROM minutes "
            "WHERE kind = ? AND subject = ? AND started_at > ?",
            (kind, subject, now_us - WINDOW_US),
        ).fetchone()
        if count >= limit:
            return False
    for kind, subject, _ in counted:
        _count(db, kind, subject, now_us, 1)
    return True


def release(db: sqlite3.Connection, attempt: Attempt, limits: Limits) -> None:
    """Take back the count of an attempt that succeeded."""
    for kind, subject, _ in _limits(attempt, limits):
        db.execute(
            "UPDATE minutes SET count = max(count - 1, 0) WHERE kind = ? AND subject = ?",
            (kind, subject),
        )


def noted(db: sqlite3.Connection, subject: str, happening: Happening, clock: Clock) -> list[Draft]:
    """Return the entries of the first of a minute; count the ones after it, by their subject."""
    now_us, kind = clock(), happening.action
    ended = swept(db, clock)
    is_first = not db.execute(
        "SELECT 1 FROM minutes WHERE kind = ? AND subject = ?", (kind, subject)
    ).fetchone()
    _count(db, kind, subject, now_us, 0 if is_first else 1)
    if is_first:
        return [*ended, *happening.drafts(clock)]
    db.execute(
        "UPDATE minutes SET newest = ? WHERE kind = ? AND subject = ?",
        (msgspec.json.encode(happening).decode(), kind, subject),
    )
    return ended


def swept(db: sqlite3.Connection, clock: Clock) -> list[Draft]:
    """Forget the minutes that have ended, and return the entry of what each counted after its first."""
    ended = db.execute(
        "DELETE FROM minutes WHERE started_at <= ? RETURNING count, newest",
        (clock() - WINDOW_US,),
    ).fetchall()
    return [
        draft
        for count, newest in ended
        if newest is not None
        for draft in msgspec.json.decode(newest, type=Happening).drafts(clock, count)
    ]


def has_ended(db: sqlite3.Connection, now_us: int) -> bool:
    """Tell whether a minute has ended, so that `swept` has something to do."""
    found = db.execute("SELECT 1 FROM minutes WHERE started_at <= ? LIMIT 1", (now_us - WINDOW_US,))
    return found.fetchone() is not None


def _limits(attempt: Attempt, limits: Limits) -> tuple[tuple[str, str, int], ...]:
    email, network = spelled(attempt.shown_email), attempt.origin.network
    return (
        ("limit_email", f"{email} from {network}", limits.an_email),
        ("limit_email_anywhere", email, limits.an_email_anywhere),
        ("limit_address", network, limits.an_address),
    )


def _count(db: sqlite3.Connection, kind: str, subject: str, now_us: int, by: int) -> None:
    """Count within the minute that runs; after its end another begins."""
    db.execute(
        "INSERT INTO minutes VALUES (?1, ?2, ?3, ?4, NULL) ON CONFLICT (kind, subject) DO UPDATE SET "
        "count = CASE WHEN started_at > ?3 - ?5 THEN count ELSE 0 END + ?4, "
        "started_at = CASE WHEN started_at > ?3 - ?5 THEN started_at ELSE ?3 END",
        (kind, subject, now_us, by, WINDOW_US),
    )
