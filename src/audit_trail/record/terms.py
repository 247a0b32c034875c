"""Under which terms an entry is indexed: the byte of a kind, then a text as its UTF-8.

They say of an entry what `Facts` says, so that a condition asked of terms and the same condition held
against the entry can't disagree. A NUL is written as the bytes C0 80, so that no term has one.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from audit_trail.record.catalog import spelled
from audit_trail.record.entry import (
    ActorId,
    ActorKind,
    Entry,
    Outcome,
    Part,
    Via,
    Who,
    read_who,
)
from audit_trail.record.facts import (
    NONE,
    Facts,
    addresses_of,
    names_of,
    texts_of_who,
    told_as,
)
from audit_trail.record.words import folded, words

WORD: Final = b"w"
# As they are written: their values are the facets.
ACTOR: Final = b"A"
ACTION: Final = b"c"
ENTITY: Final = b"e"
OUTCOME: Final = b"o"
VIA: Final = b"v"
# Folded.
ID: Final = b"i"
REQUEST: Final = b"q"
UNDOES: Final = b"z"
ADDRESS: Final = b"d"
FIELD: Final = b"f"
# A field's folded name, the separator, and an item of its value.
BEFORE: Final = b"<"
AFTER: Final = b">"
# No UTF-8 has it.
SEPARATOR: Final = b"\xc1"
# An actor's id, kind, and both; a whole name; a name's words. The second is on whose behalf.
KNOWN: Final = (b"a", b"b")
NAME: Final = (b"n", b"m")
NAMED: Final = (b"p", b"r")
# E-mail and name as `Who.person` has them.
PERSON: Final = b"u"
# An address's version, then its bytes in hexadecimal: a network is a range of these.
PLACE: Final = {4: b"4", 6: b"6"}
# The entry has more than its terms tell, so it must be asked itself.
MANY: Final = b"x"

LONGEST_TERM: Final = 64
"""Characters by which whole values are told apart."""

MOST_TERMS: Final = 5_000
"""Terms of one entry; of what has more, the rest is asked of the entry itself."""


LONGEST_WHOLE: Final = 600
"""Characters of what is counted as it is written, and of an actor's e-mail and name."""


def term(kind: bytes, text: str, longest: int = LONGEST_TERM) -> bytes:
    """Return the term of a text, which is cut where it is long."""
    if len(text) > longest:
        text = text[:longest]
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = text.encode(errors="surrogatepass")
    return kind + (encoded.replace(b"\0", b"\xc0\x80") if b"\0" in encoded else encoded)


def text_of(found: bytes) -> str:
    """Return the text of a term."""
    return found[1:].replace(b"\xc0\x80", b"\0").decode(errors="surrogatepass")


def value_term(kind: bytes, field: str, item: str) -> bytes:
    """Return the term of one item of a field's value, BEFORE or AFTER."""
    return term(kind, folded(field)) + term(SEPARATOR, folded(item))


def actor_value(actor: ActorId) -> str:
    """Return how an actor is told as the value of a facet: its kind, or kind/id."""
    return actor.kind if actor.id is None else f"{actor.kind}/{actor.id}"


def known_as(actor: ActorId) -> tuple[str, ...]:
    """Return what is the actor as a whole: its id, its kind, and both."""
    if actor.id is None:
        return (actor.kind,)
    return actor.id, actor.kind, f"{actor.kind}/{actor.id}"


