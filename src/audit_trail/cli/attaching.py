"""What `audit-trail attach` and `detach` say of what they did."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from audit_trail.attaching import attaching, detaching, drafting
from audit_trail.capture.url import name_of, read_url
from audit_trail.cli.signing import signing_in
from audit_trail.cli.store import open_store
from audit_trail.coverage.looking import looking_around
from audit_trail.coverage.remembered import Remembered, accounts_told
from audit_trail.keyring import OPERATOR
from audit_trail.trail import Trail, utc_now_us


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


class Detaching(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of `detach`. The trail in `store`, where one is given, is told of it, and why."""

    database: str
    discard: bool
    store: str | None
    signing: Path | None
    reason: str | None


def detach(asked: Detaching) -> Iterator[str]:
    """Detach, and tell what was lost by it; then tell the trail, which was opened before."""
    with _told_trail(asked) as trail:
        good_us = utc_now_us()
        lost = detaching.detach(asked.database, discard=asked.discard)
        said = "Nothing of capture is left."
        yield f"{said} {lost} changes were waiting, and are lost." if lost else said
        if trail:
            yield _tell(trail, asked, good_us)


@contextmanager
def _told_trail(asked: Detaching) -> Iterator[Trail | None]:
    if asked.store is None:
        yield None
        return
    with closing(open_store(asked.store, writes=True)) as store:
        yield Trail(store, signer=signing_in(asked.store, asked.signing).signer(store))


def _tell(trail: Trail, asked: Detaching, good_us: int) -> str:
    name = name_of(read_url(asked.database))
    context = msgspec.structs.replace(OPERATOR, reason=asked.reason)
    accounts = accounts_told(trail)
    is_told = Remembered(trail, name, utc_now_us).tell_gone(
        accounts, {"the outbox": "detached"}, good_us, context
    )
    if not is_told:
        return f"The trail isn't told: it knows of no database by the name {name}."
    number = f"{len(accounts)} account{'' if len(accounts) == 1 else 's'}"
    return f"The trail says so: the installation's, and those of {number}."
