"""Who is shown an entry whole by the server of its own is an entry first; and what was, at a moment."""

from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from audit_trail.errors import StoreFailed
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, Change, Draft, Entity, What, read_what, read_who
from audit_trail.record.sentence import summary
from audit_trail.standalone.attempts import WINDOW_US
from tests.standalone.conftest import NOW_US, Standing, sign_in

ADA = "ada@alder.example"
PAGE = "/accounts/1/audit-logs"
API = "/api/v1/accounts/1/audit_logs"
BEFORE_IT, AFTER_IT = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


@pytest.fixture
def ada(standing: Standing) -> TestClient[Any]:
    """An administrator's browser; a parcel, entry 1, had its note changed by entry 3."""
    before, after = (msgspec.Raw(msgspec.json.encode(text)) for text in ("fragile", "heavy"))
    standing.trail.append(
        [
            Draft(
                id="01900000-0000-7000-8000-000000000099",
                account="1",
                occurred_at=NOW_US + 1,
                action="update",
                entity=Entity(type="parcel", id="1"),
                actor=ActorId(kind="system"),
                via="database",
                fields=("note",),
                what=msgspec.json.encode(
                    What(changes={"note": Change(before=before, after=after)})
                ),
            )
        ]
    )
    return standing.signed_in(ADA, "1")


def reads(standing: Standing, account: str = "1") -> list[str]:
    """What the reads in an account's trail say, the oldest first."""
    return [
        summary(each.public, read_what(each.what), Catalog())
        for each in standing.entries(account)
        if each.public.action == "read"
    ]


def test_whoever_opens_an_entry_on_the_page_or_by_the_api_is_recorded(
    standing: Standing, ada: TestClient[Any]
) -> None:
    assert "heavy" in ada.get(f"{PAGE}/3").text
    assert ada.get(f"{API}/entries/0").status_code == 200
    assert reads(standing) == ["entry 3", "entry 1"]
    assert reads(standing, "0") == []
    by_page, by_api = (each for each in standing.entries("1") if each.public.action == "read")
    assert by_page.public.actor == ActorId(kind="user", id="administrator:1")
    assert (by_page.public.via, by_api.public.via) == ("ui", "api")
    assert by_page.public.entity == Entity(type="audit_log")
    who = read_who(by_page.who)
    assert (who.email, bool(who.session)) == (ADA, True)


def test_histories_and_states_are_reads_and_say_of_what(
    standing: Standing, ada: TestClient[Any]
) -> None:
    for part in ("history", "state", f"state?at={AFTER_IT}"):
        assert ada.get(f"{PAGE}/1/{part}").status_code == 200
    assert reads(standing) == [
        "history of the record of entry 1",
        "record as entry 1 left it",
        "record as entry 3 left it",
    ]


def test_lists_counts_proofs_and_what_isn_t_there_are_no_reads(
    standing: Standing, ada: TestClient[Any]
) -> None:
    for address in (PAGE, f"{PAGE}/overview", f"{PAGE}/1/proof", f"{API}/entries", "/accounts"):
        assert ada.get(address).status_code == 200
    for address in (f"{PAGE}/900", f"{API}/entries/900", f"{API}/state?type=parcel&id=9"):
        assert ada.get(address).status_code == 404
    assert ada.get(f"{PAGE}/1/state?at=nonsense").status_code == 422
    assert reads(standing) == []


def test_who_looks_again_within_a_minute_is_counted(
    standing: Standing, ada: TestClient[Any]
) -> None:
    for _ in range(4):
        ada.get(f"{PAGE}/3")
    assert reads(standing) == ["entry 3"]
    standing.now_us += WINDOW_US
    ada.get(f"{PAGE}/3")
    assert reads(standing) == ["entry 3", "entry 3 · 3 more times within a minute", "entry 3"]


def test_a_count_outlives_a_restart_and_is_each_administrator_s_own(
    standing: Standing, ada: TestClient[Any]
) -> None:
    bob = standing.signed_in("bob@birch.example")
    for browser in (ada, bob, ada):
        browser.get(f"{PAGE}/3")
    assert reads(standing) == ["entry 3", "entry 3"]
    standing.now_us += WINDOW_US
    assert sign_in(standing.browser(), ADA, "a wrong guess").status_code == 401
    counted = [each for each in standing.entries("1") if each.public.action == "read"][2:]
    assert [read_who(each.who).email for each in counted] == [ADA]
    assert [read_what(each.what).details["count"] for each in counted] == [1]


def test_nothing_is_shown_that_can_t_be_recorded(
    standing: Standing, ada: TestClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StoreFailed

    monkeypatch.setattr(standing.store, "append", fail)
    parts = ("", "/history", "/state")
    addresses = [f"{PAGE}/3{part}" for part in parts]
    addresses += [f"{API}/entries/2", f"{API}/state?type=parcel&id=1"]
    for address in addresses:
        answer = ada.get(address)
        assert (answer.status_code, "heavy" in answer.text) == (503, False), address
    assert ada.get(PAGE).status_code == 200, "lists are no reads"


def test_a_record_is_answered_as_it_was_at_a_moment(
    standing: Standing, ada: TestClient[Any]
) -> None:
    def state(at: str) -> Any:
        return ada.get(f"{API}/state", params={"type": "parcel", "id": "1", "at": at}).json()

    found = state(AFTER_IT)
    assert (found["exists"], found["values"], found["by"]) == (True, {"note": "heavy"}, 2)
    assert state(BEFORE_IT)["exists"] is False
    assert reads(standing) == ["record as entry 3 left it", "history of the record of entry 1"]
    window = ada.get(f"{PAGE}/3").text
    assert f'href="{PAGE}/3/state"' in window
    assert "heavy" in ada.get(f"{PAGE}/3/state").text


def test_no_entry_here_tells_of_roles(standing: Standing, ada: TestClient[Any]) -> None:
    assert ada.get(f"{API}/roles").status_code == 404
    assert ada.get(f"{PAGE}/roles").status_code == 404
    assert f'href="{PAGE}/roles"' not in ada.get(PAGE).text


def test_another_account_s_records_are_nobody_s_to_look_at(
    standing: Standing, ada: TestClient[Any]
) -> None:
    foreign = ada.get("/api/v1/accounts/2/audit_logs/state?type=parcel&id=2")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    assert ada.get("/accounts/2/audit-logs/1/state").status_code == 404
    assert reads(standing, "2") == []


def test_the_search_box_gives_an_example_that_every_trail_understands(
    ada: TestClient[Any],
) -> None:
    assert "Search, or action:updated -via:api date:today" in ada.get(PAGE).text
    question = "action:updated -via:api date:-30d"
    assert ada.get(PAGE, params={"q": question}).status_code == 200
