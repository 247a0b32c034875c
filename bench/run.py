"""`make bench`: every published figure, measured now, on this machine.

--write puts them into docs/benchmarks.md and the README; --smoke runs each measurement briefly;
--only WORD takes those whose name holds the word.
"""

import argparse
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import sqlalchemy

from audit_trail.export.wanted import NAMES
from bench.draining import draining
from bench.engines import KINDS, Place, place
from bench.erasing import OTHERS_AMONG, erasing
from bench.exporting import FEW, exports_of_an_account
from bench.finding import Calls, Found, Kind, finding
from bench.indexing import indexing
from bench.load import under_load
from bench.pages import newest_page
from bench.paired import median_of
from bench.retaining import run_of_retention
from bench.saves import Cost, bulk_updating, saving
from bench.sealing import bytes_of_sealing, cost_of_sealing, leaves_and_tree
from bench.starting import first_start, help_seconds, page_over_http, start_again
from bench.verifying import evidence_of_an_account
from tests.postgresql import programs

ROOT = Path(__file__).parents[1]
COMMAND = "make bench ARGS=--write"
PAGE_MS = 25
AIMS_MS: dict[Kind, int] = {
    "page": PAGE_MS,
    "numbered page": PAGE_MS,
    "facets": 100,
    "timeline": 100,
}


class Effort(NamedTuple):
    """How much is measured."""

    rounds: int
    rows: int
    entries: int
    samples: int
    seconds: float
    starts: int
    expired: int
    verified: int
    erased: int
    sizes: tuple[int, ...]
    calls: Calls


SIZES = {"10k": 10_000, "1M": 1_000_000, "10M": 10_000_000}
FULL = Effort(
    rounds=15,
    rows=10_000,
    entries=10_000,
    samples=1_000,
    seconds=15.0,
    starts=5,
    expired=1_000_000,
    verified=1_000_000,
    erased=10_000,
    sizes=(10_000, 1_000_000),
    calls=Calls(),
)
SMOKE = Effort(
    rounds=9,
    rows=300,
    entries=300,
    samples=5,
    seconds=0.3,
    starts=1,
    expired=300,
    verified=2_000,
    erased=50,
    sizes=(500, 1_000),
    calls=Calls(most=5, seconds=0.1, usual_most=2, usual_seconds=0.1),
)


Table = Literal["bench", "finding"]


class Figure(NamedTuple):
    """One line of the table: what was measured, what came out, and what was aimed at."""

    what: str
    measured: str
    aim: str = ""
    short: bool = False
    """Whether the README shows it too."""

    table: Table = "bench"
    """In which table of the page it stands."""


def capture_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """What capture adds to the application's own writes."""
    for saves in (1, 100):
        name = f"ORM save, {saves} a transaction"
        yield _cost(where, name, saving(where, saves, effort.rounds), short=True)
    yield _cost(where, "a row of a 1,000-row UPDATE", bulk_updating(where, effort.rounds))


def sequencer_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """Whether the sequencer keeps up, and what an entry takes on the disk."""
    drain = draining(where, effort.rows, effort.rounds)
    yield Figure(
        f"{where.kind}: outbox to trail / raw bulk insert of the same rows",
        f"{drain.ratio}; {drain.entries_per_second:,.0f} against {drain.raw_per_second:,.0f} a second",
        f"at least 0.40: {drain.ratio.at_least(0.4)}",
        short=True,
    )
    yield Figure(
        f"{where.kind}: bytes an entry, all indexes included",
        f"{drain.bytes_per_entry:,.0f}",
        f"at most 1,100: {'met' if drain.bytes_per_entry <= 1_100 else 'missed'}",
    )
    load = under_load(where, 200, effort.seconds)
    yield Figure(
        f"{where.kind}: commit to visible, and sealed, at 200 changes a second",
        f"p50 {load.visible_p50_ms:.1f} ms, p99 {load.visible_p99_ms:.1f} ms; "
        f"writers' own p99 {load.writer_p99_ms:.1f} ms, "
        f"without capture {load.writer_without_p99_ms:.1f} ms",
        f"p99 at most 50 ms: {'met' if load.visible_p99_ms <= 50 else 'missed'}",
        short=True,
    )


def sealing_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """What tree, tiles, signature and the file of signed heads cost."""
    drain = draining(where, effort.rows, effort.rounds, signed=True)
    yield Figure(
        f"{where.kind}: outbox to sealed trail / raw bulk insert of the same rows",
        f"{drain.ratio}; {drain.entries_per_second:,.0f} against {drain.raw_per_second:,.0f} a second",
        f"at least 0.35: {drain.ratio.at_least(0.35)}",
    )
    for accounts in (1, 100):
        cost = cost_of_sealing(where, accounts, effort.rounds)
        yield Figure(
            f"{where.kind}: append of 1,000 entries of {accounts} account{'s' * (accounts > 1)}, "
            "sealed / not",
            str(cost),
            f"at most 1.20: {cost.verdict(1.2)}" if accounts == 1 else "none: a signature each",
        )


