"""A real server of Settings > Audit Logs over a trail alone: python -m bench.serving URL."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen

import httpx2
from litestar import Litestar

from audit_trail.capture.outbox import Backlog
from audit_trail.cli.store import open_store
from audit_trail.server.assets import Assets, page_templates
from audit_trail.server.audit_logs import audit_logs_router
from audit_trail.server.viewer import Viewer
from audit_trail.serving import leave, run
from audit_trail.trail import Trail
from bench.trails import LARGE
from live_agent.catalog import CATALOG

PATIENCE_SECONDS = 600.0


@contextmanager
def served(url: str) -> Iterator[httpx2.Client]:
    """Serve the trail that a URL names; give a client that keeps its connection."""
    command = [sys.executable, "-m", "bench.serving", url]
    with Popen(command, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            with httpx2.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
                client.headers["Accept"] = "text/html"
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def application(url: str) -> Litestar:
    """Return the page over this trail, as whoever may see the large account sees it."""
    assets = Assets("/static")
    router = audit_logs_router(
        Trail(open_store(url, writes=True)),
        path="/logs",
        viewer=lambda _: Viewer(account=LARGE, path="/logs", zone="UTC"),
        fresh=lambda: Backlog(0, None),
        catalog=CATALOG,
        templates=page_templates(assets),
    )
    return Litestar([router, assets.router()], openapi_config=None)


if __name__ == "__main__":
    run(application(sys.argv[1]), "127.0.0.1", 0, lambda address: print(address, flush=True))
    leave()
