"""The page in another language: a file beside the others, and no English left."""

import re
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
from babel.core import Locale
from babel.messages.pofile import read_po

from audit_trail.record.catalog import Catalog, Field, Kind
from audit_trail.record.entry import ActorId, Outcome, Via
from audit_trail.record.keys import KEYS
from audit_trail.server.columns import COLUMNS
from audit_trail.server.languages import Languages
from live_agent.site import create_site
from tests.live_agent.office import serving
from tests.pages.browsing import settings
from tests.pages.texts import POTS, collected, written
from tests.pages.trail_page import NOON, TrailPage, Waiting

HEADER = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
PLACE = re.compile(r"(%\(\w+\)s|%%|\{\})")
# Letters that are read as the same ones, and are none of ASCII.
WIDE = {
    ord(each): ord(each) - 0x21 + 0xFF01 for each in map(chr, range(0x21, 0x7F)) if each.isalpha()
}

# Names, words of the trail and of the language of questions, and what Unicode calls a character.
UNTRANSLATED = {
    *("Berlin", "UTC", "JSON", "SP", "SPACE", "true", "false"),
    *("create", "update", "delete", "export", "erase", "drop"),
    *("action", "entity", "from", "to", "inbox"),
    # Its months are Unicode's own.
    *Locale("eo").months["format"]["abbreviated"].values(),
}

# What the account of this test and its requests are called.
SAID_BY_DATA = {
    *("Live", "Agent", "Account", "Administrator"),
    *("administrator", "alder", "example", "tests"),
}

KEPT = {
    *KEYS,
    *get_args(Via),
    *get_args(Outcome),
    *(
        "is",
        "when",
        "on",
        "behalf",
        "of",
        "OR",
        "amp",
        "quot",
        "span",
        "class",
        "sign",
        "title",
        "BEL",
    ),
}

CATALOG = Catalog(
    kinds={
        "inbox": Kind(
            name="ящик",
            fields={name: Field(label="поле") for name in ("a", "b", "c", "d", "e", "f")},
        )
    }
)


def pseudo(text: str) -> str:
    """Return a text of another language: the same in wide letters, its places as they are."""
    parts = PLACE.split(text.replace("%(a_name)s", "%(name)s"))
    return "".join(part if PLACE.fullmatch(part) else part.translate(WIDE) for part in parts)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def write_language(folder: Path, name: str = "eo", **other: str) -> None:
    """Write a language's file, as a translator would: from the catalogues."""
    lines = [HEADER]
    known: set[object] = set()
    for pot in POTS.values():
        for message in read_po(BytesIO(pot.read_bytes())):
            if message.id in known:
                continue
            known.add(message.id)
            if not isinstance(message.id, str):
                one, many = message.id
                lines.append(f"msgid {quoted(one)}\nmsgid_plural {quoted(many)}\n")
                lines.append(
                    f"msgstr[0] {quoted(pseudo(one))}\nmsgstr[1] {quoted(pseudo(many))}\n\n"
                )
            elif message.id:
                text = other.get(message.id, pseudo(message.id))
                lines.append(f"msgid {quoted(message.id)}\nmsgstr {quoted(text)}\n\n")
    (folder / f"{name}.po").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def page(tmp_path: Path) -> TrailPage:
    write_language(tmp_path)
    return TrailPage(CATALOG, locales=[tmp_path])


def english_in(html: str) -> list[str]:
    """Return the words in ASCII letters that people read or hear."""
    body = html.partition("<body>")[2] or html
    told = re.findall(
        r'(?:aria-label|title|placeholder|data-(?:label|one|many|link|json|no-link|no-json))="([^"]*)"',
        body,
    )
    shown = re.sub(r"<(code|kbd|pre|script)\b.*?</\1>", " ", body, flags=re.DOTALL)
    told.append(re.sub(r"<[^>]+>", " ", shown))
    ids = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]*\d[0-9a-f]*\b"
    text = re.sub(rf"{ids}|\b[a-z]+_[a-z_]+\b", " ", unescape(" ".join(told)))
    words = re.findall(r"[A-Za-z]{2,}", text)
    return sorted(set(words) - UNTRANSLATED)


