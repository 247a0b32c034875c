"""What `audit-trail capture` does to an application's database, knowing only what lies in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.coverage.looking import looking_around
from audit_trail.errors import OutboxFailed


class Synced(NamedTuple):
    """A database's name, how many of its tables are watched, and which triggers were changed."""

    name: str
    tables: int
    changed: Sequence[str]


def sync_capture(database_url: str) -> Synced:
    """Make the triggers match the kept watch list, in one transaction.

    Raises `UrlRefused`, `WatchRefused`, or `OutboxFailed` when the database fails.
    """
    url = read_url(database_url)
    name = name_of(url)
    if not is_postgresql(url) and not Path(name).is_file():
        raise OutboxFailed(f"There is no database {name}.")
    engine = create_engine(url, hide_parameters=True)
    capture.attach(engine)
    try:
        with looking_around(engine), engine.begin() as connection:
            watch = capture.kept_watch_list(connection)
            return Synced(name, len(watch.tables), capture.sync(connection, watch))
    except DBAPIError as error:
        cause = str(error.orig).partition("\n")[0]
        raise OutboxFailed(f"The database {name} failed: {cause}") from error
    finally:
        engine.dispose()
