"""Agents: the people of an account, their roles and availability."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from live_agent import access
from live_agent.errors import NotFound
from live_agent.schema import AVAILABILITIES, LARGEST_INTEGER, ROLES, AccountUser, User
from live_agent.settings import fields
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


def password_of(values: Mapping[str, object]) -> str | None:
    """Return the password to hash before the transaction; None where there is no acceptable one."""
    password: str | None = checked({"password": FIELDS["password"]}, values).values.get("password")
    return password


def create(
    db: Session,
    account_id: int,
    values: Mapping[str, object],
    *,
    password_hash: str | None = None,
) -> AccountUser:
    """Make a person an agent of the account; one who is new here is created. Raises `Invalid`.

    `password_hash` is kept for a new person only: nobody else may set the password of someone
    who may belong to other accounts as well. Hash it before the transaction begins.
    """
    accepted, errors = checked(FIELDS, values)
    person = access.person_with(db, accepted["email"]) if "email" in accepted else None
    if person and _belongs(db, account_id, person):
        errors["email"] = "E-mail belongs to an agent of this account already."
    elif person and "password" in values:
        errors["password"] = "Password can't be set, because this person has one already."  # noqa: S105 -- a message
    require(errors)
    if person is None:
        person = User(name=accepted["name"], email=accepted["email"], password_hash=password_hash)
        db.add(person)
        db.flush()
    chosen = {key: accepted[key] for key in ("role", "availability") if key in accepted}
    agent = AccountUser(account_id=account_id, user_id=person.id, user=person, **chosen)
    db.add(agent)
    db.flush()
    return agent


def update(db: Session, record: AccountUser, values: Mapping[str, object]) -> AccountUser:
    """Change name, role or availability. Raises `Invalid`.

    A new role ends the person's browser sessions, so that none outlives what it was given for.
    """
    wanted = {
        key: value for key, value in values.items() if key in ("name", "role", "availability")
    }
    accepted, errors = checked(FIELDS, wanted, partial=True)
    if accepted.get("role", "administrator") != "administrator" and _is_last(db, record):
        errors["role"] = _LAST
    if accepted.get("name", record.user.name) != record.user.name and _is_elsewhere(db, record):
        errors["name"] = "Name can't be changed here, because this person has other accounts too."
    require(errors)
    if accepted.get("role", record.role) != record.role:
        access.end_sessions(db, record.user_id)
    _assign(record, accepted)
    db.flush()
    return record


def remove(db: Session, record: AccountUser) -> None:
    """Remove the agent, who leaves the account's inboxes and teams as well. Raises `Invalid`."""
    require({"role": _LAST} if _is_last(db, record) else {})
    db.delete(record)
    db.flush()


_LAST: Final = (
    "Role must stay as it is, because this is the account's only administrator; "
    "make someone else administrator first."
)


def _assign(record: AccountUser, accepted: Mapping[str, Any]) -> None:
    assign(record.user, {key: accepted[key] for key in ("name",) if key in accepted})
    assign(record, {key: value for key, value in accepted.items() if key != "name"})


def _belongs(db: Session, account_id: int, person: User) -> bool:
    return bool(
        db.scalar(
            select(AccountUser.id).where(
                AccountUser.account_id == account_id, AccountUser.user_id == person.id
            )
        )
    )


def _is_last(db: Session, record: AccountUser) -> bool:
    others = select(AccountUser.id).where(
        AccountUser.account_id == record.account_id,
        AccountUser.role == "administrator",
        AccountUser.id != record.id,
    )
    return record.role == "administrator" and db.scalar(others.limit(1)) is None


def _is_elsewhere(db: Session, record: AccountUser) -> bool:
    others = select(AccountUser.id).where(
        AccountUser.user_id == record.user_id, AccountUser.id != record.id
    )
    return db.scalar(others.limit(1)) is not None
