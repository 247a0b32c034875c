"""Files that commands write: whole or not there, and never in the place of another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from audit_trail.errors import AuditError


@contextmanager
def new_file(path: Path, refusal: type[AuditError]) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when it is whole, and that its owner alone may read.

    Raises `refusal` where that can't be.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise refusal(f"{unfinished} can't be written: {error.strerror}.") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
        os.link(unfinished, path)
    except FileExistsError:
        raise refusal(f"{path} is there already.") from None
    except OSError as error:
        raise refusal(f"{path} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
