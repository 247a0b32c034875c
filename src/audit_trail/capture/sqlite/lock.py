"""A lock file, so that one process works on an outbox and others stand by; it fences nothing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit_trail.errors import OutboxFailed, SequencerRunning


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file while inside. Raises `SequencerRunning` when another process holds it.

    The operating system releases it when the process ends, however it ends.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxFailed(f"The lock file {path} can't be opened: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SequencerRunning(f"Another process holds {path}.") from None
        yield
    finally:
        os.close(descriptor)
