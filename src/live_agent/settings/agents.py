"""Agents: the people of an account, their roles and availability."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from audit_trail import credentials
from audit_trail.record.language import marked, say, told
from live_agent import access
from live_agent.errors import NotFound
from live_agent.schema import (
    AVAILABILITIES,
    LARGEST_INTEGER,
    ROLES,
    AccessToken,
    AccountUser,
    User,
)
from live_agent.settings import fields, macros, saved_views
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "email": Field(label="E-mail", check=fields.email, required=True),
    "role": Field(label="Role", check=fields.one_of(*ROLES)),
    "availability": Field(label="Availability", check=fields.one_of(*AVAILABILITIES)),
    "password": Field(label="Password", check=fields.password),
}


def listed(db: Session, account_id: int) -> Sequence[AccountUser]:
    """Return the account's agents by name."""
    return db.scalars(
        select(AccountUser)
        .join(User, User.id == AccountUser.user_id)
        .where(AccountUser.account_id == account_id)
        .order_by(func.lower(User.name), User.id)
    ).all()


def get(db: Session, account_id: int, user_id: int) -> AccountUser:
    """Return the agent whose id, as the contract has it, is the person's. Raises `NotFound`."""
    found = None
    if 0 < user_id <= LARGEST_INTEGER:
        found = db.scalars(
            select(AccountUser).where(
                AccountUser.account_id == account_id, AccountUser.user_id == user_id
            )
        ).one_or_none()
    if found is None:
        raise NotFound
    return found


def password_hash_of(values: Mapping[str, object]) -> str | None:
    """Hash the password before the transaction; None where there is no acceptable one."""
    accepted = checked({"password": FIELDS["password"]}, values).values
    return credentials.hash_password(accepted["password"]) if accepted else None


def create(
    db: Session,
    account_id: int,
    values: Mapping[str, object],
    *,
    password_hash: str | None = None,
) -> AccountUser:
    """Make a person an agent of the account; one who is new here is created. Raises `Invalid`.

    Nobody is taken from another account without being asked: its people are refused, or an
    administrator could learn their names and have their sign-ins recorded. `add` is for whoever
    runs the server. Hash the password before the transaction begins.
    """
    accepted, errors = checked(FIELDS, values)
    person = access.person_with(db, accepted["email"]) if "email" in accepted else None
    if person:
        errors |= _refusals(db, account_id, person, values)
    require(errors)
    if person is None:
        person = User(name=accepted["name"], email=accepted["email"], password_hash=password_hash)
        db.add(person)
        db.flush()
    return _join(db, account_id, person, accepted)


def add(db: Session, account_id: int, person: User, values: Mapping[str, object]) -> AccountUser:
    """Make somebody who exists an agent of this account as well. Raises `Invalid`."""
    accepted, errors = checked(FIELDS, values, partial=True)
    if _belongs(db, account_id, person):
        errors["email"] = told(_TAKEN)
    require(errors)
    return _join(db, account_id, person, accepted)


def rejoin(db: Session, account_id: int, person: User, values: Mapping[str, object]) -> AccountUser:
    """Make a person who was removed an agent again. Raises `Invalid`.

    One who belongs to other accounts by now is refused, as everywhere: nobody is taken from them.
    """
    accepted, errors = checked(FIELDS, values, partial=True)
    require(errors | _refusals(db, account_id, person, {}))
    return _join(db, account_id, person, accepted)


