"""What `live-agent database init` makes: each role may do its part, and nothing of another's."""

from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg
import pytest
from psycopg import errors

from live_agent.errors import DatabaseFailed
from live_agent.installing.server import ROLES, install
from live_agent.installing.settings import read_settings, write_settings
from tests.live_agent.office import installed, serving
from tests.live_agent.test_contract import ok
from tests.postgresql import Cluster


class Attempted(NamedTuple):
    """A statement that a role tries, by what follows the installation's name, and why it may not."""

    role: str
    statement: str


FORBIDDEN = [
    Attempted("", "SELECT * FROM audit_trail.outbox"),
    Attempted("", "DELETE FROM audit_trail.outbox"),
    Attempted("", "INSERT INTO audit_trail.outbox (operation) VALUES ('note')"),
    Attempted("", "TRUNCATE audit_trail.outbox"),
    Attempted("", "SELECT * FROM audit_trail.watch"),
    Attempted("", "SELECT audit_trail.tell_lost()"),
    Attempted("", "SELECT audit_trail.json_value('1')"),
    Attempted("", "ALTER TABLE teams DISABLE TRIGGER ALL"),
    Attempted("", 'DROP TRIGGER "00_audit_update" ON teams'),
    Attempted("", "DROP TABLE teams"),
    Attempted("", "TRUNCATE teams"),
    Attempted("", "CREATE TABLE more (id int)"),
    Attempted("", "CREATE SCHEMA more"),
    Attempted("", "CREATE FUNCTION audit_trail.more() RETURNS int LANGUAGE sql RETURN 1"),
    Attempted("", "UPDATE alembic_version SET version_num = '0'"),
    Attempted("", "SET session_replication_role = replica"),
    Attempted("", "SET ROLE {name}_owner"),
    Attempted("", "SET ROLE {name}_capture"),
    Attempted("_capture", "UPDATE teams SET name = 'x'"),
    Attempted("_capture", "INSERT INTO accounts (name) VALUES ('x')"),
    Attempted("_capture", "DELETE FROM teams"),
    Attempted("_capture", "UPDATE access_tokens SET scope = NULL"),
    Attempted("_capture", "SELECT * FROM sessions"),
    Attempted("_capture", "ALTER TABLE teams DISABLE TRIGGER ALL"),
    Attempted("_capture", "SET ROLE {name}_owner"),
    Attempted("_trail", "UPDATE audit_trail.entries SET leaf = leaf"),
    Attempted("_trail", "DELETE FROM audit_trail.removals"),
    Attempted("_trail", "TRUNCATE audit_trail.entries"),
    Attempted("_trail", "DELETE FROM audit_trail.heads"),
    Attempted("_trail", "ALTER TABLE audit_trail.entries DISABLE TRIGGER ALL"),
    Attempted("_trail", "DROP TABLE audit_trail.entries_0"),
    Attempted("_trail", "CREATE TABLE audit_trail.more (id int)"),
    Attempted("_trail", "SET ROLE {name}_trail_owner"),
]


@pytest.fixture(scope="module")
def name(postgresql: Cluster) -> str:
    """An installation's name, after its databases and roles were made, twice."""
    urls = install(postgresql.url(), "roles", {})
    assert install(postgresql.url(), "roles", urls) == urls
    return "roles"


