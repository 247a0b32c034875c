"""What of a question public parts decide, so that a verifier asks it again; the rest stays open."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args

import msgspec

from audit_trail.record import query as asked
from audit_trail.record.entry import ActorKind
from audit_trail.verify.times import LIMIT_US, Micros, moment

Aspect = Literal["action", "actor", "entity", "field", "id", "outcome", "request", "via"]
"""What is compared, letters A to Z as a to z. An `actor` is found by kind, by id, and by kind/id."""

DEEPEST: Final = 100
_CHANGES: Final = ("create", "update", "delete")


class Seen(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What of a public part a filter looks at; what has another type than it should is passed over."""

    action: str
    actor: Any = None
    entity: Any = None
    fields: Any = None
    occurred_at: int
    outcome: Any = None
    request: Any = None
    via: str
    what: Any = None


read_seen: Final = msgspec.json.Decoder(Seen).decode


class Filter(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One test of an entry, or several put together; exactly one member is there.

    Both bounds of a time are inclusive. `undecided` is what public parts don't tell.
    """

    all: "tuple[Filter, ...]" = ()
    any: "tuple[Filter, ...]" = ()
    not_: "Filter | None" = msgspec.field(default=None, name="not")
    is_: tuple[Aspect, str] | None = msgspec.field(default=None, name="is")
    begins: tuple[Aspect, str] | None = None
    since_us: Micros | None = None
    until_us: Micros | None = None
    undecided: Literal[True] | None = None

    def __post_init__(self) -> None:
        given = (getattr(self, name) for name in self.__struct_fields__)
        if sum(value not in (None, ()) for value in given) != 1:
            raise ValueError("A part of a filter is one test, and no other")

    @property
    def depth(self) -> int:
        """How deep it nests; one test alone is 1."""
        inner = (*self.all, *self.any, *((self.not_,) if self.not_ else ()))
        return 1 + max((each.depth for each in inner), default=0)

    def decides(self, seen: Seen) -> bool | None:
        """Tell whether an entry matches; None where its public part doesn't tell."""
        match self:
            case Filter(all=(_, *_)):
                return _all(each.decides(seen) for each in self.all)
            case Filter(any=(_, *_)):
                return _not(_all(_not(each.decides(seen)) for each in self.any))
            case Filter(not_=Filter() as inner):
                return _not(inner.decides(seen))
            case Filter(since_us=int(since_us)):
                return seen.occurred_at >= since_us
            case Filter(until_us=int(until_us)):
                return seen.occurred_at <= until_us
            case Filter(is_=(aspect, text)) | Filter(begins=(aspect, text)):
                return self._compares(seen, aspect, text.encode().lower())
            case _:
                return None

    def _compares(self, seen: Seen, aspect: Aspect, sought: bytes) -> bool | None:
        found = [each.encode().lower() for each in _values(seen, aspect) if isinstance(each, str)]
        if any_of(found, sought, begins=self.is_ is None):
            return True
        # Names of fields too many for a public part are in the what part alone.
        is_open = aspect == "field" and not found and seen.action in _CHANGES
        return None if is_open and seen.what is not None else False

    @property
    def told(self) -> str:
        """The filter in words."""
        match self:
            case Filter(all=(_, *_)):
                return f"({' and '.join(each.told for each in self.all)})"
            case Filter(any=(_, *_)):
                return f"({' or '.join(each.told for each in self.any)})"
            case Filter(not_=Filter() as inner):
                return f"not {inner.told}"
            case Filter(since_us=int(since_us)):
                return f"since {moment(since_us)}"
            case Filter(until_us=int(until_us)):
                return f"until {moment(until_us)}"
            case Filter(is_=(aspect, text)):
                return f'{aspect} "{text}"'
            case Filter(begins=(aspect, text)):
                return f'{aspect} beginning "{text}"'
            case _:
                return "what public parts don't tell"


def any_of(found: Sequence[bytes], sought: bytes, *, begins: bool) -> bool:
    """Tell whether one of these is what is sought, or begins so."""
    return any(each.startswith(sought) if begins else each == sought for each in found)


UNDECIDED: Final = Filter(undecided=True)


def filter_of(condition: asked.Condition | None) -> Filter | None:
    """Return what of a condition public parts decide; None asks nothing."""
    match condition:
        case None:
            return None
        case asked.All(of):
            return Filter(all=tuple(filter(None, map(filter_of, of))))
        case asked.Any(of):
            return Filter(any=tuple(filter(None, map(filter_of, of))))
        case asked.Not(what):
            return Filter(not_=filter_of(what))
        case asked.During(since_us, until_us):
            return _during(since_us, until_us)
        case asked.Is("request", text, goes_on):
            return _or_open(_test("request", text, goes_on))
        case asked.Is(what, text, goes_on) if what != "ip" and what != "undoes":
            return _test(what, text, goes_on)
        case asked.By(text, goes_on, False):
            test = _test("actor", text, goes_on)
            return test if _is_actor(text) and not goes_on else _or_open(test)
        case asked.Changed(str(field), None, None):
            return _test("field", field)
        case asked.Changed(str(field)):
            return Filter(all=(_test("field", field), UNDECIDED))
        case _:
            return UNDECIDED


def _during(since_us: int | None, until_us: int | None) -> Filter:
    bounds = []
    if since_us is not None or until_us is None:
        bounds.append(Filter(since_us=_bounded(-LIMIT_US if since_us is None else since_us)))
    if until_us is not None:
        bounds.append(Filter(until_us=_bounded(until_us - 1)))
    return bounds[0] if len(bounds) == 1 else Filter(all=tuple(bounds))


def _bounded(time_us: int) -> int:
    return max(1 - LIMIT_US, min(time_us, LIMIT_US - 1))


def _test(aspect: Aspect, text: str, goes_on: bool = False) -> Filter:
    # Of other letters there are several that count as the same, and readers would have to know them.
    if not text.isascii():
        return UNDECIDED
    return Filter(begins=(aspect, text)) if goes_on else Filter(is_=(aspect, text))


def _or_open(test: Filter) -> Filter:
    return test if test is UNDECIDED else Filter(any=(test, UNDECIDED))


def _is_actor(text: str) -> bool:
    kind, slash, number = text.partition("/")
    return bool(slash and number) and kind in get_args(ActorKind)


def _values(seen: Seen, aspect: Aspect) -> Iterator[object]:
    entity = seen.entity if isinstance(seen.entity, dict) else {}
    match aspect:
        case "entity":
            yield entity.get("type")
        case "id":
            yield entity.get("id")
        case "actor":
            yield from _actor(seen.actor)
        case "field":
            yield from seen.fields if isinstance(seen.fields, list) else ()
        case _:
            yield getattr(seen, aspect)


def _actor(actor: object) -> Iterator[object]:
    if not isinstance(actor, dict):
        return
    kind, number = actor.get("kind"), actor.get("id")
    yield from (kind, number)
    if isinstance(kind, str) and isinstance(number, str):
        yield f"{kind}/{number}"


def _all(verdicts: Iterator[bool | None]) -> bool | None:
    found = list(verdicts)
    return False if False in found else None if None in found else True


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict
