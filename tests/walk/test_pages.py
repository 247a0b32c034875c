"""A trail page by page: every entry once, whichever way one goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.errors import EntryNotFound, QueryRefused
from audit_trail.record.entry import ActorId, Draft, Entity, Entry
from audit_trail.record.query import Is, Query, Words
from audit_trail.search.found import NumberedPage
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail

EVERY = Query(account="1")
INBOXES = Query(account="1", where=Is("entity", "inbox"))


def filled(count: int, **given: Any) -> Trail:
    trail = Trail(MemoryStore(), clock=lambda: 5)
    trail.append(
        [
            Draft(
                id=f"id-{number}",
                account="1",
                occurred_at=number,
                action="update",
                entity=Entity(type=("inbox", "team")[number % 2], id="1"),
                actor=ActorId(kind="user"),
                via="ui",
                **given,
            )
            for number in range(count)
        ]
    )
    return trail


def indexes(entries: Any) -> list[int]:
    return [each.index for each in entries]


@given(count=st.integers(0, 12), limit=st.integers(1, 5), query=st.sampled_from([EVERY, INBOXES]))
def test_going_older_and_back_shows_each_entry_once(count: int, limit: int, query: Query) -> None:
    trail = filled(count)
    wanted = [n for n in reversed(range(count)) if query is EVERY or n % 2 == 0]
    page = trail.page(query, limit=limit)
    pages: list[list[Entry]] = [list(page.entries)]
    assert not page.has_newer
    while page.has_older:
        page = trail.page(query, before=page.entries[-1].index, limit=limit)
        assert page.has_newer
        pages.append(list(page.entries))
    assert [index for each in pages for index in indexes(each)] == wanted
    for earlier in reversed(pages[:-1]):
        page = trail.page(query, after=page.entries[0].index, limit=limit)
        assert page.has_older
        assert indexes(page.entries) == indexes(earlier)
    assert not page.has_newer


@given(count=st.integers(0, 12), limit=st.integers(1, 5), newest=st.booleans())
def test_numbered_pages_show_each_entry_once(count: int, limit: int, newest: bool) -> None:
    trail = filled(count)
    for where in (None, Is("entity", "inbox"), Words("inbox")):
        query = Query(account="1", where=where, newest_first=newest)
        found: list[int] = []
        totals = set()
        for number in range(1, count // limit + 3):
            page = trail.numbered_page(query, page=number, limit=limit)
            found += indexes(page.entries)
            totals.add(page.total)
        wanted = [n for n in range(count) if not where or n % 2 == 0]
        assert totals == {len(wanted)}
        assert found == (wanted[::-1] if newest else wanted)


@pytest.mark.parametrize("page", [10**6, 10**20])
def test_a_page_far_beyond_the_end_is_empty_unfiltered_and_refused_filtered(page: int) -> None:
    trail = filled(3)
    assert trail.numbered_page(EVERY, page=page, limit=25) == NumberedPage([], 3)
    with pytest.raises(QueryRefused, match="at most 400 of this result"):
        trail.numbered_page(INBOXES, page=page, limit=25)


def test_an_entry_is_found_by_its_index_or_there_is_none() -> None:
    trail = filled(3)
    assert trail.entry("1", 2).public.id == "id-2"
    for index in (3, -1, 10**30):
        with pytest.raises(EntryNotFound):
            trail.entry("1", index)
    with pytest.raises(EntryNotFound, match="no entry 1 in account 2"):
        trail.entry("2", 0)
    assert trail.by_id("1", "id-1") == trail.entry("1", 1)
    assert trail.by_id("1", "nothing") is None
    assert trail.head("1")[:2] == (3, 5)
