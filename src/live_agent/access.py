"""Who is asking: people, browser sessions, API tokens and roles; it knows no request."""

import secrets
from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit_trail.capture.context import Actor
from audit_trail.credentials import (
    ABSOLUTE_LIMIT_US,
    IDLE_LIMIT_US,
    SECRET_BYTES,
    SEEN_EVERY_US,
    NewSession,
    digest,
)
from live_agent.errors import Forbidden, ForeignAccount
from live_agent.schema import LARGEST_INTEGER, AccessToken, AccountUser, BrowserSession, User


class TokenName(msgspec.Struct, frozen=True, kw_only=True):
    """Which API token a request came with, and to what and which account it is limited."""

    id: int
    name: str
    secret: str
    scope: str | None = None
    account_id: int | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Someone signed in. `session` names the browser session, and `csrf` is its form token."""

    user_id: int
    email: str
    name: str
    via: Literal["ui", "api"]
    token: TokenName | None = None
    session: str | None = None
    csrf: str | None = None
    language: str | None = None
    timezone: str | None = None
    """What they chose to be told in; without it, the browser's language and the account's zone."""

    @property
    def scope(self) -> str | None:
        """What alone the person may do here, where the token is limited to it."""
        return self.token.scope if self.token else None

    def actor(self, role: str | None = None) -> Actor:
        """Return the person as the actor of what they do; a token acts as its person."""
        token = {"id": str(self.token.id), "name": self.token.name} if self.token else None
        return Actor(
            kind="user",
            id=str(self.user_id),
            email=self.email,
            name=self.name,
            role=role,
            token=token,
        )


class Member(Person, frozen=True, kw_only=True):
    """Someone signed in who belongs to the account that the request is about."""

    account_id: int
    role: str

    @property
    def is_administrator(self) -> bool:
        return self.role == "administrator"


def person_with(db: Session, email: str) -> User | None:
    """Return the person who signs in with this e-mail."""
    if "\0" in email:
        return None  # PostgreSQL would refuse to look for it.
    return db.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()


def accounts_of(db: Session, user_id: int) -> Sequence[AccountUser]:
    """Return the person's memberships, oldest first."""
    return db.scalars(
        select(AccountUser).where(AccountUser.user_id == user_id).order_by(AccountUser.id)
    ).all()


def member_of(db: Session, person: Person, account_id: int) -> Member:
    """Return the person as a member of the account. Raises `ForeignAccount`, also for unknown ones."""
    role = None
    elsewhere = person.token and person.token.account_id not in (None, account_id)
    if 0 < account_id <= LARGEST_INTEGER and not elsewhere:
        role = db.scalar(
            select(AccountUser.role).where(
                AccountUser.user_id == person.user_id, AccountUser.account_id == account_id
            )
        )
    if role is None:
        raise ForeignAccount
    return Member(**msgspec.structs.asdict(person), account_id=account_id, role=role)


def require_still(db: Session, member: Member) -> None:
    """Raise `Forbidden` where somebody took the member's role since they were let in."""
    role = db.scalar(
        select(AccountUser.role).where(
            AccountUser.user_id == member.user_id, AccountUser.account_id == member.account_id
        )
    )
    if role != member.role:
        raise Forbidden


def begin_session(db: Session, user_id: int, session: NewSession, now_us: int) -> None:
    """Let the session begin, and forget all that are too old."""
    db.execute(delete(BrowserSession).where(BrowserSession.created_at < now_us - ABSOLUTE_LIMIT_US))
    db.add(
        BrowserSession(
            id_hash=digest(session.secret),
            user_id=user_id,
            csrf=session.csrf,
            name=session.name,
            created_at=now_us,
            last_seen_at=now_us,
        )
    )
    db.flush()


def person_of_session(db: Session, secret: str, now_us: int) -> Person | None:
    """Return whose session this is, unless it is unknown, idle for too long, or too old."""
    found = db.execute(
        select(BrowserSession, User)
        .join(User, User.id == BrowserSession.user_id)
        .where(
            BrowserSession.id_hash == digest(secret),
            BrowserSession.last_seen_at > now_us - IDLE_LIMIT_US,
            BrowserSession.created_at > now_us - ABSOLUTE_LIMIT_US,
        )
    ).one_or_none()
    if found is None:
        return None
    session, user = found
    return Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        via="ui",
        session=session.name,
        csrf=session.csrf,
        language=user.language,
        timezone=user.timezone,
    )


def is_due(db: Session, secret: str, now_us: int) -> bool:
    """Tell whether the session's last use should be noted again."""
    seen = db.scalar(
        select(BrowserSession.last_seen_at).where(BrowserSession.id_hash == digest(secret))
    )
    return seen is not None and seen <= now_us - SEEN_EVERY_US


def note_use(db: Session, secret: str, now_us: int) -> None:
    """Note that the session was used now."""
    session = db.get(BrowserSession, digest(secret))
    if session is not None:
        session.last_seen_at = max(now_us, session.last_seen_at)


def end_session(db: Session, secret: str) -> None:
    """End one session."""
    db.execute(delete(BrowserSession).where(BrowserSession.id_hash == digest(secret)))


def end_sessions(db: Session, user_id: int) -> None:
    """End every session of the person: after a new password, and when a role changes."""
    db.execute(delete(BrowserSession).where(BrowserSession.user_id == user_id))


def set_password(db: Session, user: User, password_hash: str) -> None:
    """Give the person a new password, which ends their sessions."""
    user.password_hash = password_hash
    end_sessions(db, user.id)
    db.flush()


def create_token(
    db: Session,
    user_id: int,
    name: str,
    *,
    account_id: int | None = None,
    scope: str | None = None,
) -> str:
    """Make an API token for the person, and return it: it can't be shown again."""
    token = secrets.token_urlsafe(SECRET_BYTES)
    db.add(
        AccessToken(
            user_id=user_id,
            name=name,
            token_hash=digest(token),
            account_id=account_id,
            scope=scope,
        )
    )
    db.flush()
    return token


def person_of_token(db: Session, token: str) -> Person | None:
    """Return as whom this API token acts."""
    found = db.execute(
        select(AccessToken, User)
        .join(User, User.id == AccessToken.user_id)
        .where(AccessToken.token_hash == digest(token))
    ).one_or_none()
    if found is None:
        return None
    row, user = found
    return Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        via="api",
        language=user.language,
        timezone=user.timezone,
        token=TokenName(
            id=row.id, name=row.name, secret=token, scope=row.scope, account_id=row.account_id
        ),
    )
