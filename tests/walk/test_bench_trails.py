"""The trail that search is measured on is skewed as told, and asked the same as the plain table."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import pytest

from audit_trail.record.entry import Draft
from audit_trail.trail import Trail
from bench.engines import KINDS, Kind, place
from bench.finding import asks, query_of
from bench.trails import ACCOUNTS, BEGAN_US, ENDED_US, LARGE, batches, companies
from bench.usual import Usual
from bench.vocabulary import RARE

ENTRIES = 4_000


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return [draft for batch in batches(ENTRIES) for draft in batch]


@pytest.fixture(scope="module")
def of_the_large(drafts: list[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.account == LARGE]


def test_one_account_has_half_and_all_others_have_some(drafts: list[Draft]) -> None:
    sizes = Counter(draft.account for draft in drafts)
    assert (len(drafts), len(sizes), sizes.pop(LARGE)) == (ENTRIES, ACCOUNTS, ENTRIES // 2)
    assert set(sizes.values()) == {2, 3}


def test_a_seed_gives_the_same_trail_and_another_one_another(drafts: list[Draft]) -> None:
    assert [draft for batch in batches(ENTRIES) for draft in batch] == drafts
    assert next(batches(ENTRIES, seed=2))[0] != drafts[0]
    assert len({draft.id for draft in drafts}) == ENTRIES


def test_entries_of_an_account_come_in_the_order_of_their_times(of_the_large: list[Draft]) -> None:
    times = [draft.occurred_at for draft in of_the_large]
    assert times == sorted(times)
    assert times[0] == BEGAN_US and times[-1] < ENDED_US
    by_hour = Counter(time // 3_600_000_000 % 24 for time in times)
    assert by_hour[10] > 5 * by_hour[3] > 0


def test_few_people_and_records_have_most_and_requests_have_several(
    of_the_large: list[Draft],
) -> None:
    people = Counter(draft.actor for draft in of_the_large).most_common()
    records = Counter(draft.entity for draft in of_the_large).most_common()
    assert people[0][1] > 5 * people[len(people) // 2][1]
    assert records[0][1] > 3 * records[len(records) // 2][1]
    sizes = {len(list(each)) for _, each in groupby(of_the_large, lambda draft: draft.request)}
    assert sizes == {1, 2, 3, 6}


def test_what_is_rare_is_there_as_often_as_told(drafts: list[Draft]) -> None:
    for word, times in RARE.items():
        having = [draft for draft in drafts if word.encode() in (draft.what or b"")]
        assert len(having) == times
        assert {draft.account for draft in having} == {LARGE}
    moved_up = b'"role":{"after":"administrator","before":"agent"}'
    assert 0 < sum(moved_up in (draft.what or b"") for draft in drafts) < ENTRIES / 100


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, drafts: list[Draft]) -> Iterator[tuple[Trail, Usual]]:
    kind: Kind = request.param
    with place(kind) as where:
        store, usual = where.store(), Usual(where)
        trail = Trail(store)
        trail.append(drafts)
        usual.insert(drafts)
        yield trail, usual
        usual.close()
        store.close()


def test_the_trail_and_the_plain_table_find_the_same(both: tuple[Trail, Usual]) -> None:
    trail, usual = both
    for ask in asks(companies(ENTRIES)[0]):
        for question in ask.questions:
            found = sum(1 for _ in trail.matching(query_of(question)))
            assert found == usual.page(question.where), question.typed
        assert any(usual.page(question.where) for question in ask.questions), ask.question
