"""Entries as Parquet, for columns to be read by their types; times are UTC."""

import io
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from audit_trail.export.table import COLUMNS, Kind, Value, row_of
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry

GROUP_ROWS: Final = 10_000
GROUP_BYTES: Final = 16 * 2**20
"""A group of rows is written when it has as many rows, or text of as many bytes, as this."""

_TYPES: Final[dict[Kind, Any]] = {
    "number": pa.int64(),
    "time": pa.timestamp("us", tz="UTC"),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
}
SCHEMA: Final = pa.schema([(column.name, _TYPES[column.kind]) for column in COLUMNS])


class Columns:
    """Writes the file a group of rows at a time; what is returned is what is new of it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._file = _Behind()
        self._writer = pq.ParquetWriter(self._file, SCHEMA, compression="zstd")
        self._rows: list[list[Value]] = []
        self._bytes = 0

    def begin(self) -> bytes:
        """Return how the file begins."""
        return self._file.taken()

    def add(self, entries: Sequence[Entry]) -> bytes:
        """Keep these entries for the next group, and return what is written."""
        for entry in entries:
            self._rows.append(row_of(entry, self._catalog))
            self._bytes += _length(entry)
            if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._write()
        return self._file.taken()

    def end(self) -> bytes:
        """Return the last group, and the table of what lies where."""
        if self._rows:
            self._write()
        self._writer.close()
        return self._file.taken()

    def _write(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(each, type_) for each, type_ in zip(columns, SCHEMA.types, strict=True)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
        self._rows, self._bytes = [], 0


class _Behind(io.RawIOBase):
    """A file of which only what was written last is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, piece: Any) -> int:
        written = bytes(piece)
        self._pieces.append(written)
        self._at += len(written)
        return len(written)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _length(entry: Entry) -> int:
    parts = (part.stored for part in (entry.who, entry.what) if part)
    return len(entry.public_bytes) + sum(map(len, parts))
