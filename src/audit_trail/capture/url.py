"""Reads the URL of a database to be captured; it opens nothing, and never repeats what it read."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from audit_trail.errors import UrlRefused

FORMS: Final = "postgresql://user:password@host:5432/name or sqlite:////path/to/file"


def read_url(text: str) -> URL:
    """Return the URL with the driver that capture needs. Raises `UrlRefused`."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise UrlRefused(f"The URL of a database can't be read; it looks like {FORMS}.") from None
    match url.get_backend_name():
        case "sqlite" if url.database:
            return url.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case _:
            raise UrlRefused(f"The URL of a database must look like {FORMS}.")


def is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def name_of(url: URL) -> str:
    """Return what messages call the database: without user and password."""
    if not is_postgresql(url):
        return str(url.database)
    host = url.host or url.query.get("host") or "localhost"
    return f"postgresql://{host}:{url.port or 5432}/{url.database or ''}"


def driver_url(url: URL) -> str:
    """Return the URL as PostgreSQL's own programs take it, password included."""
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    address, sign, query = text.partition("?")
    # A plus is a plus to libpq, and a space ends the URL wherever it is written down.
    return f"{address}{sign}{query.replace('+', '%20')}".replace(" ", "%20")