@pytest.mark.parametrize("attempted", FORBIDDEN, ids=lambda each: f"{each.role}: {each.statement}")
def test_a_role_can_t_do_what_is_another_s(
    postgresql: Cluster, name: str, attempted: Attempted
) -> None:
    database = f"{name}_trail" if attempted.role.startswith("_trail") else name
    url = postgresql.url(database, name + attempted.role)
    with (
        psycopg.connect(url, autocommit=True) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(attempted.statement.format(name=name).encode())


@pytest.mark.parametrize(
    ("role", "database"),
    [("", "_trail"), ("_capture", "_trail"), ("_owner", "_trail"), ("_trail", "")],
)
def test_a_role_can_t_enter_the_other_database(
    postgresql: Cluster, name: str, role: str, database: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(postgresql.url(name + database, name + role))


def test_every_new_table_is_the_application_s_to_use_and_the_owner_s_to_change(
    postgresql: Cluster, name: str
) -> None:
    with psycopg.connect(postgresql.url(name, f"{name}_owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
        with psycopg.connect(postgresql.url(name, name), autocommit=True) as application:
            application.execute("INSERT INTO later (name) VALUES ('x')")
            application.execute("UPDATE later SET name = 'y'")
        owner.execute("DROP TABLE later")


def test_a_password_is_kept_as_a_digest_and_the_server_s_log_has_none(
    postgresql: Cluster, name: str
) -> None:
    urls = install(postgresql.url(), "digests", {})
    passwords = [url.split(":")[2].split("@")[0] for url in urls.values()]
    assert len(set(passwords)) == len(ROLES)
    log = (postgresql.folder / "log").read_text()
    with psycopg.connect(postgresql.url()) as connection:
        kept = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'digests%'"
        ).fetchall()
    assert len(kept) == len(ROLES)
    for digest, password in zip((row[0] for row in kept), passwords, strict=True):
        assert digest.startswith("SCRAM-SHA-256$")
        assert password not in log


def test_an_old_role_whose_url_isn_t_known_keeps_its_password(
    postgresql: Cluster, name: str
) -> None:
    def kept() -> list[tuple[object, ...]]:
        with psycopg.connect(postgresql.url()) as connection:
            return connection.execute(
                "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'roles%' ORDER BY 1"
            ).fetchall()

    before = kept()
    urls = install(postgresql.url(), name, {})
    assert kept() == before
    assert urls["LIVE_AGENT_DATABASE_URL"] == postgresql.url(name, name)


def test_chosen_names_and_passwords_are_taken(postgresql: Cluster) -> None:
    chosen = "postgresql://Owner%20of%20it:p%40ss%2Fword%20%25@127.0.0.1:{port}/chosen"
    known = {"LIVE_AGENT_OWNER_URL": chosen.format(port=postgresql.port)}
    urls = install(postgresql.url(), "chosen", known)
    assert urls["LIVE_AGENT_OWNER_URL"] == chosen.format(port=postgresql.port)
    with psycopg.connect(urls["LIVE_AGENT_OWNER_URL"]) as owner:
        found = owner.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'teams'")
        assert found.fetchone() == ("Owner of it",)


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db", "postgresql://host/name"])
def test_a_known_url_that_names_no_role_is_refused(postgresql: Cluster, url: str) -> None:
    with pytest.raises(DatabaseFailed, match="LIVE_AGENT_OWNER_URL must name a role"):
        install(postgresql.url(), "wrong", {"LIVE_AGENT_OWNER_URL": url})


def test_an_administrator_who_is_no_superuser_can_do_it_as_well(postgresql: Cluster) -> None:
    postgresql.run("CREATE ROLE foreman LOGIN CREATEROLE CREATEDB")
    urls = install(postgresql.url(user="foreman"), "built", {})
    assert install(postgresql.url(user="foreman"), "built", urls) == urls


def test_the_settings_file_is_private_and_keeps_what_else_it_said(tmp_path: Path) -> None:
    path = tmp_path / "live-agent.env"
    path.write_text("# mine\nLIVE_AGENT_PORT=9000\nLIVE_AGENT_OWNER_URL=old\n")
    write_settings(path, {"LIVE_AGENT_OWNER_URL": "postgresql://a:b=c@h/d?sslmode=require"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_settings(path) == {
        "LIVE_AGENT_PORT": "9000",
        "LIVE_AGENT_OWNER_URL": "postgresql://a:b=c@h/d?sslmode=require",
    }


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_database_and_trail_may_be_of_different_engines(
    postgresql: Cluster, tmp_path: Path, database: str
) -> None:
    places = installed(postgresql, f"mixed_{database}", tmp_path)
    places = msgspec.structs.replace(
        places,
        **({"database_url": "", "capture_url": ""} if database == "sqlite" else {"trail_url": ""}),
    )
    with serving(places) as office:
        place = office.open()
        ok(place.client().post("/teams", json={"name": "Tier 1"}))
        assert [item["auditable_type"] for item in place.news()] == ["Team"]
        place.close()
    present = {"live-agent.db" if database == "sqlite" else "trail.db"}
    assert present <= {path.name for path in tmp_path.iterdir()}
