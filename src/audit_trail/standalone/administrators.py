"""The administrators and their sessions, in a small database beside the trail; it writes no entry."""

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Actor
from audit_trail.credentials import (
    ABSOLUTE_LIMIT_US,
    IDLE_LIMIT_US,
    SEEN_EVERY_US,
    NewSession,
    digest,
)
from audit_trail.errors import AdministratorRefused, AdministratorsFailed
from audit_trail.record.entry import INSTALLATION

FILE: Final = "administrators.db"
BUSY_SECONDS: Final = 5.0
LONGEST_EMAIL: Final = 254
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 1_000


class Administrator(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may read trails: those of these accounts, or of all."""

    id: int
    email: str
    accounts: tuple[str, ...] | None
    created_at: int

    def may_read(self, account: str) -> bool:
        """Tell whether the account's trail is theirs to read."""
        return self.accounts is None or account in self.accounts

    @property
    def actor(self) -> Actor:
        """Who acts, by an id that no person of the application has."""
        return Actor(
            kind="user",
            id=f"administrator:{self.id}",
            email=self.email,
            role="administrator",
        )

    @property
    def noted_in(self) -> tuple[str, ...]:
        """The accounts whose trails say what becomes of them, and the installation's."""
        return (INSTALLATION, *(each for each in self.accounts or () if each != INSTALLATION))


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's session: whose it is, its name in entries, and the token of its forms."""

    administrator: Administrator
    name: str
    csrf: str
    last_seen_at: int

    def is_due(self, now_us: int) -> bool:
        """Tell whether its last use should be noted again."""
        return self.last_seen_at <= now_us - SEEN_EVERY_US


class Administrators:
    """The database of administrators: one file, which its owner alone may read."""

    def __init__(self, folder: Path) -> None:
        """Open it, made where it is missing. Raises `AdministratorsFailed`."""
        self.path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise AdministratorsFailed(
                f"The administrators' database {self.path} can't be used: {error.strerror}."
            ) from error
        with self.reading() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(
                files("audit_trail.standalone").joinpath("administrators.sql").read_text()
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection. Raises `AdministratorsFailed` where the database fails."""
        try:
            with closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as db:
                db.execute("PRAGMA foreign_keys = ON")
                yield db
        except sqlite3.Error as error:
            raise AdministratorsFailed(
                f"The administrators' database {self.path} failed: {error}"
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write inside one transaction; what the block raises takes it back."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def secret(self, name: str) -> bytes:
        """Return 32 bytes that are drawn once and kept."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING",
                (name, secrets.token_bytes(32)),
            )
            found = db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return bytes(found[0])


def all_of(db: sqlite3.Connection) -> list[Administrator]:
    """Return every administrator, the oldest first."""
    rows = db.execute("SELECT id, email, accounts, created_at FROM administrators ORDER BY id")
    return [_administrator(row) for row in rows]


def with_email(db: sqlite3.Connection, email: str) -> tuple[Administrator, str] | None:
    """Return who signs in with this e-mail, and their password's hash."""
    row = db.execute(
        "SELECT id, email, accounts, created_at, password_hash FROM administrators WHERE email = ?",
        (spelled(email),),
    ).fetchone()
    return (_administrator(row[:-1]), row[-1]) if row else None


def named(db: sqlite3.Connection, email: str) -> Administrator:
    """Return the administrator of this e-mail. Raises `AdministratorRefused`."""
    found = with_email(db, email)
    if found is None:
        raise AdministratorRefused(f"There is no administrator {spelled(email)}.")
    return found[0]


def add(
    db: sqlite3.Connection,
    email: str,
    password_hash: str,
    accounts: Sequence[str] | None,
    now_us: int,
) -> Administrator:
    """Add an administrator of these accounts, or of all. Raises `AdministratorRefused`."""
    if with_email(db, email):
        raise AdministratorRefused(f"{spelled(email)} is an administrator already.")
    kept = None if accounts is None else msgspec.json.encode(list(dict.fromkeys(accounts))).decode()
    row = db.execute(
        "INSERT INTO administrators (email, password_hash, accounts, created_at) "
        "VALUES (?, ?, ?, ?) RETURNING id, email, accounts, created_at",
        (spelled(email), password_hash, kept, now_us),
    ).fetchone()
    return _administrator(row)


def remove(db: sqlite3.Connection, administrator: Administrator) -> None:
    """Remove an administrator; their sessions end with them."""
    db.execute("DELETE FROM administrators WHERE id = ?", (administrator.id,))


def set_password(db: sqlite3.Connection, administrator: Administrator, hashed: str) -> None:
    """Give an administrator a new password, which ends their sessions."""
    db.execute(
        "UPDATE administrators SET password_hash = ? WHERE id = ?", (hashed, administrator.id)
    )
    db.execute("DELETE FROM sessions WHERE administrator = ?", (administrator.id,))


def begin_session(
    db: sqlite3.Connection, administrator: Administrator, session: NewSession, now_us: int
) -> None:
    """Let a session begin, and forget all that are too old."""
    db.execute("DELETE FROM sessions WHERE created_at < ?", (now_us - ABSOLUTE_LIMIT_US,))
    db.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)",
        (
            digest(session.secret),
            administrator.id,
            session.csrf,
            session.name,
            now_us,
            now_us,
        ),
    )


def session_of(db: sqlite3.Connection, secret: str, now_us: int) -> Session | None:
    """Return the session with this secret, unless it is unknown, idle for too long, or too old."""
    row = db.execute(
        "SELECT name, csrf, last_seen_at, a.id, a.email, a.accounts, a.created_at "
        "FROM sessions AS s JOIN administrators AS a ON a.id = s.administrator "
        "WHERE id_hash = ? AND last_seen_at > ? AND s.created_at > ?",
        (digest(secret), now_us - IDLE_LIMIT_US, now_us - ABSOLUTE_LIMIT_US),
    ).fetchone()
    if row is None:
        return None
    name, csrf, last_seen_at, *administrator = row
    return Session(
        administrator=_administrator(administrator),
        name=name,
        csrf=csrf,
        last_seen_at=last_seen_at,
    )


def note_use(db: sqlite3.Connection, secret: str, now_us: int) -> None:
    """Note that the session was used now."""
    db.execute("UPDATE sessions SET last_seen_at = ? WHERE id_hash = ?", (now_us, digest(secret)))


def end_session(db: sqlite3.Connection, secret: str) -> None:
    """End one session."""
    db.execute("DELETE FROM sessions WHERE id_hash = ?", (digest(secret),))


def spelled(email: str) -> str:
    """Return an e-mail as it is kept and looked for: it is the same in capitals."""
    return email.strip().lower()


def require_email(email: str) -> None:
    """Raise `AdministratorRefused` for what is no e-mail."""
    name, _, host = spelled(email).partition("@")
    if not (name and host and "@" not in host and email.strip().isprintable()) or any(
        each.isspace() for each in email.strip()
    ):
        raise AdministratorRefused("The e-mail must look like ada@example.com.")
    if len(spelled(email)) > LONGEST_EMAIL:
        raise AdministratorRefused(f"The e-mail has more than {LONGEST_EMAIL} characters.")


def require_password(password: str) -> None:
    """Raise `AdministratorRefused` for a password that is too short, or too long to be one."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AdministratorRefused(
            f"The password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters."
        )


def _administrator(row: Sequence[Any]) -> Administrator:
    id_, email, accounts, created_at = row
    return Administrator(
        id=id_,
        email=email,
        accounts=None if accounts is None else msgspec.json.decode(accounts, type=tuple[str, ...]),
        created_at=created_at,
    )
