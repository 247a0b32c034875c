"""What an export shall hold, and in which form; plain values."""

from typing import Final, Literal

import msgspec

from audit_trail.record.query import Query

Form = Literal["jsonl", "csv", "parquet"]
FORMS: Final[tuple[Form, ...]] = ("jsonl", "csv", "parquet")
NAMES: Final[dict[Form, str]] = {"jsonl": "JSON Lines", "csv": "CSV", "parquet": "Parquet"}
MEDIA_TYPES: Final[dict[Form, str]] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A query and the form (the format) of the file; the rest only says what was asked.

    `question` is as it was typed, and `understood` how its parts read, one each. `since_us` and
    `until_us` are the range beside it, µs UTC, the end exclusive. `zone` is an IANA name: that in
    which it was asked, and in which CSV writes its times.
    """

    query: Query
    form: Form
    question: str = ""
    understood: tuple[str, ...] = ()
    zone: str = "UTC"
    since_us: int | None = None
    until_us: int | None = None
