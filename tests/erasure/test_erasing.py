"""An erasure is declared, carried out and wiped; the proofs stand, and a crash is made good."""

from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.capture.context import Actor
from audit_trail.erasure import erasing
from audit_trail.erasure.erasing import erase
from audit_trail.erasure.finding import find
from audit_trail.erasure.subject import Subject
from audit_trail.errors import ErasureRefused, RemovalRefused
from audit_trail.evidence import Wanted, evidence
from audit_trail.record.entry import ActorId, read_what
from audit_trail.record.query import Named, Query
from audit_trail.record.removed import count_of
from audit_trail.retention.keeping import Retention
from audit_trail.seal.proof import verify_inclusion
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.trail import Trail
from audit_trail.verify.evidence import verify
from tests.erasure.trails import ANN, NOW, by, draft
from tests.signing.places import Place

SUBJECT = Subject.of([ANN])
ANN_WHO = {"email": ANN, "name": "Ann Lee", "ip": "203.0.113.9"}


def fill(trail: Trail) -> None:
    """Ann acts twice, is named once, and others act in between."""
    trail.append(
        [
            draft("7", who=ANN_WHO, what={"label": "Support"}),
            draft("8", who={"email": "bob@example.com"}, what={"label": ANN}),
            draft("8", who={"email": "bob@example.com"}, what={"label": "Sales"}),
            draft("7", who=ANN_WHO, what={"label": f"Inbox of {ANN}"}),
        ]
    )


def run(trail: Trail, **more: Any) -> Any:
    return erase(trail, "1", SUBJECT, more.pop("context", by()), clock=lambda: NOW, **more)


def test_their_parts_are_gone_and_everything_is_still_proven(store: Store, tmp_path: Path) -> None:
    place = Place(tmp_path)
    trail = place.opened(store)
    fill(trail)
    place.show(trail)
    erased = run(trail)
    place.show(trail)
    entries = trail.entries("1", 0, 9)
    assert [entry.who is None for entry in entries] == [True, False, False, True, False]
    assert [entry.what is None for entry in entries] == [False, True, False, True, False]
    seal = trail.head("1").seal
    for entry in entries:
        assert trail.mismatches("1", entry) == ()
        path = trail.prove_inclusion("1", entry.index)
        verify_inclusion(entry.leaf, entry.index, seal.size, seal.edge.root, path)
    assert trail.page(Query(account="1", where=Named("ann")), limit=9).entries == []
    assert (erased.index, erased.wiped, store.is_wiped()) == (4, "done", True)


def test_an_evidence_file_is_whole_against_a_checkpoint_from_before(
    store: Store, tmp_path: Path
) -> None:
    trail = Place(tmp_path).opened(store)
    fill(trail)
    before = trail.checkpoint("1")
    run(trail)
    file = BytesIO(b"".join(evidence(trail, Wanted(account="1", earlier=before))))
    verdict = verify(file, trail.verifier_keys("1"), before)
    assert (verdict.exit_code, verdict.problems) == (0, ())
    assert ANN not in repr(file.getvalue())


def test_the_entry_says_who_erased_what_for_whom_and_why(store: Store) -> None:
    trail = Trail(store)
    fill(trail)
    erased = run(trail, context=by(ticket="DPO-9"))
    entry = trail.entry("1", 4)
    public, what = entry.public, read_what(entry.what)
    assert (public.action, public.entity.type, public.actor.id) == ("erase", "audit_log", "9")
    assert public.removed is not None
    assert (public.removed.who, public.removed.what) == (((0, 0), (3, 3)), ((1, 1), (3, 3)))
    assert (what.reason, what.ticket) == ("Request 12 of May", "DPO-9")
    assert what.details == {
        "person": erased.pseudonym,
        "kinds_of_data": ["address", "e-mail", "name", "name of a record"],
        "entries": 3,
        "who_parts": 2,
        "what_parts": 2,
    }
    assert erased.pseudonym.startswith("person-") and len(erased.pseudonym) == 17
    for part in (entry.public_bytes, entry.who.stored if entry.who else b"", entry.what.stored):  # type: ignore[union-attr]
        assert b"ann" not in part.lower()


def test_a_second_erasure_finds_nothing_and_says_nothing(store: Store) -> None:
    trail = Trail(store)
    fill(trail)
    run(trail)
    again = run(trail)
    assert (again.index, again.found.entries, trail.head("1").size) == (None, 0, 5)
    assert find(trail, "1", Subject.of([ANN], ActorId(kind="user", id="7"))).erased == 2


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (by(reason=None), "needs a reason"),
        (by(reason=""), "needs a reason"),
        (by(reason=f"{ANN} asked for it"), "The reason names the person"),
        (by(reason="she asked", ticket=f"re: {ANN.upper()}"), "The ticket names the person"),
        (by("7"), "what you did yourself (2 entries). Another administrator"),
    ],
)
def test_what_must_not_be_is_refused_and_nothing_is_done(context: Any, said: str) -> None:
    trail = Trail(MemoryStore())
    fill(trail)
    before = trail.entries("1", 0, 9)
    with pytest.raises(ErasureRefused) as refused:
        run(trail, context=context)
    assert said in str(refused.value)
    assert trail.entries("1", 0, 9) == before


def scattered(trail: Trail, count: int) -> None:
    """Append her entries, so many, each between two of Bob's."""
    trail.append(
        [
            draft(str(7 + index % 2), who={"email": ANN if index % 2 else "bob@x.example"})
            for index in range(2 * count)
        ]
    )


