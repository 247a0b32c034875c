"""Transactions become drafts: one for each record, a deleted parent before what went with it."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.capture.context import Actor, Context
from audit_trail.capture.outbox import Event, Row
from audit_trail.capture.watch import Reference as Pointer
from audit_trail.capture.watch import WatchList
from audit_trail.record.changes import Write, chained
from audit_trail.record.entry import (
    INSTALLATION,
    ActorId,
    Change,
    Draft,
    Entity,
    Reference,
    What,
    Who,
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

NONCE_BYTES: Final = 10

ParentKey = tuple[str, tuple[str, ...], tuple[bytes | None, ...]]
"""A table, columns of it, and their values: how a row that points to a record finds it."""


class Parent(NamedTuple):
    """A record deleted in the transaction: its entry's id, its name, and its account."""

    entry_id: str
    entity_type: str
    label: str | None
    account: str | None


class Record(NamedTuple):
    """What one transaction did to one record: the rows as seen, and their net writes."""

    seen: Sequence[Seen]
    writes: Sequence[Write]

    @property
    def entry_id(self) -> str:
        """The id of the record's first entry, born in its first row."""
        return entry_id(self.seen[0].row, self.seen[0].occurred_us)


class Drafter:
    """Turns the rows of transactions into drafts. `clock` gives µs UTC, for rows without a time."""

    def __init__(self, watch: WatchList, clock: Callable[[], int]) -> None:
        self._watch = watch
        self._clock = clock
        self._targets: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for table in watch.tables:
            for pointer in table.references:
                self._targets[pointer.table].add(pointer.target)
        self._token: bytes | None = None
        self._parents: dict[ParentKey, Parent] = {}

    def drafts(self, rows: Sequence[Row]) -> list[Draft]:
        """Return the entries-to-be of whole transactions, or of a part of a huge one.

        The parents of a huge transaction are remembered from part to part. No row stops it: one
        that can't be understood becomes an entry that says so, its raw bytes sealed.
        """
        by_transaction: dict[bytes | int, list[Row]] = defaultdict(list)
        for row in rows:
            by_transaction[row.token if row.token is not None else row.id].append(row)
        return [draft for each in by_transaction.values() for draft in self._of_transaction(each)]

    def _of_transaction(self, rows: Sequence[Row]) -> list[Draft]:
        if rows[0].token is None or rows[0].token != self._token:
            self._token, self._parents = rows[0].token, {}
        grouped: dict[tuple[str | None, str, bytes], list[Seen]] = defaultdict(list)
        others: list[tuple[int, Draft]] = []
        for row in rows:
            try:
                if row.operation == "note":
                    others.append((row.id, _event(row)))
                else:
                    seen = read_row(row, self._watch)
                    grouped[seen.account, seen.table.name, seen.key].append(seen)
            except Unreadable as error:
                others.append((row.id, self._unreadable(row, str(error))))
        records = [
            Record(seen, chained([_write(each) for each in seen])) for seen in grouped.values()
        ]
        return self._in_order(records, others)

    def _in_order(
        self, records: Sequence[Record], others: Sequence[tuple[int, Draft]]
    ) -> list[Draft]:
        """Draft in the order of the rows, but a deleted parent before what it took with it.

        A cascade fires the children's triggers first, when their parent can't be named any more.
        """
        for record in records:
            self._remember(record)
        by_entry = {record.entry_id: record for record in records}
        done: dict[str, list[Draft]] = {}

        def emit(record: Record) -> Iterator[Draft]:
            if record.entry_id in done:
                return
            done[record.entry_id] = []
            parent = self._parent(record)
            if parent and parent.entry_id in by_entry:
                yield from emit(by_entry[parent.entry_id])
            yield from self._of_record(record, parent)

        places: list[tuple[int, Record | Draft]] = [
            (record.seen[0].row.id, record) for record in records
        ]
        places += others
        return [
            draft
            for _, item in sorted(places, key=lambda pair: pair[0])
            for draft in (emit(item) if isinstance(item, Record) else [item])
        ]

    def _remember(self, record: Record) -> None:
        """Keep a deleted record under every set of columns by which others point to it."""
        if not (record.writes and record.writes[-1].operation == "delete"):
            return
        write, last = record.writes[-1], record.seen[-1]
        parent = Parent(
            record.entry_id, last.table.entity, _record_label(last, write), last.account
        )
        for target in self._targets[last.table.name]:
            values = tuple(write.before(column) for column in target)
            self._parents[last.table.name, target, values] = parent

    def _parent(self, record: Record) -> Parent | None:
        """Find the record whose deletion deleted this one, or emptied its reference."""
        if not record.writes:
            return None
        write, last = record.writes[-1], record.seen[-1]
        for pointer in last.table.references:
            parent = self._parents.get(_parent_key(pointer, write))
            gone = write.operation == "delete" or write.after(pointer.columns[0]) == b"null"
            if parent and gone and write.operation != "create":
                return parent
        return None

    def _of_record(self, record: Record, parent: Parent | None) -> Iterator[Draft]:
        for position, write in enumerate(record.writes):
            born = record.seen[min(position, len(record.seen) - 1)]
            last = record.seen[-1] if len(record.writes) == 1 else born
            draft = self._draft(born, last, write, parent)
            yield draft
            if (left := _account_left(last, write, draft.account)) is not None:
                yield msgspec.structs.replace(
                    draft, id=entry_id(born.row, born.occurred_us, b"left"), account=left
                )

    def _draft(self, born: Seen, last: Seen, write: Write, parent: Parent | None) -> Draft:
        account = last.account or (parent.account if parent else None)
        changes = _shown(last, write)
        pointers = dict(self._references(last, write))
        what = What(
            label=_record_label(last, write, self._label_of_parent(last, write)),
            references=pointers,
            changes=changes,
            reason=last.context.reason if last.context else None,
            ticket=last.context.ticket if last.context else None,
            details=_details(last, account, parent),
        )
        return Draft(
            id=entry_id(born.row, born.occurred_us),
            account=account or INSTALLATION,
            occurred_at=born.occurred_us,
            action=write.operation,
            entity=Entity(type=last.table.entity, id=last.id),
            cause=parent.entry_id if parent else None,
            fields=tuple(changes),
            what=_encoded(what),
            **_actor(last.context),
        )

    def _references(self, seen: Seen, write: Write) -> Iterator[tuple[str, Reference]]:
        for pointer in seen.table.references:
            column = pointer.columns[0]
            before, after = seen.labels.get(column, (None, None))
            before = before or self._label_of_parent(seen, write).get(column)
            if before is not None or after is not None:
                gone = write.operation == "delete"
                yield (
                    column,
                    Reference(
                        table=pointer.table,
                        label=before if gone else after,
                        before=None if gone else before,
                    ),
                )

    def _label_of_parent(self, seen: Seen, write: Write) -> dict[str, str | None]:
        """Name the references whose records are gone, by the parent's own row."""
        found = (
            (pointer, self._parents.get(_parent_key(pointer, write)))
            for pointer in seen.table.references
        )
        return {pointer.columns[0]: parent.label for pointer, parent in found if parent}

    def _unreadable(self, row: Row, why: str) -> Draft:
        names = (
            "table",
            "operation",
            "record_key",
            "record_id",
            "changes",
            "labels",
            "context",
            "account",
        )
        raw = {
            name: _hexadecimal(getattr(row, name))
            for name in names
            if getattr(row, name) is not None
        }
        what = What(unreadable={"why": f"This outbox row can't be understood: {why}.", "hex": raw})
        table = self._watch.table(row.table) if isinstance(row.table, str) else None
        now = self._clock()
        return Draft(
            id=entry_id(row, now),
            account=account_of(row) or INSTALLATION,
            occurred_at=now,
            action=row.operation
            if row.operation in ("create", "update", "delete")
            else "unreadable",
            entity=Entity(type=table.entity if table else "unknown"),
            what=_encoded(what),
            actor=ActorId(kind="system"),
            via="database",
        )


