"""Finds what an account's entries hold of a person; it removes nothing."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.erasure.subject import Matcher, Subject
from audit_trail.own import ABOUT_THE_TRAIL
from audit_trail.record.entry import ActorId, Entry, Part, Public, Who, read_who
from audit_trail.record.language import marked
from audit_trail.record.value import read
from audit_trail.retention.keeping import STATING, Retention
from audit_trail.retention.policy import Policy, fits_a_hold
from audit_trail.trail import Trail
from audit_trail.trees import Report, unreported

READ_TOGETHER: Final = 1_000
SHOWN_EXAMPLES: Final = 8
LONGEST_EXAMPLE: Final = 120

IsHeld = Callable[[Entry], bool]
"""Tells whether a legal hold keeps the entry as it is (GDPR, article 17(3)(e))."""

"""Actions whose newest entry states, in its what part, how long the account's entries are kept."""

_KINDS: Final = {
    "email": marked("e-mail"),
    "ip": marked("address"),
    "forwarded": marked("address"),
    "user_agent": marked("user agent"),
    "token": marked("access token"),
    "client_request": marked("request id"),
    "on_behalf_of": marked("name"),
    "references": marked("name of a record"),
    "changes": marked("value"),
    "ticket": marked("reason"),
    "details": marked("detail"),
    "unreadable": marked("detail"),
    "name": marked("name"),
    "role": marked("role"),
    "address": marked("address"),
    "session": marked("session"),
    "job": marked("job"),
    "label": marked("name of a record"),
    "reason": marked("reason"),
}
"""What the members of sealed parts are called; others by their own name."""


class Example(NamedTuple):
    """A text that holds a term: the entry's number (from 1), the kind of data, and the text, cut."""

    number: int
    kind: str
    text: str


class Trace(NamedTuple):
    """What one entry holds of the person: in each part, the kinds of data; none where it has none."""

    entry: Entry
    who: frozenset[str]
    what: frozenset[str]
    examples: tuple[Example, ...]


class Found(msgspec.Struct, kw_only=True):
    """What a trail of this size holds of the person, by the indexes of the parts that hold it."""

    size: int = 0
    who: list[int] = []
    what: list[int] = []
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    """Of each kind of data, in how many entries it is."""
    actors: Counter[ActorId] = msgspec.field(default_factory=Counter)
    """Who acted, or was acted for, in entries whose who part goes, or that are about the trail itself."""
    erased: int = 0
    """How many of the person's acts lost their who part before."""
    held: int = 0
    """How many entries stay as they are because of a legal hold."""
    stating: int | None = None
    """The entry that states the retention now, if it names them: its what part stays until the next."""
    shared: dict[str, int] = {}
    """Addresses of theirs in what others did, which stay there, and in how many entries."""
    called: set[str] = set()
    """What else they are called in their own acts: earlier names and e-mails, not looked for yet."""
    examples: list[Example] = []

    @property
    def entries(self) -> int:
        """How many entries hold something."""
        return len({*self.who, *self.what})


def held_in(policy: Policy) -> IsHeld:
    """Return what the policy's legal holds keep."""
    # What part the entry that states the policy must keep is another matter.
    return lambda entry: fits_a_hold(policy, entry)


def find(
    trail: Trail,
    account: str,
    subject: Subject,
    *,
    policy: Policy | None = None,
    report: Report = unreported,
) -> Found:
    """Return what the account's entries hold of the person. `report` is told how far it has read.

    What stays is told by the legal holds of the account's policy, now or as given.
    """
    stays = held_in(policy or Retention(trail).policy(account))
    matcher = Matcher(subject)
    found = Found(size=trail.head(account).size)
    theirs: set[str] = set()
    others: Counter[str] = Counter()
    stating = -1
    for entry in entries_of(trail, account, found.size, report):
        trace = trace_of(entry, subject, matcher)
        public, who = entry.public, read_who(entry.who)
        if public.action in STATING:
            stating = entry.index
        if trace is None or not trace.who:
            others[who.nearest or ""] += public.actor.id is not None
        if trace is None:
            found.erased += was_erased(entry, subject)
        elif stays(entry):
            found.held += 1
        else:
            _add(found, trace)
        if trace and trace.who:
            theirs.add(who.nearest or "")
            found.called |= _others_called(who, entry, subject, matcher)
    if stating in found.what:
        found.what.remove(stating)
        found.stating = stating
    found.shared = {each: others[each] for each in sorted(theirs - {""}) if others[each]}
    return found


