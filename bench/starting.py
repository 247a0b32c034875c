"""How soon the demo and the commands start, and pages as a program and a browser wait for them."""

import gzip
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx2

from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.pages import fill
from bench.paired import percentile

COMMAND = [str(Path(sys.executable).parent / "live-agent")]
START_TIMEOUT_SECONDS = 60.0


class Demo:
    """A running demo, stopped by its own process id."""

    def __init__(self, folder: Path) -> None:
        started = time.perf_counter()
        (folder / "demo.json").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [*COMMAND, "demo", "--data", str(folder), "--port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (folder / "demo.json").exists():
            if (
                self._process.poll() is not None
                or time.perf_counter() - started > START_TIMEOUT_SECONDS
            ):
                raise RuntimeError("the demo did not start")
            time.sleep(0.005)
        self.seconds = time.perf_counter() - started
        self.facts = json.loads((folder / "demo.json").read_text())

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


class Served(NamedTuple):
    """Milliseconds of the API's newest page, and the compressed bytes of the first page as HTML."""

    p50_ms: float
    p99_ms: float
    html_bytes: int


def page_over_http(folder: Path, entries: int, samples: int) -> Served:
    """Read the newest page, with this many entries in the account's trail."""
    with Demo(folder) as demo:
        account = demo.facts["account_id"]
    fill(Trail(SqliteStore(folder / "trail.db")), str(account), entries)
    with Demo(folder) as demo, httpx2.Client(base_url=demo.facts["base_url"]) as client:
        client.headers["api_access_token"] = demo.facts["users"]["administrator"][
            "api_access_token"
        ]
        times = []
        for _ in range(samples):
            started = time.perf_counter()
            client.get(f"/api/v1/accounts/{account}/audit_logs").raise_for_status()
            times.append(time.perf_counter() - started)
        html = _first_page(demo, account)
    return Served(percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3, html)


def _first_page(demo: Demo, account: int) -> int:
    """Sign in as a browser does, and return the compressed bytes of Settings > Audit Logs."""
    person = demo.facts["users"]["administrator"]
    with httpx2.Client(base_url=demo.facts["base_url"]) as browser:
        known = {name: person[name] for name in ("email", "password")}
        assert browser.post("/sign-in", data=known).status_code == 303
        path = f"/app/accounts/{account}/settings/audit-logs"
        page = browser.get(path, headers={"Accept": "text/html"}).raise_for_status()
    assert b"data-entry" in page.content
    return len(gzip.compress(page.content, 6))


def help_seconds() -> float:
    """Run `live-agent --help` as a whole process."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
    return time.perf_counter() - started


def first_start() -> float:
    """Start a demo on a new directory, seeding included, until every entry can be read."""
    with tempfile.TemporaryDirectory() as folder, Demo(Path(folder) / "data") as demo:
        return demo.seconds


def start_again(folder: Path) -> float:
    """Start a demo on data that is there."""
    with Demo(folder) as demo:
        return demo.seconds
