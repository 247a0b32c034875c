"""Passwords, and the secrets of browser sessions; it keeps none, and knows nobody.

Secrets are random, given out once and kept as SHA-256 only. Password hashes are slow on purpose:
hash and verify outside transactions.
"""

import secrets
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

IDLE_LIMIT_US: Final = 12 * 3_600 * 1_000_000
ABSOLUTE_LIMIT_US: Final = 7 * 24 * 3_600 * 1_000_000
SEEN_EVERY_US: Final = 60 * 1_000_000
"""A session's use is noted at most this often, or every read would write."""

SECRET_BYTES: Final = 32
LONGEST_SECRET: Final = 128


class NewSession(NamedTuple):
    """A session as the browser gets it: the cookie's secret, the form token, and its name."""

    secret: str
    csrf: str
    name: str


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_hex(SECRET_BYTES))


def hash_password(password: str) -> str:
    """Return the argon2id hash. It takes some ten milliseconds; never call it in a transaction."""
    return _hasher().hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether the password is right; no answer comes sooner for someone who has none."""
    try:
        _hasher().verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return password_hash is not None


def new_session() -> NewSession:
    """Draw the secrets of a session that is about to begin; a browser's own are never taken over."""
    return NewSession(
        secret=secrets.token_urlsafe(SECRET_BYTES),
        csrf=secrets.token_urlsafe(SECRET_BYTES),
        name=secrets.token_hex(8),
    )


def digest(secret: str) -> str:
    """Return what is kept of a secret. It is long and random, so a fast digest is enough."""
    return sha256(secret[:LONGEST_SECRET].encode(errors="surrogatepass")).hexdigest()
