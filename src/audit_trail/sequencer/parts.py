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

Pointing = Mapping[tuple[str, bytes | None], Sequence[tuple[int, int | None]]]
"""By a table of parts and a value: the rows of owners that have it, and on which side of a change."""


class Parts:
    """Which tables hold parts, and of what."""

    def __init__(self, watch: WatchList) -> None:
        self._parts = {table.name: table.part_of for table in watch.tables if table.part_of}
        self._of: dict[str, list[tuple[str, Part, str]]] = defaultdict(list)
        self._said: dict[str, set[str]] = defaultdict(set)
        for table in watch.tables:
            if part := table.part_of:
                self._of[part.table].append((table.name, part, table.keys[0]))
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
        pointing = self._pointing(rows)
        for place, seen in enumerate(rows):
            if part := self._parts.get(seen.table.name):
                places = list(_owners(rows, seen, part, pointing))
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

    def _pointing(self, rows: Sequence[Seen]) -> Pointing:
        """Find by which values the rows of owners are found from their parts."""
        found: dict[tuple[str, bytes | None], list[tuple[int, int | None]]] = defaultdict(list)
        for place, row in enumerate(rows):
            for name, part, key in self._of.get(row.table.name, ()):
                if part.column:
                    found[name, row.key].append((place, None))
                    continue
                for side, end in enumerate(row.pairs.get(part.owner_column or "", ())):
                    found[name, end].append((place, side))
                # A REPLACE of the part: its new row has found the owner.
                for end in row.pairs.get(f"{part.prefix}.{key}", ()):
                    found[name, end].append((place, None))
        return found


def _owners(rows: Sequence[Seen], seen: Seen, part: Part, pointing: Pointing) -> Iterator[int]:
    """Yield the places of the first rows of those records whose part this is, in each account."""
    ends = seen.pairs.get(f"{part.prefix}.{part.column}", ()) if part.column else (seen.key,)
    known: set[tuple[str | None, bytes]] = set()
    for end in ends:
        for place, side in pointing.get((seen.table.name, end), ()):
            owner = (rows[place].account, rows[place].key)
            if owner not in known and (side is None or _is_kind(rows[place], part, side)):
                known.add(owner)
                yield place


def _is_kind(owner: Seen, part: Part, side: int) -> bool:
    """Tell whether the owner points to a part of this kind; where its write doesn't say, it may."""
    return all(
        name not in owner.pairs or _text(owner.pairs[name][side]) == value
        for name, value in part.where.items()
    )


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    value = read(raw)
    return value if isinstance(value, str) else raw.decode(errors="replace")


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