def finding_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """What a question of a large trail takes, beside the smallest one and the usual way."""
    taken = []
    for size in effort.sizes:
        filled, found = finding(where, size, effort.calls, _progress)
        taken.append(found)
        yield Figure(
            f"{where.kind}: a trail of {size:,} entries, appended and indexed",
            f"{size / filled.seconds:,.0f} entries a second, {filled.bytes / size:,.0f} bytes an entry",
            table="finding",
        )
    for found_by_size in zip(*taken, strict=True):
        yield _finding(where, dict(zip(effort.sizes, found_by_size, strict=True)))


def _finding(where: Place, by_size: Mapping[int, Found]) -> Figure:
    *_, (size, found) = by_size.items()
    small = next(iter(by_size.values()))
    aim = AIMS_MS[found.kind]
    verdict = f"p95 at most {aim} ms: {_verdict(found.verb.p95 <= aim)}"
    if aim == PAGE_MS and len(by_size) > 1:
        grown = found.verb.p95 <= max(1.0, 1.5 * small.verb.p95)
        verdict += f"; at most 1.5 times that of the smallest, or 1 ms: {_verdict(grown)}"
    verbs = "; ".join(f"{each.verb} of {entries:,}" for entries, each in by_size.items())
    return Figure(
        f"{where.kind}: {found.question}",
        f"{verbs} entries; of {size:,} over HTTP {found.http}, the usual way {found.usual}",
        verdict,
        table="finding",
    )


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "missed"


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def indexing_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """What search costs an append."""
    taken = indexing(where, effort.rows, effort.rounds)
    yield Figure(
        f"{where.kind}: outbox to sealed and indexed trail / raw insert with the engine's text indexes",
        f"{taken.ratio}; {taken.entries_per_second:,.0f} against {taken.raw_per_second:,.0f} "
        f"a second; indexing takes {taken.indexing_us:.0f} µs an entry",
        f"at least 0.35: {taken.ratio.at_least(0.35)}",
    )


def retention_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """How long a run takes that drops everything there is."""
    seconds = run_of_retention(where, effort.expired)
    yield Figure(
        f"{where.kind}: a retention run over {effort.expired:,} expired entries",
        f"{seconds:.1f} s; {effort.expired / seconds:,.0f} entries a second",
        "none: a day's entries, once a day",
    )


def erasure_figures(where: Place, effort: Effort) -> Iterator[Figure]:
    """How long erasing a person takes, from the look for them to the last byte."""
    taken = erasing(where, effort.erased)
    yield Figure(
        f"{where.kind}: erasing a person with {taken.entries:,} entries among {taken.size:,}",
        f"{taken.all:.1f} s, {taken.finding:.1f} s of it looking for them",
        f"none; each of their entries has {OTHERS_AMONG - 1} of others beside it",
    )


def hashing_figures(effort: Effort) -> Iterator[Figure]:
    """What hashing takes, on no engine."""
    hashing = leaves_and_tree(effort.rounds * 20)  # Each takes two milliseconds.
    yield Figure(
        "leaf, tree and tiles / bare SHA-256 of the same public parts",
        f"{hashing.ratio}; {hashing.entries_per_second:,.0f} against "
        f"{hashing.bare_per_second:,.0f} a second",
        f"at least 0.50: {hashing.ratio.at_least(0.5)}",
    )
    with place("SQLite") as where:
        sealed = bytes_of_sealing(where)
    yield Figure(
        "bytes an entry takes for being sealed",
        f"{sealed.tiles:.1f} in tiles; {sealed.commitments:.0f} for two commitments, salts and leaf",
    )


def evidence_figures(effort: Effort) -> Iterator[Figure]:
    """What an auditor waits for, on one core."""
    with place("SQLite") as where:
        took = evidence_of_an_account(where, effort.verified)
    verdict = "met" if took.verified_per_second >= 100_000 else "missed"
    yield Figure(
        f"an evidence file of {took.entries:,} entries with both parts, verified",
        f"{took.verified_per_second:,.0f} entries a second, {took.verify_seconds:.1f} s; "
        f"written in {took.write_seconds:.1f} s, {took.bytes / took.entries:,.0f} bytes an entry",
        f"at least 100,000 a second: {verdict}",
    )


def export_figures(effort: Effort) -> Iterator[Figure]:
    """How fast a whole account is written in each form, and with what memory."""
    with place("SQLite") as where:
        exported = exports_of_an_account(where, effort.verified, ["jsonl", "csv", "parquet"])
    for form, took in exported.items():
        verdict = "met" if took.per_second >= 100_000 else "missed"
        yield Figure(
            f"SQLite: {took.entries:,} entries exported as {NAMES[form]}",
            f"{took.per_second:,.0f} a second, {took.bytes / took.entries:,.0f} bytes an entry; "
            f"memory grows by {max(took.grown_bytes, 0) / 2**20:.1f} MiB beyond the first {FEW:,}",
            f"at least 100,000 a second: {verdict}" if form == "jsonl" else "none",
        )


