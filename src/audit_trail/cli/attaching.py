"""What `audit-trail attach` and `detach` say of what they did."""

from collections.abc import Iterator
from pathlib import Path

from audit_trail.attaching import attaching, detaching, drafting
from audit_trail.coverage.looking import looking_around


def attach(database_url: str, config: Path) -> Iterator[str]:
    """Attach, and tell how many triggers were changed and how many tables are recorded."""
    done = attaching.attach(database_url, config, looking_around)
    yield f"{len(done.changed)} triggers were made or changed."
    yield f"{done.tables} tables are recorded, {done.ignored} are ignored."


def draft(database_url: str, path: Path) -> Iterator[str]:
    """Write a file to begin with, and tell what to do with it."""
    drafted = drafting.write_draft(database_url, path)
    yield f"Wrote {path}: {drafted.tables} tables to record, {drafted.ignored} to ignore."
    if drafted.reviews:
        yield f"Look at {drafted.reviews} places marked REVIEW, then run: audit-trail attach --config {path}"
    else:
        yield f"Look it through, then run: audit-trail attach --config {path}"


def detach(database_url: str, *, discard: bool) -> str:
    """Detach, and tell what was lost by it."""
    lost = detaching.detach(database_url, discard=discard)
    return (
        f"Nothing of capture is left. {lost} changes were waiting, and are lost."
        if lost
        else ("Nothing of capture is left.")
    )
