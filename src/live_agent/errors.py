"""Live Agent's exception tree: `code` is the stable name, `status` what HTTP answers."""

from collections.abc import Mapping
from typing import ClassVar


class LiveAgentError(Exception):
    """Live Agent could not do what was asked."""

    code: ClassVar[str] = "live_agent_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class NotSignedIn(LiveAgentError):
    """Sign in, or send a valid access token."""

    code = "not_signed_in"
    status = 401


class WrongCredentials(NotSignedIn):
    """The e-mail or the password is wrong."""

    code = "wrong_credentials"


class Forbidden(LiveAgentError):
    """Your role in this account doesn't permit this."""

    code = "forbidden"
    status = 403


class NotFound(LiveAgentError):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class ForeignAccount(NotFound):
    """There is no such account, or you don't belong to it."""


class Invalid(LiveAgentError):
    """The request can't be carried out as it is."""

    code = "invalid"
    status = 422

    def __init__(self, errors: Mapping[str, str] | None = None, message: str | None = None) -> None:
        self.errors: Mapping[str, str] = dict(errors or {})
        """A sentence for each field that can't be accepted."""
        super().__init__(message or " ".join(dict.fromkeys(self.errors.values())) or None)


class RestorationRefused(Invalid):
    """This entry can't be undone; the message says why."""

    code = "restoration_refused"

    def __init__(self, why: str | None = None) -> None:
        super().__init__(message=why)


class ChangedMeanwhile(Invalid):
    """What was shown has changed meanwhile. Look again, and restore then."""

    code = "changed_meanwhile"
    status = 409


class NotJson(Invalid):
    """The body must be a JSON object."""

    code = "not_json"


class TooLarge(LiveAgentError):
    """The request is too large."""

    code = "too_large"
    status = 413


class TooManyAttempts(LiveAgentError):
    """Too many failed sign-ins. Try again in a minute."""

    code = "too_many_attempts"
    status = 429


class TooManyRequests(LiveAgentError):
    """Too many requests within a second. Try again in the next."""

    code = "too_many_requests"
    status = 429


class DatabaseFailed(LiveAgentError):
    """The database refused or failed; the message names the file and the cause."""

    code = "database_failed"


class DatabaseBusy(DatabaseFailed):
    """The database is locked by another process; try again."""

    code = "database_busy"
    status = 503


class DatabaseOutdated(DatabaseFailed):
    """The database's schema isn't the one that this version needs."""

    code = "database_outdated"


class DeliveryFailed(LiveAgentError):
    """A webhook's receiver didn't take the message."""

    code = "delivery_failed"

    def __init__(self, message: str | None = None, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final
        """Whether the receiver wants no more of them."""


class BackupRefused(LiveAgentError):
    """This can't be backed up or restored; the message names the file and the cause."""

    code = "backup_refused"


class BackupDamaged(LiveAgentError):
    """The backup isn't as it was written; the message names the file."""

    code = "backup_damaged"


class DirectoryRefused(LiveAgentError):
    """The data directory can't be used; the message names it, or the file in it, and why."""

    code = "directory_refused"
