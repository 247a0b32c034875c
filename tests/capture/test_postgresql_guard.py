"""On PostgreSQL the context ends with its transaction, on pooled connections and in tasks too."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from audit_trail.capture.context import Actor, acting_as, current_context
from audit_trail.capture.sqlalchemy import attach
from audit_trail.errors import ContextRefused
from tests import loops
from tests.capture.host import ADA, BOB, Application, Host, PostgresqlHost, origin
from tests.capture.team import Team, seeded, team
from tests.postgresql import PATIENCE_SECONDS, Cluster, free_port

INSERT = "INSERT INTO teams (account_id) VALUES (1)"
IS_SET = "SELECT current_setting('audit.context', true)"


@pytest.fixture
def host(postgresql_host: PostgresqlHost) -> PostgresqlHost:
    return postgresql_host


@pytest.mark.parametrize("ended", ["commit", "rollback", "close"])
def test_the_context_ends_with_its_transaction(host: PostgresqlHost, ended: str) -> None:
    with acting_as(ADA, origin()), host.engine.connect() as connection:
        connection.exec_driver_sql(INSERT)
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        getattr(connection, ended)()
    with host.engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() == pid
        assert not connection.exec_driver_sql(IS_SET).scalar_one()
        connection.exec_driver_sql(INSERT)
    host.write(INSERT, actor=BOB)
    ada = [ADA.email] if ended == "commit" else []
    assert [each.actor for each in host.told()] == [*ada, "system", BOB.email]


def test_after_commit_is_called_for_what_carried_a_context(host: PostgresqlHost) -> None:
    woken: list[int] = []
    engine = create_engine(host.engine.url)
    attach(engine, after_commit=lambda: woken.append(1))
    with engine.begin() as connection:
        connection.exec_driver_sql(INSERT)
    with acting_as(ADA, origin()), engine.connect() as connection:
        connection.exec_driver_sql(INSERT)
        connection.rollback()
    assert woken == []
    with acting_as(ADA, origin()), engine.begin() as connection:
        connection.exec_driver_sql(INSERT)
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with acting_as(ADA, origin()), alone.connect() as connection:
        connection.exec_driver_sql(INSERT)
    assert woken == [1, 1]
    engine.dispose()


def test_a_reader_carries_no_context(host: PostgresqlHost) -> None:
    for level in ("AUTOCOMMIT", "READ COMMITTED"):
        reader = host.engine.execution_options(audit_read_only=True, isolation_level=level)
        with acting_as(ADA, origin()), reader.connect() as connection:
            assert not connection.exec_driver_sql(IS_SET).scalar_one()


@pytest.mark.parametrize("name", ["\ud800", "'; DROP TABLE teams; --", "\\'é\U0001f600", "100%s"])
@pytest.mark.parametrize("strings", ["on", "off"])
def test_a_name_of_any_letters_is_carried(host: PostgresqlHost, name: str, strings: str) -> None:
    host.shell(f"ALTER DATABASE {host.database} SET standard_conforming_strings = {strings}")
    with host.writing(Actor(kind="user", id="9", email=name), reason=name) as connection:
        connection.exec_driver_sql(INSERT)
    assert [each.actor for each in host.told()] == [name.replace("\ud800", "?")]


def test_another_driver_is_refused() -> None:
    engine = create_engine("postgresql+psycopg://localhost/x")
    engine.dialect.driver = "psycopg2"
    with pytest.raises(ContextRefused, match="needs the driver psycopg"):
        attach(engine)


def asynchronous(host: Application, **options: Any) -> AsyncEngine:
    url = host.engine.url
    driver = "sqlite+aiosqlite" if isinstance(host, Host) else "postgresql+psycopg"
    engine = create_async_engine(url.set(drivername=driver), **options)
    attach(engine)
    return engine


def test_tasks_of_an_async_engine_each_act_for_themselves(each_host: Application) -> None:
    seeded(each_host)

    async def work(engine: AsyncEngine, actor: Actor | None, number: int) -> None:
        if actor is not None:
            with acting_as(actor, origin()):
                await work(engine, None, number)
            return
        async with engine.begin() as connection:
            await asyncio.sleep(0)
            await connection.execute(update(Team).where(Team.id == number).values(n=number * 10))
            await asyncio.sleep(0)
            await connection.execute(update(Team).where(Team.id == number).values(note="x"))

    async def main() -> None:
        engine = asynchronous(each_host)
        for _ in range(3):
            await asyncio.gather(work(engine, ADA, 1), work(engine, BOB, 2), work(engine, None, 3))
            assert current_context() is None
        await engine.dispose()

    loops.run(main())
    assert sorted(each_host.told(), key=lambda each: str(each.id)) == [
        team("update", 1, n=(1, 10), note=(None, "x")),
        team("update", 2, "bob@example.com", n=(2, 20), note=(None, "x")),
        team("update", 3, "system", n=(3, 30), note=(None, "x")),
    ]


def test_an_async_session_with_savepoints_keeps_its_actor(each_host: Application) -> None:
    seeded(each_host)

    async def main() -> None:
        engine = asynchronous(each_host)
        with acting_as(ADA, origin()):
            async with AsyncSession(engine) as session:
                nested = await session.begin_nested()
                with pytest.raises(IntegrityError):
                    await session.execute(update(Team).where(Team.id == 2).values(n=-1))
                await nested.rollback()
                found = await session.get_one(Team, 1)
                found.n = 5
                await session.commit()
        await engine.dispose()

    loops.run(main())
    assert each_host.told() == [team("update", 1, n=(1, 5))]


def test_an_async_statement_in_autocommit_has_its_actor(each_host: Application) -> None:
    seeded(each_host)

    async def main() -> None:
        engine = asynchronous(each_host, isolation_level="AUTOCOMMIT")
        with acting_as(ADA, origin()):
            async with engine.connect() as connection:
                with pytest.raises(IntegrityError):
                    await connection.exec_driver_sql("UPDATE teams SET n = -1 WHERE id = 1")
                await connection.exec_driver_sql("UPDATE teams SET n = 5 WHERE id = 1")
        async with engine.connect() as connection:
            await connection.exec_driver_sql("UPDATE teams SET n = 6 WHERE id = 2")
        await engine.dispose()

    loops.run(main())
    assert each_host.told() == [team("update", 1, n=(1, 5)), team("update", 2, "system", n=(2, 6))]


@contextmanager
def pgbouncer(cluster: Cluster, connections: int) -> Iterator[int]:
    """A pooler in transaction mode, with so many connections to the server; yields its port."""
    program = (
        os.environ.get("LIVE_AGENT_PGBOUNCER") or shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    )
    folder, port = Path(tempfile.mkdtemp(prefix="live-agent-bouncer-")), free_port()
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "ini").write_text(
        "[databases]\n"
        f"* = host=127.0.0.1 port={cluster.port}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users\nlogfile = {folder}/log\n"
        f"pool_mode = transaction\ndefault_pool_size = {connections}\n"
    )
    as_root = os.geteuid() == 0
    if as_root:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")
    process = subprocess.Popen(
        [program, "-q", str(folder / "ini")], cwd="/", user="postgres" if as_root else None
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text()) from None
                time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
        shutil.rmtree(folder)


def test_clients_that_share_a_connection_of_a_pooler_never_share_a_context(
    host: PostgresqlHost,
) -> None:
    with pgbouncer(host.cluster, connections=1) as port:
        url = host.engine.url.set(port=port)
        engines = [
            create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None})
            for _ in range(2)
        ]
        for engine in engines:
            attach(engine)
        servers = set()
        alone = engines[1].execution_options(isolation_level="AUTOCOMMIT")
        with (
            engines[0].connect() as first,
            alone.connect() as second,
            engines[1].connect() as third,
        ):
            for number in range(5):
                with acting_as(ADA, origin()):
                    first.execute(text(INSERT))
                    servers.add(first.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
                    first.commit()
                with acting_as(BOB, origin()):
                    second.execute(text(INSERT))
                third.execute(text(INSERT))
                assert not third.exec_driver_sql(IS_SET).scalar_one(), number
                servers.add(third.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
                third.commit()
        assert len(servers) == 1
    assert [each.actor for each in host.told()] == [ADA.email, BOB.email, "system"] * 5


def test_clients_of_a_pooler_at_once_are_never_taken_for_each_other(host: PostgresqlHost) -> None:
    with pgbouncer(host.cluster, connections=2) as port:
        engine = create_engine(
            host.engine.url.set(port=port), connect_args={"prepare_threshold": None}
        )
        attach(engine)

        def work(number: int) -> None:
            actor = Actor(kind="user", id=str(number), email=f"{number}@example.com")
            for each in range(10):
                with acting_as(actor, origin()), engine.connect() as connection:
                    connection.execute(
                        text("INSERT INTO teams (account_id, n) VALUES (1, :n)"), {"n": number}
                    )
                    (connection.rollback if each % 3 == 0 else connection.commit)()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        engine.dispose()
    found = host.told()
    assert len(found) == 4 * 6
    assert all(each.actor == f"{each.changes['n'][1]}@example.com" for each in found)
