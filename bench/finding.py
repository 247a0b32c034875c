"""Finding in a large trail: what pages, facets and the timeline take, and what they do the usual way.

Each question is asked with several users, records or words in turn. The usual way is asked the same
of the same entries, of a plain table beside the trail; see `bench.usual`.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlencode

import httpx2
import psycopg

from audit_trail.record.query import Query
from audit_trail.record.question import understand
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from bench.engines import Place
from bench.paired import percentile
from bench.serving import served
from bench.trails import BEGAN_US, ENDED_US, LARGE, Company, batches, companies
from bench.usual import Usual, Where
from bench.vocabulary import FREQUENT, RARE
from live_agent.catalog import CATALOG

LIMIT: Final = 25
DEEPEST: Final = 1_000_000
CHOICES: Final = 20
"""How many users, records and words a question is asked with in turn."""

BARS: Final = 48

Kind = Literal["page", "numbered page", "facets", "timeline"]


class Question(NamedTuple):
    """What is asked: as people type it, and of the usual table."""

    typed: str
    where: Where


class Ask(NamedTuple):
    """One measurement: what is asked of whom, with each of several questions in turn."""

    question: str
    kind: Kind
    questions: Sequence[Question]
    skipped: int = 0


class Calls(NamedTuple):
    """How often each is asked, and for how long at most; the usual way less often."""

    most: int = 1_000
    seconds: float = 20.0
    usual_most: int = 100
    usual_seconds: float = 10.0


class Times(NamedTuple):
    """Milliseconds: the median, and what 95 % and 99 % of so many calls stay below."""

    calls: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        p50, p95, p99 = (percentile(seconds, share) * 1e3 for share in (0.5, 0.95, 0.99))
        return cls(len(seconds), p50, p95, p99)

    def __str__(self) -> str:
        calls = "" if self.calls >= 1_000 else f" ({self.calls} calls)"
        return f"{told(self.p50)} / {told(self.p95)} / {told(self.p99)} ms{calls}"


class Found(NamedTuple):
    """What one measurement took: at the trail's verb, over HTTP, and the usual way."""

    question: str
    kind: Kind
    verb: Times
    http: Times
    usual: Times

    def __str__(self) -> str:
        return f"{self.verb}; over HTTP {self.http}; the usual way {self.usual}"


class Filled(NamedTuple):
    """How long so many entries took to be appended and indexed, and their bytes with the index."""

    entries: int
    seconds: float
    bytes: int


def told(milliseconds: float) -> str:
    """Write milliseconds with the digits that say something."""
    return f"{milliseconds:,.{2 if milliseconds < 1 else 1 if milliseconds < 100 else 0}f}"


def finding(
    place: Place, entries: int, calls: Calls, said: Callable[[str], None] = lambda _: None
) -> tuple[Filled, list[Found]]:
    """Fill a trail and a plain table with the same, and ask both; every call is warm.

    The trees grow with the trail, and nothing is signed. Nothing else runs meanwhile.
    """
    url = _new_url(place)
    store, usual = _opened(url), Usual(place)
    try:
        seconds = _fill(store, usual, entries, said)
        filled = Filled(entries, seconds, _settle(url))
        usual.settle()
        found = []
        with served(url) as client:
            for ask in asks(companies(entries)[0]):
                found.append(_measured(ask, Trail(store), client, usual, calls))
                said(f"{ask.question}: {found[-1]}")
        return filled, found
    finally:
        usual.close()
        store.close()


