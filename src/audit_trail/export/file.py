"""A file that takes its name only when it is whole, on the disk, and its owner's alone."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from audit_trail.errors import ExportRefused

_NO_LINKS: Final = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system answers that has no hard links, as those of memory cards and some networks."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file (mode 600) under a name of its own, and give it this one at the end of the block.

    Where the block fails nothing is left. Raises `ExportRefused` where the file can't be written, as
    on a full disk, or another one has the name.
    """
    try:
        # A crash in between leaves what nobody takes for the file, and what the next one passes by.
        descriptor, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
    except OSError as error:
        raise ExportRefused(f"{path} can't be written: {error.strerror}.") from error
    unfinished = Path(name)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        _give_name(unfinished, path)
        _sync_folder(path.parent)
    except FileExistsError:
        raise ExportRefused(f"{path} is there already.") from None
    except OSError as error:
        raise ExportRefused(f"{path} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _give_name(unfinished: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link never takes another file's place.
        os.link(unfinished, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError from error
        unfinished.rename(path)


def _sync_folder(folder: Path) -> None:
    """Let the name reach the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
