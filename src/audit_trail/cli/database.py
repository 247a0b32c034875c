"""Opens an application's database by its URL, for commands that know only what lies in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.errors import OutboxFailed


@contextmanager
def open_database(text: str) -> Iterator[Engine]:
    """Open what is there, create nothing, and leave its settings as they are.

    Raises `UrlRefused` or `OutboxFailed`.
    """
    url = read_url(text)
    if not is_postgresql(url):
        path = Path(name_of(url)).absolute()
        if not path.is_file():
            raise OutboxFailed(f"There is no database {path}.")
        # One database has one name, from wherever it is looked at.
        url = url.set(database=str(path))
    engine = create_engine(url, hide_parameters=True)
    capture.attach(engine, as_guest=True)
    try:
        yield engine
    finally:
        engine.dispose()


def database_failed(engine: Engine, error: DBAPIError) -> OutboxFailed:
    """Name the database and the cause, and what to do where rights are missing."""
    cause = str(error.orig).partition("\n")[0]
    advice = (
        " Connect as the role that owns the outbox."
        if getattr(error.orig, "sqlstate", None) == "42501"
        else ""
    )
    return OutboxFailed(f"The database {name_of(engine.url)} failed: {cause}.{advice}")
