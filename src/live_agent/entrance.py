"""Signing in and out, for the API and the pages alike; what it answers is theirs."""

from typing import NamedTuple

import msgspec
from litestar.datastructures import Cookie

from audit_trail import credentials
from audit_trail.capture.context import Origin, acting_as
from audit_trail.credentials import NewSession
from audit_trail.record.language import say
from audit_trail.server.browser import session_cookie as cookie_of
from live_agent import access, attempts
from live_agent.access import Person
from live_agent.attempts import Try
from live_agent.errors import Invalid, TooManyAttempts, WrongCredentials
from live_agent.schema import User
from live_agent.services import Services


class SignedIn(NamedTuple):
    """Who has signed in, and their new session."""

    person: Person
    session: NewSession


def sign_in(
    services: Services, *, email: object, password: object, origin: Origin, replacing: str | None
) -> SignedIn:
    """Sign a person in with a new session; the browser's one before (`replacing`) ends.

    Raises `Invalid`, `WrongCredentials` or `TooManyAttempts`; the latter two are noted.
    """
    email, password = _typed(email, password)
    now_us = services.clock()
    with services.database.reading() as db:
        user = access.person_with(db, email)
    attempt = _try(email, user.id if user else None, user.name if user else None, origin)
    _require_admission(services, attempt, now_us)
    if (
        not credentials.verify_password(user.password_hash if user else None, password)
        or user is None
    ):
        reason = "Wrong password" if user else "Unknown e-mail"
        attempts.failed(services.database, attempt, reason, now_us)
        raise WrongCredentials
    return _begun(services, user, attempt, replacing, now_us)


def confirm(services: Services, person: Person, password: object, origin: Origin) -> str:
    """Make sure that it is the person themselves who asks; return the hash that proved it.

    Whoever found a session or a token can't guess it at leisure: it is limited, and noted, like a
    sign-in. Raises `Invalid` or `TooManyAttempts`.
    """
    if not isinstance(password, str) or not password:
        raise Invalid({"current_password": say("Current password is required.")})
    now_us = services.clock()
    attempt = _try(person.email, person.user_id, person.name, origin)
    _require_admission(services, attempt, now_us)
    with services.database.reading() as db:
        password_hash = db.get_one(User, person.user_id).password_hash
    if not credentials.verify_password(password_hash, password) or password_hash is None:
        attempts.failed(services.database, attempt, "Wrong current password", now_us)
        raise Invalid({"current_password": say("Current password is wrong.")})
    with services.database.transaction() as db:
        attempts.release(db, attempt, services.limits)
    return password_hash


def _try(email: str, user_id: int | None, name: str | None, origin: Origin) -> Try:
    return Try(email=email, user_id=user_id, name=name, origin=origin, address=origin.network)


def _typed(email: object, password: object) -> tuple[str, str]:
    fields = {"email": (say("E-mail"), email), "password": (say("Password"), password)}
    errors = {
        name: say("%(label)s is required.", label=label)
        for name, (label, value) in fields.items()
        if not isinstance(value, str) or not value.strip()
    }
    if errors or not isinstance(email, str) or not isinstance(password, str):
        raise Invalid(errors)
    return email, password


def _require_admission(services: Services, attempt: Try, now_us: int) -> None:
    try:
        with services.database.transaction() as db:
            attempts.admit(db, attempt, now_us, services.limits)
    except TooManyAttempts:
        attempts.failed(services.database, attempt, "Too many attempts", now_us)
        raise


def _begun(
    services: Services, user: User, attempt: Try, replacing: str | None, now_us: int
) -> SignedIn:
    session = credentials.new_session()
    person = Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        via="ui",
        session=session.name,
        csrf=session.csrf,
        language=user.language,
        timezone=user.timezone,
    )
    origin = msgspec.structs.replace(attempt.origin, session=session.name)
    with acting_as(person.actor(), origin), services.database.transaction() as db:
        current = db.get(User, user.id)
        if current is None or current.password_hash != user.password_hash:
            raise WrongCredentials  # It was changed while we verified the one before.
        attempts.release(db, attempt, services.limits)
        if replacing is not None:
            access.end_session(db, replacing)
        access.begin_session(db, user.id, session, now_us)
        attempts.signed_in(db, current)
    return SignedIn(person, session)


def sign_out(services: Services, person: Person, secret: str) -> None:
    """End the person's session; the sign-out is noted under the context in force."""
    with services.database.transaction() as db:
        access.end_session(db, secret)
        user = db.get(User, person.user_id)
        if user is not None:
            attempts.signed_out(db, user)


def session_cookie(services: Services, secret: str) -> Cookie:
    """Return the cookie that carries the session."""
    return _cookie(services, secret, credentials.ABSOLUTE_LIMIT_US // 1_000_000)


def ended_cookie(services: Services) -> Cookie:
    """Return the cookie that makes a browser forget its session."""
    return _cookie(services, "", 0)


def _cookie(services: Services, value: str, max_age_seconds: int) -> Cookie:
    return cookie_of(services.cookie, value, max_age_seconds, secure=services.secure_cookies)
