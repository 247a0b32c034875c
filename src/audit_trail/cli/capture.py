"""What `audit-trail capture` does to an application's database, knowing only what lies in it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.url import name_of
from audit_trail.cli.database import database_failed, open_database
from audit_trail.coverage.looking import looking_around


class Synced(NamedTuple):
    """A database's name, how many of its tables are watched, and which triggers were changed."""

    name: str
    tables: int
    changed: Sequence[str]


def sync_capture(database_url: str) -> Synced:
    """Make the triggers match the kept watch list, in one transaction.

    Raises `UrlRefused`, `WatchRefused`, or `OutboxFailed` when the database fails.
    """
    with open_database(database_url) as engine:
        try:
            with looking_around(engine), engine.begin() as connection:
                watch = capture.kept_watch_list(connection)
                changed = capture.sync(connection, watch)
        except DBAPIError as error:
            raise database_failed(engine, error) from error
        return Synced(name_of(engine.url), len(watch.tables), changed)
