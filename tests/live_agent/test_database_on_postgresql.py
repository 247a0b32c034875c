"""The database on a PostgreSQL server: clear about what is wrong, and silent about secrets."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.errors import CaptureOutdated, UrlRefused
from live_agent.app import problem_of
from live_agent.database import Database
from live_agent.engines import translated
from live_agent.errors import DatabaseBusy, DatabaseFailed, DatabaseOutdated, Invalid
from live_agent.schema import Inbox, User
from live_agent.settings import accounts, inboxes, teams
from tests.postgresql import Cluster, free_port


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[Database]:
    opened = Database(postgresql.url(postgresql.database()))
    opened.prepare()
    yield opened
    opened.close()


def cut_off(database: Database, postgresql: Cluster) -> None:
    """End every connection to the database, as a server that restarts does."""
    postgresql.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{database.engine.url.database}'"
    )


def test_a_new_database_is_made_ready_and_can_be_prepared_again(database: Database) -> None:
    database.prepare()
    database.sync()
    database.prepare()


def test_the_context_reaches_the_outbox(database: Database) -> None:
    with acting_as(SYSTEM, Origin(via="cli", request="r-1")), database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"})
        teams.create(db, account.id, {"name": "Tier 1"})
    with database.reading() as db:
        rows = db.connection().exec_driver_sql(
            "SELECT table_name, operation, account, context::json #>> '{origin,request}' "
            "FROM audit_trail.outbox ORDER BY id"
        )
        assert rows.fetchall() == [
            ("accounts", "create", "0", "r-1"),
            ("teams", "create", "1", "r-1"),
        ]


def test_ids_are_never_used_again_nor_chosen(database: Database) -> None:
    with database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"})
        first = inboxes.create(db, account.id, {"name": "One"})
        inboxes.delete(db, first)
        assert inboxes.create(db, account.id, {"name": "Two"}).id > first.id
    with pytest.raises(DatabaseFailed, match="non-DEFAULT value"), database.transaction() as db:
        db.connection().exec_driver_sql(
            "INSERT INTO inboxes (id, account_id, name) VALUES (99, 1, 'Chosen')"
        )


def test_names_are_compared_and_sorted_as_on_sqlite(database: Database) -> None:
    names = ["Éclair", "alpha", "Alpha", "Straße", "zulu", "éclair"]
    with database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"}).id
        for name in names:
            inboxes.create(db, account, {"name": name})
        listed = [inbox.name for inbox in inboxes.listed(db, account)]
    assert listed == ["alpha", "Alpha", "Straße", "zulu", "Éclair", "éclair"]


def test_json_keeps_the_order_of_its_keys_and_its_digits(database: Database) -> None:
    config = {"zeta": 1, "alpha": {"b": 9_007_199_254_740_993, "a": None}}
    with database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"}).id
        inboxes.create(db, account, {"name": "Support", "csat_config": config})
    with database.reading() as db:
        (found,) = inboxes.listed(db, account)
    assert found.csat_config == config
    assert list(found.csat_config) == ["zeta", "alpha"]


def test_the_database_s_own_defaults_serve_a_shell(database: Database) -> None:
    with database.transaction() as db:
        account = accounts.create(db, {"name": "Alder"}).id
        db.connection().exec_driver_sql(
            f"INSERT INTO inboxes (account_id, name) VALUES ({account}, 'Shell')"
        )
        (made,) = inboxes.listed(db, account)
        assert abs(made.created_at - accounts.get(db, account).created_at) < 60_000_000
        assert len(made.hmac_token) == len(made.inbox_identifier) == 32
        assert (made.enable_auto_assignment, made.working_hours) == (True, [])


def test_a_value_that_postgresql_can_t_hold_is_invalid_and_no_failure(database: Database) -> None:
    for name in ("a\0b", "a\ud800b"):
        with pytest.raises(Invalid, match="can't be stored"), database.transaction() as db:
            db.add(User(name=name, email="ada@alder.example"))


def test_a_conflict_is_invalid_and_tells_no_value(database: Database) -> None:
    def take_a_name_twice() -> None:
        with database.transaction() as db:
            account = accounts.create(db, {"name": "Alder"})
            db.add_all([Inbox(account_id=account.id, name="Secret") for _ in range(2)])

    with pytest.raises(Invalid, match="duplicate key") as error:
        take_a_name_twice()
    assert "Secret" not in str(error.value)


def test_reading_can_t_write_and_stays_on_one_snapshot(database: Database) -> None:
    with database.reading() as db:
        assert accounts.listed(db) == []
        with database.transaction() as other:
            accounts.create(other, {"name": "Alder"})
        db.expire_all()
        assert accounts.listed(db) == []
    with pytest.raises(DatabaseFailed, match="read-only transaction"), database.reading() as db:
        accounts.create(db, {"name": "Birch"})


def test_a_server_that_isn_t_there_is_named_without_the_password() -> None:
    port = free_port()
    with (
        closing(Database(f"postgresql://ada:s3cret@127.0.0.1:{port}/live_agent")) as database,
        pytest.raises(
            DatabaseFailed, match=f"127.0.0.1:{port}/live_agent failed: .*refused"
        ) as error,
    ):
        database.prepare()
    assert "s3cret" not in f"{error.value} {database.name} {database.engine!r}"
    assert problem_of(error.value).status >= 500
    assert "127.0.0.1" not in problem_of(error.value).message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@host:port/name",
        "mysql://ada:s3cret@host/name",
        "s3cret",
        "sqlite://",
    ],
)
def test_a_url_that_can_t_be_read_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UrlRefused, match="postgresql://user:password@host:5432/name") as error:
        Database(url)
    assert "s3cret" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgres://ada@host/name",
        "postgresql://ada@host/name",
        "postgresql+psycopg://ada@host/name",
    ],
)
def test_every_spelling_of_postgresql_is_understood(url: str) -> None:
    with closing(Database(url)) as database:
        assert database.name == "postgresql://host:5432/name"
        assert database.engine.dialect.driver == "psycopg"


def test_connections_that_died_are_replaced_without_an_error(
    database: Database, postgresql: Cluster
) -> None:
    with database.reading() as db:
        assert accounts.listed(db) == []
    cut_off(database, postgresql)
    with database.reading() as db:
        assert accounts.listed(db) == []


def test_a_connection_that_dies_in_a_transaction_leaves_nothing(
    database: Database, postgresql: Cluster
) -> None:
    def die_before_the_end() -> None:
        with database.transaction() as db:
            accounts.create(db, {"name": "Alder"})
            cut_off(database, postgresql)
            accounts.create(db, {"name": "Birch"})

    with pytest.raises(DatabaseFailed):
        die_before_the_end()
    with database.reading() as db:
        assert accounts.listed(db) == []
        statement = "SELECT count(*) FROM audit_trail.outbox"
        assert db.connection().exec_driver_sql(statement).scalar_one() == 0


def test_a_deadlock_and_a_full_pool_are_busy(database: Database) -> None:
    def collide() -> None:
        with database.engine.begin() as one, database.engine.begin() as two:
            one.exec_driver_sql("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE")
            two.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            with database._translating():
                two.exec_driver_sql("LOCK TABLE teams IN ACCESS EXCLUSIVE MODE")

    with pytest.raises(DatabaseBusy, match="lock timeout"):
        collide()
    full = translated(PoolTimeout("QueuePool limit of size 20 reached"), database.name)
    assert isinstance(full, DatabaseBusy)
    assert problem_of(full).headers == {"Retry-After": "1"}


def test_an_outdated_trigger_stops_the_start_and_sync_makes_it_anew(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql('DROP TRIGGER "00_audit_update" ON inboxes')
    with pytest.raises(CaptureOutdated, match="Run: live-agent database sync"):
        database.prepare()
    database.sync()
    database.prepare()


def test_another_program_s_database_is_left_alone(postgresql: Cluster) -> None:
    name = postgresql.database()
    postgresql.run("CREATE TABLE other (id int)", database=name)
    with (
        closing(Database(postgresql.url(name))) as database,
        pytest.raises(DatabaseOutdated, match="not one of Live Agent"),
    ):
        database.prepare()


def test_who_may_not_create_tables_is_told_what_to_run(postgresql: Cluster) -> None:
    name = postgresql.database()
    postgresql.run(f"CREATE ROLE {name}_guest LOGIN")
    with (
        closing(Database(postgresql.url(name, f"{name}_guest"))) as database,
        pytest.raises(DatabaseOutdated, match="Run as their owner: live-agent database sync"),
    ):
        database.prepare()
