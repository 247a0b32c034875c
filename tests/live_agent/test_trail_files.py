"""Checkpoint, tiles, bundles, keys and proofs over HTTP: enough for a stranger to verify a trail."""

import base64
import json

import pytest

from live_agent.settings import teams
from tests.live_agent.monitor import (
    Monitor,
    entries_in,
    root_by_inclusion,
    root_of,
    roots_by_consistency,
    verified,
)
from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.both_engines


def monitor_of(place: Place, role: str = "administrator") -> Monitor:
    url = f"{place.office.url}/api/v1/accounts/{place.id}/audit_logs"
    return Monitor(url, place.people[role].token)


def create_teams(place: Place, first: int, count: int) -> int:
    """Create so many teams at once, and return the trail's size."""
    with place.office.services.database.transaction(place.id) as db:
        for number in range(first, first + count):
            teams.create(db, place.id, {"name": f"Team {number}"})
    return place.total()


def hashes(answer: dict[str, list[str]]) -> list[bytes]:
    return [base64.b64decode(each) for each in answer["hashes"]]


def test_a_monitor_computes_the_signed_root_from_entries_and_tiles(place: Place) -> None:
    monitor = monitor_of(place)
    create_teams(place, 0, 10)
    earlier = monitor.checkpoint()
    size = create_teams(place, 10, 280)
    checkpoint = monitor.checkpoint()
    assert (checkpoint.size, checkpoint.origin) == (size, earlier.origin)
    leaves = monitor.leaves(size)
    assert root_of(leaves) == checkpoint.root
    assert root_of(leaves[: earlier.size]) == earlier.root
    assert monitor.fetch("tile/1/000.p/1") == root_of(leaves[:256])
    entries = entries_in(monitor.fetch("tile/entries/000"))
    assert {json.loads(entry)["account"] for entry in entries} == {str(place.id)}


def test_a_monitor_verifies_that_nothing_was_removed_since_an_older_checkpoint(
    place: Place,
) -> None:
    monitor = monitor_of(place)
    for count in (1, 2, 5):
        earlier = monitor.checkpoint()
        create_teams(place, earlier.size, count)
        newer = monitor.checkpoint()
        for named in ("", f"&second={newer.size}"):
            answer = monitor.ask(f"consistency?first={earlier.size}{named}")
            assert (answer["first"], answer["second"]) == (earlier.size, newer.size)
            path = hashes(answer)
            roots = roots_by_consistency(earlier.root, earlier.size, newer.size, path)
            assert roots == (earlier.root, newer.root)
            assert path == []
        assert monitor.ask(f"consistency?first={newer.size}")["hashes"] == []


def test_a_monitor_verifies_that_an_entry_is_in_the_tree(place: Place) -> None:
    monitor = monitor_of(place)
    size = create_teams(place, 0, 5)
    checkpoint = monitor.checkpoint()
    entries = entries_in(monitor.fetch(f"tile/entries/000.p/{size}"))
    for index, entry in enumerate(entries):
        # Of a parameter that comes twice the last counts, as everywhere in the API.
        path = hashes(monitor.ask(f"inclusion?index=0&index={index}&size={size}"))
        assert root_by_inclusion(entry, index, size, path) == checkpoint.root
        assert path == []


