"""An entry as programs read it, whole: what is stored, and what it says in words; it judges nothing."""

from typing import Any

import msgspec

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry, read_what, read_who
from audit_trail.record.sentence import activity, summary
from audit_trail.trail import Trail


class EntryItem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `public`, `who` and `what` are the stored JSON; `index` counts from 0.

    `who` and `what` are null where there is none, and where they were erased, which `erased` tells.
    """

    index: int
    version: int
    activity: str
    summary: str
    public: dict[str, Any] | None
    who: dict[str, Any] | None
    what: dict[str, Any] | None
    erased: tuple[str, ...]
    mismatches: tuple[str, ...]


def entry_item(trail: Trail, account: str, entry: Entry, catalog: Catalog) -> EntryItem:
    """Return an entry of the account's trail."""
    public = entry.public
    who, what = read_who(entry.who, public.who), read_what(entry.what, public.what)
    return EntryItem(
        index=entry.index,
        version=entry.version,
        activity=activity(public, what, catalog),
        summary=summary(public, what, catalog),
        public=stored(entry.public_bytes),
        who=stored(entry.who.stored) if entry.who else None,
        what=stored(entry.what.stored) if entry.what else None,
        erased=tuple(name for name, part in (("who", who), ("what", what)) if part.is_erased),
        mismatches=trail.mismatches(account, entry),
    )


def stored(part: bytes) -> Any:
    """Return the stored JSON as it is; what was altered into no JSON would spoil the answer."""
    try:
        msgspec.json.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.Raw(part)