def furnish(page: TrailPage) -> None:
    """Append entries of every kind that has words of its own."""
    who = {
        "email": "ада@пример.рф",
        "role": "администратор",
        "ip": "203.0.113.9",
        "forwarded": ["198.51.100.9"],
        "address": "203.0.113.10",
        "token": {"id": "1"},
        "job": "7",
        "on_behalf_of": [{"email": "лев@пример.рф", "token": "8"}],
    }
    many = [str(number) for number in range(30)]
    changes = {
        "a": {"before": {"$": "secret"}, "after": {"$": "secret"}},
        "b": {"before": None, "after": ""},
        "c": {"before": {"$": "json", "value": many}, "after": {"$": "json", "value": many[1:]}},
        "d": {"before": {"$": "cut", "text": "я", "size": 2_000_000}, "after": None},
        "e": {"before": {"$": "json", "value": []}, "after": {"$": "json", "value": {}}},
        "f": {"before": "да " * 500 + "нет", "after": "да " * 500 + "да"},
    }
    page.add(who=who, what={"label": "Ящик", "changes": changes, "reason": "так"}, request="1")
    page.add(number="2", request="1", occurred_at=NOON - 86_400_000_000)
    page.add("delete", "3", who=who, what={"details": {"went_with": "inbox", "count": 3}})
    page.add("create", "4", what={"changes": {"a": {"after": True}}})
    for action in ("sign_in", "sign_in_failed", "export", "erase", "drop", "change_retention"):
        page.add(action, None, outcome="denied", via="api", actor=ActorId(kind="support", id="7"))
    page.add("place_hold", "9", what={"details": {"hold": {"entity": {"type": "inbox"}}}})
    page.add(what={"unreadable": {"hex": {"1": "7b"}}}, actor=ActorId(kind="anonymous"))


def test_no_english_is_left_on_the_page(page: TrailPage) -> None:
    furnish(page)
    page.waiting = Waiting(3, NOON - 12_000_000)
    every = f"?columns={','.join(COLUMNS)}"
    addresses = [
        "",
        every,
        f"{every}&q=-entity:inbox action:update from:1 to:2 1",
        "?q=нет&range=1h",
        "?before=1",
        "?since=2023-08-01&until=2023-07-01",
        "?range=24h",
        "/overview",
        "/99",
        "/1/history?before=1",
        *(f"/{number}" for number in range(1, 13)),
        "/1/history",
        "/4/history",
    ]
    left = {}
    for address in addresses:
        answer = page.get(address, Accept_Language="eo")
        assert answer.status_code in (200, 404, 422), address
        assert '<html lang="eo">' in answer.text
        if words := english_in(answer.text):
            left[address] = words
    assert left == {}


@pytest.mark.parametrize(
    "question",
    [
        *(
            "кто:7",
            "(",
            ")",
            "()",
            "-",
            "--7",
            '"',
            "7* 7*7",
            "OR",
            "7 OR",
            "is:7",
            "when:7",
            "entity:",
        ),
        *(
            "date:7..",
            "date:..",
            "date:2..1",
            "date:1970..1970",
            "time:7",
            "day:7",
            "ip:7",
            "via:7",
            "outcome:7",
        ),
        *(
            "via:*",
            "id:*",
            "field:7*",
            "actor:#",
            "date:7*",
            "entity:(",
            "entity:7(",
            "\x07",
            "(" * 21,
        ),
        *("7 " * 101, "7" * 2_001, "-#", '"#"', "field:7,7,7,7,7 from:1,2,3,4,5 to:1,2,3,4,5"),
    ],
    ids=lambda question: repr(question)[:20],
)
def test_what_is_wrong_with_a_question_is_told_in_the_language(
    page: TrailPage, question: str
) -> None:
    english = page.client.get("/logs", params={"q": question}, headers={"Accept": "text/html"})
    other = page.client.get(
        "/logs", params={"q": question}, headers={"Accept": "text/html", "Accept-Language": "eo"}
    )
    assert english.status_code == other.status_code
    if english.status_code == 200:
        return
    (said,) = re.findall(r'<p id="refused">(.*?)</p>', other.text, re.DOTALL)
    # What is quoted of the language of questions is the same in every one.
    assert not set(re.findall(r"[A-Za-z]{2,}", unescape(said))) - KEPT


@pytest.mark.parametrize("source", POTS, ids=lambda source: source.name)
def test_the_catalogue_has_the_texts(source: Path) -> None:
    assert POTS[source].read_bytes() == written(collected(source)), (
        "run: python -m tests.pages.texts"
    )


