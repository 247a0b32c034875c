"""Entries as CSV (RFC 4180), of which no cell is a formula to a spreadsheet."""

import csv
import io
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from audit_trail.export.table import COLUMNS, Value, row_of
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry

MARK: Final = "'"
"""What stands before a cell's text that a spreadsheet might run, or that begins with this itself."""

_BEGIN_FORMULAS: Final = frozenset("=+-@\N{MINUS SIGN}")
_SEPARATORS: Final = frozenset("\t\r\n")
# What spreadsheets pass over before a formula: control characters, format characters, spaces.
_PASSED_OVER: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Cells:
    """Writes a line of names, and one for each entry; times are in the zone, with its offset."""

    def __init__(self, catalog: Catalog, zone: str) -> None:
        self._catalog = catalog
        self._zone = ZoneInfo(zone)

    def begin(self) -> bytes:
        """Return the line of the columns' names."""
        return _lines([[column.name for column in COLUMNS]])

    def add(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of these entries."""
        return _lines([self._cells(row_of(entry, self._catalog)) for entry in entries])

    def end(self) -> bytes:
        """Return what stands behind the last line: nothing."""
        return b""

    def _cells(self, row: Sequence[Value]) -> list[str]:
        return [self._cell(column.kind, value) for column, value in zip(COLUMNS, row, strict=True)]

    def _cell(self, kind: str, value: Value) -> str:
        match value:
            case None:
                return ""
            case int():
                return told_time(value, self._zone) if kind == "time" else str(value)
            case str():
                return neutralised(value)
            case _:
                return neutralised(",".join(value))


def neutralised(text: str) -> str:
    """Return a cell's text that no spreadsheet runs; without the mark, it is what it was.

    A formula begins with = + - @, full-width ones and the like included, behind any space.
    """
    first = text[:1]
    if not first or (first.isascii() and (first.isalnum() or first == "{")):
        return text
    if first == MARK or first in _SEPARATORS or _is_formula(text):
        return MARK + text
    return text


def _is_formula(text: str) -> bool:
    for character in text:
        if character.isspace() or unicodedata.category(character) in _PASSED_OVER:
            continue
        # In one of its forms it may be an ordinary sign: full-width, small, raised.
        return unicodedata.normalize("NFKC", character)[:1] in _BEGIN_FORMULAS
    return False


def told_time(at_us: int, zone: tzinfo) -> str:
    """Return a time as RFC 3339 in a zone, with all of its microseconds."""
    try:
        return (
            (_EPOCH + timedelta(microseconds=at_us))
            .astimezone(zone)
            .isoformat(timespec="microseconds")
        )
    except (OverflowError, ValueError):  # A store that was altered may hold any number.
        return str(at_us)


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue().encode(errors="backslashreplace")
