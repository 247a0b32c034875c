"""Parts of records: what was done to one before its owner came, or after it went, is the owner's.

A part whose owner is there when it is written is the owner's already by its trigger.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from audit_trail.capture.watch import Part, WatchList
from audit_trail.record.changes import Pair
from audit_trail.record.value import NULL, read
from audit_trail.sequencer.rows import Seen


class Parts:
    """Which tables hold parts, and of what."""

    def __init__(self, watch: WatchList) -> None:
        self._parts = {table.name: table.part_of for table in watch.tables if table.part_of}
        self._said: dict[str, set[str]] = defaultdict(set)
        for table in watch.tables:
            if part := table.part_of:
                names = {*table.keys, table.account, part.column}
                self._said[part.table] |= {f"{part.prefix}.{name}" for name in names if name}

    def shown(self, seen: Seen, pairs: Mapping[str, Pair]) -> Mapping[str, Pair]:
        """Leave out of an owner's write what came or went with a part and only says whose it is."""
        if not (said := self._said.get(seen.table.name)):
            return pairs
        return {
            name: pair
            for name, pair in pairs.items()
            if name not in said or not {None, NULL}.intersection(pair)
        }

    def folded(self, rows: Sequence[Seen]) -> Sequence[Seen]:
        """Put what was done to parts behind their owners' rows of the same transaction.

        A part without an owner stands for itself, under its own fields' names.
        """
        if not self._parts or not any(seen.table.name in self._parts for seen in rows):
            return rows
        behind: dict[int, list[Seen]] = defaultdict(list)
        alone: dict[int, Seen] = {}
        for place, seen in enumerate(rows):
            if part := self._parts.get(seen.table.name):
                places = list(_owners(rows, seen, part))
                for owner in places:
                    behind[owner].append(_as_update(seen, rows[owner]))
                if not places:
                    alone[place] = _unprefixed(seen, part)
        found: list[Seen] = []
        for place, seen in enumerate(rows):
            if seen.table.name not in self._parts:
                found.append(seen)
            elif place in alone:
                found.append(alone[place])
            found += behind[place]
        return found


def _owners(rows: Sequence[Seen], seen: Seen, part: Part) -> Iterator[int]:
    """Yield the places of the first rows of those records whose part this is, in each account."""
    known: set[tuple[str | None, bytes]] = set()
    for place, row in enumerate(rows):
        owner = (row.account, row.key)
        if row.table.name == part.table and owner not in known and _has(row, seen, part):
            known.add(owner)
            yield place


def _has(owner: Seen, seen: Seen, part: Part) -> bool:
    if part.column:
        return owner.key in seen.pairs.get(f"{part.prefix}.{part.column}", ())
    ends = owner.pairs.get(part.owner_column or "", ())
    return any(
        end == seen.key
        and all(
            name not in owner.pairs or _text(owner.pairs[name][side]) == value
            for name, value in part.where.items()
        )
        for side, end in enumerate(ends)
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else str(read(raw))


def _as_update(seen: Seen, owner: Seen) -> Seen:
    return msgspec.structs.replace(
        owner,
        row=msgspec.structs.replace(seen.row, operation="update", account=owner.row.account),
        # The owner itself was there, or is, and had nothing in these fields.
        pairs={name: (old or NULL, new or NULL) for name, (old, new) in seen.pairs.items()},
        context=seen.context,
        occurred_us=seen.occurred_us,
    )


def _unprefixed(seen: Seen, part: Part) -> Seen:
    pairs = {name.removeprefix(f"{part.prefix}."): pair for name, pair in seen.pairs.items()}
    return msgspec.structs.replace(seen, pairs=pairs)
