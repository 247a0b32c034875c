"""Reads exports back, each form by a reader that isn't ours, into the entries' own bytes."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow.parquet as pq

from audit_trail.export.cells import MARK
from audit_trail.export.wanted import Form
from audit_trail.record.entry import Entry


class Told(msgspec.Struct, frozen=True):
    """What a file tells of an entry: its index and version, and its three parts as JSON."""

    index: int
    version: int
    public: Any
    who: Any
    what: Any


def told(entry: Entry) -> Told:
    """What a file should tell of an entry."""
    return Told(
        entry.index,
        entry.version,
        json.loads(entry.public_bytes),
        json.loads(entry.who.stored) if entry.who else None,
        json.loads(entry.what.stored) if entry.what else None,
    )


def read(form: Form, content: bytes) -> list[Told]:
    """Read a file back."""
    if form == "jsonl":
        lines = [json.loads(line) for line in content.decode().split("\n")[:-1]]
        return [Told(**line) for line in lines]
    return [_told(row) for row in rows(form, content)]


def rows(form: Form, content: bytes) -> Iterator[dict[str, Any]]:
    """Read a table back, the marks of its cells taken away."""
    if form == "parquet":
        yield from pq.read_table(io.BytesIO(content)).to_pylist()
        return
    for row in csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True):
        yield {name: cell.removeprefix(MARK) for name, cell in row.items()}


def _told(row: dict[str, Any]) -> Told:
    parts = (json.loads(row[name]) if row[name] else None for name in ("public", "who", "what"))
    return Told(int(row["index"]), int(row["version"]), *parts)
