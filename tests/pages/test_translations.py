"""German and Japanese: the catalogues are whole and sound, and the pages keep to one language."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from playwright.sync_api import Page, expect
from sqlalchemy import select

from audit_trail.record.language import grouped, series, speaking
from audit_trail.server.languages import Languages, Spoken, size_of
from audit_trail.server.zone import day_called, local_time, short_time, utc_time
from live_agent.schema import Export
from live_agent.settings.profile import LANGUAGES
from tests.live_agent.office import PASSWORD, Office, Place
from tests.pages.browsing import Browsing, overflow, settings, violations
from tests.pages.test_languages import KEPT, UNTRANSLATED, english_in
from tests.pages.texts import POTS, collected, languages_of, updated, written

CHOSEN = ("de", "ja")
FOLDERS = [pot.parent for pot in POTS.values()]
FILES = [folder / f"{tag}.po" for folder in FOLDERS for tag in CHOSEN]
PLACE = re.compile(r"%(?:\((\w+)\)s|(.))|(\{\})")


def read(path: Path) -> Catalog:
    return read_po(BytesIO(path.read_bytes()), locale=path.stem)


def texts_of(message: Any) -> tuple[list[str], list[str]]:
    """Return a message's English texts, and those of the language."""
    both = (message.id, message.string)
    ids, texts = ([each] if isinstance(each, str) else list(each) for each in both)
    return ids, texts


def spoken(tag: str) -> Spoken:
    found = Languages(FOLDERS).of(tag)
    assert found is not None and found.tag == tag
    return found


# ------------------------------------------------------------------------ catalogues


