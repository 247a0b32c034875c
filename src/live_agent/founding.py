"""The first accounts and people, made on the command line; the rest are invited on the pages."""

import uuid
from typing import NamedTuple

from sqlalchemy.orm import Session

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from live_agent import access
from live_agent.database import Database
from live_agent.errors import Invalid, NotFound
from live_agent.schema import User
from live_agent.settings import accounts, agents
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
    password_hash = access.hash_password(accepted["password"])
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        access.set_password(db, _person(db, email), password_hash)


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
