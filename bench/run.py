"""`make bench`: every figure of the README, measured now, on this machine.

--write puts the table into the README; --smoke runs each measurement briefly.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.paired import median_of, percentile
from bench.saves import Cost, measure
from bench.visibility import commit_to_visible, fill, newest_page

ROOT = Path(__file__).parents[1]
COMMAND = [str(Path(sys.executable).parent / "live-agent")]
START_TIMEOUT_SECONDS = 60.0
TARGET_RATIO = 1.25
TARGET_DEMO_SECONDS, TARGET_HELP_SECONDS = 3.0, 0.5


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


def page_over_http(folder: Path, entries: int, samples: int) -> tuple[float, float]:
    """Read the newest page of the API, with this many entries in the account's trail (ms)."""
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
    return percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3


def help_seconds() -> float:
    """Run `live-agent --help` as a whole process."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
    return time.perf_counter() - started


def first_start() -> float:
    """Start a demo on a new directory, seeding included, until every entry can be read."""
    with tempfile.TemporaryDirectory() as folder, Demo(Path(folder) / "data") as demo:
        return demo.seconds


def _cost_row(what: str, cost: Cost) -> tuple[str, str, str]:
    ratio = cost.ratio
    figure = f"{ratio.median:.2f} (95 %: {ratio.low:.2f} to {ratio.high:.2f}); {cost.added_us:+.0f} µs on {cost.without_us:.0f}"
    return what, figure, f"at most {TARGET_RATIO}: {ratio.verdict(TARGET_RATIO)}"


def _aim(seconds: float, aim: float) -> str:
    return f"{aim:g} s: {'met' if seconds <= aim else 'missed'}"


def rows(*, smoke: bool) -> list[tuple[str, str, str]]:
    """Take every measurement: what, figure, aim."""
    rounds, samples = (9, 50) if smoke else (21, 1_000)
    visible, page = commit_to_visible(samples), newest_page(1_000 if smoke else 10_000, samples)
    with tempfile.TemporaryDirectory() as folder:
        served = page_over_http(Path(folder) / "data", 1_000 if smoke else 10_000, samples)
        starts = 1 if smoke else 5
        again = median_of(lambda: _start_again(Path(folder) / "data"), starts)
    first, told = median_of(first_start, starts), median_of(help_seconds, starts)
    return [
        _cost_row("a save with capture / without, one save a transaction", measure(1, rounds)),
        _cost_row("a save with capture / without, 100 saves a transaction", measure(100, rounds)),
        ("commit to visible", f"p50 {visible.p50_ms:.1f} ms, p99 {visible.p99_ms:.1f} ms", ""),
        (
            "newest 25 of 10,000 entries, trail",
            f"p50 {page.p50_ms:.2f} ms, p99 {page.p99_ms:.2f} ms",
            "",
        ),
        ("newest 25 of 10,000 entries, API", f"p50 {served[0]:.1f} ms, p99 {served[1]:.1f} ms", ""),
        (
            "first start of the demo, seeding included",
            f"{first:.1f} s",
            _aim(first, TARGET_DEMO_SECONDS),
        ),
        ("start of the demo on its data", f"{again:.1f} s", _aim(again, TARGET_DEMO_SECONDS)),
        ("`live-agent --help`", f"{told:.2f} s", _aim(told, TARGET_HELP_SECONDS)),
    ]


def _start_again(folder: Path) -> float:
    with Demo(folder) as demo:
        return demo.seconds


def table(measured: list[tuple[str, str, str]]) -> str:
    """Write the figures as a table, with the machine they were taken on."""
    lines = ["| what | measured | aim |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {aim} |" for what, figure, aim in measured]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"Taken in one run on one machine: {machine}."])


def write(text: str) -> None:
    """Put the table between the README's markers."""
    readme = ROOT / "README.md"
    marked = r"(?<=<!-- bench:begin -->\n).*?(?=<!-- bench:end -->)"
    readme.write_text(re.sub(marked, lambda _: text + "\n", readme.read_text(), flags=re.DOTALL))


def main() -> None:
    """Measure and print; the README is changed only when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument(
        "--smoke", action="store_true", help="measure briefly, to see that it works"
    )
    arguments = parser.parse_args()
    text = table(rows(smoke=arguments.smoke))
    print(text)
    if arguments.write:
        write(text)


if __name__ == "__main__":
    main()