def test_every_language_to_choose_from_has_its_files() -> None:
    assert set(LANGUAGES) == {"en", *CHOSEN}
    assert {path for pot in POTS.values() for path in languages_of(pot)} == set(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_language_s_file_has_all_texts_in_the_catalogue_s_order(path: Path) -> None:
    (source,) = (each for each, pot in POTS.items() if pot.parent == path.parent)
    known = read(path)
    assert path.read_bytes() == written(updated(collected(source), known)), (
        "run: python -m tests.pages.texts"
    )
    lacking = [message.id for message in known if message.id and not all(texts_of(message)[1])]
    assert lacking == [], f"translate these in {path.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_no_text_has_a_place_that_its_message_hasn_t(path: Path) -> None:
    plurals = {"de": 2, "ja": 1}[path.stem]
    for message in read(path):
        if not message.id:
            continue
        ids, texts = texts_of(message)
        assert len(texts) == (1 if len(ids) == 1 else plurals), message.id
        places = {each for text in ids for each in PLACE.findall(text)}
        if ("a_name", "", "") in places:
            places.add(("name", "", ""))
        for text in texts:
            assert set(PLACE.findall(text)) <= places, message.id
            # A number that counts is told; another place may be left out where a language can.
            assert len(ids) == 1 or "%(count)s" in text or "%(count)s" not in ids[0], message.id


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_texts_keep_to_their_language_s_signs(path: Path) -> None:
    for message in read(path):
        ids, texts = texts_of(message) if message.id else ([], [])
        for text in texts:
            assert text == text.strip() or ids[0] != ids[0].strip(), text
            assert "“" not in text or path.stem == "de", text
            assert not re.search(r"[。、] |[぀-ヿ一-鿿] [぀-ヿ一-鿿]", text) or "|" in text, text
            # A sentence ends as one.
            if ids[0].endswith(".") and not ids[0].startswith("%("):
                assert text.endswith(("。", ".", "！", "」", "）")) or "%(" in text[-12:], text


# --------------------------------------------------------------------- times, numbers

AFTERNOON = datetime(2023, 6, 22, 15, 6, 9, tzinfo=ZoneInfo("Europe/Berlin"))
MORNING = AFTERNOON - timedelta(hours=6)


@pytest.mark.parametrize(
    ("tag", "local", "early", "utc", "day", "tick", "number", "size", "row"),
    [
        (
            *("en", "Jun 22, 2023 03:06 PM", "Jun 22, 2023 09:06 AM", "2023-06-22 13:06:09 UTC"),
            *("2023-06-22", "Jun 22", "1,234,567", "1.2 MB", "a, b"),
        ),
        (
            *("de", "22.06.2023, 15:06", "22.06.2023, 09:06", "22.06.2023, 13:06:09 UTC"),
            *("22.06.2023", "22. Juni", "1.234.567", "1,2 MB", "a, b"),
        ),
        (
            *("ja", "2023/06/22 15:06", "2023/06/22 09:06", "2023/06/22 13:06:09 UTC"),
            *("2023/06/22", "6月22日", "1,234,567", "1.2 MB", "a、b"),
        ),
    ],
)
def test_times_and_numbers_are_written_as_the_language_has_them(
    tag: str,
    local: str,
    early: str,
    utc: str,
    day: str,
    tick: str,
    number: str,
    size: str,
    row: str,
) -> None:
    with speaking(None if tag == "en" else spoken(tag)):
        assert [local_time(AFTERNOON), local_time(MORNING)] == [local, early]
        assert utc_time(AFTERNOON.astimezone(UTC)) == utc
        assert day_called(AFTERNOON.date()) == day
        assert short_time(AFTERNOON, is_day=True) == tick
        assert short_time(AFTERNOON, is_day=False) == "15:06"
        assert grouped(1_234_567) == number
        assert size_of(1_234_567) == size
        assert series(["a", "b"]) == row


# -------------------------------------------------------------------------- the pages


@cache
def _said_in(tag: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of ASCII letters of the English texts, and those of the language's."""
    english, own = set[str](), set[str]()
    for folder in FOLDERS:
        for message in read(folder / f"{tag}.po"):
            if message.id:
                ids, texts = texts_of(message)
                english |= set(
                    re.findall(r"[A-Za-z]{2,}", re.sub(r"%\(\w+\)s", " ", " ".join(ids)))
                )
                own |= set(re.findall(r"[A-Za-z]{2,}", re.sub(r"%\(\w+\)s", " ", " ".join(texts))))
    return frozenset(english), frozenset(own)


DATA = {
    *("Live", "Agent", "Account", "Administrator", "Supervisor", "administrator", "supervisor"),
    *("agent", "alder", "example", "tests", "httpx2", "python", "httpx", "Berlin", "Europe"),
    *("https", "http", "handover", "liveagent", "display_type", "emoji", "display", "type"),
    *("day", "audit", "wipe", "English", "Deutsch", "HeadlessChrome", "Mozilla"),
}


def left_in(html: str, tag: str) -> list[str]:
    """Return the English words that a page of this language has left."""
    english, own = _said_in(tag)
    # The names of zones are no words of ours.
    html = re.sub(r"<(option|datalist)[^>]*value=\"[A-Z]\w+/[^\"]*\"[^>]*>[^<]*", " ", html)
    # Nor are addresses, keys and digests.
    html = re.sub(r"[^\s<>\"]+@[^\s<>\"]+|https?://[^\s<>\"]+", " ", html)
    html = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", " ", html)
    # A Japanese word may stand right before one: only to ASCII is that a boundary.
    html = re.sub(r"(?a)[A-Za-z0-9+/]{20,}=*|\b[0-9a-f]{8,}…?|\+[0-9a-f]{8}\+", " ", html)
    words = set(english_in(html)) - own - DATA - UNTRANSLATED
    # What is left of digests between their digits.
    words = {each for each in words if not re.fullmatch(r"[a-f]{2,4}", each)}
    return sorted(words & english if tag == "de" else words - KEPT)


@pytest.fixture
def furnished(place: Place) -> Place:
    """An account with a record of every kind, whose names are numbers."""
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "1"}).json()["id"]
    client.patch(f"/inboxes/{inbox}", json={"greeting_message": "7", "working_hours_enabled": True})
    client.post("/teams", json={"name": "22", "description": "4"})
    client.post("/agent_bots", json={"name": "3", "inbox_id": inbox})
    client.post(
        "/webhooks",
        json={"url": "https://1.example/", "inbox_id": inbox, "subscriptions": ["message_created"]},
    )
    client.post(
        "/automation_rules",
        json={
            "name": "5",
            "event_name": "conversation_updated",
            "conditions": [
                {
                    "attribute_key": "inbox_id",
                    "filter_operator": "equal_to",
                    "values": [inbox],
                    "query_operator": None,
                }
            ],
            "actions": [{"action_name": "mute_conversation", "action_params": []}],
        },
    )
    client.post("/audit_logs/views", json={"name": "6", "is_shared": True})
    return place


