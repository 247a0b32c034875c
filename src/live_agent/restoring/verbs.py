"""Acts like a module of the settings where the settings change a record in another way."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit_trail.capture.context import current_context
from audit_trail.record.language import say
from live_agent.access import Member
from live_agent.errors import Invalid, NotFound, RestorationRefused
from live_agent.schema import LARGEST_INTEGER, Account, AccountUser, Macro, User
from live_agent.settings import accounts, agents, macros, membership
from live_agent.settings.lookup import find


class Members:
    """Who belongs to an inbox or a team, or has a skill. A membership is made and ended, and never changed."""

    FIELDS: Final = membership.FIELDS

    def __init__(
        self,
        model: type[membership.Membership],
        parent_of: Callable[[Session, int, int], membership.Parent],
    ) -> None:
        self._model: type[Any] = model
        self._column = membership.column_of(model)
        self._parent_of = parent_of

    def get(self, db: Session, account_id: int, record_id: int) -> membership.Membership:
        wanted = select(self._model).where(
            self._model.account_id == account_id, self._model.id == record_id
        )
        found: membership.Membership | None = db.scalars(wanted).one_or_none()
        if found is None:
            raise NotFound
        return found

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> None:
        parent = self._parent_of(db, account_id, _number(values.get(self._column)))
        membership.join(db, parent, values.get("user_id"))

    def update(self, db: Session, record: object, values: Mapping[str, object]) -> None:
        raise Invalid(message=say("A membership is never changed; end it and make another."))


class Agents:
    """The account's agents, whose id is the person's: their roles and availability."""

    FIELDS: Final = agents.FIELDS

    def get(self, db: Session, account_id: int, record_id: int) -> AccountUser:
        return agents.get(db, account_id, record_id)

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> AccountUser:
        person = db.get(User, _number(values.get("user_id")))
        if person is None:
            raise NotFound
        return agents.rejoin(db, account_id, person, values)

    def update(self, db: Session, record: AccountUser, values: Mapping[str, object]) -> AccountUser:
        return agents.update(db, record, values)


class Persons:
    """The people of the account, as far as an administrator may change them: by their membership."""

    FIELDS: Final = agents.FIELDS

    def get(self, db: Session, account_id: int, record_id: int) -> "_Person":
        return _Person(agents.get(db, account_id, record_id))

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> None:
        raise Invalid(message=say("People are never deleted; make them agents instead."))

    def update(self, db: Session, record: "_Person", values: Mapping[str, object]) -> None:
        agents.update(db, record.agent, values)


class _Person:
    """A person's columns, and the membership by which they are changed."""

    def __init__(self, agent: AccountUser) -> None:
        self.agent = agent

    def __getattr__(self, column: str) -> Any:
        return getattr(self.agent.user, column)


class Macros:
    """The account's macros, written as whoever restores; a personal one is its owner's alone."""

    FIELDS: Final = macros.FIELDS

    def get(self, db: Session, account_id: int, record_id: int) -> Macro:
        found = find(db, Macro, account_id, record_id)
        _require_own(found.visibility, found.user_id)
        return found

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> Macro:
        _require_own(values.get("visibility"), values.get("user_id"))
        return macros.create(db, _restorer(account_id), values)

    def update(self, db: Session, record: Macro, values: Mapping[str, object]) -> Macro:
        return macros.update(db, _restorer(record.account_id), record, values)


def _require_own(visibility: object, owner: object) -> None:
    if visibility != "global" and owner != _acting_user():
        raise RestorationRefused(say("A personal macro is its owner's, who can restore it alone."))


def _restorer(account_id: int) -> Member:
    """Return who restores, whom the gate has let in as an administrator."""
    return Member(
        user_id=_acting_user(),
        email="",
        name="",
        via="ui",
        account_id=account_id,
        role="administrator",
    )


def _acting_user() -> int:
    context = current_context()
    return int(context.actor.id or 0) if context and context.actor.kind == "user" else 0


class OwnAccount:
    """The account itself, which no administrator makes."""

    FIELDS: Final = accounts.FIELDS

    def get(self, db: Session, account_id: int, record_id: int) -> Account:
        if record_id != account_id:
            raise NotFound
        return accounts.get(db, account_id)

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> None:
        raise Invalid(message=say("Accounts are made by whoever runs the server."))

    def update(self, db: Session, record: Account, values: Mapping[str, object]) -> None:
        accounts.update(db, record, values)


def _number(value: object) -> int:
    """Return the id that a column held; what a shell left there instead is nobody's."""
    return value if type(value) is int and 0 < value <= LARGEST_INTEGER else 0
