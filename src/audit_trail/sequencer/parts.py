"""Parts of records: what was done to one before its owner came, or after it went, is the owner's.

A part whose owner is there when it is written is the owner's already by its trigger. It is taken
back from an owner that came and went in the one transaction: nothing is told of such an owner.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from audit_trail.capture.watch import Part, Table, WatchList
from audit_trail.record.changes import Pair
from audit_trail.record.value import NULL, read
from audit_trail.sequencer.rows import Seen, account_of, record_id

Owner = tuple[str, bytes]
"""An owner's table and key."""

Pointing = Mapping[tuple[str, bytes | None], Sequence[tuple[int, int | None]]]
"""By a table of parts and a value: the rows of owners that have it, and on which side of a change."""


class Parts:
    """Which tables hold parts, and of what."""

    def __init__(self, watch: WatchList) -> None:
        self._parts = {table.name: table.part_of for table in watch.tables if table.part_of}
        self._of: dict[str, list[tuple[Table, Part]]] = defaultdict(list)
        self._said: dict[str, set[str]] = defaultdict(set)
        for table in watch.tables:
            if part := table.part_of:
                self._of[part.table].append((table, part))
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

    def concern(self, seen: Seen) -> bool:
        """Tell whether a transaction with this row must be folded."""
        is_part = seen.table.name in self._parts
        return is_part or (seen.row.operation == "delete" and seen.table.name in self._of)

    def folded(self, rows: Sequence[Seen]) -> Sequence[Seen]:
        """Put what was done to parts behind their owners' rows of the same transaction.

        A part without an owner stands for itself, under its own fields' names.
        """
        if not any(map(self.concern, rows)):
            return rows
        if passing := self._passing(rows):
            rows = list(self._taken_back(rows, passing))
        behind: dict[int, list[Seen]] = defaultdict(list)
        alone: dict[int, Seen] = {}
        pointing = self._pointing(rows)
        for place, seen in enumerate(rows):
            if part := self._parts.get(seen.table.name):
                owners = list(_owners(rows, seen, part, pointing))
                staying = [owner for owner in owners if _record(rows[owner]) not in passing]
                for owner in staying:
                    behind[owner].append(_as_update(seen, rows[owner]))
                if not staying:
                    account = seen.account or (rows[owners[0]].account if owners else None)
                    alone[place] = _unprefixed(seen, part, account)
        found: list[Seen] = []
        for place, seen in enumerate(rows):
            if seen.table.name not in self._parts:
                found.append(seen)
            elif place in alone:
                found.append(alone[place])
            found += behind[place]
        return found

    def _passing(self, rows: Sequence[Seen]) -> set[Owner]:
        """Find the owners that came and went."""
        told: dict[Owner, list[object]] = defaultdict(list)
        for seen in rows:
            if seen.table.name in self._of and seen.row.operation != "update":
                told[_record(seen)].append(seen.row.operation)
        return {
            owner for owner, each in told.items() if (each[0], each[-1]) == ("create", "delete")
        }

    def _taken_back(self, rows: Sequence[Seen], passing: set[Owner]) -> Iterator[Seen]:
        """Make of the updates of passing owners what they were: writes to parts."""
        known: dict[tuple[str, bytes | None], dict[str, bytes]] = defaultdict(dict)
        for seen in rows:
            told = {name: value for name, pair in seen.pairs.items() if (value := _filled(pair))}
            if (part := self._parts.get(seen.table.name)) and part.column:
                owner = known[part.table, told.get(f"{part.prefix}.{part.column}")]
                owner[f"{part.prefix}.{seen.table.keys[0]}"] = seen.key
            if _record(seen) in passing:
                owner = known[_record(seen)]
                owner.update(told)
                yield self._as_part(seen, owner)
            else:
                yield seen

    def _as_part(self, seen: Seen, owner: Mapping[str, bytes]) -> Seen:
        """Return the write to the part that a row of its owner tells; the row, if it tells none.

        `owner` is what the rows so far told of it, its parts' keys included.
        """
        for table, part in self._of[seen.table.name]:
            name = f"{part.prefix}.{table.keys[0]}"
            key = (
                _filled(seen.pairs.get(name, ()))
                or owner.get(part.owner_column or "")
                or owner.get(name)
            )
            is_kind = all(_text(owner.get(each)) == value for each, value in part.where.items())
            is_told = all(each.startswith(f"{part.prefix}.") for each in seen.pairs)
            if key and is_kind and is_told and seen.row.operation == "update":
                return _as_write_to(table, part, key, seen, owner)
        return seen

    def _pointing(self, rows: Sequence[Seen]) -> Pointing:
        """Find by which values the rows of owners are found from their parts."""
        found: dict[tuple[str, bytes | None], list[tuple[int, int | None]]] = defaultdict(list)
        for place, row in enumerate(rows):
            for table, part in self._of.get(row.table.name, ()):
                name, key = table.name, table.keys[0]
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


def _as_write_to(
    table: Table, part: Part, key: bytes, seen: Seen, owner: Mapping[str, bytes]
) -> Seen:
    """Name the part where an update named its owner."""
    old_key, new_key = seen.pairs.get(f"{part.prefix}.{table.keys[0]}", (key, key))
    came, went = (end in (None, NULL) for end in (old_key, new_key))
    operation = "create" if came else "delete" if went else "update"
    pairs = {
        name: (None if came else old, None if went else new)
        for name, (old, new) in seen.pairs.items()
    }
    id_, digest_of = record_id(owner.get(f"{part.prefix}.{table.identities[0]}", key))
    own = owner.get(f"{part.prefix}.{table.account}")
    return msgspec.structs.replace(
        seen,
        row=msgspec.structs.replace(seen.row, operation=operation),
        table=table,
        account=(account_of(read(own)) if own else None) or seen.account,
        key=key,
        id=id_,
        key_digest_of=digest_of,
        pairs=pairs,
        # They were its owner's.
        labels={},
    )


def _unprefixed(seen: Seen, part: Part, account: str | None) -> Seen:
    pairs = {name.removeprefix(f"{part.prefix}."): pair for name, pair in seen.pairs.items()}
    return msgspec.structs.replace(seen, account=account, pairs=pairs)


def _record(seen: Seen) -> Owner:
    return seen.table.name, seen.key


def _filled(pair: Sequence[bytes | None]) -> bytes | None:
    """Return the new value, or the old one of what was emptied."""
    return next((end for end in reversed(pair) if end not in (None, NULL)), None)
