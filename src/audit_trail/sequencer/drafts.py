"""Transactions become drafts: one for each record, a deleted parent before what went with it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.capture.context import Context
from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Reference as Pointer
from audit_trail.capture.watch import WatchList
from audit_trail.record.changes import Operation, Pair, Write, in_sequence
from audit_trail.record.entry import (
    INSTALLATION,
    Change,
    Draft,
    Entity,
    Reference,
    What,
)
from audit_trail.record.value import NULL, read
from audit_trail.sequencer.acting import Acting, acting
from audit_trail.sequencer.events import event_draft
from audit_trail.sequencer.identity import entry_id
from audit_trail.sequencer.members import Members
from audit_trail.sequencer.parts import Parts
from audit_trail.sequencer.records import (
    Record,
    keys_left_and_taken,
    record_label,
    records_of,
    write_of,
)
from audit_trail.sequencer.rows import (
    LONGEST_ID,
    Seen,
    Unreadable,
    account_of,
    occurred_us,
    read_context,
    read_row,
)

_PLACE: Final = itemgetter(0)

ParentKey = tuple[str, tuple[str, ...], tuple[bytes | None, ...]]
"""A table, columns of it, and their values: how a row that points to a record finds it."""


class Parent(NamedTuple):
    """A record deleted in the transaction: its entry's id, its name, and its account."""

    entry_id: str
    entity_type: str
    label: str | None
    account: str | None
    above: ParentKey | None
    """Who comes next on its way to its account."""


