"""The search index against the entries themselves: appended, indexed, merged, erased and dropped."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.record.entry import ActorId, Draft, Entity, Removed
from audit_trail.record.matching import matches
from audit_trail.record.query import (
    All,
    At,
    By,
    Changed,
    Condition,
    During,
    Holds,
    Is,
    Named,
    Not,
    Query,
    Value,
    Words,
)
from audit_trail.record.query import Any as AnyOf
from audit_trail.search.answering import Asking, Budget, answer
from audit_trail.search.counting import values_of
from audit_trail.search.walking import Walk
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.postgresql import Cluster

SMALL = {
    "audit_trail.search.segments.BLOCK_ENTRIES": 4,
    "audit_trail.search.making.BLOCK_ENTRIES": 4,
    "audit_trail.search.forgetting.BLOCK_ENTRIES": 4,
    "audit_trail.search.index.BLOCK_ENTRIES": 4,
    "audit_trail.search.index.MOST_RECENT": 6,
    "audit_trail.search.segments.FAN_OUT": 2,
    "audit_trail.search.making.FAN_OUT": 2,
    "audit_trail.search.pages.PAGE_BYTES": 120,
    "audit_trail.search.pages.FEW_HITS": 2,
    "audit_trail.search.pages.INLINE_BYTES": 24,
}

TIGHT = {
    "terms": "audit_trail.record.terms.MOST_TERMS",
    "asked": "audit_trail.search.answering.MOST_TERMS_ASKED",
}

people = st.sampled_from(["ada@example.com", "Grüße Ω", "名前", "Ann Lee", "a", "x" * 300])
kinds = st.sampled_from(["inbox", "team", "inbox_member", "e" * 70, "e" * 600])
actions = st.sampled_from(["create", "update", "delete", "sign_in"])
texts = st.sampled_from(
    [
        "agent",
        "Administrator",
        "京都市",
        "a b",
        "",
        "ß",
        "none",
        "x" * 64,
        "x" * 65,
        "a\0b",
        "=",
        "a=b",
    ]
)
values = st.one_of(texts, st.none(), st.integers(0, 3), st.lists(texts, max_size=2))
fields = st.sampled_from(["role", "Role", "role=a", "name", "f" * 70])
addresses = st.sampled_from(["10.0.0.1", "10.0.1.9", "::1", "2001:db8::2", "nowhere"])
times = st.integers(0, 40)
details = st.sampled_from(
    [{}, {}, {"undoes": {"index": 1, "id": "x"}}, {"undoes": 7}, {"count": 3}]
)


@st.composite
def drafts(draw: st.DrawFn) -> dict[str, Any]:
    names = {"email": draw(people), "name": draw(people), "ip": draw(addresses)}
    changes = {
        field: {"before": draw(values), "after": draw(values)}
        for field in draw(st.lists(fields, unique=True, max_size=3))
    }
    return {
        "is_beside": draw(st.sampled_from([False, False, False, True])),
        "occurred_at": draw(times),
        "action": draw(actions),
        "entity": Entity(type=draw(kinds), id=draw(st.sampled_from(["1", "2", None]))),
        "actor": ActorId(kind="user", id=draw(st.sampled_from(["1", "23", None]))),
        "via": draw(st.sampled_from(["ui", "api"])),
        "outcome": draw(st.sampled_from(["success", "denied"])),
        "request": draw(st.none() | st.sampled_from(["r-1", "R-22"])),
        "on_behalf_of": draw(st.sampled_from([(), (ActorId(kind="user", id="5"),)])),
        "fields": tuple(sorted(changes)),
        "who": json.dumps(names).encode(),
        "what": json.dumps(
            {"label": draw(texts), "changes": changes, "details": draw(details)}
        ).encode(),
    }


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(drafts(), min_size=1, max_size=7)),
        st.tuples(st.just("index"), st.none()),
        st.tuples(
            st.sampled_from(["who", "what", "both"]),
            st.tuples(st.integers(0, 30), st.integers(0, 5)),
        ),
        st.tuples(st.just("drop"), st.integers(0, 12)),
    ),
    min_size=1,
    max_size=9,
)
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Words, texts | people, st.booleans()),
    st.builds(Is, st.just("entity"), kinds | st.just("e" * 601), st.booleans()),
    st.builds(Is, st.just("action"), actions | st.just("UPD"), st.booleans()),
    st.builds(Is, st.just("id"), st.sampled_from(["1", "2"]), st.booleans()),
    st.builds(Is, st.just("via"), st.sampled_from(["ui", "A"]), st.booleans()),
    st.builds(Is, st.just("outcome"), st.just("denied"), st.booleans()),
    st.builds(Is, st.just("undoes"), st.sampled_from(["2", "1"]), st.booleans()),
    st.builds(Is, st.just("request"), st.sampled_from(["r-1", "r-2"]), st.booleans()),
    st.builds(
        Is, st.just("ip"), addresses | st.sampled_from(["10.0.0.0/23", "::/0"]), st.booleans()
    ),
    st.builds(
        By, people | st.sampled_from(["user", "23", "user/5", "lee"]), st.booleans(), st.booleans()
    ),
    st.builds(Named, st.sampled_from(["ADA", "ü", "%", "", "\n", "n\na"])),
    st.builds(Holds, st.sampled_from(["before", "after"]), texts, st.booleans()),
    st.builds(
        Changed,
        st.none() | fields,
        st.none() | st.builds(Value, texts, st.booleans()),
        st.none() | st.builds(Value, texts, st.booleans()),
    ),
    st.builds(During, st.none() | times, st.none() | times),
    st.just(At(0, 720, (), "UTC")),
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda of: All(tuple(of)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of)))
        | inner.map(Not)
    ),
    max_leaves=6,
)


@contextmanager
def small(**more: int) -> Iterator[None]:
    """Make blocks, pages and levels so small that few entries have several of each."""
    with ExitStack() as stack:
        for name, value in (SMALL | {TIGHT[name]: value for name, value in more.items()}).items():
            stack.enter_context(patch(name, value))
        yield


@contextmanager
def fresh() -> Iterator[SqliteStore]:
    with TemporaryDirectory() as folder, closing(SqliteStore(Path(folder) / "trail.db")) as store:
        yield store


def made_of(account: str, number: int, is_beside: bool, **given_: Any) -> Draft:
    """Return a draft of this account, or of one beside it."""
    return Draft(id=f"id-{number}", account=account + "beside" * is_beside, **given_)


def lived(trail: Trail, account: str, taken: list[tuple[str, Any]]) -> None:
    """Go through these steps, those of them that are possible."""
    number, erased, dropped = 0, {"who": 0, "what": 0}, 0
    for name, given_ in taken:
        size = trail.head(account).size
        if name == "append":
            made = [made_of(account, number + at, **each) for at, each in enumerate(given_)]
            number += len(made)
            trail.append(made)
        elif name == "index":
            trail.index()
        elif name == "drop" and dropped < given_ < size:
            dropped = given_
            remove(trail, account, Removed(entry=((0, dropped - 1),)))
        elif name in ("who", "what", "both"):
            first, span = given_
            last, parts = first + span, ("who", "what") if name == "both" else (name,)
            if all(erased[part] <= first for part in parts) and last < size:
                erased |= dict.fromkeys(parts, last + 1)
                remove(trail, account, Removed(**dict.fromkeys(parts, ((first, last),))))


def remove(trail: Trail, account: str, removed: Removed) -> None:
    trail.append([removal(account, trail.head(account).size, removed)])
    trail.remove(account)


def removal(account: str, number: int, removed: Removed) -> Draft:
    return Draft(
        id=f"removal-{number}",
        account=account,
        occurred_at=7,
        action="erase",
        entity=Entity(type="audit_log"),
        actor=ActorId(kind="system"),
        via="cli",
        removed=removed,
    )


def require_equal(trail: Trail, store: Store, account: str, where: Condition | None) -> None:
    """Hold every reader against the entries themselves, read one by one."""
    entries = store.slice(account, 0, 1_000)
    fits = [entry for entry in reversed(entries) if matches(where, entry)]
    wanted = [entry.index for entry in fits]
    query = Query(account=account, where=where)
    assert [entry.index for entry in trail.matching(query)] == wanted
    assert list(paged(trail, query)) == wanted
    if where is not None:
        assert trail.count(query) == (len(wanted), True)
        middle = trail.numbered_page(query, page=2, limit=3)
        assert ([entry.index for entry in middle.entries], *middle[1:]) == (
            wanted[3:6],
            len(wanted),
            True,
        )
    facets = trail.facets(query)
    assert facets.counted is None
    for name, counted in facets.of.items():
        assert dict(counted) == Counter(values_of(entry)[name] for entry in fits), name
    edges = [0, 5, 6, 7, 20, 41]
    bars = trail.timeline(query, edges).bars
    for low, high, bar in zip(edges, edges[1:], bars, strict=False):
        inside = [entry for entry in fits if low <= entry.public.occurred_at < high]
        assert sum(bar.values()) == len(inside)
        assert bar["update"] == sum(entry.public.action == "update" for entry in inside)


def paged(trail: Trail, query: Query) -> Iterator[int]:
    before = None
    for _ in range(100):
        page = trail.page(query, before=before, limit=2)
        yield from (entry.index for entry in page.entries)
        if not page.has_older:
            return
        before = page.entries[-1].index
    pytest.fail("the pages don't end")


@settings(max_examples=80, deadline=None)
@given(taken=steps, where=st.none() | conditions)
def test_whatever_happened_the_index_tells_what_the_entries_tell(
    taken: list[tuple[str, Any]], where: Condition | None
) -> None:
    with small(), fresh() as store:
        require_told(store, "1", taken, where)


@settings(max_examples=40, deadline=None)
@given(taken=steps, where=conditions)
def test_what_the_index_has_no_room_for_is_read(
    taken: list[tuple[str, Any]], where: Condition
) -> None:
    with small(terms=20, asked=3), fresh() as store:
        require_told(store, "1", taken, where)


def filled(store: Store, count: int = 9) -> Trail:
    trail = Trail(store, clock=lambda: 5)
    trail.append([at(index, index) for index in range(count)])
    trail.index()
    return trail


UPDATES = Is("action", "update")


def test_a_hit_that_is_gone_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with small(), fresh() as store:
        trail, query = filled(store), Query(account="1", where=UPDATES)
        read = store.entries
        monkeypatch.setattr(
            store, "entries", lambda of, indexes: [e for e in read(of, indexes) if e.index != 7]
        )
        monkeypatch.setattr("audit_trail.search.finding.READ_TOGETHER", 3)
        assert [entry.index for entry in trail.matching(query)] == [8, 6, 5, 4, 3, 2, 1, 0]
        page = trail.page(query, limit=2)
        assert [entry.index for entry in page.entries] == [8, 6] and page.has_older


def test_what_is_declared_meanwhile_is_forgotten_before_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with small(), fresh() as store:
        trail, remove_ = filled(store), store.remove

        def beside(account: str, limit: int, only: Any = None) -> int:
            monkeypatch.setattr(store, "remove", remove_)
            trail.append([removal("1", trail.head("1").size, Removed(what=((2, 3),)))])
            return remove_(account, limit, only)

        monkeypatch.setattr(store, "remove", beside)
        remove(trail, "1", Removed(what=((0, 1),)))
        trail.remove("1")
        words = Words("imported")
        assert [entry.index for entry in trail.matching(Query(account="1", where=words))] == [
            *range(8, 3, -1)
        ]


def test_tables_that_were_emptied_bring_nothing_back() -> None:
    with small(), fresh() as store:
        trail, query = filled(store), Query(account="1", where=Words("imported"))
        assert trail.count(query).number == 9
        remove(Trail(store), "1", Removed(what=((0, 8),)))
        with store._file.writing() as connection:
            for table in ("heads", "pages", "bits", "blocks"):
                connection.execute(f"DELETE FROM search_{table}")
        Trail(store).index()
        assert trail.count(query).number == 0


def require_told(
    store: Store, account: str, taken: list[tuple[str, Any]], where: Condition | None
) -> None:
    trail = Trail(store, clock=lambda: 5)
    lived(trail, account, taken)
    require_equal(trail, store, account, where)
    trail.index()
    require_equal(trail, store, account, where)


def test_the_same_on_postgresql(postgresql: Cluster) -> None:
    accounts = count()

    @settings(max_examples=25, deadline=None)
    @given(taken=steps, where=st.none() | conditions)
    def tell(taken: list[tuple[str, Any]], where: Condition | None) -> None:
        require_told(store, f"account {next(accounts)}", taken, where)

    url = postgresql.url(postgresql.database())
    with small(), closing(PostgresqlStore(url)) as store:
        tell()


@settings(max_examples=150, deadline=None)
@given(made=st.lists(drafts(), min_size=9, max_size=9), where=conditions)
def test_what_terms_call_sure_fits_and_what_fits_they_call_possible(
    made: list[dict[str, Any]], where: Condition
) -> None:
    with small(), fresh() as store:
        trail = Trail(store, clock=lambda: 5)
        trail.append(
            [made_of("1", at, **(each | {"is_beside": False})) for at, each in enumerate(made)]
        )
        trail.index()
        assert trail._index is not None
        snapshot = trail._index.snapshot("1")
        assert [stretch.stop for stretch in snapshot.stretches] == [8, 9]
        fits = {entry.index for entry in store.slice("1", 0, 9) if matches(where, entry)}
        for stretch in snapshot.stretches:
            sure, possible = answer(where, Asking(stretch, Budget()))
            inside = {index for index in fits if stretch.start <= index < stretch.stop}
            assert set(sure) <= inside <= set(possible)
        assert Walk(store, snapshot, Query(account="1", where=where)).reached is None


@pytest.mark.parametrize("place", [1, 7])
def test_the_earliest_entry_may_have_been_imported_later(place: int) -> None:
    with small(), fresh() as store:
        trail = Trail(store, clock=lambda: 5)
        assert trail.earliest("1") is None
        trail.append([at(index, 3 if index == place else 20 + index) for index in range(9)])
        # What waits for the index isn't asked; the first entry stands for it.
        assert trail.earliest("1") == 20
        trail.index()
        assert trail.earliest("1") == 3
        remove(trail, "1", Removed(entry=((0, 3),)))
        assert trail.earliest("1") == (3 if place == 7 else 7)


def at(index: int, occurred_us: int) -> Draft:
    return Draft(
        id=f"id-{index}",
        account="1",
        occurred_at=occurred_us,
        action="update",
        entity=Entity(type="inbox"),
        actor=ActorId(kind="system"),
        via="import",
        what=b'{"label":"Imported"}',
    )
