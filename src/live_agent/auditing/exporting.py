"""What `live-agent audit export` does: it writes what was found into a file, with a bar on a terminal."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.errors import ExportRefused
from audit_trail.export.exporting import Progress as Done
from audit_trail.export.exporting import Report, export_to
from audit_trail.export.manifest import SUFFIX
from audit_trail.export.wanted import FORMS, Form
from audit_trail.server.asked import Asked
from audit_trail.server.exporting import wanted_of
from live_agent.auditing.reading import Audit
from live_agent.catalog import CATALOG


def form_of(path: Path, form: Form | None) -> Form:
    """Return the form that was named, or else that of the file's name. Raises `ExportRefused`."""
    ending = path.suffix.removeprefix(".").lower()
    found = form or next((each for each in FORMS if each == ending), None)
    if found is None:
        raise ExportRefused(f"Say which form by --format: {', '.join(FORMS)}.")
    return found


def export_found(
    audit: Audit, asked: Asked, form: Form, path: Path, reason: str | None, ticket: str | None
) -> str:
    """Write the file and its manifest, and say what they are. Raises `ExportRefused`."""
    context = Context(
        actor=SYSTEM,
        origin=Origin(via="cli", request=str(uuid.uuid4())),
        reason=reason,
        ticket=ticket,
    )
    with _bar() as report:
        manifest = export_to(
            audit.trail,
            wanted_of(asked, form, audit.zone),
            path,
            context,
            catalog=CATALOG,
            report=report,
        )
    entries = f"{manifest.count:,} {'entry' if manifest.count == 1 else 'entries'}"
    return f"{path}: {entries}. What they are is told in {path.name}{SUFFIX}."


@contextmanager
def _bar() -> Iterator[Report]:
    """Draw how far it has come, on a terminal alone."""
    console = Console(stderr=True)
    told = TextColumn("{task.fields[written]:,} written")
    columns = (TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), told)
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=None, written=0)

        def report(done: Done) -> None:
            progress.update(task, completed=done.looked_at, total=done.of, written=done.written)

        yield report
