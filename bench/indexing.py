"""What the search index costs an append, against a raw insert under text indexes of the engine.

The raw side writes the finished rows of the same entries, and the words of each, taken out and folded
before, into what the engine offers for words: FTS5 on SQLite; on PostgreSQL GIN over a tsvector, and
over trigrams. The trail's side reads the outbox, appends, and indexes what it appended.
"""

import statistics
import time
from typing import Final, NamedTuple

from audit_trail.record.facts import Facts
from audit_trail.record.words import words
from audit_trail.trail import Trail
from bench.draining import ROWS_A_TRANSACTION, PostgresqlDrain, SqliteDrain
from bench.engines import Kind, Place
from bench.finding import bring_up_to_date
from bench.paired import Ratio, median_with_interval
from bench.vocabulary import texts

_TEXT_INDEXES: Final[dict[Kind, tuple[str, ...]]] = {
    "SQLite": ("CREATE VIRTUAL TABLE texts USING fts5 (words, content = '', tokenize = 'ascii')",),
    "PostgreSQL": (
        "CREATE EXTENSION pg_trgm",
        (
            "CREATE TABLE texts (id bigserial PRIMARY KEY, words text NOT NULL, "
            "sought tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED)"
        ),
        "CREATE INDEX ON texts USING gin (sought)",
        "CREATE INDEX ON texts USING gin (words gin_trgm_ops)",
    ),
}


class Indexing(NamedTuple):
    """Entries a second of each side, and their ratio; what indexing takes of the trail's, in µs."""

    entries_per_second: float
    raw_per_second: float
    ratio: Ratio
    indexing_us: float


def indexing(place: Place, rows: int, rounds: int) -> Indexing:
    """Drain and index so many outbox rows a round, and insert the same raw, in turn."""
    # New words in every round, as in life: what was seen before is remembered.
    greetings = texts(1).sentences[: (rounds + 1) * rows // ROWS_A_TRANSACTION]
    bench = (PostgresqlDrain if place.server else SqliteDrain)(
        place, rows, signed=True, greetings=greetings
    )
    bench.create_raw(*_TEXT_INDEXES[place.kind])
    times = []
    try:
        for _ in range(rounds + 1):
            drained, indexed = bench.drain(), _index(bench.trail)
            times.append((drained, indexed, bench.insert_raw(_texts(bench.trail, rows))))
    finally:
        bench.close()
    drained, indexed, raw = (statistics.median(each) for each in zip(*times[1:], strict=True))
    return Indexing(
        rows / (drained + indexed),
        rows / raw,
        median_with_interval([raw / (drained + indexed) for drained, indexed, raw in times[1:]]),
        indexed / rows * 1e6,
    )


def _index(trail: Trail) -> float:
    started = time.perf_counter()
    bring_up_to_date(trail)
    return time.perf_counter() - started


def _texts(trail: Trail, newest: int) -> list[tuple[str]]:
    """Return the words of each of the newest entries, as a text."""
    size = trail.head("1").size
    return [
        (" ".join(word for text in Facts(entry).texts() for word in words(text)),)
        for entry in trail.entries("1", size - newest, size)
    ]