def test_no_english_is_left_around_the_page(tmp_path: Path) -> None:
    """The environment's menu and names, the same way."""
    locales = tmp_path / "locales"
    locales.mkdir()
    write_language(locales)
    with serving(tmp_path / "data", make=lambda each: create_site(each, [locales])) as office:
        place = office.open()
        client = place.client()
        hours = {"working_hours_enabled": True}
        number = client.post("/inboxes", json={"name": "1"}).json()["id"]
        client.patch(f"/inboxes/{number}", json={"greeting_message": "7", **hours})
        size = place.total()
        browser, _ = place.signed_in()
        headers = {"Accept": "text/html", "Accept-Language": "eo"}
        log = settings(place, "audit-logs")
        for address in (f"{log}?q=entity:inbox", f"{log}/{size}", f"{log}/{size}/history"):
            answer = browser.get(address, headers=headers)
            assert '<html lang="eo">' in answer.text
            told = answer.text
            for data in (*(person.email for person in place.people.values()), "python-httpx2"):
                told = told.replace(data, "")
            assert set(english_in(told)) <= SAID_BY_DATA
        place.close()


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("eo", "eo"),
        ("EO", "eo"),
        ("nl, eo;q=0.5", "eo"),
        ("eo-XX;q=0.8, en;q=0.5", "eo"),
        ("en, eo;q=0.9", "en"),
        ("eo;q=0", "en"),
        ("nl", "en"),
        ("*", "en"),
        ("", "en"),
        ("../../etc/passwd", "en"),
        ("eo;q=nan", "en"),
        ("," * 5_000, "en"),
        ("x" * 5_000, "en"),
    ],
)
def test_the_browser_says_which_language_suits(page: TrailPage, accepted: str, spoken: str) -> None:
    answer = page.get(Accept_Language=accepted)
    assert answer.status_code == 200
    assert f'<html lang="{spoken}">' in answer.text


def test_what_may_be_typed_is_explained_in_the_language(page: TrailPage) -> None:
    furnish(page)
    for question in (
        "",
        "actor:",
        "action:",
        "entity:",
        "via:",
        "date:",
        "day:",
        "time:",
        "field:",
    ):
        answer = page.client.get(
            "/logs/suggestions",
            params={"q": question},
            headers={"Accept": "application/json", "Accept-Language": "eo"},
        )
        hints = " ".join(item["hint"] for item in answer.json()["items"])
        assert english_in(hints) == [], question


def test_programs_are_told_in_english(page: TrailPage) -> None:
    page.add()
    answer = page.get("/1", Accept="application/json", Accept_Language="eo")
    assert answer.json()["activity"] == "Updated a ящик (#1)"
    refused = page.get("/99", Accept="application/json", Accept_Language="eo")
    assert refused.json()["error"] == "There is no entry 99 in account 7."
    assert "Updated a" in page.get("/1").text


def test_a_language_s_file_is_text_and_changes_nothing_else(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    write_language(tmp_path, **{"Columns": evil, "version %(number)s": "%(other)s %d %s"})
    page = TrailPage(CATALOG, locales=[tmp_path])
    page.add()
    html = page.get(Accept_Language="eo").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    # A text with places that its message hasn't can't be filled, so the English one stays.
    assert "version 1" in page.get("/1/history", Accept_Language="eo").text


@pytest.mark.parametrize(
    "content",
    ["", "msgid", 'msgid "a"\nmsgstr "b', "\x00", "ï»¿".encode("latin-1").decode("latin-1")],
)
@pytest.mark.parametrize("name", ["nl", "no language", "xx"])
def test_a_file_that_cannot_be_read_leaves_english(tmp_path: Path, content: str, name: str) -> None:
    (tmp_path / f"{name}.po").write_text(content, encoding="utf-8")
    page = TrailPage(locales=[tmp_path])
    assert "Nothing is recorded yet" in page.get(Accept_Language=name).text


def test_a_later_folder_s_texts_count(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    write_language(first)
    (second / "eo.po").write_text(f'{HEADER}msgid "Columns"\nmsgstr "Kolumnoj"\n', "utf-8")
    spoken = Languages([first, second]).of("eo")
    assert spoken
    assert (spoken.gettext("Columns"), spoken.gettext("Search")) == ("Kolumnoj", pseudo("Search"))
