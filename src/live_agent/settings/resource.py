"""Verbs of the resources that are fields and a name alone; whoever asks was let in before."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from live_agent.settings.fields import Field, checked
from live_agent.settings.lookup import Row, assign, check_name, find, require


class Resource(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """A table whose rows belong to an account, and differ there by the column `named_by`."""

    model: type[Row]
    fields: Mapping[str, Field]
    named_by: str = "name"

    @property
    def FIELDS(self) -> Mapping[str, Field]:  # noqa: N802 -- as a module of the settings has them
        return self.fields

    def listed(self, db: Session, account_id: int) -> Sequence[Row]:
        """Return the account's records by name."""
        by_name = func.lower(getattr(self.model, self.named_by))
        wanted = select(self.model).where(self.model.account_id == account_id)
        return db.scalars(wanted.order_by(by_name, self.model.id)).all()

    def get(self, db: Session, account_id: int, record_id: int) -> Row:
        """Return the record. Raises `NotFound`."""
        return find(db, self.model, account_id, record_id)

    def create(self, db: Session, account_id: int, values: Mapping[str, object]) -> Row:
        """Create a record. Raises `Invalid`."""
        values = {**self._accepted(db, account_id, values), "account_id": account_id}
        record = self.model(**values)
        db.add(record)
        db.flush()
        return record

    def update(self, db: Session, record: Row, values: Mapping[str, object]) -> Row:
        """Change the fields that were given. Raises `Invalid`."""
        assign(record, self._accepted(db, record.account_id, values, record.id))
        db.flush()
        return record

    def delete(self, db: Session, record: Row) -> None:
        """Delete the record with what belongs to it."""
        db.delete(record)
        db.flush()

    def _accepted(
        self, db: Session, account_id: int, values: Mapping[str, object], but: int | None = None
    ) -> dict[str, Any]:
        accepted, errors = checked(self.fields, values, partial=but is not None)
        label = self.fields[self.named_by].label
        check_name(
            db, self.model, account_id, accepted, errors, but, column=self.named_by, label=label
        )
        require(errors)
        return accepted