class Drafter:
    """Turns the rows of transactions into drafts. `clock` gives µs UTC, for rows without a time."""

    def __init__(self, watch: WatchList, clock: Callable[[], int]) -> None:
        self._tables = {table.name: table for table in watch.tables}
        self._clock = clock
        self._targets: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for table in watch.tables:
            for pointed, target in table.pointed:
                self._targets[pointed].add(target)
        self._members, self._parts = Members(watch), Parts(watch)
        self._token: bytes | None = None
        self._parents: dict[ParentKey, Parent] = {}
        self._context: Context | None = None
        self._said = acting(None)

    def drafts(self, rows: Sequence[Row]) -> list[Draft]:
        """Return the entries-to-be of whole transactions, or of a part of a huge one."""
        return [draft for drafts in self.transactions(rows) for draft in drafts]

    def transactions(self, rows: Sequence[Row]) -> Iterator[list[Draft]]:
        """Yield the entries-to-be of one transaction after the other.

        The parents of a huge transaction are remembered from part to part. No row stops it: one
        that can't be understood becomes an entry that says so, its raw bytes sealed.
        """
        by_transaction: dict[bytes | int, list[Row]] = {}
        newest: bytes | int | None = None
        same: list[Row] = []
        for row in self._in_sequence(rows):
            transaction = row.token if row.token is not None else row.id
            if transaction != newest:
                # Moved to the end: where transactions ran side by side, the one that wrote last
                # may have waited for the other, never the other for it.
                same = by_transaction.pop(transaction, [])
                by_transaction[transaction] = same
                newest = transaction
            same.append(row)
        return map(self._of_transaction, by_transaction.values())

    def _in_sequence(self, rows: Sequence[Row]) -> list[Row]:
        """Put a shell's writes to one record into the order of their values.

        They bear no token and aren't merged, but a trigger of the application that writes the
        row again is recorded before the write that fired it, as everywhere. Only rows of one
        millisecond are ordered, since SQLite's clock stands still during a statement; and never
        across a transaction of the application, whose rows stand between them.
        """
        if all(row.token is not None for row in rows):
            return list(rows)
        places: dict[tuple[object, bytes | None, object, int], list[int]] = defaultdict(list)
        turns: Counter[tuple[object, bytes | None]] = Counter()
        for place, row in enumerate(rows):
            record = (row.table, row.record_key)
            if row.token is not None:
                turns[record] += 1
            elif row.operation != "note":
                places[*record, row.occurred_us, turns[record]].append(place)
        ordered = list(rows)
        for same in places.values():
            if len(same) > 1 and (writes := self._writes([rows[place] for place in same])):
                for place, position in zip(same, in_sequence(writes), strict=True):
                    ordered[place] = rows[same[position]]
        return ordered

    def _writes(self, rows: Sequence[Row]) -> list[Write]:
        try:
            return [write_of(read_row(row, self._tables)) for row in rows]
        except Unreadable:
            return []

    def _of_transaction(self, rows: Sequence[Row]) -> list[Draft]:
        if rows[0].token is None or rows[0].token != self._token:
            self._token, self._parents = rows[0].token, {}
        grouped: dict[tuple[str | None, str, bytes, int], list[Seen]] = defaultdict(list)
        lives: dict[tuple[str, bytes | None], int] = defaultdict(int)
        others: list[tuple[int, Draft]] = []
        for seen, moved in self._read(rows, others):
            for record in moved:
                lives[record] += 1
            life = lives[seen.table.name, seen.key] if lives else 0
            grouped[seen.account, seen.table.name, seen.key, life].append(seen)
            for record in moved:
                lives[record] += 1
        records = [record for seen in grouped.values() for record in records_of(seen)]
        return self._in_order(records, others)

    def _read(
        self, rows: Sequence[Row], others: list[tuple[int, Draft]]
    ) -> Iterator[tuple[Seen, list[tuple[str, bytes | None]]]]:
        """Read the writes with the keys that each left and took; what else the rows are, aside."""
        found, is_settled = [], True
        for row in rows:
            try:
                if row.operation == "note":
                    others.append((row.id, event_draft(row)))
                else:
                    seen = read_row(row, self._tables)
                    found.append((seen, keys_left_and_taken(seen)))
                    if seen.account is None or self._parts.concern(seen):
                        is_settled = False
            except Unreadable as error:
                others.append((row.id, self._unreadable(row, str(error))))
        if is_settled:
            return iter(found)
        settled = self._parts.folded(self._members.placed([seen for seen, _ in found]))
        moved = {seen.row.id: keys for seen, keys in found}
        return ((seen, moved[seen.row.id]) for seen in settled)

    def _in_order(
        self, records: Sequence[Record], others: Sequence[tuple[int, Draft]]
    ) -> list[Draft]:
        """Draft in the order of the rows, but a deleted parent before what it took with it.

        A cascade fires the children's triggers first, when their parent can't be named any more.
        """
        for record in records:
            self._remember(record)
        items: list[tuple[int, Record | Draft]] = [(each.born.row.id, each) for each in records]
        items += others
        items.sort(key=_PLACE)
        by_entry = {record.entry_id: record for record in records} if self._parents else {}
        done: set[str] = set()
        drafts: list[Draft] = []
        for _, item in items:
            if isinstance(item, Draft):
                drafts.append(item)
            elif by_entry:
                for record, parent in reversed(self._line(item, by_entry, done)):
                    drafts += self._of_record(record, parent)
            elif item.entry_id not in done:
                done.add(item.entry_id)
                drafts += self._of_record(item, None)
        return drafts

    def _line(
        self, record: Record, by_entry: Mapping[str, Record], done: set[str]
    ) -> list[tuple[Record, Parent | None]]:
        """List a record and those above it that aren't drafted yet, each with its parent.

        A loop and not a recursion: a chain of replies may be a thousand records long. A record
        that points to itself, or round to one below it, is nobody's child.
        """
        line: list[tuple[Record, Parent | None]] = []
        below: set[str] = set()
        above: Record | None = record
        while above and (above_id := above.entry_id) not in done:
            done.add(above_id)
            below.add(above_id)
            parent = self._parent(above)
            if parent and parent.entry_id in below:
                parent = None
            line.append((above, parent))
            above = by_entry.get(parent.entry_id) if parent else None
        return line

    def _remember(self, record: Record) -> None:
        """Keep a deleted record under every set of columns by which others point to it."""
        last, write = record.last, record.write
        if write is None or write.exists:
            return
        label = record_label(last, "delete")
        above = _above(last, write)
        parent = Parent(record.entry_id, last.table.entity, label, last.account, above)
        for target in self._targets[last.table.name]:
            values = tuple(write.before(column) for column in target)
            self._parents[last.table.name, target, values] = parent

    def _parent(self, record: Record) -> Parent | None:
        """Find the record whose deletion deleted this one, or emptied its reference."""
        last, write = record.last, record.write
        if write is None or write.operation == "create":
            return None
        for pointer in last.table.references:
            parent = self._parents.get(_parent_key(pointer, write))
            gone = write.operation == "delete" or write.after(pointer.columns[0]) == b"null"
            if parent and gone:
                return parent
        return None

    def _of_record(self, record: Record, parent: Parent | None) -> list[Draft]:
        born, last, write = record.born, record.last, record.write
        if write is None:
            return []
        draft = self._draft(record, last, write, parent)
        if (left := _account_left(last, write, draft.account)) is None:
            return [draft]
        id_ = entry_id(born.row, born.occurred_us, b"left")
        return [draft, msgspec.structs.replace(draft, id=id_, account=left)]

    def _draft(self, record: Record, last: Seen, write: Write, parent: Parent | None) -> Draft:
        table, context, operation = last.table, last.context, write.operation
        account = last.account or self._account_above(last, write, parent)
        changes = _shown(last, self._parts.shown(last, write.pairs), operation)
        gone = self._label_of_parent(last, write) if self._parents else {}
        said = self._acting(context)
        what = What(
            label=record_label(last, operation, gone),
            references=_references(last, operation, gone) if table.references else {},
            changes=changes,
            reason=context.reason if context else None,
            ticket=context.ticket if context else None,
            details=_details(last, account, parent),
        )
        return Draft(
            id=record.entry_id,
            account=account or INSTALLATION,
            occurred_at=record.born.occurred_us,
            action=operation,
            entity=Entity(type=table.entity, id=last.id),
            actor=said.actor,
            via=said.via,
            request=said.request,
            cause=parent.entry_id if parent else None,
            on_behalf_of=said.on_behalf_of,
            fields=tuple(changes),
            who=said.who,
            what=_encoded(what),
        )

    def _account_above(self, seen: Seen, write: Write, parent: Parent | None) -> str | None:
        """Take the account from who was on the way to it, and is gone; else from the parent."""
        passed: set[ParentKey] = set()
        above = _above(seen, write)
        while above and above not in passed and (found := self._parents.get(above)):
            passed.add(above)
            if found.account:
                return found.account
            above = found.above
        return parent.account if parent and not seen.table.path else None

    def _acting(self, context: Context | None) -> Acting:
        """One transaction has one context as a rule, and is worked off in one go."""
        if context is not self._context or context is None:
            self._context, self._said = context, acting(context)
        return self._said

    def _label_of_parent(self, seen: Seen, write: Write) -> dict[str, str | None]:
        """Name the references whose records are gone, by the parent's own row."""
        found = (
            (pointer, self._parents.get(_parent_key(pointer, write)))
            for pointer in seen.table.references
        )
        return {pointer.columns[0]: parent.label for pointer, parent in found if parent}

    def _unreadable(self, row: Row, why: str) -> Draft:
        context, happened = _read_as_far_as_possible(row)
        # A context that can be read is in the who part, and only there, so that it can be erased.
        apart = {"id", "token", "nonce", *(["context"] if context else [])}
        raw = {
            name: _hexadecimal(value)
            for name, value in msgspec.structs.asdict(row).items()
            if value is not None and name not in apart
        }
        what = What(unreadable={"why": f"This outbox row can't be understood: {why}.", "hex": raw})
        table = self._tables.get(row.table) if isinstance(row.table, str) else None
        return Draft(
            # Where the row has no time, the id has none: drawn anew, it would differ at a retry.
            id=entry_id(row, happened or 0),
            account=account_of(row.account) or INSTALLATION,
            occurred_at=self._clock() if happened is None else happened,
            action=row.operation
            if row.operation in ("create", "update", "delete")
            else "unreadable",
            entity=Entity(type=table.entity if table else "unknown"),
            what=_encoded(what),
            **msgspec.structs.asdict(acting(context)),
        )


