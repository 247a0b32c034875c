"""What one transaction did to one record: its rows merged into one net write."""

from collections.abc import Mapping, Sequence

import msgspec

from audit_trail.record.changes import Operation, Write, chained
from audit_trail.sequencer.identity import entry_id
from audit_trail.sequencer.rows import Seen, Unreadable


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one transaction did to one record: its first row, its last, and the net write, if any.

    The last row's labels are those of the net write. The entry's id is born in the first row.
    """

    born: Seen
    last: Seen
    write: Write | None
    entry_id: str


def keys_left_and_taken(seen: Seen) -> list[tuple[str, bytes | None]]:
    """A row that changes its key begins another record's life: writes to both aren't merged."""
    if seen.row.operation != "update" or seen.pairs.keys().isdisjoint(seen.table.keys):
        return []
    return [(seen.table.name, key) for key in (_former_key(seen), seen.key)]


def _former_key(seen: Seen) -> bytes | None:
    """The record's key before it was changed, in the form in which the trigger writes keys."""
    keys = seen.table.keys
    if len(keys) == 1:
        return seen.pairs[keys[0]][0]
    try:
        parts = dict(zip(keys, _decode_key(seen.key), strict=True))
    except ValueError as error:
        raise Unreadable(f"its key is none of its table ({error})") from error
    former = (
        seen.pairs[name][0] if name in seen.pairs else bytes(part) for name, part in parts.items()
    )
    return b"[%s]" % b",".join(part or b"null" for part in former)


_decode_key = msgspec.json.Decoder(list[msgspec.Raw]).decode


def records_of(seen: Sequence[Seen]) -> list[Record]:
    """Merge the rows of one record; where they don't chain, each stands for itself."""
    born, last = seen[0], seen[-1]
    writes = chained([write_of(each) for each in seen])
    if len(writes) > 1:
        return [record for each in seen for record in records_of([each])]
    if writes and len(seen) > 1:
        last = msgspec.structs.replace(last, labels=_labels(seen, writes[0]))
    return [
        Record(
            born=born,
            last=last,
            write=writes[0] if writes else None,
            entry_id=entry_id(born.row, born.occurred_us),
        )
    ]


def _labels(seen: Sequence[Seen], write: Write) -> dict[str, tuple[str | None, str | None]]:
    """Take each label from the row that had the value which it names, wherever that row stands."""
    found = {}
    for column, (oldest, newest) in seen[-1].labels.items():
        rows = [each for each in seen if column in each.pairs and column in each.labels]
        ends = (write.before(column), write.after(column))
        before, after = (
            [each.labels[column][side] for each in rows if end and each.pairs[column][side] == end]
            for side, end in enumerate(ends)
        )
        found[column] = (
            before[0] if before else None if rows else oldest,
            after[-1] if after else newest,
        )
    return found


def write_of(seen: Seen) -> Write:
    """Return what the row did to its record."""
    operation = seen.row.operation
    return Write(existed=operation != "create", exists=operation != "delete", pairs=seen.pairs)


def record_label(
    seen: Seen, operation: Operation, of_parents: Mapping[str, str | None] = {}
) -> str | None:
    """Return the record's name, by the columns that name it or by what they refer to."""
    position = 0 if operation == "delete" else 1
    found: list[str] = []
    for column in seen.table.label:
        name = seen.labels.get(column, (None, None))[position] or of_parents.get(column)
        if name:
            found.append(name)
    return " · ".join(found) or None
