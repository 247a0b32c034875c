"""Under which terms an entry is indexed: the byte of a kind, then a text as its UTF-8.

They say of an entry what `Facts` says, so that a condition asked of terms and the same condition held
against the entry can't disagree. A NUL is written as the bytes C0 80, so that no term has one.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from audit_trail.record.entry import ActorId, Entry
from audit_trail.record.facts import Facts, Moved
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
    encoded = text[:longest].encode(errors="surrogatepass")
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
    public, person = facts.public, facts.who.person
    moves = list(facts.moves())
    found = {
        term(ACTOR, actor_value(public.actor), LONGEST_WHOLE),
        term(ACTION, public.action, LONGEST_WHOLE),
        term(ENTITY, public.entity.type, LONGEST_WHOLE),
        term(OUTCOME, public.outcome),
        term(VIA, public.via),
        term(PERSON, person, LONGEST_WHOLE),
    }
    if public.entity.id is not None:
        found.add(term(ID, folded(public.entity.id)))
    found.update(term(REQUEST, folded(each)) for each in facts.requests())
    for address in facts.addresses():
        found.update(_of_address(address))
    for actor, names in facts.actors():
        found.update(_of_actor(actor, names, 0))
    for principal, names in facts.principals():
        found.update(_of_actor(principal, names, 1))
    found.update(_of_moves(moves))
    for text in facts.texts(moves):
        found.update(_words(text) if len(text) <= LONGEST_TERM else _unkept(text))
        if len(found) > MOST_TERMS:
            break
    whole = (actor_value(public.actor), public.action, public.entity.type, person)
    if (
        len(found) > MOST_TERMS
        or any(len(each) > LONGEST_WHOLE for each in whole)
        # Two changes of what is one field as it is compared would be taken for one change.
        or len({folded(move.field) for move in moves}) < len(moves)
    ):
        found.add(MANY)
    return found


def _of_moves(moves: Iterable[Moved]) -> Iterator[bytes]:
    for move in moves:
        yield term(FIELD, folded(move.field))
        for kind, items in ((BEFORE, move.before), (AFTER, move.after)):
            for item in items or ():
                yield value_term(kind, move.field, item)


@lru_cache(maxsize=4_096)
def _of_actor(actor: ActorId | None, names: tuple[str, ...], place: int) -> frozenset[bytes]:
    found = {term(KNOWN[place], folded(each)) for each in known_as(actor)} if actor else set()
    found |= {term(NAME[place], folded(name)) for name in names}
    return frozenset(found | {term(NAMED[place], word) for name in names for word in words(name)})


@lru_cache(maxsize=4_096)
def _of_address(address: str) -> tuple[bytes, ...]:
    found = term(ADDRESS, folded(address))
    try:
        place = ip_address(address)
    except ValueError:
        return (found,)
    return found, PLACE[place.version] + place.packed.hex().encode()


@lru_cache(maxsize=16_384)
def _words(text: str) -> tuple[bytes, ...]:
    return tuple(_unkept(text))


def _unkept(text: str) -> set[bytes]:
    return {term(WORD, word) for word in words(text)}
