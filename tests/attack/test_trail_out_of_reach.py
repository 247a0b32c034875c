"""The trail's disk is full, or its server gone: changes go on, are seen to wait, and all arrive."""

import re
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from audit_trail.errors import StoreFailed
from audit_trail.record.catalog import Catalog
from audit_trail.sequencer import loop
from audit_trail.server.assets import Assets, page_templates
from audit_trail.server.audit_logs import audit_logs_router
from audit_trail.server.viewer import Viewer
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import utc_now_us
from live_agent.metrics import Metrics
from tests.attack.lasting import keep_in, require_whole, until, working
from tests.capture.host import Application, PostgresqlHost
from tests.postgresql import Cluster, cluster

LOG_SEGMENT_BYTES = 16 * 2**20


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Cluster]:
    """A server of the trail's own, which may be stopped."""
    with cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_SECONDS", "LONGEST_PAUSE_SECONDS", "STANDBY_SECONDS"):
        monkeypatch.setattr(loop, name, 0.05)


def figures(host: Application) -> dict[str, float]:
    """What an operator's monitoring is told."""
    text = Metrics(host.outbox, host.sequencer, utc_now_us).exposition().decode()
    return {
        name: float(value) for name, value in re.findall(r"^(audit_\w+) (\S+)$", text, re.MULTILINE)
    }


@contextmanager
def page(host: Application) -> Iterator[Any]:
    """What an administrator sees."""
    assets = Assets("/static")
    router = audit_logs_router(
        host.trail,
        path="/logs",
        viewer=lambda _: Viewer(account="1", path="/logs", zone="UTC"),
        fresh=host.outbox.backlog,
        catalog=Catalog(),
        templates=page_templates(assets),
        clock=utc_now_us,
    )
    with TestClient(Litestar([router, assets.router()], openapi_config=None)) as client:
        yield lambda: client.get("/logs", headers={"Accept": "text/html"})


@pytest.mark.slow
def test_changes_go_on_while_the_trail_s_server_is_down_and_all_arrive_after(
    postgresql_host: PostgresqlHost, elsewhere: Cluster
) -> None:
    host = postgresql_host
    keep_in(host, elsewhere.url(elsewhere.database()))
    with working(host), page(host) as look:
        host.write("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 0)")
        until(lambda: not host.waiting())
        for how in (signal.SIGINT, signal.SIGQUIT):
            elsewhere.stop(how)
            for _ in range(3):
                host.write("UPDATE teams SET n = n + 1")
            failed = figures(host)["audit_sequencer_errors_total"]
            until(lambda: figures(host)["audit_sequencer_errors_total"] > failed + 1)  # noqa: B023
            assert figures(host)["audit_outbox_rows"] == 3
            assert figures(host)["audit_outbox_oldest_seconds"] > 0
            assert look().status_code == 500  # Of the mounting application's own making.
            elsewhere.start()
            until(lambda: not host.waiting())
            assert figures(host)["audit_outbox_rows"] == 0
        assert look().status_code == 200
        assert "not shown yet" not in look().text
    assert len(require_whole(host)) == 7


@pytest.mark.slow
def test_a_full_disk_of_the_trail_refuses_no_change_and_all_arrive_once_there_is_room(
    lasting: Application, elsewhere: Cluster
) -> None:
    host = lasting
    if isinstance(host, PostgresqlHost):
        keep_in(host, elsewhere.url(elsewhere.database()))
    host.write("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 0)")
    host.sequencer.drain()
    with full(host, elsewhere), page(host) as look:
        for number in range(2, 22):
            note = secrets.token_hex(500_000)  # It doesn't compress.
            host.write(f"INSERT INTO teams (id, account_id, note) VALUES ({number}, 1, '{note}')")
        for _ in range(3):
            with pytest.raises(StoreFailed, match=r"disk is full|File too large"):
                host.sequencer.step()
        assert figures(host)["audit_outbox_rows"] == 20
        assert host.store.head("1").size == 1
        assert "20 changes are not shown yet; the oldest was made" in look().text
    assert len(require_whole(host)) == 21


@contextmanager
def full(host: Application, server: Cluster) -> Iterator[None]:
    """Let the trail's files grow by a few mebibytes and no further."""
    if isinstance(host.store, SqliteStore):
        connection = host.store._file.connection()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 1_000}")
        yield
        connection.execute("PRAGMA max_page_count = 1000000")
    else:
        server.stop()
        server.start(longest_file_bytes=LOG_SEGMENT_BYTES)
        yield
        server.stop()
        server.start()