def choose(place: Place, role: str = "administrator", **values: str | None) -> None:
    """Choose a language or a zone, as the person."""
    answer = place.browser().patch(
        "/api/v1/profile", json=values, headers={"api_access_token": place.people[role].token}
    )
    assert answer.status_code == 200, answer.text


def pages_of(browser: httpx2.Client, place: Place) -> Iterator[tuple[str, str]]:
    """Follow every link of the account's pages, but the entries', and yield each with its text."""
    start = settings(place, "inboxes")
    found = [start, settings(place, "profile"), settings(place, "audit-logs/2")]
    found += [settings(place, "audit-logs?range=24h&columns=record,address,via,outcome,entry")]
    found += [settings(place, "audit-logs/2/history"), settings(place, "audit-logs/retention/hold")]
    found += [settings(place, "audit-logs?q=%28"), settings(place, "teams/9999999")]
    found += [settings(place, "audit-logs/2/state"), settings(place, "audit-logs/roles")]
    found += [settings(place, f"audit-logs/restorations/{number}") for number in (1, 2)]
    seen = set()
    while found:
        address = found.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = browser.get(address, headers={"Accept": "text/html"})
        assert answer.status_code in (200, 404, 422), address
        yield address, answer.text
        links = re.findall(r'href="(/app/[^"]+)"', answer.text)
        found += [
            link
            for link in links
            if not re.search(r"audit-logs[/?]\d|audit-logs\?|as=json|evidence", link)
        ]


@pytest.mark.parametrize("tag", CHOSEN)
def test_no_english_is_left_on_any_page(furnished: Place, tag: str) -> None:
    choose(furnished, language=tag)
    furnished.total()
    browser, _ = furnished.signed_in()
    left = {}
    for address, html in pages_of(browser, furnished):
        assert f'<html lang="{tag}">' in html, address
        if words := left_in(html, tag):
            left[address] = words
    assert left == {}


@pytest.mark.parametrize(
    ("tag", "sentence", "time"),
    [
        ("de", r"Posteingang \(#\d+\) geändert", r"\d\d\.\d\d\.20\d\d, \d\d:\d\d</time>"),
        ("ja", r"受信トレイ（#\d+）を更新しました", r"20\d\d/\d\d/\d\d \d\d:\d\d</time>"),
    ],
)
def test_an_entry_reads_as_a_sentence_of_the_language(
    furnished: Place, tag: str, sentence: str, time: str
) -> None:
    choose(furnished, language=tag)
    furnished.total()
    browser, _ = furnished.signed_in()
    answer = browser.get(settings(furnished, "audit-logs"), headers={"Accept": "text/html"})
    assert re.search(sentence, answer.text) and re.search(time, answer.text)
    assert answer.headers["Content-Language"] == tag
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("tag", "said", "refused"),
    [
        ("de", "Name: mindestens 2 Zeichen.", "Ihre Rolle in diesem Konto erlaubt das nicht."),
        (
            *("ja", "名前: 2文字以上で入力してください。"),
            "このアカウントでのあなたのロールでは許可されていません。",
        ),
    ],
)
def test_what_is_refused_is_told_in_the_language(
    place: Place, tag: str, said: str, refused: str
) -> None:
    for role in ("administrator", "agent"):
        choose(place, role, language=tag)
    browser, csrf = place.signed_in()
    answer = browser.post(settings(place, "teams/new"), data={"csrf_token": csrf, "name": "a"})
    assert answer.status_code == 422 and said in answer.text
    # To programs the same is told in English, whoever asks.
    answer = place.client().post("/teams", json={"name": "a"})
    assert answer.json()["message"] == "Name must be at least 2 characters long."
    browser, _ = place.signed_in("agent")
    answer = browser.get(settings(place, "audit-logs"), headers={"Accept": "text/html"})
    assert answer.status_code == 403 and refused in answer.text
    answer = browser.get(settings(place, "audit-logs"), headers={"Accept": "application/json"})
    assert answer.json()["message"] == "Your role in this account doesn't permit this."


