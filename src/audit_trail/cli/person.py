"""What `audit-trail erase`, `subject` and `wipe` do: a person's data found, erased, copied, wiped."""

import json
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import create_engine

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.capture.url import read_url
from audit_trail.cli.file import new_file
from audit_trail.cli.progress import progress
from audit_trail.cli.signing import signing_trail
from audit_trail.cli.store import open_store
from audit_trail.erasure.copying import copy_of, note_copy
from audit_trail.erasure.erasing import Erased, erase
from audit_trail.erasure.finding import Found, find
from audit_trail.erasure.subject import Subject
from audit_trail.errors import ErasureRefused
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId
from audit_trail.store.port import Wiped
from audit_trail.trail import Trail, utc_now_us

WIPED: Final = {
    "done": "No byte of it is left in the trail's files.",
    "busy": "Somebody reads the old rows, so their bytes are still in the trail's files. "
    "Run `audit-trail wipe` later; the server's next start tries, too.",
    "forbidden": "The bytes are still in the files of the trail's tables, which this role may not "
    "rewrite. Their owner runs: audit-trail wipe",
}
"""What is said of the trail's files after an erasure."""

OUTBOX_WIPED: Final = {
    True: "No byte of what left the outbox is in the application's database.",
    False: "The outbox is in use, so bytes of what left it may still be in the application's "
    "database. Try again.",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose trail is meant, where it lies, and of whom the data is."""

    store: str
    account: str
    heads: Path | None
    subject: Subject


def subject_of(email: str, names: Sequence[str], terms: Sequence[str], user: str | None) -> Subject:
    """Return the person. Raises `ErasureRefused`."""
    actor = ActorId(kind="user", id=user) if user else None
    return Subject.of([email, *names, *terms], actor)


def look(asked: Asked) -> Found:
    """Tell what would be erased; nothing is changed, so no key is needed."""
    with closing(open_store(asked.store)) as store, progress("Looking") as report:
        return find(Trail(store), asked.account, asked.subject, report=report)


def erase_person(asked: Asked, reason: str, ticket: str | None) -> Erased:
    """Erase, under the operator's name."""
    context = _operator(reason, ticket)
    with signing_trail(asked.store, asked.heads) as trail, progress("Erasing") as report:
        return erase(trail, asked.account, asked.subject, context, clock=utc_now_us, report=report)


def copy_person(asked: Asked, out: Path) -> int:
    """Write the copy, note it in the trail, and only then give the file its name.

    Return how many entries hold their data.
    """
    with signing_trail(asked.store, asked.heads) as trail, new_file(out, ErasureRefused) as file:
        last = b"{}"
        with progress("Copying") as report:
            for line in copy_of(trail, asked.account, asked.subject, Catalog(), report):
                file.write(last := line)
        count = int(json.loads(last)["entries"])
        note_copy(trail, asked.account, _operator(None, None), count, utc_now_us)
    return count


def wipe_store(store_url: str) -> Wiped:
    """Carry out what is declared as erased, and let no byte of it stay."""
    with closing(open_store(store_url, writes=True)) as store:
        trail = Trail(store)
        for account in store.accounts():
            trail.remove(account)
        return trail.wipe()


def wipe_outbox(database_url: str) -> bool:
    """Let no byte of what left the outbox stay in the application's database."""
    engine = create_engine(read_url(database_url), hide_parameters=True)
    capture.attach(engine)
    try:
        return capture.outbox(engine).wipe()
    finally:
        engine.dispose()


def told(found: Found) -> list[str]:
    """Say in lines what was found."""
    lines = [
        f"{found.entries:,} of {found.size:,} entries hold data of this person.",
        f"  who (names, addresses): {len(found.who):,} entries",
        f"  what (labels, values, reasons): {len(found.what):,} entries",
        *(f"  {kind}: {count:,}" for kind, count in sorted(found.kinds.items())),
        *(f"  entry {each.number}, {each.kind}: {each.text!r}" for each in found.examples),
    ]
    if found.held:
        lines.append(f"{found.held:,} more stay because of a legal hold.")
    if found.stating is not None:
        lines.append(
            f"Entry {found.stating + 1} states the retention and names them; it stays until another "
            "does. Change the retention, then erase again."
        )
    if found.erased:
        lines.append(f"Of {found.erased:,} more of their acts, the who part is erased already.")
    for address, count in found.shared.items():
        lines.append(f"Their address {address} is also in {count:,} entries of others, and stays.")
    if found.called:
        names = ", ".join(sorted(found.called))
        lines.append(f"They are also called {names}; to look for that as well, add it by --term.")
    return lines


def outcome(erased: Erased) -> str:
    """Say in words what became of it."""
    found = erased.found
    if erased.index is None:
        return f"Nothing of this person was found. {WIPED[erased.wiped]}"
    return (
        f"Erased in {found.entries:,} {'entry' if found.entries == 1 else 'entries'}, of "
        f"{erased.pseudonym}; entry {erased.index + 1} says so. {WIPED[erased.wiped]}"
    )


def as_json(found: Found, erased: Erased | None = None, outbox: bool | None = None) -> str:
    """Say the same for programs; `outbox` tells whether the application's was wiped, if it was to be."""
    said: dict[str, Any] = {
        "entries": found.entries,
        "size": found.size,
        "who": len(found.who),
        "what": len(found.what),
        "kinds": dict(found.kinds),
        "held": found.held,
        "erased_before": found.erased,
        "shared_addresses": found.shared,
        "also_called": sorted(found.called),
    }
    if erased:
        number = erased.index + 1 if erased.index is not None else None
        said |= {"person": erased.pseudonym, "entry": number, "wiped": erased.wiped}
        said |= {"outbox_wiped": outbox}
    return msgspec.json.encode(said, order="sorted").decode()


def _operator(reason: str | None, ticket: str | None) -> Context:
    origin = Origin(via="cli", request=str(uuid.uuid4()))
    return Context(actor=SYSTEM, origin=origin, reason=reason, ticket=ticket)
