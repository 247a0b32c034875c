"""Takes capture out of an application's database, in one transaction, and leaves nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from audit_trail.attaching.connecting import in_transaction
from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.sqlite.outbox import lock_of
from audit_trail.errors import AttachRefused


def detach(database_url: str, *, discard: bool) -> int:
    """Remove all of capture, and return how many changes that waited are lost.

    Raises `AttachRefused` where nothing is attached, and while changes wait, unless `discard`; and
    `SequencerRunning` while a process works on the outbox.
    """

    def work(connection: Connection) -> int:
        waiting = capture.remove(connection)
        if waiting is None:
            raise AttachRefused("Nothing is attached to this database.")
        if waiting and not discard:
            raise AttachRefused(
                f"{waiting} changes wait in the outbox, and would be lost. Work them off with "
                "`audit-trail run --once`, or lose them with --discard. Nothing was changed."
            )
        return waiting

    return in_transaction(database_url, work, _alone)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let nobody sequence meanwhile, and leave no lock file."""
    with capture.outbox(engine).leading():
        yield
        if engine.dialect.name == "sqlite":
            lock_of(engine).unlink(missing_ok=True)