def test_files_are_told_in_english_whoever_asks_for_them(furnished: Place) -> None:
    choose(furnished, language="de")
    furnished.total()
    browser, csrf = furnished.signed_in()
    sent = {"csrf_token": csrf, "format": "csv", "q": "action:create"}
    browser.post(settings(furnished, "audit-logs/exports"), data=sent)
    with furnished.office.services.database.reading() as db:
        wanted = db.scalars(select(Export.wanted).where(Export.account_id == furnished.id)).one()
    assert "Action: create" in wanted
    sent = {"csrf_token": csrf, "person": str(furnished.people["administrator"].id)}
    answer = browser.post(settings(furnished, "audit-logs/personal-data/copy"), data=sent)
    assert answer.status_code == 200 and "Created a new inbox" in answer.text


def lang_of(browser: httpx2.Client, address: str, **headers: str) -> str:
    answer = browser.get(address, headers={"Accept": "text/html", **headers})
    (found,) = re.findall(r'<html lang="([^"]+)">', answer.text)
    return str(found)


def test_a_choice_outlives_the_session_and_is_one_person_s(place: Place) -> None:
    address = settings(place, "teams")
    choose(place, language="de")
    choose(place, "agent", language="ja")
    asked = {"Accept-Language": "ja"}
    for _ in range(2):
        browser, csrf = place.signed_in()
        assert lang_of(browser, address, **asked) == "de"
        assert lang_of(place.signed_in("agent")[0], address, **asked) == "ja"
        assert lang_of(place.signed_in("supervisor")[0], address, **asked) == "ja"
        assert lang_of(place.signed_in("supervisor")[0], address) == "en"
        browser.post("/sign-out", data={"csrf_token": csrf})
        # Who has not signed in yet is told things as the browser asks.
        assert lang_of(browser, "/sign-in", **asked) == "ja"
    choose(place, language=None)
    assert lang_of(place.signed_in()[0], address, **asked) == "ja"
    choose(place, language="en")
    assert lang_of(place.signed_in()[0], address, **asked) == "en"


def test_the_zone_is_the_person_s_else_the_browser_s_else_the_account_s(place: Place) -> None:
    place.client().patch("", json={"timezone": "America/New_York"})
    address = settings(place, "audit-logs")
    place.total()

    def zone(cookies: Mapping[str, str]) -> str:
        browser, _ = place.signed_in()
        browser.cookies.update(dict(cookies))
        html = browser.get(address, headers={"Accept": "text/html"}).text
        (found,) = re.findall(r'Time <span class="quiet">([^<,]+)', html)
        return str(found)

    assert zone({}) == "New York"
    assert zone({"tz": "Europe/Berlin"}) == "Berlin"
    choose(place, timezone="Asia/Tokyo")
    assert zone({"tz": "Europe/Berlin"}) == "Tokyo"
    browser, _ = place.signed_in()
    retention = browser.get(
        settings(place, "audit-logs/retention"), headers={"Accept": "text/html"}
    )
    assert "Tokyo, UTC+9" in retention.text