def terms_of(entry: Entry) -> set[bytes]:
    """Return the terms of an entry."""
    facts = Facts(entry)
    public = facts.public
    actor, entity = public.actor, public.entity
    acting = _of_act(entity.type, public.action, public.outcome, public.via, actor.kind, actor.id)
    found = set(acting)
    found |= _of_who(facts.who) if entry.who is None else _of_stored(entry.who.stored)
    if entity.id is not None:
        found.add(term(ID, folded(entity.id)))
    found.update(term(REQUEST, folded(each)) for each in facts.requests())
    if undone := facts.undone():
        found.add(term(UNDOES, undone))
    for principal, names in facts.principals():
        found |= _of_actor(principal, names, 1)
    for text in facts.names():
        found.update(words_of(text))
    moves = list(facts.moves())
    moved = set()
    for move in moves:
        field = folded(move.field)
        moved.add(field)
        found.update(_of_field(move.field))
        for kind, items in ((BEFORE, move.before), (AFTER, move.after)):
            for item in items or ():
                found.update(_of_item(kind, field, item))
        if len(found) > MOST_TERMS:
            break
    # Two changes of what is one field as it is compared would be taken for one change.
    if len(found) > MOST_TERMS or len(moved) < len(moves):
        found.add(MANY)
    return found


def words_of(text: str) -> Collection[bytes]:
    """Return the terms of a text's words."""
    return _short_words(text) if len(text) <= LONGEST_TERM else _words(text)


# Texts come again and again: what they are indexed under is remembered.


@lru_cache(maxsize=8_192)
def _of_act(
    type_: str, action: str, outcome: Outcome, via: Via, kind: ActorKind, id_: str | None
) -> frozenset[bytes]:
    actor = ActorId(kind=kind, id=id_)
    told = {ACTOR: actor_value(actor), ACTION: action, ENTITY: type_, OUTCOME: outcome, VIA: via}
    found = {term(kind, text, LONGEST_WHOLE) for kind, text in told.items()}
    found |= {term(KNOWN[0], folded(each)) for each in known_as(actor)}
    if any(len(text) > LONGEST_WHOLE for text in told.values()):
        found.add(MANY)
    return frozenset(found.union(_words(told_as(type_, action))))


@lru_cache(maxsize=1_024)
def _of_stored(stored: bytes) -> frozenset[bytes]:
    return _of_who(read_who(Part(stored, b"")))


def _of_who(who: Who) -> frozenset[bytes]:
    found = {term(PERSON, who.person, LONGEST_WHOLE)}
    if len(who.person) > LONGEST_WHOLE:
        found.add(MANY)
    for address in addresses_of(who):
        found |= _of_address(address)
    found |= _of_actor(None, names_of(who), 0)
    return frozenset(found.union(*map(_words, texts_of_who(who))))


@lru_cache(maxsize=4_096)
def _of_actor(actor: ActorId | None, names: tuple[str, ...], place: int) -> frozenset[bytes]:
    found = {term(KNOWN[place], folded(each)) for each in known_as(actor)} if actor else set()
    found |= {term(NAME[place], folded(name)) for name in names}
    return frozenset(found | {term(NAMED[place], word) for name in names for word in words(name)})


def _of_address(address: str) -> set[bytes]:
    found = {term(ADDRESS, folded(address))}
    with suppress(ValueError):
        place = ip_address(address)
        found.add(PLACE[place.version] + place.packed.hex().encode())
    return found


@lru_cache(maxsize=4_096)
def _of_field(name: str) -> frozenset[bytes]:
    return frozenset({term(FIELD, folded(name)), *_words(spelled(name))})


def _of_item(kind: bytes, field: str, item: str) -> Collection[bytes]:
    if len(item) <= LONGEST_TERM:
        return _of_short_item(kind, field, item)
    return {value_term(kind, field, item), *_words(item)}


@lru_cache(maxsize=16_384)
def _of_short_item(kind: bytes, field: str, item: str) -> tuple[bytes, ...]:
    found = {value_term(kind, field, item)}
    return tuple(found if item == NONE else found.union(_words(item)))


@lru_cache(maxsize=16_384)
def _short_words(text: str) -> tuple[bytes, ...]:
    return tuple(_words(text))


def _words(text: str) -> set[bytes]:
    # A word has neither NUL nor half a character, and is short enough.
    return {WORD + word.encode() for word in words(text)}


def forget_texts() -> None:
    """Forget every text that is remembered, as some of them may have been erased."""
    for remembered in (*(_of_act, _of_stored, _of_actor, _of_field, _of_short_item, _short_words),):
        remembered.cache_clear()