def test_scattered_entries_are_declared_by_several_of_one_request(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "DECLARED_BYTES", 2_000)
    trail = Trail(store)
    scattered(trail, 500)
    erased = run(trail)
    declaring = trail.entries("1", 1_000, 9_999)
    assert len(declaring) > 2
    assert {entry.public.request for entry in declaring} == {"r1"}
    ranges = [entry.public.removed.who for entry in declaring if entry.public.removed]
    assert sum(map(count_of, ranges)) == 500
    said = [read_what(entry.what).details["declaration"] for entry in declaring]
    assert said == [f"{each} of {len(said)}" for each in range(1, len(said) + 1)]
    assert erased.index == 1_000
    assert find(trail, "1", SUBJECT).entries == 0


def test_ten_thousand_of_them_have_room_in_their_public_parts() -> None:
    trail = Trail(MemoryStore())
    scattered(trail, 10_000)
    actors = tuple(Actor(kind="user", id="9" * 200) for _ in range(20))
    run(trail, context=by(on_behalf_of=actors))
    declaring = trail.entries("1", 20_000, 20_099)
    assert [len(entry.public_bytes) > 40_000 for entry in declaring[:-1]] == [True, True]
    assert all(len(entry.public_bytes) <= 65_535 for entry in declaring)
    assert find(trail, "1", SUBJECT).entries == 0


class Stopped(Exception):
    """The process ended here."""


@pytest.mark.parametrize("step", ["remove", "wipe"])
def test_a_crash_after_the_declaration_is_made_good_by_the_next_start(
    store: Store, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(store)
    fill(trail)
    with monkeypatch.context() as crash:
        real, calls = getattr(store, step), []

        def stopping(*given: Any) -> Any:
            calls.append(given)
            # The first removal comes before the declaration, and has nothing to do.
            if step == "wipe" or len(calls) > 1:
                raise Stopped
            return real(*given)

        crash.setattr(store, step, stopping)
        with pytest.raises(Stopped):
            run(trail)
    Trail(store).seal()
    assert find(Trail(store), "1", SUBJECT).entries == 0
    assert store.is_wiped()
    assert [trail.mismatches("1", entry) for entry in trail.entries("1", 0, 9)] == [()] * 5


def test_a_crash_in_the_midst_of_the_removal_is_made_good(store: Store) -> None:
    trail = Trail(store)
    fill(trail)
    with pytest.MonkeyPatch.context() as crash:
        real, calls = store.remove, []

        def one_then_none(account: str, _limit: int, _only: object) -> int:
            calls.append(account)
            if len(calls) > 2:
                raise Stopped
            return real(account, 1)

        crash.setattr(store, "remove", one_then_none)
        with pytest.raises(Stopped):
            run(trail)
    assert run(Trail(store)).index is None, "the declared parts are emptied, not declared again"
    assert find(trail, "1", SUBJECT).entries == 0


def test_of_two_erasures_at_once_the_slower_looks_anew(store: Store) -> None:
    first, second = Trail(store), Trail(store)
    fill(first)

    def overtaken(*_: object) -> None:
        if first.head("1").size == 4:
            run(first)

    erased = run(second, report=overtaken)
    assert (erased.index, erased.found.entries) == (None, 0)
    first.append([draft("7", who=ANN_WHO)])
    assert run(second).index == 6


def test_whoever_is_always_slower_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    trail = Trail(MemoryStore())
    fill(trail)

    def refuse(*_: object, **__: object) -> int:
        raise RemovalRefused

    monkeypatch.setattr(trail, "append", refuse)
    with pytest.raises(RemovalRefused, match="5 times in a row"):
        run(trail)


def test_held_entries_keep_their_parts(store: Store) -> None:
    trail = Trail(store)
    fill(trail)
    Retention(trail).place("1", by(), actor=ActorId(kind="user", id="7"))
    erased = run(trail)
    assert (erased.found.held, erased.found.what) == (2, [1])
    assert [entry.who is None for entry in trail.entries("1", 0, 4)] == [False] * 4


def test_who_placed_a_hold_stays_while_it_holds(store: Store) -> None:
    trail = Trail(store)
    fill(trail)
    Retention(trail).place("1", by("7"), actor=ActorId(kind="user", id="7"))
    assert run(trail, context=by("5")).found.who == []
    assert trail.entry("1", 4).who is not None


def test_nobody_erases_who_asked_for_what_was_done_for_them(store: Store) -> None:
    trail = Trail(store)
    trail.append([draft("3", who=ANN_WHO, on_behalf_of=(ActorId(kind="user", id="9"),))])
    with pytest.raises(ErasureRefused, match="what you did yourself"):
        run(trail)


def test_a_hold_that_is_placed_after_the_search_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(store)
    fill(trail)
    searches: list[int] = []

    def slow(*asked: Any, **more: Any) -> Any:
        found = find(*asked, **more)
        searches.append(found.held)
        if len(searches) == 1:
            Retention(trail).place("1", by(), actor=ActorId(kind="user", id="7"))
        return found

    monkeypatch.setattr(erasing, "find", slow)
    run(trail)
    assert searches == [0, 2]
    assert trail.entry("1", 0).who is not None


def test_another_s_erasure_entry_may_itself_be_emptied() -> None:
    trail = Trail(MemoryStore())
    fill(trail)
    run(trail, context=by(reason="Bob of support asked"))
    with pytest.raises(ErasureRefused, match="what you did yourself"):
        erase(trail, "1", Subject.of(["Bob"]), by(), clock=lambda: NOW)
    erase(trail, "1", Subject.of(["Bob"]), by("5"), clock=lambda: NOW)
    entry = trail.entry("1", 4)
    assert entry.what is None and msgspec.json.decode(entry.public_bytes)["removed"]
    assert trail.mismatches("1", trail.entry("1", 0)) == ()