def asks(company: Company) -> Iterator[Ask]:
    """Return what is asked of the large account."""
    everything = Question("", Where(values=(LARGE,)))
    users = [_of_user(rank) for rank in _spread(len(company.people))]
    yield Ask("newest page", "page", [everything])
    yield Ask("page of a user", "page", users)
    yield Ask(
        "page of a record", "page", [_of_record(company, each) for each in _spread(company.records)]
    )
    yield Ask("page of a user and month", "page", list(_of_user_and_month(users)))
    yield Ask("page of a rare word", "page", [_with_word(word) for word in RARE])
    yield Ask("page of a frequent word", "page", [_with_word(FREQUENT)])
    moved_up = everything.where.also(
        "changes LIKE ?", '%"role":{"after":"administrator","before":"agent"}%'
    )
    yield Ask(
        "page of a transition",
        "page",
        [Question("field:role from:agent to:administrator", moved_up)],
    )
    deep = min(DEEPEST, company.entries // 2) // LIMIT * LIMIT
    yield Ask(f"page {deep:,} entries deep, by its number", "numbered page", [everything], deep)
    yield Ask(f"page {deep:,} entries deep, by its cursor", "page", [everything], deep)
    yield Ask("facets", "facets", [everything])
    yield Ask("facets of a user", "facets", users)
    yield Ask("timeline", "timeline", [everything])
    yield Ask("timeline of a user", "timeline", users)


def bring_up_to_date(trail: Trail) -> None:
    """Let an index that follows behind the appends take up what it lacks, where there is one."""
    index = getattr(trail, "index", None)
    if index:
        index()


def _of_user(rank: int) -> Question:
    actor = f"user/{rank + 1}"
    return Question(f"actor:{actor}", Where(values=(LARGE,)).also("actor = ?", actor))


def _of_record(company: Company, rank: int) -> Question:
    record = company.record(rank)
    where = Where(values=(LARGE,)).also("entity_type = ? AND entity_id = ?", record.type, record.id)
    return Question(f"entity:{record.type} id:{record.id}", where)


def _of_user_and_month(users: Sequence[Question]) -> Iterator[Question]:
    for number, (typed, where) in enumerate(users):
        first = date(2025, 1 + number % 12, 1)
        last = date(2025 + first.month // 12, first.month % 12 + 1, 1)
        within = where.also("occurred_at >= ? AND occurred_at < ?", _us(first), _us(last))
        yield Question(f"{typed} date:{first:%Y-%m}", within)


def _with_word(word: str) -> Question:
    columns = ("label", "reason", "changes", "name", "email", "entity_type")
    anywhere = " OR ".join(f"{column} LIKE ?" for column in columns)
    where = Where(values=(LARGE,)).also(f"({anywhere})", *[f"%{word}%"] * len(columns))
    return Question(word, where)


def _spread(size: int) -> list[int]:
    """Return ranks from the busiest to the least busy."""
    return sorted({each * size // CHOICES for each in range(CHOICES)})


def _measured(ask: Ask, trail: Trail, client: httpx2.Client, usual: Usual, calls: Calls) -> Found:
    queries = [query_of(question) for question in ask.questions]
    verb = _verb(ask, trail)
    addresses = [_address(ask, trail, question) for question in ask.questions]
    asked = [partial(_asked_usually, ask, usual, question.where) for question in ask.questions]
    return Found(
        ask.question,
        ask.kind,
        _timed([partial(verb, each) for each in queries], calls.most, calls.seconds),
        _timed([partial(_get, client, each) for each in addresses], calls.most, calls.seconds),
        _timed(asked, calls.usual_most, calls.usual_seconds),
    )


def _timed(calls: Sequence[Callable[[], Any]], most: int, seconds: float) -> Times:
    """Make the calls in turn, once to warm up, then so often, or for so long."""
    deadline, took = time.perf_counter() + seconds, list[float]()
    for call in calls:
        call()
        if time.perf_counter() > deadline:
            break
    deadline = time.perf_counter() + seconds
    for call in islice(cycle(calls), most):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
        if time.perf_counter() > deadline:
            break
    return Times.of(took)


def _verb(ask: Ask, trail: Trail) -> Callable[[Query], Any]:
    match ask.kind:
        case "page":
            size = trail.head(LARGE).size
            return partial(_whole_page, trail, before=size - ask.skipped if ask.skipped else None)
        case "numbered page":
            return partial(trail.numbered_page, page=ask.skipped // LIMIT + 1, limit=LIMIT)
        case "facets":
            return trail.facets
        case "timeline":
            step = (ENDED_US - BEGAN_US) // BARS
            return partial(trail.timeline, edges_us=range(BEGAN_US, ENDED_US + 1, step))


def _whole_page(trail: Trail, query: Query, before: int | None) -> int:
    """Read a page until it is full or nothing is left; a search may end before, and is asked again."""
    found = 0
    while True:
        page = trail.page(query, before=before, limit=LIMIT - found)
        found, before = found + len(page.entries), page.reached
        if before is None or found == LIMIT:
            return found


def _address(ask: Ask, trail: Trail, question: Question) -> str:
    asked = {"q": question.typed} if question.typed else {}
    if ask.kind in ("facets", "timeline"):
        return f"/logs/overview?{urlencode(asked)}"
    if ask.skipped:
        asked["before"] = str(trail.head(LARGE).size - ask.skipped + 1)
    return f"/logs?{urlencode(asked)}"


def _get(client: httpx2.Client, address: str) -> None:
    client.get(address).raise_for_status()


def _asked_usually(ask: Ask, usual: Usual, where: Where) -> None:
    match ask.kind:
        case "facets":
            usual.facets(where)
        case "timeline":
            usual.timeline(where, (ENDED_US - BEGAN_US) // BARS)
        case _:
            usual.page(where, skipped=ask.skipped, limit=LIMIT)


def query_of(question: Question) -> Query:
    """Return what a question asks of the trail."""
    asked = understand(question.typed, zone=UTC, now_us=ENDED_US, catalog=CATALOG)
    return Query(account=LARGE, where=asked.where)


def _fill(store: Store, usual: Usual, entries: int, said: Callable[[str], None]) -> float:
    now = [BEGAN_US]
    trail = Trail(store, clock=lambda: now[0])
    done, took = 0, 0.0
    for batch in batches(entries):
        now[0] = max(now[0], *(draft.occurred_at for draft in batch))
        started = time.perf_counter()
        done += trail.append(batch)
        bring_up_to_date(trail)
        took += time.perf_counter() - started
        usual.insert(batch)
        if done % 500_000 < len(batch):
            said(f"{done:,} of {entries:,} entries appended, {done / took:,.0f} a second")
    return took


def _new_url(place: Place) -> str:
    if place.server:
        return place.server.url(place.server.database())
    return f"sqlite:///{place.new_file()}"


def _opened(url: str) -> Store:
    if url.startswith("sqlite"):
        return SqliteStore(Path(url.removeprefix("sqlite:///")))
    return PostgresqlStore(url)


def _settle(url: str) -> int:
    """Do what the engine does by itself later, not while calls are timed; return the trail's bytes."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.stat().st_size
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row
        return int(row[0])


def _us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