def product_figures(effort: Effort) -> Iterator[Figure]:
    """What a person waits for."""
    page = newest_page(effort.entries, effort.samples)
    yield Figure(
        f"newest 25 of {effort.entries:,} entries, trail",
        f"p50 {page.p50_ms:.2f} ms, p99 {page.p99_ms:.2f} ms",
    )
    with tempfile.TemporaryDirectory() as folder:
        served = page_over_http(Path(folder) / "data", effort.entries, effort.samples)
        again = median_of(lambda: start_again(Path(folder) / "data"), effort.starts)
    yield Figure(
        f"newest 25 of {effort.entries:,} entries, API",
        f"p50 {served.p50_ms:.1f} ms, p99 {served.p99_ms:.1f} ms",
    )
    yield Figure(
        "first HTML of Settings > Audit Logs, 25 entries, compressed",
        f"{served.html_bytes:,} bytes",
        f"at most 30,000: {_verdict(served.html_bytes <= 30_000)}",
    )
    first = median_of(first_start, effort.starts)
    yield _start("first start of the demo, seeding included", first, 3)
    yield _start("start of the demo on its data", again, 3)
    yield _start("`live-agent --help`", median_of(help_seconds, effort.starts), 0.5)


def _cost(where: Place, name: str, cost: Cost, *, short: bool = False) -> Figure:
    measured = (
        f"+{cost.captured_us:.0f} µs on {cost.without_us:.0f}, ratio {cost.ratio}; "
        f"an audit row written by the ORM: +{cost.audit_row_us:.0f} µs; "
        f"capture's share of that: {cost.share}"
    )
    unseen = cost.added.low <= 0
    verdict = "met, not distinguishable from no capture" if unseen else cost.share.verdict(0.5)
    return Figure(f"{where.kind}: {name}", measured, f"share at most 0.50: {verdict}", short=short)


def _start(what: str, seconds: float, aim: float) -> Figure:
    verdict = "met" if seconds <= aim else "missed"
    return Figure(what, f"{seconds:.2f} s", f"{aim:g} s: {verdict}", short=True)


def figures(effort: Effort, only: str = "") -> Iterator[Figure]:
    """Take the measurements one after the other, each alone on the machine."""
    for kind in KINDS:
        for part in (
            *(capture_figures, sequencer_figures, sealing_figures),
            *(indexing_figures, finding_figures, retention_figures, erasure_figures),
        ):
            if only in f"{kind} {part.__name__}":
                with place(kind) as where:
                    yield from part(where, effort)
    if only in "hashing_figures":
        yield from hashing_figures(effort)
    if only in "evidence_figures":
        yield from evidence_figures(effort)
    if only in "export_figures":
        yield from export_figures(effort)
    if only in "product_figures":
        yield from product_figures(effort)


def machine() -> str:
    """Tell where and with what the figures were taken."""
    server = subprocess.run(
        [programs() / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[2]
    versions = (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {server}, SQLAlchemy {sqlalchemy.__version__}"
    )
    day = datetime.now(UTC).date()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {versions}; {day}"


def table(taken: list[Figure]) -> str:
    """Write figures as a table."""
    lines = ["| what | measured | aim |", "|---|---|---|"]
    return "\n".join(lines + [f"| {each.what} | {each.measured} | {each.aim} |" for each in taken])


def write(taken: list[Figure], command: str = COMMAND) -> None:
    """Put the figures between the markers of the page and of the README.

    What was taken of neither table is left as it is, so that finding can be measured by itself.
    """
    said = f"\n\nTaken in one run by `{command}` on one machine: {machine()}.\n"
    for name in ("bench", "finding"):
        if figures := [each for each in taken if each.table == name]:
            put(ROOT / "docs/benchmarks.md", name, table(figures) + said)
    if short := [each for each in taken if each.short]:
        put(ROOT / "README.md", "bench", table(short) + said)


def put(path: Path, name: str, text: str) -> None:
    """Put a text between a page's markers."""
    marked = rf"(?<=<!-- {name}:begin -->\n).*?(?=<!-- {name}:end -->)"
    path.write_text(re.sub(marked, lambda _: text, path.read_text(), flags=re.DOTALL))


def main(say: Callable[[str], None] = print) -> None:
    """Measure and print; files are changed only when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into the docs")
    parser.add_argument("--smoke", action="store_true", help="measure briefly, to see it works")
    parser.add_argument("--only", default="", help="take those whose name holds this")
    parser.add_argument(
        "--size", choices=SIZES, default="1M", help="how many entries are searched at most"
    )
    arguments = parser.parse_args()
    most = SIZES[arguments.size]
    full = FULL._replace(sizes=tuple(size for size in SIZES.values() if size <= most))
    taken = []
    for each in figures(SMOKE if arguments.smoke else full, arguments.only):
        taken.append(each)
        say(f"{each.what}\n    {each.measured}\n    {each.aim}")
    if arguments.write:
        write(taken, _command(arguments))


def _command(arguments: argparse.Namespace) -> str:
    size = "" if arguments.size == "1M" else f" SIZE={arguments.size}"
    if not arguments.only:
        return f"{COMMAND}{size}"
    return f'make bench{size} ARGS="--only {arguments.only} --write"'


if __name__ == "__main__":
    main()
