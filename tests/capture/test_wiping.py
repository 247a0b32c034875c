"""What left the outbox is in no file of the application's database any more."""

from pathlib import Path

import pytest

from audit_trail.capture.postgresql import outbox as postgresql_adapter
from audit_trail.capture.sqlite import outbox as sqlite_adapter
from tests.capture.host import ADA, Application, PostgresqlHost

CHANGES = 120


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_adapter, "WIPE_ATTEMPTS", 2)
    monkeypatch.setattr(sqlite_adapter, "WIPE_PATIENCE_MS", 10)
    monkeypatch.setattr(postgresql_adapter, "WIPE_ATTEMPTS", 2)
    monkeypatch.setattr(postgresql_adapter, "WIPE_PAUSE_SECONDS", 0.01)


def files_with(host: Application, folder: Path, needle: str) -> list[str]:
    if isinstance(host, PostgresqlHost):
        host.shell("CHECKPOINT")
        [(oid,)] = host.rows("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = host.cluster.folder / "data" / "base" / str(oid)
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.name for path in paths if needle.encode() in path.read_bytes())


def change(host: Application) -> None:
    """Change records as Ada, whose e-mail is in each transaction's context alone."""
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')")
    for number in range(CHANGES):
        host.write(f"UPDATE teams SET note = 'note {number}', n = {number} WHERE id = 1")
        if number % 50 == 0:
            host.outbox.delete(host.outbox.take().rows)


def test_no_byte_of_who_acted_is_left(each_host: Application, tmp_path: Path) -> None:
    change(each_host)
    if isinstance(each_host, PostgresqlHost):
        each_host.shell("ANALYZE")
    assert files_with(each_host, tmp_path, str(ADA.email))
    each_host.outbox.delete(each_host.outbox.take().rows)
    assert each_host.outbox.wipe()
    assert files_with(each_host, tmp_path, str(ADA.email)) == []
    each_host.write("UPDATE teams SET name = 'Blue' WHERE id = 1")
    assert len(each_host.outbox.take().rows) == 1


def test_while_somebody_reads_or_rows_wait_it_is_not_done(
    each_host: Application, tmp_path: Path
) -> None:
    change(each_host)
    if isinstance(each_host, PostgresqlHost):
        assert not each_host.outbox.wipe(), "rows wait"
        assert each_host.outbox.take().rows
        return
    with each_host.engine.connect().execution_options(audit_read_only=True) as reader:
        reader.exec_driver_sql("SELECT count(*) FROM audit_outbox").one()
        each_host.write("UPDATE teams SET name = 'Blue' WHERE id = 1")
        assert not each_host.outbox.wipe()
    assert each_host.outbox.wipe()
