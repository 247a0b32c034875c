"""Backs up both databases as of one instant, and restores them; it starts and stops no server."""

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from audit_trail.capture.sqlite.lock import locked
from audit_trail.errors import SequencerRunning
from audit_trail.keyring import Signing
from audit_trail.signing.keys import Seed
from audit_trail.store.sqlite import SqliteStore
from live_agent.errors import BackupDamaged, BackupRefused

DATABASE: Final = "live-agent.db"
TRAIL: Final = "trail.db"
LOCK: Final = "sequencer.lock"
MANIFEST: Final = "backup.json"
VERSION: Final = 1

BUSY_TIMEOUT_SECONDS: Final = 10.0
STEP_PAGES: Final = 1_024
CHUNK_BYTES: Final = 1_048_576

Report = Callable[[str, int, int], None]
"""Told of each step: the file, how much of it is done, and how much it is."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds: when it was taken (RFC 3339, UTC), and the SHA-256 of each file."""

    version: int
    taken_at: str
    sha256: dict[str, str]


def back_up(data: Path, target: Path, report: Report) -> None:
    """Copy both databases into a new directory, while a server may go on writing to them.

    The directory appears when all of it is written, checked and synced, or not at all.
    Raises `BackupRefused` or `BackupDamaged`.
    """
    if target.exists():
        raise BackupRefused(f"{target} exists already, and a backup overwrites nothing.")
    for name in (DATABASE, TRAIL):
        if not (data / name).is_file():
            raise BackupRefused(f"There is no {data / name} to back up.")
    with _appearing(target) as folder, _one_instant(data) as sources:
        taken_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        for name, source in sources.items():
            _copy_database(source, folder / name, report)
        digests = {name: _digest(folder / name) for name in sources}
        manifest = Manifest(version=VERSION, taken_at=taken_at, sha256=digests)
        _write(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


def restore(backup: Path, data: Path, report: Report, key: Seed | None = None) -> Manifest:
    """Make a data directory of a backup, and return what the backup says of itself.

    Checkpoints may have been seen that the backup doesn't have. So the restored trail begins a new
    epoch, with a key of its own or the one given, and each account's trail says so.
    Raises `BackupRefused` unless `data` is missing or empty, and `BackupDamaged` when the backup
    is not as it was written; then nothing is left behind.
    """
    _require_vacant(data)
    manifest = _manifest(backup)
    with _appearing(data) as folder:
        for name in (DATABASE, TRAIL):
            _copy_file(backup / name, folder / name, report)
            if _digest(folder / name) != manifest.sha256.get(name):
                raise BackupDamaged(
                    f"{backup / name} is not as it was written; use another backup."
                )
            _check(folder / name)
        with closing(SqliteStore(folder / TRAIL)) as store:
            Signing(data=folder, key=key).begin_epoch(
                store, f"restored from the backup of {manifest.taken_at}"
            )
    return manifest


@contextmanager
def _one_instant(data: Path) -> Iterator[dict[str, sqlite3.Connection]]:
    """Open both databases for reading, each as it was at one and the same instant.

    The outbox's database comes first, so whatever has left the outbox is in the trail; rows in
    both are found again by their ids. And nobody commits in it until the trail is opened too, so
    the trail tells of no change that the database doesn't have.
    """
    paths = (data / DATABASE, data / TRAIL)
    with (
        closing(_opened(paths[0])) as barrier,
        closing(_opened(paths[0])) as database,
        closing(_opened(paths[1])) as trail,
    ):
        with _translating(paths[0]):
            barrier.execute("BEGIN IMMEDIATE")
        for path, connection in zip(paths, (database, trail), strict=True):
            with _translating(path):
                connection.execute("BEGIN")
                # A transaction reads as of its first read, not as of its BEGIN.
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        barrier.execute("ROLLBACK")
        yield {DATABASE: database, TRAIL: trail}


def _opened(path: Path) -> sqlite3.Connection:
    with _translating(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
        )


def _copy_database(source: sqlite3.Connection, path: Path, report: Report) -> None:
    """Copy page by page. The source's transaction stays open, or each commit would begin it anew."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with _translating(path), closing(sqlite3.connect(path, isolation_level=None)) as copy:
        source.backup(
            copy,
            pages=STEP_PAGES,
            progress=lambda _, left, total: report(path.name, total - left, total),
        )
        # One file is the whole of it, without a log beside it that could be left behind.
        copy.execute("PRAGMA journal_mode = DELETE")
    _check(path)
    _sync(path)


def _copy_file(source: Path, path: Path, report: Report) -> None:
    total, done = source.stat().st_size, 0
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        while chunk := read.read(CHUNK_BYTES):
            written.write(chunk)
            done += len(chunk)
            report(path.name, done, total)
    _sync(path)


def _check(path: Path) -> None:
    with _translating(path), closing(sqlite3.connect(path)) as connection:
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise BackupDamaged(f"{path.name} is damaged: {'; '.join(problems)}.")


def _manifest(backup: Path) -> Manifest:
    path = backup / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupDamaged(f"{path} can't be understood: {error}.") from error
    if manifest.version != VERSION:
        raise BackupRefused(f"{path} is of version {manifest.version}; this one reads {VERSION}.")
    return manifest


def _require_vacant(data: Path) -> None:
    if not data.exists():
        return
    occupants = sorted(path.name for path in data.iterdir())
    if LOCK in occupants:
        try:
            with locked(data / LOCK):
                pass
        except SequencerRunning:
            raise BackupRefused(
                f"A server runs in {data}. Restore into a new directory, then stop it."
            ) from None
    if occupants:
        raise BackupRefused(
            f"{data} holds {occupants[0]} already. Restore into a directory that is new or empty."
        )


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """Fill a folder beside the target, which takes its name at the end, whole, or never."""
    if not target.absolute().parent.is_dir():
        raise BackupRefused(f"There is no directory {target.absolute().parent}.")
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        yield folder
        _sync(folder)
        os.rename(folder, target)  # It refuses a directory that was filled meanwhile.
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _sync(target.absolute().parent)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _translating(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupRefused(f"The database {path} failed: {error}.") from error
