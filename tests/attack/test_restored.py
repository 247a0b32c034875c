"""A host restored from an older backup, beside its trail that went on: each change is told once."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from audit_trail.capture.sqlalchemy import require_current
from audit_trail.errors import CaptureOutdated
from tests.attack.lasting import keep_in
from tests.capture.host import BOB, Application, Host, PostgresqlHost
from tests.capture.team import team
from tests.postgresql import Cluster, cluster, programs

BOB_SAYS = "bob@example.com"
RENAME = "UPDATE teams SET name = '{}' WHERE id = 1"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Cluster]:
    """A server that is new: its transactions are numbered from the start, and only by the test."""
    with cluster(autovacuum="off") as running:
        yield running


def live_until_the_backup(host: Application) -> None:
    """One change is in the trail when the backup is made, and one still waits."""
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'first')")
    host.sequencer.drain()
    host.write(RENAME.format("waiting"))


def live_on_after_it(host: Application) -> None:
    """What had waited, and a change of which the backup knows nothing, go into the trail."""
    host.write(RENAME.format("forgotten"))
    host.sequencer.drain()


def require_each_once(restored: Application) -> None:
    """Go on from the backup, and find what waited in it once, and all that came after."""
    before = restored.store.slice("1", 0, 9)
    restored.write(RENAME.format("after"), actor=BOB)
    restored.write(RENAME.format("last"), actor=BOB)
    entries = restored.entries()
    assert entries[: len(before)] == before
    assert len({each.public.id for each in entries}) == len(entries)
    assert restored.waiting() == []
    assert restored.told() == [
        team("create", 1, name="first"),
        team("update", 1, name=("first", "waiting")),
        team("update", 1, name=("waiting", "forgotten")),
        team("update", 1, BOB_SAYS, name=("waiting", "after")),
        team("update", 1, BOB_SAYS, name=("after", "last")),
    ]


def test_a_file_copied_back(host: Host, tmp_path: Path) -> None:
    trail = str(tmp_path / "trail.db")
    keep_in(host, trail)
    live_until_the_backup(host)
    with host.foreign() as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / 'backup.db'}'")
    live_on_after_it(host)
    with closing(Host(tmp_path / "backup.db", schema="")) as restored:
        keep_in(restored, trail)
        require_each_once(restored)


def test_a_database_copied_on_the_same_server(postgresql_host: PostgresqlHost, url: str) -> None:
    host = postgresql_host
    keep_in(host, url)
    live_until_the_backup(host)
    host.engine.dispose()
    copy = host.cluster.database(template=host.database)
    live_on_after_it(host)
    with closing(PostgresqlHost(host.cluster, copy)) as restored:
        keep_in(restored, url)
        require_each_once(restored)


@pytest.mark.slow
def test_a_dump_restored_on_a_new_server_whose_transactions_bear_the_same_numbers(
    postgresql_host: PostgresqlHost, url: str, elsewhere: Cluster
) -> None:
    host = postgresql_host
    keep_in(host, url)
    # Numbers that the new server has yet to give.
    number_on(host.cluster, next_number(elsewhere) + 2_000)
    live_until_the_backup(host)
    ((waiting,),) = host.rows("SELECT transaction::text FROM audit_trail.outbox")
    dump = subprocess.run(
        [str(programs() / "pg_dump"), host.cluster.url(host.database)],
        capture_output=True,
        check=True,
    ).stdout
    live_on_after_it(host)
    with closing(PostgresqlHost(elsewhere, elsewhere.database())) as restored:
        keep_in(restored, url)
        subprocess.run(
            [str(programs() / "psql"), "-qv", "ON_ERROR_STOP=1", elsewhere.url(restored.database)],
            input=dump,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with (
            restored.engine.begin() as connection,
            pytest.raises(CaptureOutdated, match=r"cluster.*run it"),
        ):
            require_current(connection, restored.watch, "run it")
        restored.sync()
        number_on(elsewhere, int(waiting))
        assert next_number(elsewhere) == int(waiting)
        require_each_once(restored)


def next_number(server: Cluster) -> int:
    """Return the number that the next transaction to write will bear."""
    with psycopg.connect(server.url()) as connection:
        found = connection.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        ).fetchone()
    assert found is not None
    return int(found[0])


def number_on(server: Cluster, number: int) -> None:
    """Use up the numbers of transactions up to this one, which is left for the next."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for _ in range(number - next_number(server)):
            connection.execute("SELECT pg_current_xact_id()")
