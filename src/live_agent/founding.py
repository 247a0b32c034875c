"""Accounts, people and their tokens, as whoever runs the server makes them on the command line."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from audit_trail import credentials
from audit_trail.capture.context import SYSTEM, Origin, acting_as
from live_agent import access
from live_agent.database import Database
from live_agent.errors import Invalid, NotFound
from live_agent.schema import AccessToken, AccountUser, User
from live_agent.settings import access_tokens, accounts, agents
from live_agent.settings.fields import checked
from live_agent.settings.lookup import require


class Created(NamedTuple):
    """A new person, and their API access token, which can't be shown again."""

    user_id: int
    token: str


def create_account(database: Database, name: str, timezone: str = "UTC") -> int:
    """Create an account and return its id. Raises `Invalid`."""
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        return accounts.create(db, {"name": name, "timezone": timezone}).id


def create_user(
    database: Database, account_id: int, email: str, name: str, role: str, password: str
) -> Created:
    """Create a person in an account, with a token. Raises `Invalid`, also for an unknown account."""
    values = {"email": email, "name": name, "role": role, "password": password}
    password_hash = agents.password_hash_of(values)
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        _require_account(db, account_id)
        agent = agents.create(db, account_id, values, password_hash=password_hash)
        return Created(agent.user_id, access.create_token(db, agent.user_id, "command line"))


def add_user(database: Database, account_id: int, email: str, role: str) -> int:
    """Make somebody who exists an agent of another account too, and return their id.

    Only whoever runs the server may, since nobody of the other account is asked. Raises `Invalid`.
    """
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        _require_account(db, account_id)
        return agents.add(db, account_id, _person(db, email), {"role": role}).user_id


def set_password(database: Database, email: str, password: str) -> None:
    """Give somebody a password, which ends their sessions. Raises `Invalid`."""
    values = {"password": password}
    accepted, errors = checked({"password": agents.FIELDS["password"]}, values)
    require(errors)
    password_hash = credentials.hash_password(accepted["password"])
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        access.set_password(db, _person(db, email), password_hash)


def create_token(database: Database, account_id: int, email: str, name: str, scope: str) -> str:
    """Make a token of an administrator that opens one account's trail alone, and return it.

    Raises `Invalid`.
    """
    with acting_as(SYSTEM, _command_line()), database.transaction(account_id) as db:
        _require_account(db, account_id)
        return access_tokens.create(
            db, _agent(db, account_id, email), {"name": name, "scope": scope}
        )


def tokens(database: Database, account_id: int) -> Sequence[AccessToken]:
    """Return the account's tokens. Raises `Invalid`."""
    with database.reading() as db:
        _require_account(db, account_id)
        return access_tokens.listed(db, account_id)


def revoke_token(database: Database, account_id: int, token_id: int) -> None:
    """End a token of the account. Raises `Invalid`."""
    with acting_as(SYSTEM, _command_line()), database.transaction(account_id) as db:
        try:
            access_tokens.revoke(db, account_id, token_id)
        except NotFound:
            raise Invalid({"token": f"Account {account_id} has no token {token_id}."}) from None


def _agent(db: Session, account_id: int, email: str) -> AccountUser:
    try:
        return agents.get(db, account_id, _person(db, email).id)
    except NotFound:
        raise Invalid({"email": "Nobody with this e-mail belongs to this account."}) from None


def _person(db: Session, email: str) -> User:
    if (person := access.person_with(db, email)) is None:
        raise Invalid({"email": "There is nobody with this e-mail."})
    return person


def _require_account(db: Session, account_id: int) -> None:
    try:
        accounts.get(db, account_id)
    except NotFound:
        raise Invalid({"account": f"There is no account {account_id}."}) from None


def _command_line() -> Origin:
    return Origin(via="cli", request=str(uuid.uuid4()))
