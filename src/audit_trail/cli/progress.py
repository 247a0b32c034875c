"""A bar on a terminal for what takes long; elsewhere it is silent."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from audit_trail.trees import Report


@contextmanager
def progress(said: str) -> Iterator[Report]:
    """Give what is told how far it has come: of which account, how many entries, of how many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(said, total=None)

        def report(_account: str, done: int, size: int) -> None:
            bar.update(task, completed=done, total=size)

        yield report
