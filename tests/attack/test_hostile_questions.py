"""Whatever is asked of the audit logs is answered or refused, soon, and only of one's own account."""

import random
import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_agent.site import create_site
from tests.live_agent.office import Office, Place, serving
from tests.live_agent.test_contract import ok

WORD = "zweihundertwasserwort"
"""What only the other account's data have."""

HOSTILE = {
    "20,000 characters": "a" * 20_000,
    "20,000 words": "ab " * 6_666,
    "5,000 emoji": "\U0001f680" * 5_000,
    "the longest that may be": "a b " * 499,
    "many at once": " OR ".join(f"w{number}" for number in range(95)),
    "parentheses in one another": "(" * 1_000 + "a" + ")" * 1_000,
    "open parentheses": "(" * 1_999,
    "closed parentheses": ")" * 1_999,
    "nots": "-" * 1_999 + "a",
    "nots of parentheses": "-(" * 19 + "a" + ")" * 19,
    "stars": "*" * 1_999,
    "a star after each letter": "a*" * 999,
    "stars of words": "ab* " * 99,
    "a pattern that goes astray": "(a+)+$ .*.*.*.*.*.*b",
    "wildcards of SQL": "%_%_%_%_%_%_%_%_%_%_%",
    "quotes": '"' * 1_999,
    "an open quote": 'actor:"ada',
    "backslashes": "\\" * 1_999,
    "a NUL": "a\0b",
    "controls": "".join(map(chr, range(1, 32))),
    "a line's end": "a\r\nSet-Cookie: b=c",
    "marks that turn the text": "\u202e\u2066abc\u2069",
    "a byte order mark": "\ufeffabc",
    "no characters": "\ufffe\uffff\U0010ffff",
    "combined without end": "a" + "\u0301" * 1_500,
    "SQL": "'; DROP TABLE entries; --",
    "SQL's union": "' UNION SELECT * FROM entries WHERE '1'='1",
    "SQL's like": "x' ESCAPE '\\' OR 1=1 --",
    "a string of PostgreSQL": "$$a$$ E'\\'' ::regclass",
    "FTS5's near": 'NEAR("a" "b", 3)',
    "FTS5's columns": "{what who} : abc",
    "FTS5's operators": "a AND b NOT c ^d + e",
    "a tsquery": "a & b | !c <-> d:*AB",
    "a template": "{{ 7 * 7 }} ${7*7} <script>alert(1)</script>",
    "a key without a value": "actor:",
    "keys alone": "actor: action: entity: id:",
    "no key": "user:ada",
    "a key of keys": "actor:actor:actor:a",
    "commas": "id:" + "," * 1_000,
    "values": "id:" + ",".join(map(str, range(99))),
    "changes": "field:a,b,c,d,e from:a,b,c,d,e to:a,b,c,d,e",
    "a range that ends before it begins": "date:2026-11-07..2026-11-01",
    "a range of nothing": "date:2026-11-01..2026-11-01",
    "a day that there isn't": "date:2026-02-30",
    "year 0": "date:0000",
    "the first year": "date:0001..0002",
    "the last year": "date:9999-12-31..",
    "long ago": "date:-99999999999999d",
    "longer ago": "date:-999999w",
    "a time that there isn't": "time:25:00..26:00",
    "a day of the week that there isn't": "day:someday",
    "a network that there isn't": "ip:999.0.0.1/99",
    "all networks": "ip:0.0.0.0/0 OR ip:::/0",
    "a number": "id:" + "9" * 500,
    "another account's word": WORD,
    "all but a word": "-qqqq",
}
AWRY = [
    {"zone": "Europe/Nowhere"},
    {"zone": "../../../etc/passwd"},
    {"zone": "posixrules\0"},
    {"zone": "a" * 5_000},
    {"range": "1y"},
    {"range": "24h", "since": "2026-11-01"},
    {"since": "2026-11-07", "until": "2026-11-01"},
    {"since": "0001-01-01", "until": "9999-12-31"},
    {"since": "2026-13-45"},
    {"since": "1' OR '1'='1"},
    {"until": "\u0661\u0662"},
    {"limit": "-1"},
    {"limit": "1e9"},
    {"limit": "9" * 400},
    {"sort": "index; DROP TABLE entries"},
    {"cursor": "A"},
    {"cursor": "=" * 60},
    {"cursor": "AAAA" * 5_000},
    {"cursor": "\u20ac"},
    {"cursor": "-" * 55},
    {"columns": "password"},
    {"before": "9" * 50},
    {"page": "-1"},
]
BYTES = ["%00", "%ff%fe", "%ed%a0%80", "%c0%af", "%", "%zz", "%f8%88%80%80%80", "a%26q=b"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with serving(tmp_path_factory.mktemp("hostile"), make=create_site) as running:
        yield running


@pytest.fixture(scope="module")
def place(office: Office) -> Iterator[Place]:
    place, other = office.open(), office.open()
    for at in (place, other):
        word = WORD if at is other else "Support"
        for kind in ("teams", "inboxes"):
            ok(at.client().post(f"/{kind}", json={"name": f"{word} {kind}"}))
        at.total()
    yield place
    other.close()
    place.close()


@pytest.fixture(scope="module")
def asking(place: Place) -> "Asking":
    return Asking(place)


class Asking:
    """Asks everything that takes a question, of the API and of the pages."""

    def __init__(self, place: Place) -> None:
        self._client = place.client()
        page = f"{place.office.url}/app/accounts/{place.id}/settings/audit-logs"
        entries = f"{str(self._client.base_url).rstrip('/')}/audit_logs/entries"
        self.api = [entries, f"{entries}/facets", f"{entries}/timeline"]
        self.tails = [f"{entries}/tail", f"{page}/tail"]
        contract = entries.removesuffix("/entries")
        self.all = [*self.api, contract, page, f"{page}/overview", f"{page}/newest"]
        self.cursor = ok(self._client.get(entries, params={"limit": 1}))["next"]

    def answer(self, address: str, query: str) -> httpx2.Response:
        """Ask, and hold what is true of each answer."""
        answer = self._client.get(f"{address}?{query}")
        assert 200 <= answer.status_code < 500, (address, query[:200], answer.text[:500])
        # A question is shown as it was asked, and nothing else may have the word.
        asked = query.count(WORD)
        assert asked or WORD not in answer.text, (address, query[:200])
        assert "Traceback" not in answer.text
        assert "sqlite" not in answer.text.lower()
        return answer

    def refused_tails(self, query: str) -> None:
        """Ask for a tail where what is asked for is refused."""
        for address in self.tails:
            assert self.answer(address, query).status_code == 422


@pytest.mark.parametrize("question", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_question_is_answered_or_refused_alike_by_page_and_api(
    asking: Asking, question: str
) -> None:
    query = f"q={quote(question, safe='')}"
    statuses = {asking.answer(address, query).status_code for address in asking.api}
    assert len(statuses) == 1
    for address in asking.all:
        answer = asking.answer(address, query)
        assert answer.status_code in (200, 414, 422, 431)
    if statuses == {422}:
        asking.refused_tails(query)
        said = asking.answer(asking.api[0], query).json()
        assert said["message"]
        assert said["attributes"] == ["q"]


def test_another_account_s_words_find_nothing(asking: Asking) -> None:
    found = asking.answer(asking.api[0], f"q={WORD}").json()
    assert (found["entries"], found["total"]) == ([], {"number": 0, "is_exact": True})


@pytest.mark.parametrize("given_", AWRY, ids=lambda each: "&".join(each)[:40])
def test_parameters_gone_awry_are_refused_by_name(asking: Asking, given_: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given_.items())
    for address in asking.all:
        asking.answer(address, query)
    answer = asking.answer(asking.api[0], query)
    if given_ != {"since": "0001-01-01", "until": "9999-12-31"}:
        assert answer.status_code == 422
        assert re.search("|".join([*given_, "range"]), answer.json()["message"])


@pytest.mark.parametrize("spelled", BYTES)
def test_bytes_that_are_no_text_break_nothing(asking: Asking, spelled: str) -> None:
    for address in asking.all:
        for name in ("q", "zone", "cursor", "since", spelled):
            asking.answer(address, f"{name}={spelled}")


def test_no_cursor_but_a_genuine_one_is_taken(asking: Asking) -> None:
    chance = random.Random(0)  # noqa: S311 -- the same cursors at every run
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for _ in range(60):
        altered = list(asking.cursor)
        for _ in range(chance.randint(1, 3)):
            altered[chance.randrange(len(altered))] = chance.choice(letters)
        cursor = "".join(altered)
        answer = asking.answer(asking.api[0], f"limit=1&cursor={cursor}")
        assert answer.status_code == (200 if cursor == asking.cursor else 422)


fragments = st.sampled_from(
    [
        *("actor:", "action:", "entity:", "id:", "field:", "from:", "to:", "before:", "after:"),
        *("ip:", "via:", "outcome:", "request:", "on_behalf_of:", "date:", "time:", "day:"),
        *("(", ")", "-", " ", "  ", '"', "*", ",", "..", "OR", "AND", ":", "\\", "#", "/", "'"),
        *("a", "ada", "none", "2026-11-01", "-7d", "today", "18:00", "sat", "203.0.113.0/24"),
        *("ß", "京都", "\u0301", "\U0001f600", "\u202e", "%", "_", "^", "{", "}", ";", "--", "&"),
    ]
)
questions = st.one_of(
    st.lists(fragments, max_size=25).map("".join),
    st.lists(fragments, max_size=15).map(" ".join),
    st.text(max_size=60),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(question=questions, which=st.integers(0, 6))
def test_any_question_is_answered_or_refused(asking: Asking, question: str, which: int) -> None:
    query = f"q={quote(question, safe='', errors='surrogatepass')}"
    asking.answer(asking.all[which], query)
