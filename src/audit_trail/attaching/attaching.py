"""Attaches capture to an application's database by its file, in one transaction."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from audit_trail.attaching.config import read_config
from audit_trail.attaching.connecting import in_transaction
from audit_trail.attaching.introspection import describe
from audit_trail.attaching.watching import watch_list
from audit_trail.capture import sqlalchemy as capture
from audit_trail.errors import ConfigRefused


class Attached(NamedTuple):
    """How many tables are recorded and ignored, and which triggers were changed."""

    tables: int
    ignored: int
    changed: Sequence[str]


def attach(
    database_url: str,
    config_path: Path,
    around: Callable[[Engine], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Attached:
    """Create outbox and triggers as the file says, and keep the watch list; or change nothing.

    `around` is what is done before and after, such as a look at what was recorded until now.
    Run again, it makes what the file says by then. Raises `ConfigRefused`, `WatchRefused`,
    `UrlRefused` and `AttachRefused`.
    """
    config = read_config(config_path)

    def work(connection: Connection) -> Attached:
        try:
            watch = watch_list(config, describe(connection))
        except ConfigRefused as error:
            raise ConfigRefused(f"{config_path}: {error}") from None
        changed = capture.sync(connection, watch)
        return Attached(len(watch.tables), len(watch.ignored), changed)

    return in_transaction(database_url, work, around)
