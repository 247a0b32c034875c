"""A person's own profile: what they change of themselves holds in all their accounts."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from audit_trail.record.language import say
from live_agent import access
from live_agent.schema import User
from live_agent.settings import fields
from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import assign, require

LANGUAGES: Final = ("en", "de", "ja")
"""The tags of the languages to choose from: English, and those whose files lie with the pages."""

FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(label="Name", check=fields.name()),
    "email": Field(label="E-mail", check=fields.email),
    "password": Field(label="Password", check=fields.password),
    "language": Field(label="Language", check=fields.optional(fields.one_of(*LANGUAGES))),
    "timezone": Field(label="Time zone", check=fields.optional(fields.timezone)),
}
UNGUARDED: Final = frozenset({"language", "timezone"})
"""What is changed without the current password: it opens nothing to anybody."""


def needs_password(values: Mapping[str, object]) -> bool:
    """Tell whether a change must be confirmed by the current password."""
    given = FIELDS.keys() & values.keys()
    return not given or not given <= UNGUARDED


def update(
    db: Session, person: User, values: Mapping[str, object], *, password_hash: str | None = None
) -> User:
    """Change the fields that were given. Raises `Invalid`.

    A new e-mail or password ends every session: whoever signed in with the old one is out.
    """
    accepted, errors = checked(FIELDS, values, partial=True)
    email = accepted.get("email", person.email)
    if email != person.email and access.person_with(db, email):
        errors["email"] = say("%(label)s is already in use; choose another.", label=say("E-mail"))
    require(errors)
    if password_hash is not None:
        access.set_password(db, person, password_hash)
    if email != person.email:
        access.end_sessions(db, person.id)
    columns = ("name", "email", "language", "timezone")
    assign(person, {name: accepted[name] for name in columns if name in accepted})
    db.flush()
    return person
