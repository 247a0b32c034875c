"""Makes a PostgreSQL server ready: roles, databases, tables and rights; it serves nothing.

Idempotent. Everything is done as the administrator, who acts as a role where its name must stand
on what is made.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import files
from typing import Final, LiteralString, NamedTuple

import psycopg
from psycopg import Connection, sql
from sqlalchemy import URL

from audit_trail.capture.url import driver_url, is_postgresql, name_of, read_url
from audit_trail.store.postgresql import schema as trail_schema
from live_agent.database import Database
from live_agent.errors import DatabaseFailed

PASSWORD_BYTES: Final = 24


class Role(NamedTuple):
    """A role: the setting that holds its URL, and what follows the installation's name in both."""

    setting: str
    suffix: str
    database: str = ""


APPLICATION: Final = Role("LIVE_AGENT_DATABASE_URL", "")
CAPTURE: Final = Role("LIVE_AGENT_CAPTURE_URL", "_capture")
OWNER: Final = Role("LIVE_AGENT_OWNER_URL", "_owner")
TRAIL: Final = Role("LIVE_AGENT_TRAIL_URL", "_trail", "_trail")
TRAIL_OWNER: Final = Role("LIVE_AGENT_TRAIL_OWNER_URL", "_trail_owner", "_trail")
ROLES: Final = (APPLICATION, CAPTURE, OWNER, TRAIL, TRAIL_OWNER)
SETTINGS: Final = tuple(role.setting for role in ROLES)
OWNERS: Final = (OWNER.setting, TRAIL_OWNER.setting)
"""What `live-agent database sync` needs, and a server must not have."""


def install(admin_url: str, name: str, known: Mapping[str, str]) -> dict[str, str]:
    """Make all of it, and return each role's URL by its setting.

    URLs that are `known` are kept, and their passwords set; a new role gets a password, and an
    old one whose URL isn't known keeps its own, which the URL returned then lacks.
    Raises `DatabaseFailed` or `UrlRefused`.
    """
    admin = read_url(admin_url)
    if not is_postgresql(admin):
        raise DatabaseFailed("Roles and databases are made on a PostgreSQL server only.")
    with _connected(admin) as connection:
        urls = {role: _make_role(connection, role, admin, name, known) for role in ROLES}
        _run(
            connection,
            "GRANT {capture} TO {owner}",
            capture=_user(urls[CAPTURE]),
            owner=_user(urls[OWNER]),
        )
        for owner in (OWNER, TRAIL_OWNER):
            _make_database(connection, urls[owner])
    _fill_database(admin, urls)
    _fill_trail(admin, urls)
    return {role.setting: driver_url(url) for role, url in urls.items()}


def sync_trail(owner_url: str) -> None:
    """Bring the trail's schema up to date, as its owner. Raises `StoreFailed`."""
    trail_schema.create(driver_url(read_url(owner_url)))


def _make_role(
    connection: Connection, role: Role, admin: URL, name: str, known: Mapping[str, str]
) -> URL:
    url = _known(role.setting, known[role.setting]) if role.setting in known else None
    url = url or admin.set(
        username=name + role.suffix, database=name + role.database, password=None
    )
    if not _is_there(connection, "SELECT FROM pg_roles WHERE rolname = %s", _user(url)):
        _run(connection, "CREATE ROLE {role} LOGIN", role=_user(url))
        if url.password is None:
            url = url.set(password=secrets.token_urlsafe(PASSWORD_BYTES))
    if url.password is not None:
        # Only the digest goes to the server, whose log may show the statement.
        digest = connection.pgconn.encrypt_password(
            str(url.password).encode(), _user(url).encode(), b"scram-sha-256"
        ).decode()
        _run(connection, "ALTER ROLE {role} PASSWORD " + sql.quote(digest), role=_user(url))
    if not _is_superuser(connection):
        _run(connection, "GRANT {role} TO CURRENT_USER", role=_user(url))
    return url


def _known(setting: str, text: str) -> URL:
    url = read_url(text)
    if not is_postgresql(url) or not url.username or not url.database:
        raise DatabaseFailed(f"{setting} must name a role and a database on a PostgreSQL server.")
    return url


def _make_database(connection: Connection, owner: URL) -> None:
    database = str(owner.database)
    if not _is_there(connection, "SELECT FROM pg_database WHERE datname = %s", database):
        _run(
            connection,
            "CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0",
            database=database,
            owner=_user(owner),
        )


def _fill_database(admin: URL, urls: Mapping[Role, URL]) -> None:
    names = {
        "database": str(urls[OWNER].database),
        "application": _user(urls[APPLICATION]),
        "capture": _user(urls[CAPTURE]),
        "owner": _user(urls[OWNER]),
    }
    with _connected(admin.set(database=urls[OWNER].database)) as connection:
        _run(connection, _text("roles.sql"), **names)
        with closing(Database(driver_url(_acting_as(admin, urls[OWNER])))) as database:
            database.sync()
        if _is_superuser(connection):
            # Only a superuser can have changes of the schema told, and the owner isn't one.
            with closing(Database(driver_url(admin.set(database=names["database"])))) as database:
                database.sync()
        _run(connection, _text("rights.sql"), **names)


def _fill_trail(admin: URL, urls: Mapping[Role, URL]) -> None:
    owner = _acting_as(admin, urls[TRAIL_OWNER])
    trail_schema.create(driver_url(owner))
    role, database = _user(urls[TRAIL]), str(urls[TRAIL].database)
    with _connected(owner) as connection:
        _run(connection, "REVOKE ALL ON DATABASE {database} FROM PUBLIC", database=database)
        _run(
            connection,
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            database=database,
            role=role,
        )
        connection.execute(trail_schema.grants(role).encode())


def _acting_as(admin: URL, owner: URL) -> URL:
    """The administrator's URL of the owner's database, where it makes everything as the owner."""
    role = _user(owner).replace("\\", "\\\\").replace(" ", "\\ ")
    return admin.set(database=owner.database).update_query_dict({"options": f"-c role={role}"})


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    try:
        with psycopg.connect(driver_url(url), autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        cause = error.diag.message_primary or str(error).partition("\n")[0]
        raise DatabaseFailed(f"The database {name_of(url)} failed: {cause}") from error


def _is_superuser(connection: Connection) -> bool:
    return _is_there(connection, "SELECT FROM pg_roles WHERE rolname = CURRENT_USER AND rolsuper")


def _is_there(connection: Connection, query: LiteralString, *values: str) -> bool:
    return connection.execute(query, values).fetchone() is not None


def _run(connection: Connection, statements: str, **names: str) -> None:
    """Run statements in which names are put, quoted."""
    quoted = {key: sql.Identifier(name).as_string() for key, name in names.items()}
    connection.execute(statements.format(**quoted).encode())


def _user(url: URL) -> str:
    return str(url.username)


def _text(name: str) -> str:
    return files("live_agent.installing").joinpath(name).read_text()