@pytest.mark.parametrize(
    ("name", "part"), [("自動割り当て", "割り当"), ("夜間 対応", "夜間　対応")]
)
def test_japanese_words_are_found_in_part_and_with_wide_spaces(
    place: Place, name: str, part: str
) -> None:
    inbox = place.client().post("/inboxes", json={"name": name}).json()["id"]
    place.total()
    browser, _ = place.signed_in()
    answer = browser.get(
        settings(place, "audit-logs"), params={"q": part}, headers={"Accept": "application/json"}
    )
    assert [each["activity"] for each in answer.json()["entries"]] == [
        f"Created a new inbox (#{inbox})"
    ]


# ------------------------------------------------------------------------- in Chromium


@pytest.mark.browser
@pytest.mark.parametrize("tag", CHOSEN)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_window_holds_the_language_s_words(
    furnished: Place, browsing: Browsing, tag: str, scheme: Any
) -> None:
    furnished.total()
    page = browsing.member(
        furnished, locale=tag, color_scheme=scheme, viewport={"width": 320, "height": 640}
    )
    parts = ["audit-logs", "audit-logs/2", "audit-logs/retention", "automation-rules/new"]
    for part in [*parts, "profile", "inboxes", "agents/new"]:
        page.goto(settings(furnished, part))
        assert page.evaluate("document.documentElement.lang") == tag
        assert overflow(page) <= 0, part
        assert violations(page) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("tag", "verified", "step", "copied"),
    [
        ("de", "In diesem Browser bestätigt", "Dieses Fenster", "Kopieren"),
        ("ja", "このブラウザーで検証しました", "このウィンドウ", "コピー"),
    ],
)
def test_the_verifier_says_its_steps_in_the_language(
    furnished: Place, browsing: Browsing, tag: str, verified: str, step: str, copied: str
) -> None:
    furnished.total()
    page = browsing.member(furnished, locale=tag)
    page.goto(settings(furnished, "audit-logs/2"))
    page.locator("[data-verify]").click()
    expect(page.locator(".verdict")).to_contain_text(verified)
    steps = page.locator(".steps")
    expect(steps).to_contain_text(step)
    assert left_in(f"<body>{steps.inner_html()}{page.locator('.verdict').inner_html()}", tag) == []
    expect(page.get_by_role("button", name=copied).first).to_be_attached()


def choose_on_the_page(page: Page, label: str) -> None:
    page.get_by_label("Language").select_option(label=label)
    page.get_by_role("button", name="Save").click()


@pytest.mark.browser
def test_a_person_chooses_language_and_zone_on_their_profile(
    place: Place, office: Office, browsing: Browsing
) -> None:
    page = browsing.member(place, "agent")
    page.goto(settings(place, "teams"))
    page.locator(".account a.link").click()
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    choose_on_the_page(page, "日本語")
    expect(page.get_by_role("status")).to_have_text("保存しました。")
    expect(page.get_by_label("タイムゾーン")).to_have_value("Asia/Tokyo")
    place.look_away()
    page.get_by_label("言語").select_option("de")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_have_text("Gespeichert.")
    (item,) = place.news()
    assert item["auditable_type"] == "User" and item["audited_changes"] == {
        "language": ["ja", "de"]
    }


@pytest.mark.browser
def test_a_new_password_asks_for_the_current_one_and_signs_out(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place, "agent")
    page.goto(settings(place, "profile"))
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Current password is required.")
    expect(page.get_by_role("alert")).to_contain_text("Password must be 8 to 255 characters long.")
    assert violations(page) == []
    page.get_by_label("New password").fill("another battery")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/sign-in"))
    answer = page.context.request.post(
        "/sign-in",
        form={"email": place.people["agent"].email, "password": "another battery"},
        max_redirects=0,
    )
    assert answer.status == 303