def _read_as_far_as_possible(row: Row) -> tuple[Context | None, int | None]:
    """Return who made an unreadable row, and when, where at least that can be read."""
    try:
        context = read_context(row)
    except Unreadable:
        context = None
    try:
        return context, occurred_us(row, context)
    except Unreadable:
        return context, None


def _shown(seen: Seen, pairs: Mapping[str, Pair], operation: Operation) -> dict[str, Change]:
    """Leave out, of a record created or deleted, its key and account: the entry says them."""
    if operation == "update":
        return {field: _change(pair) for field, pair in pairs.items()}
    said = {*seen.table.keys, seen.table.account}
    return {field: _change(pair) for field, pair in pairs.items() if field not in said}


def _references(
    seen: Seen, operation: Operation, gone: Mapping[str, str | None]
) -> dict[str, Reference]:
    """Name what the record points to; `gone` are the names of what was deleted with it."""
    found = {}
    for pointer in seen.table.references:
        column = pointer.columns[0]
        before, after = seen.labels.get(column, (None, None))
        before = before or gone.get(column)
        if before is not None or after is not None:
            found[column] = (
                Reference(table=pointer.table, label=before)
                if operation == "delete"
                else Reference(table=pointer.table, label=after, before=before)
            )
    return found


def _change(pair: Pair) -> Change:
    before, after = pair
    return Change(
        before=msgspec.UNSET if before is None else msgspec.Raw(before),
        after=msgspec.UNSET if after is None else msgspec.Raw(after),
    )


def _parent_key(pointer: Pointer, write: Write) -> ParentKey:
    return (
        pointer.table,
        pointer.target,
        tuple(write.before(column) for column in pointer.columns),
    )


def _above(seen: Seen, write: Write) -> ParentKey | None:
    """Return how the next record on the way to the account is found, among those that are gone."""
    if not seen.table.path or not (first := seen.table.path[0]).table:
        return None
    return first.table, (first.key,), (write.before(first.column),)


def _account_left(seen: Seen, write: Write, account: str) -> str | None:
    """Return the account that a record has left: its entry belongs in both trails.

    It may also have been deleted in the same transaction, where it had come to.
    """
    column = seen.table.account
    if not isinstance(column, str) or column not in write.pairs:
        return None
    before = account_of(read(write.before(column) or NULL))
    return before if before not in (INSTALLATION, account) else None


def _details(seen: Seen, account: str | None, parent: Parent | None) -> dict[str, Any]:
    details: dict[str, Any] = {"went_with": parent.entity_type} if parent else {}
    if seen.context and (undone := seen.context.undoes):
        details["undoes"] = {"index": undone.index, "id": undone.id}
    if account is None:
        details["unresolved_account"] = repr(seen.row.account)[:LONGEST_ID]
    if seen.key_digest_of is not None:
        details["key"] = seen.key_digest_of
    return details


def _hexadecimal(value: object) -> str:
    return (value if isinstance(value, bytes) else str(value).encode()).hex()


_encoded = msgspec.json.Encoder(order="sorted").encode
