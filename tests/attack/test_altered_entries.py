"""An entry that was altered in the trail's file says so wherever it is read, and in the log."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from typing import Any, NamedTuple

import httpx2
import pytest

from audit_trail.seal.merkle import leaf_hash
from live_agent.site import create_site
from tests.live_agent.office import Place, serving

LEAF = "Its public part (actor, action, record, times) is not what was hashed."
WHO = "Its who part (names, address) is not what was hashed."
WHAT = "Its what part (labels, values before and after) is not what was hashed."
ACCOUNT = "It is kept under another account than it names."
ID = "It is kept under another id than it names."

ALTERED = {
    "a value": ("what = replace_bytes(what, 'Red', 'Rod')", [WHAT]),
    "a name": ("who = replace_bytes(who, 'alder', 'elder')", [WHO]),
    "the salt of the values": ("what_salt = zeroblob(16)", [WHAT]),
    "no salt": ("what_salt = NULL", [WHAT]),
    "the actor": ("public = replace_bytes(public, '\"user\"', '\"job\"')", [LEAF]),
    "when": ("public = replace_bytes(public, '\"recorded_at\":1', '\"recorded_at\":2')", [LEAF]),
    "the leaf": ("leaf = zeroblob(32)", [LEAF]),
    "values taken away": ("what = NULL", [WHAT]),
    "both parts exchanged": ("who = what, what = who", [WHO, WHAT]),
    "the id's column": ("id = 'another'", [ID]),
    "text for bytes": ("public = CAST(public AS TEXT)", [LEAF]),
    "no JSON": ("public = x'ff', who = x'ff', what = x'7b22ff'", [LEAF, WHO, WHAT, ACCOUNT, ID]),
    "values of another shape": ("what = CAST('{\"changes\":5}' AS BLOB)", [WHAT]),
    **{
        f"the value {value}": (
            f'what = CAST(\'{{"changes":{{"name":{{"after":{value}}}}}}}\' AS BLOB)',
            [WHAT],
        )
        for value in (
            '{"$":"cut"}',
            '{"$":"json"}',
            '{"$":"real","text":5}',
            '{"$":5}',
            '{"x":1}',
            "[1]",
            '{"$":"invalid","text":[1],"why":2}',
            '{"$":"blob","size":"x","sha256":1}',
        )
    },
}


class Reader(NamedTuple):
    """An administrator in the browser and with a token, and another account of the installation."""

    place: Place
    browser: httpx2.Client
    client: httpx2.Client

    def window(self, account: int, number: int, kind: str) -> Any:
        answer = self.browser.get(
            f"/app/accounts/{account}/settings/audit-logs/{number}", headers={"Accept": kind}
        )
        assert answer.status_code == 200
        return answer


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with serving(tmp_path_factory.mktemp("altered"), make=create_site) as office:
        place = office.open()
        browser, _ = place.signed_in()
        yield Reader(place, browser, place.client())
        place.close()


def alter(place: Place, change: str) -> None:
    """Do to the newest entry what whoever owns the file can."""
    path = place.office.services.database.path.with_name("trail.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.create_function(
            "replace_bytes",
            3,
            lambda value, old, new: value.replace(old.encode(), new.encode()),
        )
        owner.execute("DROP TRIGGER IF EXISTS entries_are_only_emptied")
        owner.execute(
            f"UPDATE entries SET {change} WHERE account = ? AND idx = "
            "(SELECT max(idx) FROM entries WHERE account = ?)",
            (str(place.id), str(place.id)),
        )


@pytest.mark.parametrize(("change", "sentences"), ALTERED.values(), ids=ALTERED.keys())
def test_an_altered_entry_says_so_on_the_page_in_json_and_in_the_log(
    reader: Reader, caplog: pytest.LogCaptureFixture, change: str, sentences: list[str]
) -> None:
    place = reader.place
    reader.client.post("/teams", json={"name": f"Red {change}"[:99]})
    number = place.total()
    assert "altered" not in reader.window(place.id, number, "text/html").text
    assert reader.client.get(f"/audit_logs/{number}").json()["mismatches"] == []

    alter(place, change)
    caplog.clear()
    html = reader.window(place.id, number, "text/html").text
    band = re.search(r'<div class="altered">(.*?)</div>', html, re.DOTALL)
    assert band is not None
    assert "This entry was altered after it was recorded." in band[1]
    assert [unescape(each) for each in re.findall("<li>(.*?)</li>", band[1])] == sentences
    logged = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    said = " ".join(sentences)
    assert logged == [f"entry {number} of account {place.id} was altered: {said}"]
    as_json = reader.window(place.id, number, "application/json").json()
    assert as_json["mismatches"] == sentences
    assert reader.client.get(f"/audit_logs/{number}").json()["mismatches"] == sentences

    # One altered entry keeps nobody from the others.
    reader.window(place.id, number - 1, "text/html")
    listed = reader.client.get("/audit_logs").json()["audit_logs"]
    assert listed[0]["mismatches"] == sentences
    page = reader.browser.get(f"/app/accounts/{place.id}/settings/audit-logs")
    assert page.status_code == 200


def test_an_entry_moved_to_another_account_says_so(reader: Reader) -> None:
    place, other = reader.place, reader.place.office.open()
    moved = place.total()
    alter(place, f"account = '{other.id}', idx = {other.total()}")
    item = other.client().get(f"/audit_logs/{other.total()}").json()
    assert ACCOUNT in item["mismatches"]
    assert moved == place.total() + 1
    other.close()


def test_who_makes_the_hashes_anew_is_not_found(reader: Reader) -> None:
    """The limit that README and docs/trust.md name: no hash is signed."""
    place = (
        reader.place.office.open()
    )  # The other one lacks an entry, so nothing is appended there.
    client = place.client()
    client.post("/teams", json={"name": "Green"})
    number = place.total()
    entry = place.office.services.trail.entry(str(place.id), number - 1)
    forged = entry.public_bytes.replace(b'"user"', b'"job"')
    alter(place, f"public = x'{forged.hex()}', leaf = x'{leaf_hash(forged).hex()}'")
    assert client.get(f"/audit_logs/{number}").json()["mismatches"] == []
    place.close()
