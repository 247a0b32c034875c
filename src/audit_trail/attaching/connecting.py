"""One transaction in the application's database, all of it or nothing; why it fails is said plainly."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from audit_trail.capture.sqlite.carrying import SMALLEST_SQLITE
from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.errors import AttachRefused

T = TypeVar("T")

ATTEMPTS: Final = 10
PAUSE_SECONDS: Final = 0.5
LONGEST_WAIT_MS: Final = 700
"""How long it waits for a table that others hold."""

BUSY_SECONDS: Final = 5.0

_BUSY: Final = frozenset({"55P03", "40P01"})
# Shorter than the server takes to look for a deadlock: it is we who give way, and never a writer.
_GIVE_WAY: Final = """
SELECT set_config('lock_timeout', least(CAST(%s AS int), setting::int * 7 / 10) || 'ms', true)
FROM pg_settings WHERE name = 'deadlock_timeout'
"""
_DENIED: Final = "42501"


def in_transaction(
    url_text: str,
    work: Callable[[Connection], T],
    around: Callable[[Engine], AbstractContextManager[None]] = lambda _: nullcontext(),
    *,
    begin: str = "BEGIN IMMEDIATE",
) -> T:
    """Do the work in one transaction of the database. Raises `UrlRefused` and `AttachRefused`.

    `around` is what else is done before and after it, in transactions of its own; `begin` is how
    one begins on SQLite. Where others hold a table, it gives way and tries again; after some attempts it says so.
    """
    url = read_url(url_text)
    name = name_of(url)
    engine = (
        create_engine(url, hide_parameters=True)
        if is_postgresql(url)
        else _sqlite(Path(name), begin)
    )
    try:
        with _explained(name), around(engine), _explained(name):
            return _patiently(engine, work)
    finally:
        engine.dispose()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise AttachRefused(f"{name}: {_why(error)}") from error


def _patiently(engine: Engine, work: Callable[[Connection], T]) -> T:
    attempt = 1
    while True:
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    connection.exec_driver_sql(_GIVE_WAY, (LONGEST_WAIT_MS,))
                return work(connection)
        except DBAPIError as error:
            if _state(error) not in _BUSY or attempt == ATTEMPTS:
                raise
        attempt += 1
        time.sleep(PAUSE_SECONDS)


def _sqlite(path: Path, begin: str) -> Engine:
    """Open a file that is there, as it is: neither its journal nor its settings are changed."""
    if sqlite3.sqlite_version_info < SMALLEST_SQLITE:
        raise AttachRefused(f"SQLite {sqlite3.sqlite_version} is too old; 3.40 or later is needed.")
    if not path.is_file():
        raise AttachRefused(f"There is no database {path}.")
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin_as_asked(connection: Connection) -> None:
        # Who asked for autocommit begins by themselves.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(begin)

    return engine


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _why(error: DBAPIError) -> str:
    said = str(error.orig).partition("\n")[0]
    if _state(error) == _DENIED:
        return (
            f"{said}. Connect as the owner of the tables, who may also create a schema "
            "(GRANT CREATE ON DATABASE). Nothing was changed."
        )
    if _state(error) in _BUSY or "locked" in said:
        return f"others are writing, and hold what is needed ({said}). Nothing was changed; run it again."
    return f"{said}. Nothing was changed."
