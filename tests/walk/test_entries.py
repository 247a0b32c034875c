"""The entries as programs read them: pages by cursor over any data and question, in one application."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar, Request, Response
from litestar.testing import TestClient

from audit_trail.errors import AuditError, CursorRefused, EntryNotFound
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, Draft, Entity, Entry
from audit_trail.record.matching import matches
from audit_trail.record.query import Query
from audit_trail.record.question import understand
from audit_trail.server.cursor import Cursors, Position
from audit_trail.server.entries import Entries
from audit_trail.server.entries_router import entries_router
from audit_trail.server.overview import us_of
from audit_trail.server.tail import Look, Tails
from audit_trail.server.viewer import Reader
from audit_trail.server.zone import UTC_ZONE
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.trail import Trail
from tests.walk.test_index import fresh, small

NOW = 1_764_000_000_000_000
DAY = 86_400_000_000
KEY = b"k" * 32

Act = tuple[str, str, str, str, int]
acts: st.SearchStrategy[Act] = st.tuples(
    st.sampled_from(["ada@example.com", "名前"]),
    st.sampled_from(["inbox", "team"]),
    st.sampled_from(["create", "update", "delete", "sign_in"]),
    st.sampled_from(["agent", "Administrator", "京都市", "a b", ""]),
    st.integers(0, 4),
)
parts = st.sampled_from(
    [
        *("agent", "京都", '"a b"', "admin*", "actor:ada", "action:deleted", "entity:team"),
        *("field:role", "to:agent", "from:none", "id:1", "via:ui", "date:-2d", "date:-3d..-1d"),
        *("outcome:success", "(action:created OR team)", "time:06:00..18:00", "ip:203.0.113.7"),
    ]
)
questions = st.lists(st.tuples(st.sampled_from(["", "-"]), parts).map("".join), max_size=3).map(
    " ".join
)


def draft(number: int, act: Act, account: str = "1") -> Draft:
    name, kind, action, after, days = act
    return Draft(
        id=f"id-{account}-{number}",
        account=account,
        occurred_at=NOW - days * DAY,
        action=action,
        entity=Entity(type=kind, id=str(number % 3)),
        actor=ActorId(kind="user", id=name),
        via="ui",
        fields=("role",),
        who=json.dumps({"email": name, "ip": "203.0.113.7"}).encode(),
        what=json.dumps({"changes": {"role": {"before": None, "after": after}}}).encode(),
    )


def reader(request: Request[Any, Any, Any]) -> Reader:
    """Let in whoever names an account: a guard as good as any for a test."""
    return Reader(account=request.headers.get("x-account", "1"), zone="Europe/Berlin")


def refusal(_: Request[Any, Any, Any], error: AuditError) -> Response[dict[str, str]]:
    status = 404 if isinstance(error, EntryNotFound) else 422
    return Response({"code": error.code, "message": str(error)}, status_code=status)


class Asking:
    """A client of a trail's entries, whose clock can be set."""

    def __init__(self, trail: Trail, key: bytes = KEY) -> None:
        self.trail = trail
        self.now_us = NOW
        router = entries_router(
            trail,
            path="/entries",
            reader=reader,
            fresh=lambda: None,
            catalog=Catalog(),
            tails=Tails(trail, key),
            clock=lambda: self.now_us,
        )
        self.client = TestClient(
            Litestar([router], exception_handlers={AuditError: refusal}, openapi_config=None)
        )

    def get(self, path: str = "", account: str = "1", **given: Any) -> Any:
        headers = {"x-account": account}
        return self.client.get(f"/entries{path}", params=given, headers=headers)

    def ok(self, path: str = "", account: str = "1", **given: Any) -> Any:
        answer = self.get(path, account, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def asking(*made: Act) -> Iterator[Asking]:
    trail = Trail(MemoryStore(), clock=lambda: NOW)
    trail.append([draft(number, act) for number, act in enumerate(made)])
    trail.append([draft(number, ACT, "2") for number in range(3)])
    opened = Asking(trail)
    with opened.client:
        yield opened


ADA = Reader(account="1", zone="Europe/Berlin")
ACT: Act = ("ada@example.com", "team", "update", "agent", 0)


class Kept(NamedTuple):
    """A trail, its readers, and the clock that they go by, as a list of one."""

    trail: Trail
    entries: Entries
    now_us: list[int]


def kept_in(store: Store, made: list[Act]) -> Kept:
    trail, now_us = Trail(store, clock=lambda: NOW), [NOW]
    trail.append([draft(number, act) for number, act in enumerate(made)])
    return Kept(trail, Entries(trail, Catalog(), Cursors(KEY), lambda: now_us[0]), now_us)


def hits(trail: Trail, question: str) -> list[Entry]:
    """Return what the entries themselves say of a question that is asked now."""
    where = understand(question, zone=UTC_ZONE.info, now_us=NOW).where
    return [entry for entry in trail.entries("1", 0, 99) if matches(where, entry)]


def given_for(question: str) -> dict[str, str]:
    return {"q": question, "range": "", "since": "", "until": "", "zone": "UTC"}


@settings(max_examples=150, deadline=None)
@given(
    made=st.lists(acts, max_size=12),
    later=st.lists(acts, max_size=3),
    question=questions,
    sort=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 4),
)
def test_pages_are_what_the_entries_themselves_say_while_others_are_appended(
    made: list[Act], later: list[Act], question: str, sort: str, limit: int
) -> None:
    kept = kept_in(MemoryStore(), made)
    with (
        patch("audit_trail.search.walking.READ_TOGETHER", 2),
        patch("audit_trail.search.walking.SEARCHED_AT_ONCE", 4),
    ):
        require_all_pages(kept, question, sort, limit, later)


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(acts, max_size=14),
    later=st.lists(acts, max_size=3),
    question=questions,
    sort=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 4),
    begin=st.integers(-1, 15),
)
def test_pages_and_tails_say_the_same_over_an_index_that_is_made_meanwhile(
    made: list[Act], later: list[Act], question: str, sort: str, limit: int, begin: int
) -> None:
    with small(), fresh() as store:
        kept = kept_in(store, made[: len(made) // 2])
        kept.trail.index()
        kept.trail.append([draft(50 + number, act) for number, act in enumerate(made[-7:])])
        require_all_pages(kept, question, sort, limit, later)
        kept.now_us[0] = NOW
        asked = given_for(question)
        _, look, _ = kept.entries.tail(ADA, asked, None)
        beyond = [entry.index for entry in hits(kept.trail, question) if entry.index > begin]
        assert told(look, begin) == beyond
        size = kept.trail.head("1").size
        where = understand(question, zone=UTC_ZONE.info, now_us=NOW).where
        news = Query(account="1", where=where, start=begin + 1, stop=size)
        assert kept.trail.count(news) == (len(beyond), True)


def told(look: Look, begin: int) -> list[int]:
    """Follow a tail until it is quiet."""
    indexes = list[int]()
    for _ in range(60):
        heard = look(begin)
        indexes += [msgspec.json.decode(event.data)["index"] for event in heard.events]
        assert heard.index >= begin
        begin = heard.index
        if not heard.has_more:
            return indexes
    pytest.fail("the tail doesn't come to an end")


def require_all_pages(kept: Kept, question: str, sort: str, limit: int, later: list[Act]) -> None:
    """Go through all pages while others are appended, and hold them against the entries."""
    wanted, found, cursor = hits(kept.trail, question)[::-1], list[int](), None
    appended = iter(enumerate(later, 100))
    for _ in range(60):
        page = kept.entries.page(ADA, given_for(question), sort, str(limit), cursor)
        found += [entry.index for entry in page.entries]
        assert (page.total is None) == (cursor is not None)
        cursor, more = page.next, next(appended, None)
        if more:
            kept.trail.append([draft(*more)])
            kept.trail.index()
            kept.now_us[0] += DAY  # Relative times stay those of the first page.
        if cursor is None or not (more or page.has_more):
            break
    else:
        pytest.fail("the pages don't end")
    if sort == "asc":
        wanted = hits(kept.trail, question)
    assert found == [entry.index for entry in wanted]


@settings(max_examples=60, deadline=None)
@given(made=st.lists(acts, max_size=12), question=questions)
def test_facets_and_timeline_count_what_the_pages_list(made: list[Act], question: str) -> None:
    trail, entries, _ = kept_in(MemoryStore(), made)
    wanted, asked = hits(trail, question), given_for(question)
    facets, timeline = entries.facets(ADA, asked), entries.timeline(ADA, asked)
    page = entries.page(ADA, asked, None, None, None)
    assert facets.total == timeline.total == page.total
    assert facets.total.number == len(page.entries) == len(wanted)
    for values in facets.facets.values():
        assert sum(each.count for each in values) == len(wanted)
    for bar in timeline.bars:
        since, until = us_of(bar.since), us_of(bar.until)
        within = [each for each in wanted if since <= each.public.occurred_at < until]
        assert bar.create + bar.update + bar.delete + bar.other == len(within)


def test_an_entry_is_told_whole() -> None:
    with asking(ACT) as api:
        (listed,) = api.ok()["entries"]
        assert api.ok("/0") == listed
        assert (listed["index"], listed["version"], listed["erased"]) == (0, 1, [])
        assert listed["public"]["entity"] == {"type": "team", "id": "0"}
        assert listed["who"]["email"] == "ada@example.com"
        assert listed["what"]["changes"] == {"role": {"before": None, "after": "agent"}}
        assert listed["activity"] == "Updated a team (#0)"


def test_a_search_that_ended_early_says_so_and_its_cursor_goes_on() -> None:
    sought: Act = ("名前", "inbox", "create", "京都市", 0)
    with (
        asking(sought, *[ACT] * 9) as api,
        patch("audit_trail.search.walking.READ_TOGETHER", 2),
        patch("audit_trail.search.walking.SEARCHED_AT_ONCE", 4),
    ):
        page = api.ok(q="京都")
        assert (page["entries"], page["has_more"], page["reached"]) == ([], True, 6)
        page = api.ok(q="京都", cursor=page["next"])
        assert (page["entries"], page["reached"]) == ([], 2)
        page = api.ok(q="京都", cursor=page["next"])
        assert [entry["index"] for entry in page["entries"]] == [0]
        assert (page["has_more"], page["next"], page["reached"]) == (False, None, None)


def test_a_cursor_is_one_account_s_and_one_question_s() -> None:
    with asking(*[ACT] * 5) as api:
        cursor = api.ok(limit=1)["next"]
        assert api.get(limit=4, cursor=cursor).status_code == 200
        others: list[dict[str, Any]] = [
            {"account": "2"},
            {"q": "agent"},
            {"sort": "asc"},
            {"range": "24h"},
            {"since": "2025-11-01"},
            {"zone": "UTC"},
        ]
        for other in others:
            answer = api.get(limit=1, cursor=cursor, **other)
            assert (answer.status_code, answer.json()["code"]) == (422, "cursor_refused")
        assert Asking(api.trail, b"x" * 32).get(limit=1, cursor=cursor).status_code == 422
        assert Asking(api.trail).get(limit=1, cursor=cursor).status_code == 200


@given(at=st.integers(0, 45), sign=st.sampled_from("Aa9-_=. ~é"), index=st.integers(-1, 2**53))
def test_a_cursor_that_was_altered_anywhere_is_refused(at: int, sign: str, index: int) -> None:
    cursors, asked = Cursors(KEY), {"q": "agent"}
    text = cursors.write("1", asked, Position(index, NOW))
    assert cursors.read("1", asked, text) == Position(index, NOW)
    altered = text[:at] + sign + text[at + 1 :]
    for other in (altered, text[:at], text + sign, f"{text}=", ""):
        if other != text:
            with pytest.raises(CursorRefused):
                cursors.read("1", asked, other)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sort": "up"}, "sort must be"),
        ({"limit": "0"}, "limit must be"),
        ({"limit": "201"}, "limit must be"),
        ({"limit": "٣"}, "limit must be"),
        ({"limit": "1e2"}, "limit must be"),
        ({"zone": "Europe/Nowhere"}, "zone must be"),
        ({"zone": "../../etc/passwd"}, "zone must be"),
        ({"range": "1y"}, "range must be"),
        ({"range": "1h", "since": "2025-11-01"}, "not both"),
        ({"since": "2025-11-02", "until": "2025-11-01"}, "exchange"),
        ({"since": "yesterday"}, "since must be a day"),
        ({"page": "2"}, "There is no parameter page"),
        ({"q": "user:ada"}, "actor:"),
        ({"q": "x" * 20_000}, "2,000"),
        ({"q": "(" * 500}, ""),
        ({"q": "a\0b"}, ""),
    ],
)
def test_what_can_t_be_meant_is_refused_and_says_why(given: dict[str, str], says: str) -> None:
    with asking(ACT) as api:
        for path in ("", "/facets", "/timeline"):
            answer = api.get(path, **given)
            assert answer.status_code == 422
            assert says in answer.json()["message"] or path


def test_no_parameter_is_given_twice() -> None:
    with asking(ACT) as api:
        assert api.client.get("/entries?q=a&q=b").status_code == 422


@pytest.mark.parametrize("index", ["3", "-1", str(2**63), "9" * 30])
def test_there_is_no_other_entry(index: str) -> None:
    with asking(ACT) as api:
        assert api.get(f"/{index}").status_code == 404


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cursors(b"short")
