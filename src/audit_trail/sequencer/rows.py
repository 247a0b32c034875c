"""What an outbox row says, read from its bytes; it raises `Unreadable` rather than guess."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec

from audit_trail.capture.context import Context
from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Table
from audit_trail.record.canonical import INTEGER_LIMIT
from audit_trail.record.changes import Pair
from audit_trail.record.value import invalid, is_deep, read, settled

LONGEST_ID: Final = 200
LONGEST_LABEL: Final = 500
MOST_DIGITS: Final = 18
"""Every integer of so many digits reads as itself."""

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


class Unreadable(Exception):
    """The row can't be understood; the message says why."""


class Seen(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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


class _Tagged(msgspec.Struct, tag_field="$"):
    """What a value that is an object may be; whatever else it is was not written by a trigger."""


class _Json(_Tagged, tag="json"):
    value: msgspec.Raw


class _Real(_Tagged, tag="real"):
    text: str


class _Numeric(_Tagged, tag="numeric"):
    text: str


class _Blob(_Tagged, tag="blob"):
    sha256: str
    size: int


class _Cut(_Tagged, tag="cut"):
    text: str
    size: int


class _Invalid(_Tagged, tag="invalid"):
    why: str
    text: str


class _Secret(_Tagged, tag="secret"):
    pass


_decode_tagged = msgspec.json.Decoder(
    _Json | _Real | _Numeric | _Blob | _Cut | _Invalid | _Secret
).decode
_decode_pairs = msgspec.json.Decoder(dict[str, tuple[msgspec.Raw, msgspec.Raw]]).decode
_decode_labels = msgspec.json.Decoder(dict[str, tuple[str | None, str | None]]).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_context = msgspec.json.Decoder(Context).decode


def read_row(row: Row, tables: Mapping[str, Table]) -> Seen:
    """Read a row that a table's trigger wrote. Raises `Unreadable`."""
    if row.operation not in ("create", "update", "delete"):
        raise Unreadable(f"its operation is {row.operation!r}")
    if not isinstance(row.table, str) or row.record_key is None or row.record_id is None:
        raise Unreadable("it names no table or no record")
    if len(row.table) > LONGEST_ID:
        raise Unreadable("the name of its table is too long")
    table = tables.get(row.table) or Table(name=row.table, entity=row.table)
    context = read_context(row)
    identity, full = record_id(row.record_id)
    try:
        pairs = _settled_pairs(row.changes or b"", row.operation)
        labels = _labels(row.labels or b"{}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"its changes are no JSON of ours ({error})") from error
    return Seen(
        row=row,
        table=table,
        account=account_of(row.account),
        key=row.record_key,
        id=identity,
        pairs=pairs,
        labels=labels,
        context=context,
        occurred_us=occurred_us(row, context),
        key_digest_of=full,
    )


def read_context(row: Row) -> Context | None:
    """Read the context that was set beside the row."""
    return None if row.context is None else _read_context(row.context)


@lru_cache(maxsize=64)
def _read_context(stored: bytes) -> Context:
    """The rows of a transaction bear the same bytes, so they are decoded once."""
    try:
        context = _decode_context(stored)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its context is not ours ({error})") from error
    if abs(context.occurred_at or 0) > INTEGER_LIMIT:
        raise Unreadable("its context names no time")
    return context


def account_of(value: object) -> str | None:
    """Return the account's id that a column holds; None where it holds none that could be one."""
    if isinstance(value, int):
        return str(value) if value > 0 else None
    return value if isinstance(value, str) and _ACCOUNT.fullmatch(value) else None


def occurred_us(row: Row, context: Context | None) -> int:
    """Return when it happened: the database's clock, unless an import says otherwise."""
    if context and context.occurred_at is not None and context.origin.via == "import":
        return context.occurred_at
    if not isinstance(row.occurred_us, int) or not 0 <= row.occurred_us <= INTEGER_LIMIT:
        raise Unreadable(f"its time is {row.occurred_us!r}")
    return row.occurred_us


def record_id(raw: bytes) -> tuple[str, Any | None]:
    """Return the record's id as text, and the full key where its digest stands for it.

    A key of several columns is their list. One that is long or neither text nor number is
    replaced by its digest, since the public part has no room for it; the key itself is sealed.
    """
    if raw.isdigit() and not raw.startswith(b"0") and len(raw) <= MOST_DIGITS:
        return raw.decode(), None
    try:
        value = read(settled(raw))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"its key is no JSON of ours ({error})") from error
    if len(raw) <= LONGEST_ID and value != "":
        if isinstance(value, int | str):
            return str(value), None
        if isinstance(value, list) and all(isinstance(part, int | str) for part in value):
            return raw.decode(), None
    return f"sha256:{sha256(raw).hexdigest()}", value


def _settled_pairs(raw: bytes, operation: object) -> dict[str, Pair]:
    pairs = _pairs(raw)
    settle = bytes if _is_plain(raw, len(pairs)) else _value
    match operation:
        case "create":
            return {name: (None, settle(new)) for name, (_, new) in pairs.items()}
        case "delete":
            return {name: (settle(old), None) for name, (old, _) in pairs.items()}
        case _:
            return {name: (settle(old), settle(new)) for name, (old, new) in pairs.items()}


def _is_plain(raw: bytes, pairs: int) -> bool:
    """Tell whether all values are text, numbers and the like, which are settled as they stand.

    There are as many brackets as the pairs need, so no value is a list or an object.
    """
    if raw.count(b"{") > 1 or raw.count(b"[") > pairs:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _pairs(raw: bytes) -> Mapping[str, tuple[bytes | msgspec.Raw, bytes | msgspec.Raw]]:
    """Read {"column": [old, new]}; JSON that no reader takes is marked, and the rest still read."""
    try:
        return _decode_pairs(raw)
    except (ValueError, RecursionError):
        found = list(_taken_apart(raw))
        members = (b"%s:[%s]" % (name, b",".join(pair)) for name, pair in found)
        if b"{%s}" % b",".join(members) != raw:
            raise Unreadable("its changes are no JSON of ours") from None
        return {_decode_text(name): (_marked(old), _marked(new)) for name, (old, new) in found}


def _taken_apart(raw: bytes) -> Iterator[tuple[bytes, Sequence[bytes]]]:
    """Find the pairs by their brackets alone, whatever their values hold and however deep."""
    depth, name, start, parts = 0, b"", 0, list[bytes]()
    for token in _TOKEN.finditer(raw):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == 2:
                    start, parts = token.end(), []
            case b"]" | b"}":
                if depth == 2:
                    yield name, (*parts, raw[start : token.start()])
                depth -= 1
            case b",":
                if depth == 2:
                    parts.append(raw[start : token.start()])
                    start = token.end()
            case text if depth == 1:
                name = text


def _marked(raw: bytes) -> bytes:
    if is_deep(raw):
        return settled(raw) if raw.startswith(b'{"$":"json"') else invalid(raw, "nested too deep")
    try:
        return bytes(_decode_raw(raw))
    except ValueError:
        return invalid(raw, "JSON that no reader takes")


def _labels(raw: bytes) -> dict[str, tuple[str | None, str | None]]:
    """Read {"column": [old name, new name]}; most names are text or null, and are read at once."""
    try:
        read_at_once = _decode_labels(raw)
    except (ValueError, RecursionError):
        return {name: (_label(old), _label(new)) for name, (old, new) in _pairs(raw).items()}
    if len(raw) <= LONGEST_LABEL:
        return read_at_once
    return {
        name: (old and old[:LONGEST_LABEL], new and new[:LONGEST_LABEL])
        for name, (old, new) in read_at_once.items()
    }


def _value(given: bytes | msgspec.Raw) -> bytes:
    raw = bytes(given)
    if raw.isascii() and not raw.startswith((b"{", b"[")):
        return raw
    value = settled(raw)
    if value.startswith(b"{"):
        _decode_tagged(value)
    elif value.startswith(b"["):
        raise ValueError("a list without a tag")
    return value


def _label(raw: bytes | msgspec.Raw) -> str | None:
    value = read(settled(bytes(raw)))
    if isinstance(value, dict):
        value = value.get("text") or json.dumps(value.get("value", value), ensure_ascii=False)
    return None if value is None else str(value)[:LONGEST_LABEL]
