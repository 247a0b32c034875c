"""The file of signed heads, outside the trail's database, so that nothing is signed backwards.

Format: docs/spec/heads-1.md.
"""

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from audit_trail.errors import HeadsFailed, HistoryLost
from audit_trail.seal.encoding import hash_from, number_from, to_base64
from audit_trail.signing.durable import replace

_TITLE: Final = "audit-trail heads 1"
_CHECK_DIGITS: Final = 16
COMPACT_BYTES: Final = 4_194_304
"""From this size on the file is written anew at its opening, if a tenth would do."""


class SignedHead(NamedTuple):
    """A tree by its size and root, as it was signed."""

    size: int
    root: bytes


class Heads:
    """What was signed last in each account. Processes that share the file take turns by a lock."""

    def __init__(self, path: Path, name: str) -> None:
        """Read the file of the trail of this name. Raises `HeadsFailed`."""
        self._path = path
        self._name = name
        self._known: dict[str, SignedHead] = {}
        # Which file was read up to where; another process may put a shorter one in its place.
        self._read_until = (-1, 0)
        with self._opened() as file:
            self._catch_up(file)
            # A process that ended may have written the last line, and not have waited for the disk.
            os.fsync(file.fileno())
            if self._read_until[1] > COMPACT_BYTES:
                self._compact()

    def newest(self) -> Mapping[str, SignedHead]:
        """Return the newest head of each account, those that other processes signed too."""
        if not self._is_read():
            with self._opened() as file:
                self._catch_up(file)
        return self._known

    def _is_read(self) -> bool:
        try:
            status = self._path.stat()
        except OSError:
            return False
        return (status.st_ino, status.st_size) == self._read_until

    def add(self, heads: Mapping[str, SignedHead]) -> None:
        """Add one line and wait until the disk has it. Raises `HeadsFailed`; then nothing counts."""
        if self._is_read() and not self._new_of(heads):
            return
        with self._opened() as file:
            self._catch_up(file)
            if new := self._new_of(heads):
                self._write(file, _line(new))
                self._known |= new

    def _new_of(self, heads: Mapping[str, SignedHead]) -> dict[str, SignedHead]:
        return {account: head for account, head in heads.items() if self._is_new(account, head)}

    def _is_new(self, account: str, head: SignedHead) -> bool:
        """Tell whether it is larger; that of another process may stand in the file already."""
        known = self._known.get(account)
        if known and known.size == head.size and known.root != head.root:
            raise HistoryLost(f"Account {account} was signed with other entries at {head.size}.")
        return known is None or known.size < head.size

    def _write(self, file: FileIO, line: bytes) -> None:
        inode, end = self._read_until
        try:
            # What a crash left behind the last whole line is written over.
            file.truncate(end)
            file.seek(end)
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            # Else the line would pass for one that is safe when it is read again.
            with suppress(OSError):
                file.truncate(end)
            raise
        self._read_until = (inode, end + len(line))

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        try:
            while True:
                with self._path.open("r+b", buffering=0) as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    if _is_at(file, self._path):
                        yield file
                        return
        except OSError as error:
            raise HeadsFailed(
                f"The file of signed heads {self._path} failed: {error.strerror}."
            ) from error

    def _catch_up(self, file: FileIO) -> None:
        status = os.fstat(file.fileno())
        inode, end = self._read_until
        if inode != status.st_ino or end > status.st_size:
            end = 0
        file.seek(end)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.split(b"\n")[:-1]
        if not end:
            self._require_title(lines.pop(0) if lines else b"")
        for number, line in enumerate(lines, 1):
            if not _is_whole(line):
                # The newest line may be part of one that never counted; no other can be.
                if number < len(lines):
                    raise HeadsFailed(f"{self._path} is damaged: a line isn't as it was written.")
                whole = whole[: -len(line) - 1]
                break
            found = _heads(line)
            self._known |= self._new_of(found)
        self._read_until = (status.st_ino, end + len(whole))

    def _require_title(self, line: bytes) -> None:
        if line != _title(self._name):
            raise HeadsFailed(f"{self._path} isn't the file of signed heads of this trail.")

    def _compact(self) -> None:
        content = _title(self._name) + b"\n"
        content += b"".join(_line({account: head}) for account, head in self._known.items())
        if len(content) * 10 < self._read_until[1]:
            replace(self._path, content)


def read(path: Path) -> tuple[str, dict[str, list[SignedHead]]]:
    """Return the trail's name, and each account's heads in their order; take no lock, change nothing.

    A last line that isn't whole is being written, or never counted. Raises `HeadsFailed`.
    """
    name = named_in(path)
    if name is None:
        raise HeadsFailed(f"There is no file of signed heads {path}.")
    found: dict[str, list[SignedHead]] = {}
    lines = path.read_bytes().split(b"\n")[1:-1]
    for number, line in enumerate(lines, 1):
        if _is_whole(line):
            for account, head in _heads(line).items():
                found.setdefault(account, []).append(head)
        elif number < len(lines):
            raise HeadsFailed(f"{path} is damaged: a line isn't as it was written.")
    return name, found


def create(path: Path, name: str) -> None:
    """Begin the file of a trail, in the place of an older one if there is one."""
    replace(path, _title(name) + b"\n")


def named_in(path: Path) -> str | None:
    """Return the trail's name that an existing file bears, or nothing where there is no file."""
    try:
        with path.open("rb") as file:
            title = file.readline().rstrip(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HeadsFailed(f"The file of signed heads {path} failed: {error.strerror}.") from error
    name = title.decode(errors="replace").removeprefix(f"{_TITLE} ")
    if title != _title(name):
        raise HeadsFailed(f"{path} isn't a file of signed heads.")
    return name


def _title(name: str) -> bytes:
    return f"{_TITLE} {name}".encode()


def _line(heads: Mapping[str, SignedHead]) -> bytes:
    text = " ".join(
        f"{quote(account, safe='')}/{head.size}/{to_base64(head.root)}"
        for account, head in heads.items()
    )
    return f"{_check(text)} {text}\n".encode()


def _is_whole(line: bytes) -> bool:
    check, _, text = line.decode(errors="replace").partition(" ")
    return check == _check(text)


def _heads(line: bytes) -> dict[str, SignedHead]:
    _, *heads = line.decode().split(" ")
    found = {}
    for head in heads:
        account, size, root = head.split("/", 2)
        found[unquote(account)] = SignedHead(
            number_from(size, HeadsFailed), hash_from(root, HeadsFailed)
        )
    return found


def _check(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_CHECK_DIGITS]


def _is_at(file: FileIO, path: Path) -> bool:
    """Tell whether the file was not replaced while we waited for its lock."""
    return os.path.samestat(os.fstat(file.fileno()), path.stat())
