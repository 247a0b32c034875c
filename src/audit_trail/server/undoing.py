"""Which entries undo which: what an entry says of it, and what later ones say of the entry."""

from collections.abc import Sequence

from audit_trail.record.entry import Entry, Public, What
from audit_trail.record.facts import undone_number
from audit_trail.record.query import Is, Query, all_of
from audit_trail.trail import Trail

MOST_SHOWN = 3
CHANGING = frozenset({"update", "delete"})
"""The actions of which former values are kept."""


def undone_of(trail: Trail, account: str, what: What) -> Entry | int | None:
    """Return the entry that one with this what part undoes; its index where the trail lacks it."""
    number = undone_number(what)
    if number is None:
        return None
    found = trail.entries(account, int(number) - 1, int(number))
    return found[0] if found else int(number) - 1


def undone_by(trail: Trail, account: str, entry: Entry) -> Sequence[Entry]:
    """Return the newest entries that undo this one, of which there may be several."""
    entity = entry.public.entity
    if entity.id is None or not may_be_undone(entry.public):
        return ()
    where = all_of(
        Is("entity", entity.type), Is("id", entity.id), Is("undoes", str(entry.index + 1))
    )
    query = Query(account=account, where=where, start=entry.index + 1)
    return trail.page(query, limit=MOST_SHOWN).entries


def may_be_undone(public: Public) -> bool:
    """Tell whether the entry says what a record was before."""
    return public.action in CHANGING
