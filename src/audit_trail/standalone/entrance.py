"""Signing in and out, and what somebody opens; what the browser is shown is the pages'."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

import msgspec
from litestar.exceptions import NotAuthorizedException, TooManyRequestsException

from audit_trail.capture.context import Context, Origin
from audit_trail.credentials import NewSession, new_session, verify_password
from audit_trail.errors import AuditError
from audit_trail.record.language import marked
from audit_trail.server.viewer import Opens
from audit_trail.standalone import administrators, attempts
from audit_trail.standalone.administrators import Administrator, Administrators, Session
from audit_trail.standalone.attempts import Attempt, Limits
from audit_trail.standalone.noting import Happening, at_the_door, opened
from audit_trail.trail import Trail

SWEEP_SECONDS: Final = 5.0
WRONG: Final = marked("The e-mail or the password is wrong.")
TOO_MANY: Final = marked("Too many failed sign-ins. Try again in a minute.")

_log = logging.getLogger(__name__)


class Entrance:
    """Lets administrators in and out, and to entries. What happens is an entry before it counts."""

    def __init__(
        self, known: Administrators, trail: Trail, clock: Callable[[], int], limits: Limits
    ) -> None:
        self._known = known
        self._trail = trail
        self._clock = clock
        self._limits = limits

    def sign_in(
        self, email: str, password: str, origin: Origin, replacing: str | None
    ) -> NewSession:
        """Begin a new session; the browser's one before (`replacing`) ends.

        Raises `NotAuthorizedException` or `TooManyRequestsException`; both are noted.
        """
        with self._known.writing() as db:
            found = None if "\0" in email else administrators.with_email(db, email)
            attempt = Attempt(email=email, administrator=found[0] if found else None, origin=origin)
            is_admitted = attempts.is_admitted(db, attempt, self._clock(), self._limits)
        if not is_admitted:
            self._note_failure(attempt, "Too many attempts")
            raise TooManyRequestsException(TOO_MANY)
        if not verify_password(found[1] if found else None, password) or found is None:
            self._note_failure(attempt, "Wrong password" if found else "Unknown e-mail")
            raise NotAuthorizedException(WRONG)
        return self._begun(attempt, found, replacing)

    def _begun(
        self,
        attempt: Attempt,
        found: tuple[Administrator, str],
        replacing: str | None,
    ) -> NewSession:
        session = new_session()
        administrator, _ = found
        context = Context(
            actor=administrator.actor,
            origin=msgspec.structs.replace(attempt.origin, session=session.name),
        )
        with self._known.writing() as db:
            if administrators.with_email(db, administrator.email) != found:
                # They were removed, or the password was changed, while we verified it.
                raise NotAuthorizedException(WRONG)
            attempts.release(db, attempt, self._limits)
            if replacing is not None:
                administrators.end_session(db, replacing)
            administrators.begin_session(db, administrator, session, self._clock())
            self._trail.append(at_the_door(context, administrator, "sign_in").drafts(self._clock))
        return session

    def sign_out(self, session: Session, secret: str, origin: Origin) -> None:
        """End a session."""
        administrator = session.administrator
        context = Context(actor=administrator.actor, origin=origin)
        with self._known.writing() as db:
            administrators.end_session(db, secret)
            self._trail.append(at_the_door(context, administrator, "sign_out").drafts(self._clock))

    def opens(self, administrator: Administrator, account: str, origin: Origin) -> Opens:
        """Return what notes that they are about to be shown entries whole. It raises what fails."""
        context = Context(actor=administrator.actor, origin=origin)
        # Who looks again at the same within the minute is counted.
        who = f"administrator {administrator.id} account {account}"
        return lambda said: self._note(
            f"{who} {msgspec.json.encode(said).decode()}", opened(context, account, said)
        )

    def sweep(self, stop: Event) -> None:
        """Note the counts of each minute that has ended, until `stop` is set."""
        while not stop.wait(SWEEP_SECONDS):
            try:
                with self._known.reading() as db:
                    has_ended = attempts.has_ended(db, self._clock())
                if has_ended:
                    with self._known.writing() as db:
                        self._trail.append(attempts.swept(db, self._clock))
            except AuditError:
                _log.exception(
                    "the minute's failed sign-ins and reads could not be noted; trying again"
                )

    def _note_failure(self, attempt: Attempt, reason: str) -> None:
        failure = msgspec.structs.replace(attempt, reason=reason).failure
        self._note(attempt.subject, failure)

    def _note(self, subject: str, happening: Happening) -> None:
        with self._known.writing() as db:
            self._trail.append(attempts.noted(db, subject, happening, self._clock))