def test_a_proof_as_text_carries_its_checkpoint(place: Place) -> None:
    monitor = monitor_of(place)
    size = create_teams(place, 0, 5)
    # Its number is the entry's id in the audit logs, and so the index + 1.
    answer = monitor.get("3/proof")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    head, _, note = answer.text.partition("\n\n")
    version, index, *path = head.split("\n")
    assert (version, index) == ("c2sp.org/tlog-proof@v1", "index 2")
    checkpoint = verified(note.encode(), monitor.keys())
    entry = entries_in(monitor.fetch("tile/entries/000.p/3"))[2]
    decoded = [base64.b64decode(each) for each in path]
    assert root_by_inclusion(entry, 2, size, decoded) == checkpoint.root
    public_id = place.office.services.trail.entry(str(place.id), 2).public.id
    assert json.loads(entry)["id"] == public_id


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("checkpoint", "text/plain; charset=utf-8"),
        ("keys", "text/plain; charset=utf-8"),
        ("tile/0/000.p/2", "application/octet-stream"),
        ("tile/entries/000.p/2", "application/octet-stream"),
        ("inclusion?index=0", "application/json"),
        ("consistency?first=1", "application/json"),
    ],
)
def test_files_have_their_type_and_stay_in_no_cache(
    place: Place, path: str, media_type: str
) -> None:
    place.total()
    answer = monitor_of(place).get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_bundles_are_compressed_for_who_takes_it(place: Place) -> None:
    size = create_teams(place, 0, 20)
    client, path = place.client(), f"/audit_logs/tile/entries/000.p/{size}"
    packed = client.get(path, headers={"Accept-Encoding": "deflate, gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) // 2
    assert "content-encoding" not in plain.headers


def test_a_change_is_in_the_checkpoint_that_is_asked_for_after_it(place: Place) -> None:
    monitor = monitor_of(place)
    before = place.total()
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    assert monitor.checkpoint().size == before + 1
    assert monitor.get(f"{before + 1}/proof").status_code == 200


NOT_FOUND = [
    "tile/0/000",
    "tile/0/001.p/1",
    "tile/1/000.p/1",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/99999999999999999999",
    "tile/0/000.p/01",
    "tile/0/0",
    "tile/0/x000/000",
    "tile/00/000.p/1",
    "tile/63/x999/x999/x999/x999/x999/x999/999",
    "tile/64/000",
    "tile/-1/000",
    "tile/entries/000",
    "tile/entries/x999/x999/x999/x999/x999/x999/999.p/1",
    "tile/0/000.p/1/more",
    "tile/0/%00",
    "tile/0/000.p/1%00",
    "tile/0/000.p/1%0A",
    "tile/0/%D9%A0%D9%A0%D9%A0.p/1",
    "tile/0/%FF%FE",
    "tile/%2e%2e/%2e%2e/teams",
    "tile/0/./000.p/1%2F..",
    f"tile/0/{'x999/' * 500}999",
    f"tile/0/{'9' * 5_000}",
    "tile",
    "0/proof",
    "-1/proof",
    "1000000/proof",
    f"{2**63}/proof",
    f"{'9' * 5_000}/proof",
    "%D9%A1/proof",
    "+1/proof",
    "01/proof",
    "x/proof",
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_names_no_file_is_not_found(place: Place, path: str) -> None:
    place.total()
    answer = monitor_of(place).get(path)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"] == answer.json()["message"] != ""


@pytest.mark.parametrize(
    "path",
    [
        "inclusion",
        "inclusion?index=",
        "inclusion?index=-1",
        "inclusion?index=01",
        "inclusion?index=1.0",
        "inclusion?index=%00",
        "inclusion?index=%FF",
        "inclusion?index=%D9%A1",
        "inclusion?index=1000000",
        f"inclusion?index={2**63 - 1}",
        f"inclusion?index={'9' * 5_000}",
        "inclusion?index=0&size=0",
        "inclusion?index=0&size=1000000",
        f"inclusion?index=0&size={2**64}",
        "consistency",
        "consistency?first=0",
        "consistency?first=1000000",
        "consistency?first=2&second=1",
        "consistency?first=1&second=1000000",
        "consistency?first=1&second=-1",
        "consistency?first=1&second[]=1&first[]=%00&first=x",
        "consistency?second=1",
        f"consistency?first={'9' * 5_000}",
    ],
)
def test_numbers_that_fit_no_tree_are_refused_with_a_reason(place: Place, path: str) -> None:
    place.total()
    answer = monitor_of(place).get(path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] == answer.json()["message"] != ""


@pytest.mark.parametrize("path", ["checkpoint", "keys", "tile/0/000.p/1", "1/proof"])
def test_files_are_read_and_never_written(place: Place, path: str) -> None:
    client = place.client()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, f"/audit_logs/{path}").status_code == 405


def test_a_refused_reader_is_an_entry_and_reads_nothing(place: Place) -> None:
    place.look_away()
    for path in ("checkpoint", "tile/entries/000.p/1", "inclusion?index=0"):
        assert monitor_of(place, "supervisor").get(path).status_code == 403
    (refusal,) = place.news()
    assert (refusal["action"], refusal["user_id"]) == ("read_denied", place.people["supervisor"].id)


def test_one_account_s_key_and_tree_say_nothing_of_another_s(
    place: Place, elsewhere: Place
) -> None:
    place.total(), elsewhere.total()
    mine, theirs = monitor_of(place), monitor_of(elsewhere)
    assert mine.checkpoint().origin != theirs.checkpoint().origin
    with pytest.raises(AssertionError, match="no known key"):
        verified(mine.fetch("checkpoint"), theirs.keys())
    entries = entries_in(mine.fetch("tile/entries/000.p/1"))
    assert json.loads(entries[0])["account"] == str(place.id)
