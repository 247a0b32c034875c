"""Opens the trail's database that a URL names, for commands that read it or append to it."""

import os
from pathlib import Path

from sqlalchemy import URL

from audit_trail.capture.url import driver_url, is_postgresql, name_of, read_url
from audit_trail.errors import StoreFailed
from audit_trail.store.port import Store


def open_store(text: str, *, writes: bool = False) -> Store:
    """Open what is there, and create nothing; a file isn't written to unless the command `writes`.

    Raises `UrlRefused` or `StoreFailed`.
    """
    url = read_url(text)
    if not is_postgresql(url) and not Path(name_of(url)).is_file():
        raise StoreFailed(f"There is no database {name_of(url)}.")
    return _opened(url, is_read_only=not writes)


def make_store(text: str) -> Store:
    """Open the trail, made where it is missing; a file for its owner alone.

    Raises `UrlRefused` or `StoreFailed`.
    """
    url = read_url(text)
    if not is_postgresql(url):
        path = Path(name_of(url))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
        except OSError as error:
            raise StoreFailed(f"The trail {path} can't be made: {error.strerror}.") from error
    return _opened(url)


def _opened(url: URL, *, is_read_only: bool = False) -> Store:
    if is_postgresql(url):
        from audit_trail.store.postgresql.store import PostgresqlStore

        return PostgresqlStore(driver_url(url))
    from audit_trail.store.sqlite import SqliteStore

    return SqliteStore(Path(name_of(url)), is_read_only=is_read_only)
