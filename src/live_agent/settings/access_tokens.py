"""Access tokens: a person's own, and those limited to a scope in an account; who may have one."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit_trail.record.language import say
from live_agent import access
from live_agent.errors import NotFound
from live_agent.schema import LARGEST_INTEGER, SCOPES, AccessToken, AccountUser
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import require

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name(), required=True),
    "scope": Field(label="Scope", check=fields.one_of(*SCOPES), required=True),
}


def listed(db: Session, account_id: int) -> Sequence[AccessToken]:
    """Return the account's tokens, oldest first."""
    return db.scalars(
        select(AccessToken).where(AccessToken.account_id == account_id).order_by(AccessToken.id)
    ).all()


def create(db: Session, agent: AccountUser, values: Mapping[str, object]) -> str:
    """Make a token of the agent for one account, and return its secret, once. Raises `Invalid`.

    It is good as long as the agent is an administrator of the account, and goes with them.
    """
    accepted, errors = checked(FIELDS, values)
    if agent.role != "administrator":
        errors["email"] = say("E-mail must be an administrator's of this account.")
    require(errors)
    return access.create_token(
        db,
        agent.user_id,
        accepted["name"],
        account_id=agent.account_id,
        scope=accepted["scope"],
    )


def revoke(db: Session, account_id: int, token_id: int) -> None:
    """Delete a token of the account; it opens nothing more. Raises `NotFound`."""
    found = db.get(AccessToken, token_id) if 0 < token_id <= LARGEST_INTEGER else None
    if found is None or found.account_id != account_id:
        raise NotFound
    delete(db, found)


def listed_own(db: Session, user_id: int) -> Sequence[AccessToken]:
    """Return the tokens with which a person does all that they may, oldest first."""
    own = select(AccessToken).where(AccessToken.user_id == user_id, AccessToken.scope.is_(None))
    return db.scalars(own.order_by(AccessToken.id)).all()


def create_own(db: Session, user_id: int, values: Mapping[str, object]) -> str:
    """Make a token that opens what its person may, and return its secret, once. Raises `Invalid`."""
    accepted, errors = checked({"name": FIELDS["name"]}, values)
    require(errors)
    return access.create_token(db, user_id, accepted["name"])


def get(db: Session, account_id: int, user_id: int, token_id: int) -> AccessToken:
    """Return a token of the person's own, or one of the account's. Raises `NotFound`."""
    found = db.get(AccessToken, token_id) if 0 < token_id <= LARGEST_INTEGER else None
    if found is None or not (found.account_id == account_id or _is_own(found, user_id)):
        raise NotFound
    return found


def _is_own(token: AccessToken, user_id: int) -> bool:
    return token.scope is None and token.user_id == user_id


def delete(db: Session, token: AccessToken) -> None:
    """Delete a token; it opens nothing more."""
    db.delete(token)
    db.flush()
