"""The search index of one trail: made of its entries behind the appends, forgotten before they go.

Blocks of 1,024 entries become segments, and sixteen segments of a level one of the next, so that few
are to be asked however long a trail is. Entries that fill no block yet are held in memory. Nothing of
it is sealed: what was altered in it can hide an entry or count it, but never shows another one.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Final, NamedTuple

from audit_trail.errors import HeadMoved
from audit_trail.record.entry import Ranges
from audit_trail.record.removed import union
from audit_trail.record.terms import forget_texts, terms_of
from audit_trail.search.forgetting import Forgetter, dropped_ranges
from audit_trail.search.making import Maker, advanced, indexed_entries
from audit_trail.search.segments import (
    BLOCK_ENTRIES,
    Bounds,
    Kept,
    RecentStretch,
    StoredStretch,
    Stretch,
)
from audit_trail.store.index import IndexHead, IndexStore, Segment
from audit_trail.store.port import Pending, Store

MOST_RECENT: Final = 4 * BLOCK_ENTRIES
"""Entries of an account that are held in memory; where more wait for the index, they are read."""

MOST_HELD: Final = 64
"""Accounts whose newest entries are held in memory."""

ATTEMPTS: Final = 20
PATIENCE_ROUNDS: Final = 600
PAUSE_SECONDS: Final = 0.05
ENTRIES_TOGETHER: Final = 500


class Snapshot(NamedTuple):
    """An account's index as it was found: its stretches in order, and what is dropped of them.

    Entries from `indexed` on, up to `size`, are in none of them.
    """

    head: IndexHead
    stretches: Sequence[Stretch]
    indexed: int
    size: int
    dropped: Ranges


class Recent:
    """The newest entries of one account, as they were at a generation of its index."""

    def __init__(self, generation: int, start: int) -> None:
        self.generation = generation
        self.stretch = RecentStretch(start)
        self.lock = Lock()


class Index:
    """Keeps the index of every account in step with its entries."""

    def __init__(self, store: Store, index: IndexStore) -> None:
        self._store = store
        self._index = index
        self._kept = Kept()
        self._recent: OrderedDict[str, Recent] = OrderedDict()
        self._lock = Lock()
        self._generations: dict[str, int] = {}
        self._maker = Maker(store, index, self._stored)
        self._forgetter = Forgetter(store, index)
        # What was left when this process began is looked for once.
        self._waiting: dict[str, int] | None = None

    def added(self, account: str, before: int, size: int) -> None:
        """Remember an append that filled a block."""
        if before // BLOCK_ENTRIES < size // BLOCK_ENTRIES:
            self.note(account, size)

    def snapshot(self, account: str) -> Snapshot:
        """Return what can be asked of the account's index now."""
        head = self._index.index_head(account)
        if self._generations.get(account, head.generation) != head.generation:
            # Something was taken out, by this process or by another.
            self._release(account)
        self._generations[account] = head.generation
        size = self._store.head(account).size
        stretches: list[Stretch] = [
            self._stored(account, head, segment) for segment in head.segments
        ]
        indexed = head.blocks * BLOCK_ENTRIES
        if indexed < size <= indexed + MOST_RECENT:
            stretches.append(self._held(account, head, size))
            indexed = size
        if size >= (head.blocks + 1) * BLOCK_ENTRIES:
            self.note(account, size)
        return Snapshot(head, stretches, indexed, size, dropped_ranges(self._store, account))

    def earliest(self, account: str, first: int) -> int | None:
        """Return when the earliest entry from an index on occurred, µs UTC, as far as is indexed."""
        snapshot = self.snapshot(account)
        found = self.bounds(account, snapshot.head).earliest(first // BLOCK_ENTRIES)
        held = [stretch for stretch in snapshot.stretches if stretch.grows]
        recent = [since for stretch in held for _, since, _ in stretch.bounds()]
        return min((each for each in (found, *recent) if each is not None), default=None)

    def is_steady(self, account: str, snapshot: Snapshot) -> bool:
        """Tell whether all that the snapshot names was there until now."""
        head = self._index.index_head(account)
        return head.generation == snapshot.head.generation and (
            {each[:2] for each in snapshot.head.segments} <= {each[:2] for each in head.segments}
        )

    def note(self, account: str, size: int) -> None:
        """Remember that the account has so many entries, to make segments of them."""
        if self._waiting is not None:
            self._waiting[account] = size

    def catch_up(self, is_over: Callable[[], bool] = lambda: False) -> int | None:
        """Make the segments that are due, of all accounts; return how many.

        None where another process does so now, which isn't disturbed.
        """
        if self._waiting is not None and not self._waiting:
            return 0
        with self._index.indexing() as is_ours:
            if not is_ours:
                return None
            if self._waiting is None:
                self._waiting = {
                    account: self._store.head(account).size for account in self._store.accounts()
                }
            made = 0
            while self._waiting and not is_over():
                account, size = self._waiting.popitem()
                try:
                    made += self._catch_up(account, size, is_over)
                except BaseException:
                    self.note(account, size)
                    raise
            return made

    def forget(self, account: str, pending: Sequence[Pending]) -> None:
        """Take out what these entries are about to lose, by what is declared of them."""
        ranges = union((each.start, each.stop - 1) for each in pending if each.part != "entry")
        with self._alone():
            if ranges:
                self._retried(account, lambda: self._forgetter.erase(account, ranges))
            if any(each.part == "entry" for each in pending):
                self._retried(account, lambda: self._forgetter.drop(account))
        self._release(account)

    def rebuild(self, account: str) -> None:
        """Throw the account's index away; whoever makes segments makes them anew."""

        def empty() -> None:
            head = self._index.index_head(account)
            after = advanced(head, is_less=True)._replace(blocks=0, segments=())
            self._index.publish(account, head, after)

        self._retried(account, empty)
        self.note(account, self._store.head(account).size)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let whoever makes segments finish first; who takes too long has to begin anew."""
        for _ in range(PATIENCE_ROUNDS):
            with self._index.indexing() as is_ours:
                if is_ours:
                    yield
                    return
            time.sleep(PAUSE_SECONDS)
        yield

    def _retried(self, account: str, act: Callable[[], None]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                return act()
            except HeadMoved:
                time.sleep(PAUSE_SECONDS * attempt / 10)
        raise HeadMoved(f"The search index of account {account} moved {ATTEMPTS} times in a row.")

    def _release(self, account: str) -> None:
        """Let go of what this process remembers of an account, and of texts that were indexed."""
        with self._lock:
            self._recent.pop(account, None)
        self._kept.release(account)
        forget_texts()

    def bounds(self, account: str, head: IndexHead) -> Bounds:
        """Return when the entries of each of its blocks occurred."""

        def read() -> tuple[Bounds, int]:
            rows = self._index.blocks(account, 0, head.blocks)
            return Bounds(rows), 40 * (len(rows) + 10)

        return self._kept.get((account, head.generation, head.blocks, "bounds"), read)

    def _catch_up(self, account: str, size: int, is_over: Callable[[], bool]) -> int:
        made = 0
        while not is_over():
            try:
                self._forgetter.drop(account)
                if not self._maker.make(account, size, is_over):
                    return made
            except HeadMoved:
                continue
            made += 1
        self.note(account, size)
        return made

    def _stored(self, account: str, head: IndexHead, segment: Segment) -> StoredStretch:
        return StoredStretch(
            self._index,
            self._kept,
            account,
            head.generation,
            segment,
            lambda: self.bounds(account, head),
        )

    def _held(self, account: str, head: IndexHead, size: int) -> RecentStretch:
        """Return the entries behind the last block, read as far as they weren't yet."""
        start = head.blocks * BLOCK_ENTRIES
        with self._lock:
            recent = self._recent.get(account)
            if (
                recent is None
                or recent.generation != head.generation
                or recent.stretch.start != start
            ):
                recent = self._recent[account] = Recent(head.generation, start)
            self._recent.move_to_end(account)
            if len(self._recent) > MOST_HELD:
                self._recent.popitem(last=False)
        with recent.lock:
            stretch = recent.stretch
            while stretch.stop < size:
                stop = min(stretch.stop + ENTRIES_TOGETHER, size)
                for entry in indexed_entries(self._store, account, stretch.stop, stop):
                    stretch.add(entry.index, terms_of(entry), entry.public.occurred_at)
                stretch.reach(stop)
            return stretch
