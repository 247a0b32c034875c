"""What of an entry can be searched: its texts, names, changes and addresses, decoded once."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.record.canonical import INTEGER_LIMIT
from audit_trail.record.catalog import spelled
from audit_trail.record.entry import (
    ActorId,
    Change,
    Entry,
    Public,
    Reference,
    What,
    Who,
    read_what,
    read_who,
)
from audit_trail.record.value import read

LONGEST_SEARCHED: Final = 20_000
"""Characters of one text that are searched."""

MOST_ITEMS: Final = 1_000
"""Items of one value that are searched."""

NONE: Final = "none"
"""How a value that isn't there is asked for."""

UNDOES: Final = "undoes"
"""Where the details name the entry that is undone: by `index` and `id`."""

DONE: Final = {"create": "created", "update": "updated", "delete": "deleted"}


class Moved(NamedTuple):
    """The items of one field's value before and after; None where there is no such side."""

    field: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None


class Facts:
    """An entry as a query sees it."""

    def __init__(self, entry: Entry) -> None:
        self.public: Public = entry.public
        self.who: Who = read_who(entry.who)
        self.what: What = read_what(entry.what)

    def actors(self) -> Iterator[tuple[ActorId, tuple[str, ...]]]:
        """Yield who acted, with e-mail and name."""
        yield self.public.actor, names_of(self.who)

    def principals(self) -> Iterator[tuple[ActorId | None, tuple[str, ...]]]:
        """Yield those on whose behalf it was done, with e-mails and names."""
        ids, said = self.public.on_behalf_of, self.who.on_behalf_of
        for place in range(max(len(ids), len(said))):
            names = said[place] if place < len(said) else {}
            yield ids[place] if place < len(ids) else None, _names(names)

    def addresses(self) -> set[str]:
        """Return where the act came from: the connection's own address, and the one it is told as."""
        return addresses_of(self.who)

    def requests(self) -> set[str]:
        """Return the request's id, ours and the client's."""
        return {each for each in (self.public.request, self.who.client_request) if each}

    def undone(self) -> str | None:
        """Return the number of the entry that this one undoes."""
        return undone_number(self.what)

    def moves(self) -> Iterator[Moved]:
        """Yield each changed field with its values. Of erased values the field's name is left."""
        changes, references = self.what.changes, self.what.references
        for field in dict.fromkeys((*self.public.fields, *changes)):
            change, reference = changes.get(field), references.get(field)
            if change is None:
                yield Moved(field, None, None)
                continue
            before, after = _labels(reference, self.public.action)
            yield Moved(field, _items(change, "before", before), _items(change, "after", after))

    def texts(self) -> Iterator[str]:
        """Yield each text in which free words are looked for."""
        yield told_as(self.public.entity.type, self.public.action)
        yield from texts_of_who(self.who)
        yield from self.names()
        for move in self.moves():
            yield spelled(move.field)
            yield from texts_of_move(move)

    def names(self) -> Iterator[str]:
        """Yield what the record and what it points to are called, the reason, and what else is told."""
        public, what = self.public, self.what
        yield from filter(None, (public.entity.id, what.label, what.reason, what.ticket))
        for reference in what.references.values():
            yield from filter(None, (reference.label, reference.before))
        if what.details:
            # The number of an entry would be taken for any other; it is asked for by `undoes:`.
            yield from leaves({**what.details, UNDOES: None})
        if what.unreadable:
            yield from leaves(what.unreadable)


def undone_number(what: What) -> str | None:
    """Return the number, index + 1, of the entry that is undone."""
    match what.details.get(UNDOES):
        case {"index": int(index)} if 0 <= index < INTEGER_LIMIT:
            return str(index + 1)
        case _:
            return None


def told_as(entity_type: str, action: str) -> str:
    """Return what was done to what, in words."""
    return f"{entity_type} {action} {DONE.get(action, '')}".replace("_", " ")


def names_of(who: Who) -> tuple[str, ...]:
    """Return the actor's e-mail and name, as far as they are known."""
    return _names({"email": who.email, "name": who.name})


def addresses_of(who: Who) -> set[str]:
    """Return the connection's own address, and the one that it is told as."""
    return {each for each in (who.ip, who.address) if each}


def texts_of_who(who: Who) -> Iterator[str]:
    """Yield what of a who part is looked for by free words."""
    yield from filter(None, (who.email, who.name, who.job))
    yield from (who.token or {}).values()
    for names in who.on_behalf_of:
        yield from _names(names)


def texts_of_move(move: Moved) -> Iterator[str]:
    """Yield the items before and after; that there is none is no text."""
    for items in (move.before, move.after):
        if items:
            yield from (item for item in items if item != NONE)


def leaves(value: Any) -> Iterator[str]:
    """Yield what a JSON value holds as texts, cut where they are long; null as none."""
    stack, yielded = [value], 0
    while stack and yielded < MOST_ITEMS:
        match stack.pop():
            case dict() as found:
                # In the order of names: engines keep an object's members in different ones.
                stack += (found[name] for name in sorted(found, reverse=True))
            case list() | tuple() as found:
                stack += reversed(found)
            case None:
                continue
            case bool() as found:
                yield "true" if found else "false"
                yielded += 1
            case float() as found:
                yield from _numbers(repr(found))
                yielded += 1
            case found:
                yield str(found)[:LONGEST_SEARCHED]
                yielded += 1


def _numbers(text: str) -> Iterator[str]:
    """Yield a number as it is written, and without the zeros that only some engines keep."""
    yield text
    if "." in text and text.replace(".", "").replace("-", "").isdigit():
        plain = text.rstrip("0").rstrip(".")
        if plain != text:
            yield plain


def _names(said: Any) -> tuple[str, ...]:
    return tuple(each for each in (said.get("email"), said.get("name")) if each)


def _labels(reference: Reference | None, action: str) -> tuple[str | None, str | None]:
    """Return what a reference was called before and after; a delete's label is that of before."""
    if reference is None:
        return None, None
    return (reference.label, None) if action == "delete" else (reference.before, reference.label)


def _items(change: Change, side: str, label: str | None) -> tuple[str, ...] | None:
    raw = getattr(change, side)
    if raw is msgspec.UNSET:
        return None
    found = tuple(_told(read(bytes(raw))))
    return (*found, label) if label else found


def _told(value: Any) -> Iterator[str]:
    match value:
        case None:
            yield NONE
        case {"$": "json", "value": None}:
            yield NONE
        case {"$": "json", "value": document}:
            yield from leaves(document)
        case {"$": "secret"}:
            return
        case {"$": "blob", "sha256": digest}:
            yield str(digest)
        case {"$": "real" | "numeric", "text": text}:
            yield from _numbers(str(text)[:LONGEST_SEARCHED])
        case {"$": _, "text": text}:
            yield str(text)[:LONGEST_SEARCHED]
        case _:
            yield from leaves(value)