def entry_id(row: Row, occurred_us: int, variant: bytes = b"") -> str:
    """Return the UUIDv7 (RFC 9562) whose time is `occurred_us` and whose bits the trigger drew."""
    nonce = (
        row.nonce
        if isinstance(row.nonce, bytes) and len(row.nonce) == NONCE_BYTES and not variant
        else None
    )
    bits = int.from_bytes(
        nonce or sha256(variant + repr((row.id, row.nonce)).encode()).digest()[:NONCE_BYTES]
    )
    milliseconds = (occurred_us // 1_000) & (2**48 - 1)
    number = (
        milliseconds << 80 | 7 << 76 | (bits >> 62 & 0xFFF) << 64 | 2 << 62 | bits & (2**62 - 1)
    )
    return str(uuid.UUID(int=number))


def _event(row: Row) -> Draft:
    try:
        event = msgspec.json.decode(row.changes or b"", type=Event)
    except msgspec.DecodeError as error:
        raise Unreadable(f"its event is not ours ({error})") from error
    context = read_context(row)
    happened = occurred_us(row, context)
    what = What(
        label=event.label, details=event.details, reason=context.reason if context else None
    )
    return Draft(
        id=entry_id(row, happened),
        account=account_of(row) or INSTALLATION,
        occurred_at=happened,
        action=event.action,
        outcome=event.outcome,
        entity=Entity(type=event.entity_type, id=event.entity_id),
        what=_encoded(what) if what != What() else None,
        **_actor(context),
    )


def _write(seen: Seen) -> Write:
    operation = seen.row.operation
    return Write(existed=operation != "create", exists=operation != "delete", pairs=seen.pairs)


def _shown(seen: Seen, write: Write) -> dict[str, Change]:
    """Leave out, of a record created or deleted, what the entry says already: its key and account."""
    said = {seen.table.key, seen.table.account} if write.operation != "update" else set()
    return {field: _change(pair) for field, pair in write.pairs.items() if field not in said}


def _change(pair: tuple[bytes | None, bytes | None]) -> Change:
    before, after = (msgspec.UNSET if value is None else msgspec.Raw(value) for value in pair)
    return Change(before=before, after=after)


def _record_label(
    seen: Seen, write: Write, of_parents: Mapping[str, str | None] | None = None
) -> str | None:
    position = 0 if write.operation == "delete" else 1
    names = (seen.labels.get(column, (None, None))[position] for column in seen.table.label)
    found = (
        name or (of_parents or {}).get(column)
        for column, name in zip(seen.table.label, names, strict=True)
    )
    return " · ".join(name for name in found if name) or None


def _parent_key(pointer: Pointer, write: Write) -> ParentKey:
    return (
        pointer.table,
        pointer.target,
        tuple(write.before(column) for column in pointer.columns),
    )


def _account_left(seen: Seen, write: Write, account: str) -> str | None:
    """Return the account that a record has left: its entry belongs in both trails."""
    column = seen.table.account
    if write.operation != "update" or not isinstance(column, str) or column not in write.pairs:
        return None
    before = (write.before(column) or b"").decode().strip('"')
    return before if before.isdigit() and before not in ("0", account) else None


def _details(seen: Seen, account: str | None, parent: Parent | None) -> dict[str, Any]:
    details: dict[str, Any] = {"went_with": parent.entity_type} if parent else {}
    if account is None:
        details["unresolved_account"] = repr(seen.row.account)[:LONGEST_ID]
    if seen.key_digest_of is not None:
        details["key"] = seen.key_digest_of
    return details


def _actor(context: Context | None) -> dict[str, Any]:
    """The members of a draft that say who acted and from where; System via database without context."""
    if context is None:
        return {"actor": ActorId(kind="system"), "via": "database"}
    origin, via = context.origin, context.origin.via
    acting = context.actor
    who = Who(
        email=acting.email,
        name=acting.name,
        role=acting.role,
        ip=origin.ip,
        forwarded=origin.forwarded,
        user_agent=origin.user_agent,
        session=origin.session,
        token=acting.token,
        client_request=origin.client_request,
        on_behalf_of=tuple(_named(actor) for actor in context.on_behalf_of),
    )
    return {
        "actor": _actor_id(acting),
        "via": via,
        "request": _short(origin.request),
        "on_behalf_of": tuple(_actor_id(actor) for actor in context.on_behalf_of),
        "who": _encoded(who) if who != Who() else None,
    }


def _actor_id(actor: Actor) -> ActorId:
    return ActorId(kind=actor.kind, id=_short(actor.id))


def _named(actor: Actor) -> dict[str, str]:
    return {name: value for name, value in (("email", actor.email), ("name", actor.name)) if value}


def _short(text: str | None) -> str | None:
    return text[:LONGEST_ID] if text else None


def _hexadecimal(value: object) -> str:
    return (value if isinstance(value, bytes) else repr(value).encode()).hex()


_encoded = msgspec.json.Encoder(order="sorted").encode
