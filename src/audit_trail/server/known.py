"""What an account's entries have, to be offered while a question is typed; kept for a minute."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Final, NamedTuple

from audit_trail.record.entry import Entry
from audit_trail.record.facts import Facts
from audit_trail.record.query import Query
from audit_trail.record.terms import actor_value
from audit_trail.trail import Trail

READ_ENTRIES: Final = 1_000
"""The newest entries, in which names, addresses, fields and values are looked up."""

READ_TOGETHER: Final = 50
READ_BYTES: Final = 2_000_000
"""Of the entries' what parts; where values are long, fewer entries are read."""

LONGEST_READ_BYTES: Final = 20_000
"""A what part that is longer has values that aren't offered anyway."""

KEPT_US: Final = 60_000_000
MOST_ACCOUNTS: Final = 100
MOST_VALUES: Final = 50
"""Of one field, and of addresses."""

LONGEST_VALUE: Final = 60


class Known(NamedTuple):
    """Names and values, the most frequent first. A person is known by e-mail, if there is one."""

    actors: Sequence[str]
    principals: Sequence[str]
    actions: Sequence[str]
    entities: Sequence[str]
    addresses: Sequence[str]
    fields: Mapping[str, Sequence[str]]
    """By entity type."""
    values: Mapping[str, Sequence[str]]
    """By field, of those that are short."""


class Knowing:
    """Looks up what an account's entries have, at most once a minute for each account."""

    def __init__(self, trail: Trail, clock: Callable[[], int]) -> None:
        self._trail = trail
        self._clock = clock
        self._kept: dict[str, tuple[int, Known]] = {}
        self._lock = Lock()

    def of(self, account: str) -> Known:
        """Return what the account's entries have; it may be a minute old."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(account)
        if kept and now - kept[0] < KEPT_US:
            return kept[1]
        found = _read(self._trail, account)
        with self._lock:
            self._kept.pop(account, None)
            self._kept[account] = now, found
            while len(self._kept) > MOST_ACCOUNTS:
                del self._kept[next(iter(self._kept))]
        return found


def _read(trail: Trail, account: str) -> Known:
    query = Query(account=account)
    facets = trail.facets(query).of
    names: dict[str, str] = {}
    principals: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    fields: dict[str, Counter[str]] = {}
    values: dict[str, Counter[str]] = {}
    for entry in _newest(trail, query):
        facts = Facts(entry)
        public, who = facts.public, facts.who
        if who.email:
            names.setdefault(actor_value(public.actor), who.email)
        if who.nearest:
            addresses[who.nearest] += 1
        principals.update(said[0] for _, said in facts.principals() if said)
        is_long = entry.what is not None and len(entry.what.stored) > LONGEST_READ_BYTES
        for move in facts.moves() if not is_long else ():
            fields.setdefault(public.entity.type, Counter())[move.field] += 1
            short = (each for each in (*(move.before or ()), *(move.after or ())) if _fits(each))
            values.setdefault(move.field, Counter()).update(short)
    return Known(
        actors=list(dict.fromkeys(names.get(each, each) for each, _ in facets["actor"])),
        principals=_most(principals),
        actions=[each for each, _ in facets["action"]],
        entities=[each for each, _ in facets["entity"]],
        addresses=_most(addresses),
        fields={kind: [each for each, _ in found.most_common()] for kind, found in fields.items()},
        values={field: _most(found) for field, found in values.items()},
    )


def _newest(trail: Trail, query: Query) -> Iterator[Entry]:
    """Yield the newest entries, as many as are read without anybody's waiting for it."""
    read, read_bytes, before = 0, 0, None
    while read < READ_ENTRIES and read_bytes < READ_BYTES:
        page = trail.page(query, before=before, limit=READ_TOGETHER)
        yield from page.entries
        if not page.entries or not page.has_older:
            return
        read += len(page.entries)
        read_bytes += sum(len(each.what.stored) for each in page.entries if each.what)
        before = page.entries[-1].index


def _fits(value: str) -> bool:
    return len(value) <= LONGEST_VALUE and value.isprintable()


def _most(found: Counter[str]) -> list[str]:
    return [each for each, _ in found.most_common(MOST_VALUES)]
