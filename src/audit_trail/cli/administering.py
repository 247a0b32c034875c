"""What `audit-trail administrator` does: each change and its entries together, or neither."""

import uuid
from collections.abc import Callable, Sequence

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.credentials import hash_password
from audit_trail.errors import AdministratorRefused
from audit_trail.record.entry import INSTALLATION
from audit_trail.standalone import administrators, noting
from audit_trail.standalone.administrators import Administrators
from audit_trail.trail import Trail, utc_now_us


def add_administrator(
    trail: Trail,
    known: Administrators,
    email: str,
    accounts: Sequence[str] | None,
    password: Callable[[], str],
) -> None:
    """Add an administrator of these accounts, or of all. Raises `AdministratorRefused`."""
    administrators.require_email(email)
    _require_trails(trail, accounts or ())
    hashed = _hashed(password())
    with known.writing() as db:
        added = administrators.add(db, email, hashed, accounts, utc_now_us())
        trail.append(noting.added(_operator(), added, utc_now_us))


def remove_administrator(trail: Trail, known: Administrators, email: str) -> None:
    """Remove an administrator. Raises `AdministratorRefused`."""
    with known.writing() as db:
        removed = administrators.named(db, email)
        administrators.remove(db, removed)
        trail.append(noting.removed(_operator(), removed, utc_now_us))


def change_password(
    trail: Trail, known: Administrators, email: str, password: Callable[[], str]
) -> None:
    """Give an administrator another password. Raises `AdministratorRefused`."""
    with known.reading() as db:
        administrators.named(db, email)  # Nobody types a password in vain.
    hashed = _hashed(password())
    with known.writing() as db:
        changed = administrators.named(db, email)
        administrators.set_password(db, changed, hashed)
        trail.append(noting.password_set(_operator(), changed, utc_now_us))


def _require_trails(trail: Trail, accounts: Sequence[str]) -> None:
    """Raise `AdministratorRefused` for an account without a trail: it may be mistyped."""
    known = {INSTALLATION, *trail.accounts()}
    if unknown := [each for each in accounts if each not in known]:
        raise AdministratorRefused(
            f"There is no trail of account {', '.join(unknown)}. An account has one from its first "
            "entry on; --all-accounts is every one, also those that come."
        )


def _hashed(password: str) -> str:
    administrators.require_password(password)
    try:
        return hash_password(password)
    except UnicodeEncodeError:
        raise AdministratorRefused("The password must be text in UTF-8.") from None


def _operator() -> Context:
    return Context(actor=SYSTEM, origin=Origin(via="cli", request=str(uuid.uuid4())))
