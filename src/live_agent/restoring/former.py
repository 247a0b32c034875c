"""What an entry keeps of a record as it was before; it reads no database but the trail.

It refuses, with the reason, what an entry alone shows to be impossible.
"""

from typing import Any, NamedTuple

import msgspec

from audit_trail.capture.context import Undone
from audit_trail.capture.watch import Table
from audit_trail.record.catalog import with_article
from audit_trail.record.entry import Change, Entry, Public, What, read_what
from audit_trail.record.facts import undone_number
from audit_trail.record.language import say, told
from audit_trail.record.value import read
from audit_trail.trail import Trail
from live_agent.catalog import CATALOG
from live_agent.errors import RestorationRefused
from live_agent.restoring.resources import RESTORABLE, TABLES, WHY_NOT, Restorable
from live_agent.schema import LARGEST_INTEGER


class Value(NamedTuple):
    """A value as its column has it; or why it isn't known."""

    plain: Any
    unknown: str | None = None


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its former values: by column what was before, and what the entry made of it."""

    index: int
    public: Public
    what: What
    kind: Restorable
    table: Table
    record_id: int
    before: dict[str, Value]
    after: dict[str, Value]

    @property
    def is_deletion(self) -> bool:
        return self.public.action == "delete"

    @property
    def undone(self) -> Undone:
        """The entry as the context of what undoes it names it."""
        return Undone(index=self.index, id=self.public.id)

    @property
    def account_id(self) -> int:
        return int(self.public.account)


def former_of(trail: Trail, account: str, entry: Entry) -> Former:
    """Return what the entry keeps. Raises `RestorationRefused`, saying why nothing can be restored."""
    public = entry.public
    what = read_what(entry.what, public.what)
    _require_change(public)
    restorable = _restorable(public, what)
    if trail.mismatches(account, entry):
        raise RestorationRefused(
            say("This entry was altered after it was recorded, so its values can't be trusted.")
        )
    if what.is_erased:
        raise RestorationRefused(say("The values of this entry were erased."))
    if what.unreadable:
        raise RestorationRefused(say("The values of this entry can't be read."))
    if number := undone_number(what):
        raise RestorationRefused(
            say(
                "This entry is a restoration itself: it undoes entry #%(number)s. "
                "Restore from an earlier entry, or make the change yourself.",
                number=number,
            )
        )
    # In the order of the columns, as they are shown everywhere.
    names = dict.fromkeys((*public.fields, *what.changes))
    changes = {name: what.changes[name] for name in names if name in what.changes}
    return Former(
        index=entry.index,
        public=public,
        what=what,
        kind=restorable,
        table=TABLES[public.entity.type],
        record_id=_record_id(public),
        before={name: _value(each, "before") for name, each in changes.items()},
        after={name: _value(each, "after") for name, each in changes.items()},
    )


def _require_change(public: Public) -> None:
    if public.action == "create":
        raise RestorationRefused(
            say(
                "This entry is a creation, before which there was nothing. Delete the record itself."
            )
        )
    if public.action not in ("update", "delete"):
        raise RestorationRefused(
            say("Only an update or a deletion of a record has former values to restore.")
        )


def _restorable(public: Public, what: What) -> Restorable:
    kind = public.entity.type
    if kind in RESTORABLE:
        return RESTORABLE[kind]
    if kind in WHY_NOT:
        raise RestorationRefused(told(WHY_NOT[kind]))
    name = told(CATALOG.name(kind, frozenset(what.references)))
    raise RestorationRefused(say("Nothing here can restore %(a_name)s.", a_name=with_article(name)))


def _record_id(public: Public) -> int:
    text = public.entity.id or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 0 < number <= LARGEST_INTEGER:
        raise RestorationRefused(say("The entry names no record by its number."))
    return number


def _value(change: Change, side: str) -> Value:
    raw = change.before if side == "before" else change.after
    if not isinstance(raw, msgspec.Raw):
        return Value(None, say("The former value isn't kept."))
    match value := read(bytes(raw)):
        case {"$": "json", "value": document}:
            return Value(document)
        case {"$": "secret"}:
            return Value(None, say("Of a secret only that it changed is kept, not its value."))
        case {"$": _}:
            return Value(None, say("The former value isn't kept whole, so it can't be restored."))
        case _:
            return Value(value)