def update(
    db: Session,
    record: AccountUser,
    values: Mapping[str, object],
    *,
    password_hash: str | None = None,
) -> AccountUser:
    """Change name, role or availability, or give a first password. Raises `Invalid`.

    A new role ends the person's browser sessions, so that none outlives what it was given for.
    """
    accepted, errors = checked(FIELDS, values, partial=True)
    person = record.user
    if accepted.get("role", "administrator") != "administrator" and _is_last(db, record):
        errors["role"] = told(_LAST)
    if accepted.get("name", person.name) != person.name and _is_elsewhere(db, record):
        errors["name"] = say(
            "Name can't be changed here, because this person has other accounts too."
        )
    if accepted.get("email", person.email) != person.email:
        errors["email"] = say("E-mail can't be changed here; people change their own.")
    if "password" in accepted and not may_set_password(db, record):
        errors["password"] = told(_NOT_YOURS)
    require(errors)
    if password_hash is not None:
        access.set_password(db, person, password_hash)
    if accepted.get("role", record.role) != record.role:
        access.end_sessions(db, record.user_id)
    _assign(record, accepted)
    db.flush()
    return record


def may_set_password(db: Session, record: AccountUser) -> bool:
    """Tell whether an administrator may give the person their first password.

    Whoever sets a password can sign in with it, and so reach every account of the person.
    """
    return record.user.password_hash is None and not _is_elsewhere(db, record)


def remove(db: Session, record: AccountUser) -> None:
    """Remove the agent, who leaves the account's inboxes and teams as well. Raises `Invalid`.

    Their private views and their own macros go with them.
    """
    require({"role": told(_LAST)} if _is_last(db, record) else {})
    macros.delete_personal(db, record.account_id, record.user_id)
    saved_views.delete_private(db, record.account_id, record.user_id)
    db.delete(record)
    db.flush()


_LAST: Final = marked(
    "Role must stay as it is, because this is the account's only administrator who can sign in; "
    "make someone else administrator first."
)
_TAKEN: Final = marked("E-mail belongs to an agent of this account already.")
_STRANGER: Final = marked(
    "E-mail belongs to somebody of another account; whoever runs this server can add them."
)
_NOT_YOURS: Final = marked(
    "Password can't be set here, because this person has one already or has other accounts too."
)


def _refusals(
    db: Session, account_id: int, person: User, values: Mapping[str, object]
) -> dict[str, str]:
    """Say why somebody who exists can't become an agent: nobody else may set their password."""
    if _belongs(db, account_id, person):
        return {"email": told(_TAKEN)}
    if access.accounts_of(db, person.id):
        return {"email": told(_STRANGER)}
    return {"password": told(_NOT_YOURS)} if "password" in values else {}


def _join(db: Session, account_id: int, person: User, accepted: Mapping[str, Any]) -> AccountUser:
    chosen = {key: accepted[key] for key in ("role", "availability") if key in accepted}
    agent = AccountUser(account_id=account_id, user_id=person.id, user=person, **chosen)
    db.add(agent)
    db.flush()
    return agent


def _assign(record: AccountUser, accepted: Mapping[str, Any]) -> None:
    assign(record.user, {key: accepted[key] for key in ("name",) if key in accepted})
    columns = ("role", "availability")
    assign(record, {key: accepted[key] for key in columns if key in accepted})


def _belongs(db: Session, account_id: int, person: User) -> bool:
    return bool(
        db.scalar(
            select(AccountUser.id).where(
                AccountUser.account_id == account_id, AccountUser.user_id == person.id
            )
        )
    )


def _is_last(db: Session, record: AccountUser) -> bool:
    """Tell whether no other administrator of the account has a password or holds a token.

    A token that is limited to a scope changes nothing, so it helps nobody.
    """
    has_token = exists().where(AccessToken.user_id == User.id, AccessToken.scope.is_(None))
    others = (
        select(AccountUser.id)
        .join(User, User.id == AccountUser.user_id)
        .where(
            AccountUser.account_id == record.account_id,
            AccountUser.role == "administrator",
            AccountUser.id != record.id,
            or_(User.password_hash.is_not(None), has_token),
        )
    )
    return record.role == "administrator" and db.scalar(others.limit(1)) is None


def _is_elsewhere(db: Session, record: AccountUser) -> bool:
    others = select(AccountUser.id).where(
        AccountUser.user_id == record.user_id, AccountUser.id != record.id
    )
    return db.scalar(others.limit(1)) is not None