def entries_of(trail: Trail, account: str, size: int, report: Report) -> Iterator[Entry]:
    """Read all entries below a size, oldest first, some at a time."""
    for start in range(0, size, READ_TOGETHER):
        stop = min(start + READ_TOGETHER, size)
        yield from trail.entries(account, start, stop)
        report(account, stop, size)


def trace_of(entry: Entry, subject: Subject, matcher: Matcher) -> Trace | None:
    """Return what the entry holds of the person, if it holds anything."""
    examples: list[Example] = []
    who = _who_kinds(entry, subject, matcher, examples)
    what = _named_kinds(entry.index, entry.what, matcher, matcher.is_in, examples)
    return Trace(entry, who, what, tuple(examples)) if who or what else None


def was_erased(entry: Entry, subject: Subject) -> bool:
    """Tell whether it is an act of the person that lost its who part before."""
    return entry.who is None and bool(entry.public.who) and _acted(entry.public, subject)


def _who_kinds(
    entry: Entry, subject: Subject, matcher: Matcher, examples: list[Example]
) -> frozenset[str]:
    """All kinds of data where they acted or were acted for; else those that hold a term.

    An address alone doesn't make what somebody else did theirs: people share addresses.
    """
    if entry.who is None:
        return frozenset()
    public, who = entry.public, read_who(entry.who)
    if _acted(public, subject) or any(map(matcher.names, filter(None, (who.email, who.name)))):
        examples.append(_example(entry.index, "e-mail", who.email or who.name or _said(public)))
        return frozenset(kind for kind, text in _texts(entry.who) if text)
    is_in = matcher.names if public.actor.id is not None else matcher.is_in
    return _named_kinds(entry.index, entry.who, matcher, is_in, examples)


def _acted(public: Public, subject: Subject) -> bool:
    return subject.actor is not None and subject.actor in (public.actor, *public.on_behalf_of)


def _said(public: Public) -> str:
    return f"{public.actor.kind} {public.actor.id or ''}".strip()


def _named_kinds(
    index: int,
    part: Part | None,
    matcher: Matcher,
    is_in: Callable[[str], bool],
    examples: list[Example],
) -> frozenset[str]:
    if part is None or not matcher.may_be_in(part.stored):
        return frozenset()
    kinds: dict[str, str] = {}
    for kind, text in _texts(part):
        if kind not in kinds and is_in(text):
            kinds[kind] = text
    examples += [_example(index, kind, text) for kind, text in kinds.items()]
    return frozenset(kinds)


def _example(index: int, kind: str, text: str) -> Example:
    cut = f"{text[:LONGEST_EXAMPLE]}…" if len(text) > LONGEST_EXAMPLE else text
    return Example(index + 1, kind, cut)


def _texts(part: Part) -> Iterator[tuple[str, str]]:
    """Yield every text of a sealed part with the kind of data that it is."""
    try:
        members = read(part.stored)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        # Somebody altered it; nothing in it may hide because of that.
        yield "detail", part.stored.decode(errors="replace")
        return
    for member, value in members.items():
        kind = _KINDS.get(str(member), str(member))
        for text in _inside(value):
            yield kind, text
        if member == "unreadable" and isinstance(value, dict):
            yield from ((kind, text) for text in _unhexed(value.get("hex")))


def _inside(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in a value, and the names of nested members, but no tags."""
    left = [value]
    while left:
        match left.pop():
            case dict() as members:
                for name, inner in members.items():
                    if name != "$":
                        left += (name, inner)
            case list() as items:
                left += items
            case str() as text:
                yield text
            case bool() | None:
                pass
            case number:
                yield str(number)


def _unhexed(columns: Any) -> Iterator[str]:
    """Read the columns of an outbox row that could not be understood."""
    for digits in columns.values() if isinstance(columns, dict) else ():
        try:
            yield bytes.fromhex(str(digits)).decode(errors="replace")
        except ValueError:
            continue


def _others_called(who: Who, entry: Entry, subject: Subject, matcher: Matcher) -> set[str]:
    if entry.public.actor != subject.actor:
        return set()
    return {name for name in (who.email, who.name) if name and not matcher.is_in(name)}


def _add(found: Found, trace: Trace) -> None:
    public = trace.entry.public
    if trace.who or public.entity.type == ABOUT_THE_TRAIL.type:
        found.actors.update({public.actor, *public.on_behalf_of})
    if trace.who:
        found.who.append(trace.entry.index)
    if trace.what:
        found.what.append(trace.entry.index)
    found.kinds.update(trace.who | trace.what)
    for example in trace.examples:
        if sum(each.kind == example.kind for each in found.examples) < 2:
            found.examples = [*found.examples, example][:SHOWN_EXAMPLES]
