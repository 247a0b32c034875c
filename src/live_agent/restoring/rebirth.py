"""Gives a record that is made anew the id that it had; it makes none itself.

The settings' verbs know no ids. So the session is watched while one of them works, and what it is
about to insert is given its former columns before the database draws others.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


@contextmanager
def born_as(db: Session, model: type[Any], columns: Mapping[str, object]) -> Iterator[list[object]]:
    """Give what the block makes of the model these columns; yield the list of what it made."""
    born: list[object] = []

    def give(_session: Session, record: object) -> None:
        if isinstance(record, model):
            born.append(record)
            for name, value in columns.items():
                setattr(record, name, value)

    # An identity draws its ids itself, and gives way to one that it has drawn before when told so.
    connection = db.connection()
    is_overriding = "id" in columns and connection.dialect.name == "postgresql"
    overriding = (
        _listening(connection, "before_cursor_execute", _overriding(model), retval=True)
        if is_overriding
        else nullcontext()
    )
    with _listening(db, "transient_to_pending", give), overriding:
        yield born


def _overriding(model: type[Any]) -> Callable[..., tuple[str, object]]:
    opening, values = f"INSERT INTO {model.__tablename__} (", ") VALUES ("

    def override(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        if statement.startswith(opening):
            statement = statement.replace(values, f") OVERRIDING SYSTEM VALUE{values[1:]}", 1)
        return statement, parameters

    return override


@contextmanager
def _listening(target: Any, name: str, hook: Callable[..., Any], **options: bool) -> Iterator[None]:
    event.listen(target, name, hook, **options)
    try:
        yield
    finally:
        event.remove(target, name, hook)
