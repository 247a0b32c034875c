"""The first accounts and people, made on the command line; the rest are invited on the pages."""

import uuid
from typing import NamedTuple

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from live_agent import access
from live_agent.database import Database
from live_agent.errors import Invalid, NotFound
from live_agent.settings import accounts, agents


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
    password_hash = access.hash_password(password)
    with acting_as(SYSTEM, _command_line()), database.transaction() as db:
        try:
            accounts.get(db, account_id)
        except NotFound:
            raise Invalid({"account": f"There is no account {account_id}."}) from None
        agent = agents.create(db, account_id, values, password_hash=password_hash)
        return Created(agent.user_id, access.create_token(db, agent.user_id, "command line"))


def _command_line() -> Origin:
    return Origin(via="cli", request=str(uuid.uuid4()))
