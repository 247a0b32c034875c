"""What `audit-trail verify` does with a file, and how it tells the verdict."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from audit_trail.cli.evidence import read_checkpoint
from audit_trail.errors import AuditError, KeyRefused
from audit_trail.inspection.verdict import StoreVerdict
from audit_trail.record.legible import signs
from audit_trail.seal.note import VerifierKey
from audit_trail.verify.evidence import Report, verify
from audit_trail.verify.verdict import Finding, Verdict, unreadable

LONGEST_KEY_FILE: Final = 1_000_000


def verify_file(
    path: Path,
    keys: Sequence[str],
    key_files: Sequence[Path],
    checkpoint: Path | None,
    *,
    is_quiet: bool,
) -> Verdict:
    """Return the verdict on a file; what can't be read is a verdict too."""
    try:
        known = known_keys(keys, key_files)
        accepted = read_checkpoint(checkpoint) if checkpoint else None
        with path.open("rb") as file, reporting(is_shown=not is_quiet) as report:
            return verify(file, known, accepted, report)
    except AuditError as error:
        return unreadable(str(error))
    except MemoryError:
        return unreadable(f"{path} needs more memory than there is.")
    except OSError as error:
        return unreadable(f"{path} can't be read: {error.strerror or error}.")


def known_keys(texts: Sequence[str], files: Sequence[Path]) -> list[VerifierKey]:
    """Return the keys given as text and in files. Raises `KeyRefused`."""
    return [*_keys(texts), *(key for each in files for key in _keys(_lines(each)))]


def _keys(texts: Sequence[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(text) for text in texts]


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST_KEY_FILE).decode()
    except OSError as error:
        raise KeyRefused(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise KeyRefused(f"{path} holds no keys.") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise KeyRefused(f"{path} holds no keys.")
    return lines


@contextmanager
def reporting(*, is_shown: bool) -> Iterator[Report]:
    """Draw a bar while it lasts, on a terminal alone."""
    console = Console(stderr=True)
    is_drawn = is_shown and console.is_terminal
    with Progress(console=console, transient=True, disable=not is_drawn) as progress:
        task = progress.add_task("verifying", total=None)

        def report(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield report


def print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print the verdict on a file, in words or as JSON."""
    print_told(verdict, _told(verdict), as_json=as_json)


def print_told(verdict: Verdict | StoreVerdict, words: Iterator[str], *, as_json: bool) -> None:
    """Print a verdict by its words, a line each, or as JSON."""
    if as_json:
        told = {"verdict": verdict.name, **msgspec.to_builtins(verdict)}
        typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        return
    for line in words:
        typer.echo(legible(line))


def _told(verdict: Verdict) -> Iterator[str]:
    yield verdict.name.upper()
    if verdict.facts:
        yield f"Asked: {verdict.facts.query} (times as asked in {verdict.facts.time_zone})"
    yield from told_finding("Integrity", verdict.integrity)
    yield from (f"  - {problem.says}" for problem in verdict.problems)
    yield from told_finding("Completeness", verdict.completeness)
    if verdict.remarks:
        yield "Remarks"
    yield from (f"  - {remark.says}" for remark in verdict.remarks)
    if verdict.untold:
        yield f"{verdict.untold} more of these aren't told."


def told_finding(title: str, finding: Finding) -> Iterator[str]:
    """Yield one side of a verdict, a line each."""
    yield f"{title}: {finding.state.replace('_', ' ')}"
    yield from (f"  {says}" for says in finding.says)


def legible(line: str) -> str:
    """Write what a terminal would obey, or can't show, as signs: the file may be an attacker's."""
    pieces = signs(line.replace("\n", " "))
    encoding = sys.stdout.encoding or "utf-8"
    told = "".join(f"[{sign.text}]" if sign.name else sign.text for sign in pieces)
    return told.encode(encoding, "backslashreplace").decode(encoding)
