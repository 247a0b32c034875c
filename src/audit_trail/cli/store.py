"""Opens the trail's database that a URL names, for commands that read it or append to it."""

from pathlib import Path

from audit_trail.capture.url import driver_url, is_postgresql, name_of, read_url
from audit_trail.errors import StoreFailed
from audit_trail.store.port import Store


def open_store(text: str, *, writes: bool = False) -> Store:
    """Open what is there, and create nothing; a file isn't written to unless the command `writes`.

    Raises `UrlRefused` or `StoreFailed`.
    """
    url = read_url(text)
    if is_postgresql(url):
        from audit_trail.store.postgresql.store import PostgresqlStore

        return PostgresqlStore(driver_url(url))
    from audit_trail.store.sqlite import SqliteStore

    path = Path(name_of(url))
    if not path.is_file():
        raise StoreFailed(f"There is no database {path}.")
    return SqliteStore(path, is_read_only=not writes)
