"""One query, many readers: pages both ways, counts, facets, bars and all hits agree with the entries."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.record.matching import matches
from audit_trail.record.query import (
    All,
    By,
    Changed,
    Condition,
    During,
    Is,
    Named,
    Not,
    Query,
    Value,
    Words,
)
from audit_trail.record.query import Any as AnyOf
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail

people = st.sampled_from(["ada@example.com", "Grüße Ω", "名前"])
kinds = st.sampled_from(["inbox", "team", "inbox_member"])
actions = st.sampled_from(["create", "update", "delete", "sign_in"])
texts = st.sampled_from(["agent", "Administrator", "京都市", "a b", "", "ß"])
times = st.integers(0, 20)
acts = st.tuples(people, kinds, actions, texts, texts, times)

leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Words, texts, st.booleans()),
    st.builds(Is, st.just("entity"), kinds, st.booleans()),
    st.builds(Is, st.just("action"), actions, st.booleans()),
    st.builds(By, people, st.booleans()),
    st.builds(Named, st.sampled_from(["ADA", "ü", "%", ""])),
    st.builds(Changed, st.none() | st.just("role"), st.none() | st.builds(Value, texts)),
    st.builds(During, st.none() | times, st.none() | times),
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


def draft(number: int, act: tuple[str, str, str, str, str, int]) -> Draft:
    name, kind, action, before, after, at = act
    what = {"changes": {"role": {"before": before, "after": after}}}
    return Draft(
        id=f"id-{number}",
        account="1",
        occurred_at=at,
        action=action,
        entity=Entity(type=kind, id=str(number % 3)),
        actor=ActorId(kind="user", id=name),
        via="ui",
        fields=("role",),
        who=json.dumps({"email": name}).encode(),
        what=json.dumps(what).encode(),
    )


def walked(trail: Trail, query: Query) -> Iterator[int]:
    """Go through all pages by their cursors, those that end early included."""
    before = None
    for _ in range(200):
        page = trail.page(query, before=before, limit=2)
        yield from (entry.index for entry in page.entries)
        if not page.has_older:
            return
        before = page.entries[-1].index if page.reached is None else page.reached
    pytest.fail("the pages don't end")


@pytest.mark.parametrize(
    "store",
    [lambda _: MemoryStore(), lambda folder: SqliteStore(folder / "trail.db")],
    ids=["memory", "sqlite"],
)
@settings(max_examples=60, deadline=None)
@given(made=st.lists(acts, max_size=12), where=st.none() | conditions)
def test_every_reader_finds_what_the_entries_themselves_say(
    store: Callable[[Path], Store],
    made: list[tuple[str, str, str, str, str, int]],
    where: Condition | None,
) -> None:
    with TemporaryDirectory() as folder, closing(store(Path(folder))) as kept:
        trail = Trail(kept, clock=lambda: 5)
        trail.append([draft(number, act) for number, act in enumerate(made)])
        trail.append([draft(99, ("x", "team", "update", "a", "b", 1))])
        entries = trail.entries("1", 0, 99)
        query = Query(account="1", where=where)
        wanted = [entry.index for entry in reversed(entries) if matches(where, entry)]
        with (
            patch("audit_trail.search.walking.READ_TOGETHER", 2),
            patch("audit_trail.search.walking.SEARCHED_AT_ONCE", 4),
        ):
            assert list(walked(trail, query)) == wanted
        assert [entry.index for entry in trail.matching(query)] == wanted
        assert trail.count(query) == (len(wanted), True)
        assert trail.numbered_page(query, page=1, limit=50).total == len(wanted)
        assert sum(count for _, count in trail.facets(query).of["entity"]) == len(wanted)
        bars = trail.timeline(query, [0, 7, 21]).bars
        assert sum(sum(bar.values()) for bar in bars) == len(wanted)
        assert list(trail.matching(Query(account="2", where=where))) == []
