"""The outbox hands out whole transactions, a huge one part by part, and loses no row."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from audit_trail.capture.context import acting_as
from audit_trail.capture.outbox import BATCH_ROWS, Event, Row
from audit_trail.capture.postgresql import outbox as postgresql_adapter
from audit_trail.capture.sqlalchemy import note, outbox
from audit_trail.capture.sqlite import outbox as sqlite_adapter
from audit_trail.errors import OutboxFailed, SequencerRunning
from audit_trail.record.entry import read_what
from tests.capture.host import ADA, Application, Host, PostgresqlHost, origin


def limits(patched: pytest.MonkeyPatch, **limits: int) -> None:
    for adapter in (sqlite_adapter, postgresql_adapter):
        for name, limit in limits.items():
            patched.setattr(adapter, name, limit)


def taken(host: Application) -> Iterator[Sequence[Row]]:
    for _ in range(1_000):
        batch = host.outbox.take()
        if not batch.rows:
            return
        yield batch.rows
        host.outbox.delete(batch.rows)
    raise AssertionError("the outbox never gets empty")


def fill(host: Application, tokens: Sequence[int | None]) -> None:
    """Put rows of these transactions into the outbox; of none, each a transaction of its own."""
    rows = [(token, str(place % 3)) for place, token in enumerate(tokens)]
    if isinstance(host, PostgresqlHost):
        with host.foreign() as shell, shell.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO audit_trail.outbox (transaction, table_name, operation, record_key) "
                "VALUES (coalesce(%s, 100 + nextval('once'))::text::xid8, 'teams', 'update', %s)",
                rows,
            )
    else:
        assert isinstance(host, Host)
        with host.foreign() as connection:
            connection.executemany(
                "INSERT INTO audit_outbox (token, table_name, operation, record_key) "
                "VALUES (CAST(? AS BLOB), 'teams', 'update', ?)",
                [(None if token is None else str(token).encode(), key) for token, key in rows],
            )


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    tokens=st.lists(st.none() | st.integers(0, 6), max_size=40),
    batch_rows=st.integers(1, 8),
    huge_rows=st.integers(2, 50),
)
def test_a_batch_never_splits_a_transaction(
    each_host: Application, tokens: list[int | None], batch_rows: int, huge_rows: int
) -> None:
    if isinstance(each_host, PostgresqlHost):
        each_host.shell("CREATE SEQUENCE IF NOT EXISTS once")
    with pytest.MonkeyPatch.context() as patched:
        limits(patched, BATCH_ROWS=batch_rows, HUGE_ROWS=huge_rows)
        fill(each_host, tokens)
        seen: dict[bytes, int] = {}
        before: set[object] = set()
        total = 0
        for place, rows in enumerate(taken(each_host)):
            total += len(rows)
            tied = [row for row in rows if row.token is not None]
            records: set[object] = {(row.token, row.record_key) for row in tied}
            assert records.isdisjoint(before), "a record was cut in two"
            before = records
            for row in tied:
                assert row.token is not None
                number = int(row.token.rpartition(b"/")[2])
                huge = tokens.count(number) > huge_rows
                assert seen.setdefault(row.token, place) == place or huge
        assert total == len(tokens)


def test_rows_come_in_the_order_of_their_ids_and_without_a_context_each_alone(host: Host) -> None:
    host.shell(*[f"INSERT INTO teams (id, account_id) VALUES ({i}, 1)" for i in range(1, 6)])
    rows = host.outbox.take().rows
    assert [row.record_key for row in rows] == [b"1", b"2", b"3", b"4", b"5"]
    assert [row.token for row in rows] == [None] * 5
    assert len({row.nonce for row in rows}) == 5


def test_each_row_of_postgresql_has_bits_of_its_own_the_same_at_every_reading(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    for start in (1, 51):
        host.write(
            f"INSERT INTO teams (id, account_id) SELECT n, 1 FROM generate_series({start}, {start + 49}) AS n"
        )
    rows = host.outbox.take().rows
    assert len({row.nonce for row in rows}) == len(rows) == 100
    assert {len(row.nonce) for row in rows if isinstance(row.nonce, bytes)} == {10}
    assert host.outbox.take().rows == rows
    # A database that was set back in time gives out its numbers again.
    host.shell("UPDATE audit_trail.outbox SET occurred_at = occurred_at + interval '1 microsecond'")
    again = host.outbox.take().rows
    assert {row.id for row in again} == {row.id for row in rows}
    assert {row.nonce for row in again}.isdisjoint(row.nonce for row in rows)


def test_rows_of_an_earlier_release_keep_the_bits_that_it_drew(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    host.shell(
        "ALTER TABLE audit_trail.outbox ALTER nonce SET DEFAULT gen_random_uuid(), "
        "ALTER nonce SET NOT NULL"
    )
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    (drawn,) = host.rows("SELECT nonce FROM audit_trail.outbox")[0]
    host.sync()
    host.write("INSERT INTO teams (id, account_id) VALUES (2, 1)")
    assert host.rows("SELECT nonce FROM audit_trail.outbox ORDER BY id")[1] == (None,)
    old, new = host.outbox.take().rows
    assert old.nonce == drawn.bytes[:6] + drawn.bytes[9:13]
    assert new.nonce not in (None, old.nonce)


def test_taking_removes_nothing_and_deleting_only_what_was_taken(each_host: Application) -> None:
    each_host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    rows = each_host.outbox.take().rows
    assert each_host.outbox.take().rows == rows
    each_host.write("INSERT INTO teams (id, account_id) VALUES (2, 1)")
    each_host.outbox.delete(rows)
    assert [row.record_key for row in each_host.outbox.take().rows] == [b"2"]


def test_a_huge_transaction_is_worked_off_in_parts_with_its_causes(
    each_host: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red'), (2, 1, 'Blue')",
        "WITH RECURSIVE each (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < 60) "
        "INSERT INTO members (id, account_id, team_id, name) "
        "SELECT i, 1, 1 + (i & 1), 'm' || i FROM each",
    )
    each_host.forget()
    limits(monkeypatch, HUGE_ROWS=7)
    each_host.write(
        "UPDATE members SET name = name || '!'",
        "DELETE FROM teams",
        "INSERT INTO labels (id, account_id) VALUES (1, 1)",
    )
    entries = each_host.entries()
    teams = {each.public.entity.id: each for each in entries if each.public.entity.type == "team"}
    members = [each for each in entries if each.public.entity.type == "member"]
    assert len(entries) == 63
    assert [each.public.action for each in entries[:2]] == ["delete", "delete"]
    assert sorted(int(each.public.entity.id or 0) for each in members) == list(range(1, 61))
    for each in members:
        number = int(each.public.entity.id or 0)
        assert each.public.cause == teams[str(1 + number % 2)].public.id
        what = read_what(each.what)
        assert bytes(what.changes["name"].before) == f'"m{number}"'.encode()  # type: ignore[arg-type]
        assert what.label == f"m{number} · {'Blue' if number % 2 else 'Red'}"


def test_a_huge_transaction_does_not_hold_up_what_came_before(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, HUGE_ROWS=3)
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    host.write(*[f"INSERT INTO teams (id, account_id) VALUES ({i}, 1)" for i in range(2, 12)])
    host.write("INSERT INTO teams (id, account_id) VALUES (12, 1)")
    host.sequencer.step()
    assert [each.public.entity.id for each in host.store.slice("1", 0, 99)] == ["1", "12"]
    assert sorted(int(each.id or 0) for each in host.told()) == list(range(1, 13))


def test_an_event_is_noted_under_its_context_and_falls_with_its_transaction(
    each_host: Application,
) -> None:
    event = Event(
        action="sign_in",
        account="1",
        entity_type="user",
        entity_id="7",
        label="Ada",
        details={"reason": "\ud800"},
    )
    with each_host.writing() as connection:
        note(connection, event)
    with each_host.writing() as connection:
        note(connection, event)
        connection.rollback()
    with each_host.engine.begin() as connection:
        note(connection, event)
    first, second = each_host.entries()
    assert (first.public.action, first.public.entity.id) == ("sign_in", "7")
    assert (first.public.actor.id, second.public.actor.kind) == ("7", "system")
    assert read_what(first.what).details == {"reason": "?"}


def test_the_backlog_counts_rows_and_knows_the_oldest(each_host: Application) -> None:
    assert each_host.outbox.backlog() == (0, None)
    each_host.shell("INSERT INTO teams (id, account_id) VALUES (1, 1), (2, 1)")
    each_host.shell(
        "UPDATE audit_trail.outbox SET occurred_at = to_timestamp(1)"
        if isinstance(each_host, PostgresqlHost)
        else "UPDATE audit_outbox SET occurred_ms = 1000"
    )
    newest = each_host.outbox.high_water()
    assert each_host.outbox.backlog() == (2, 1_000_000)
    assert each_host.outbox.backlog(until=newest - 1) == (1, 1_000_000)
    each_host.sequencer.drain()
    assert each_host.outbox.backlog() == (0, None)
    assert each_host.outbox.high_water() == 0


def test_ids_are_never_used_again(host: Host) -> None:
    for number in count(1):
        host.shell(f"INSERT INTO teams (id, account_id) VALUES ({number}, 1)")
        assert host.outbox.high_water() == number
        host.sequencer.drain()
        if number == 3:
            break


def test_a_backlog_of_many_small_transactions_is_read_in_one_look(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(host, [None])
    with host.foreign() as connection:
        connection.execute(
            "WITH RECURSIVE each (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < 9000) "
            "INSERT INTO audit_outbox (token, table_name, operation) "
            "SELECT randomblob(16), 'teams', 'update' FROM each"
        )
    steps = [0]
    with host.engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.set_progress_handler(lambda: steps.append(1), 1_000)  # type: ignore[union-attr]
        assert len(host.outbox.take().rows) == BATCH_ROWS
        driver.set_progress_handler(None, 0)  # type: ignore[union-attr]
    assert sum(steps) < 4_000


def test_a_missing_outbox_is_named_with_its_file_and_without_credentials(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(OutboxFailed, match=r"empty\.db failed: no such table: audit_outbox"):
        outbox(engine).take()
    engine.dispose()


def test_text_of_the_application_reads_as_before_the_outbox_was_read(host: Host) -> None:
    host.shell("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Rot')")
    with acting_as(ADA, origin()):
        host.outbox.take()
    with host.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM teams").scalar_one() == "Rot"


def test_a_transaction_that_commits_late_is_not_overlooked(
    postgresql_host: PostgresqlHost,
) -> None:
    host = postgresql_host
    with host.foreign() as slow:
        slow.execute("BEGIN; INSERT INTO teams (id, account_id) VALUES (1, 1)")
        host.write("INSERT INTO teams (id, account_id) VALUES (2, 1)")
        assert [each.id for each in host.told()] == ["2"]
        slow.execute("INSERT INTO teams (id, account_id) VALUES (3, 1); COMMIT")
    assert [each.id for each in host.told()] == ["2", "1", "3"]


def test_one_sequencer_leads_an_outbox_until_its_connection_ends(
    postgresql_host: PostgresqlHost,
) -> None:
    other = outbox(postgresql_host.engine)

    def lose_the_lead() -> None:
        with postgresql_host.outbox.leading():
            with pytest.raises(SequencerRunning), other.leading():
                pass
            postgresql_host.shell(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks "
                "WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            with other.leading():
                pass

    lose_the_lead()
    with other.leading(), pytest.raises(SequencerRunning), postgresql_host.outbox.leading():
        pass
