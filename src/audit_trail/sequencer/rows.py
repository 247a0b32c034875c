"""What an outbox row says, read from its bytes; it raises `Unreadable` rather than guess."""

import json
import re
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from audit_trail.capture.context import Context
from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Table, WatchList
from audit_trail.record.canonical import INTEGER_LIMIT
from audit_trail.record.changes import Pair
from audit_trail.record.value import read, settled

LONGEST_ID: Final = 200
LONGEST_LABEL: Final = 500
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Unreadable(Exception):
    """The row can't be understood; the message says why."""


class Seen(NamedTuple):
    """A row understood. Values are raw JSON; labels are (old, new) text by column."""

    row: Row
    table: Table
    account: str | None
    key: bytes
    id: str
    pairs: dict[str, Pair]
    labels: dict[str, tuple[str | None, str | None]]
    context: Context | None
    occurred_us: int
    key_digest_of: Any | None


_decode_pairs = msgspec.json.Decoder(dict[str, tuple[msgspec.Raw, msgspec.Raw]]).decode
_decode_context = msgspec.json.Decoder(Context).decode


def read_row(row: Row, watch: WatchList) -> Seen:
    """Read a row that a table's trigger wrote. Raises `Unreadable`."""
    if row.operation not in ("create", "update", "delete"):
        raise Unreadable(f"its operation is {row.operation!r}")
    if not isinstance(row.table, str) or row.record_key is None or row.record_id is None:
        raise Unreadable("it names no table or no record")
    table = watch.table(row.table) or Table(name=row.table, entity=row.table)
    context = read_context(row)
    identity, full = record_id(row.record_id)
    try:
        pairs = {
            name: _settled_pair(bytes(old), bytes(new), row.operation)
            for name, (old, new) in _decode_pairs(row.changes or b"").items()
        }
        labels = {
            name: (_label(bytes(old)), _label(bytes(new)))
            for name, (old, new) in _decode_pairs(row.labels or b"{}").items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"its changes are no JSON of ours ({error})") from error
    return Seen(
        row,
        table,
        account_of(row),
        row.record_key,
        identity,
        pairs,
        labels,
        context,
        occurred_us(row, context),
        full,
    )


def read_context(row: Row) -> Context | None:
    """Read the context that was set beside the row."""
    if row.context is None:
        return None
    try:
        return _decode_context(row.context)
    except msgspec.DecodeError as error:
        raise Unreadable(f"its context is not ours ({error})") from error


def account_of(row: Row) -> str | None:
    """Return the account's id; None where the row has none that could be one."""
    match row.account:
        case int() if row.account > 0:
            return str(row.account)
        case str() if _ACCOUNT.fullmatch(row.account):
            return row.account
        case _:
            return None


def occurred_us(row: Row, context: Context | None) -> int:
    """Return when it happened: the database's clock, unless an import says otherwise."""
    if context and context.occurred_at is not None and context.origin.via == "import":
        return context.occurred_at
    if not isinstance(row.occurred_ms, int) or not 0 <= row.occurred_ms * 1_000 <= INTEGER_LIMIT:
        raise Unreadable(f"its time is {row.occurred_ms!r}")
    return row.occurred_ms * 1_000


def record_id(raw: bytes) -> tuple[str, Any | None]:
    """Return the record's id as text, and the full key where its digest stands for it.

    A key that is long or not text is replaced by its digest, since the public part has no room
    for it; the key itself is sealed.
    """
    try:
        value = read(settled(raw))
    except ValueError as error:
        raise Unreadable(f"its key is no JSON ({error})") from error
    if isinstance(value, int) or (isinstance(value, str) and 0 < len(value) <= LONGEST_ID):
        return str(value), None
    return f"sha256:{sha256(raw).hexdigest()}", value


def _settled_pair(old: bytes, new: bytes, operation: str) -> Pair:
    return (
        None if operation == "create" else settled(old),
        None if operation == "delete" else settled(new),
    )


def _label(raw: bytes) -> str | None:
    value = read(settled(raw))
    if isinstance(value, dict):
        value = value.get("text") or json.dumps(value.get("value", value), ensure_ascii=False)
    return None if value is None else str(value)[:LONGEST_LABEL]
