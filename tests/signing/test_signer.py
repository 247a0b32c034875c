"""The signer signs one history: after crashes at any step, and beside older or other databases."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit_trail.errors import HeadsFailed, HistoryLost, KeyRefused, StoreFailed
from audit_trail.seal.checkpoint import verify
from audit_trail.signing import heads as files
from audit_trail.signing import keys, signer
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import Signer, begin_epoch, open_signer, rotate
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.sequencer.faults import FailingStore
from tests.signing.places import Place, draft, drafts

MOST_STEPS = 40


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_first_start_draws_key_and_name_and_the_next_keeps_them(place: Place) -> None:
    store = MemoryStore()
    place.opened(store)
    key, (public,) = place.key_file.read_bytes(), store.public_keys()
    assert place.key_file.stat().st_mode & 0o777 == 0o600
    place.opened(store)
    assert place.key_file.read_bytes() == key
    assert store.public_keys() == [public]
    assert (len(public.name), public.since_us) == (32, 7)


def test_each_account_of_an_append_gets_one_checkpoint_in_its_own_name(place: Place) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append([*drafts(0, 3), *drafts(0, 2, "ä/+ ")])
    (key,) = trail.public_keys()
    for account, origin, size in (("1", "1", 3), ("ä/+ ", "%C3%A4%2F%2B%20", 2)):
        note = trail.checkpoint(account) or b""
        checkpoint = verify(note, f"{key.name}/{origin}", trail.verifier_keys(account))
        assert (checkpoint.size, checkpoint.root) == (size, store.head(account).seal.edge.root)
        for index in range(size):
            proof = trail.prove(account, index)
            leaf = trail.entry(account, index).leaf
            assert proof.verify(leaf, checkpoint.origin, trail.verifier_keys(account)) == checkpoint
    assert trail.checkpoint("nobody") is None
    lines = place.heads.read_text().splitlines()
    assert len(lines) == 2


def test_a_secret_is_in_no_text_about_it(place: Place) -> None:
    seed = Seed.draw()
    shown = repr(seed) + str(seed) + repr([seed]) + repr(vars(Signer))
    assert seed.bytes.hex() not in shown and repr(seed.bytes) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(seed)
    place.key_file.write_text("bm90IGEga2V5")
    with pytest.raises(KeyRefused) as refused:
        Seed.read(place.key_file)
    assert "bm90" not in str(refused.value) and refused.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ä" * 43])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        Seed.parse(text)


def test_a_missing_key_or_file_of_heads_is_never_made_anew(place: Place) -> None:
    store = MemoryStore()
    place.opened(store).append([draft(0)])
    heads = place.heads.read_bytes()
    place.heads.unlink()
    with pytest.raises(HeadsFailed, match="is missing"):
        place.opened(store)
    place.heads.write_bytes(heads)
    place.key_file.unlink()
    with pytest.raises(KeyRefused, match="doesn't hold the newest signing key"):
        place.opened(store)
    Seed.draw().write(place.key_file)
    with pytest.raises(KeyRefused, match="doesn't hold the newest signing key"):
        place.opened(store)


# Never backwards: an older database, another one, and one that is ahead.


def copy_of(store: MemoryStore) -> MemoryStore:
    copied = MemoryStore()
    copied._accounts.update({each: dict(known) for each, known in store._accounts.items()})
    copied._seals, copied._tiles = dict(store._seals), dict(store._tiles)
    copied._keys = list(store._keys)
    return copied


def test_an_older_database_is_refused_at_the_start_and_while_running(place: Place) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append(drafts(0, 300))
    older = copy_of(store)
    trail.append(drafts(300, 302))
    with pytest.raises(HistoryLost, match="signed with 302 entries, and the database holds 300"):
        place.opened(older)
    trail._trees._store = trail._store = older
    with pytest.raises(HistoryLost):
        trail.append(drafts(500, 600))
    with pytest.raises(HistoryLost):
        trail.checkpoint("1")
    assert older.head("1").size == 300


def test_an_empty_database_beside_the_old_file_is_refused(place: Place) -> None:
    place.opened(MemoryStore()).append([draft(0)])
    with pytest.raises(HistoryLost, match="signed with 1 entries, and the database holds 0"):
        place.opened(MemoryStore())


@pytest.mark.parametrize("size", [302, 400])
def test_another_history_of_the_size_or_larger_is_refused(place: Place, size: int) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append(drafts(0, 300))
    fork = copy_of(store)
    trail.append(drafts(300, 302))
    Trail(fork, clock=lambda: 0).append(drafts(1_000, 700 + size))
    assert fork.head("1").size == size
    with pytest.raises(HistoryLost, match="first 302 entries of account 1 aren't those"):
        place.opened(fork)


def test_one_account_put_back_alone_is_refused(place: Place) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append([*drafts(0, 5), *drafts(0, 5, "2")])
    older = copy_of(store)
    trail.append([draft(5), draft(5, "2")])
    mixed = copy_of(store)
    mixed._accounts["2"], mixed._seals["2"] = older._accounts["2"], older._seals["2"]
    with pytest.raises(HistoryLost, match="Account 2 was signed with 6 entries"):
        place.opened(mixed)


def test_a_database_far_ahead_of_the_file_is_gone_on_from(place: Place) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append(drafts(0, 10))
    place.show(trail)
    older = place.heads.read_bytes()
    for batch in range(1, 5):
        trail.append(drafts(batch * 100, batch * 100 + 90))
        place.show(trail)
    place.heads.write_bytes(older)  # As on a machine that stood by.
    again = place.opened(store)
    again.append(drafts(900, 910))
    place.show(again)
    assert place.shown.popitem()[1][-1].size == 380


# A crash at every step, with stores that fail and persist, and fail and don't.


class Crash(BaseException):
    """The process is gone."""


class Crashing:
    """Ends the process before or after the so-maniest step that leaves something behind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        for owner, name in (
            (files, "replace"),
            (keys, "replace"),
            (Path, "replace"),
            (MemoryStore, "append"),
            (MemoryStore, "add_key"),
            (files.Heads, "_write"),
        ):
            monkeypatch.setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*given: Any, **named: Any) -> Any:
            self._die()
            result = step(*given, **named)
            self._die()
            return result

        return stepping

    def _die(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1


def each_crash(
    monkeypatch: pytest.MonkeyPatch, folder: Path, run: Callable[[Place, MemoryStore], None]
) -> Iterator[tuple[Place, MemoryStore]]:
    """Run what is given until it dies at its first step, its second, and so on to its end."""
    for at in range(MOST_STEPS):
        (folder / str(at)).mkdir()
        place, store = Place(folder / str(at)), MemoryStore()
        with monkeypatch.context() as crashing:
            Crashing(crashing, at)
            try:
                run(place, store)
                ended = True
            except Crash:
                ended = False
        yield place, store
        if ended:
            assert at > 5
            return
    raise AssertionError("it never came to its end")


def test_a_crash_at_any_step_of_a_start_or_an_append_is_gone_on_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(place: Place, store: MemoryStore) -> None:
        trail = place.opened(store)
        for batch in range(3):
            trail.append([*drafts(batch * 10, batch * 10 + 7), draft(batch, "2")])
            place.show(trail, ("1", "2"))

    for place, store in each_crash(monkeypatch, tmp_path, run):
        trail = place.opened(store)
        place.show(trail, ("1", "2"))
        trail.append([*drafts(20, 27), draft(2, "2"), draft(99)])
        place.show(trail, ("1", "2"))
        place.show(place.opened(store), ("1", "2"))
        assert len({key.name for key in trail.public_keys()}) == 1
        assert place.shown[f"{trail.public_keys()[0].name}/1"][-1].size == store.head("1").size


def test_a_crash_at_any_step_of_a_rotation_leaves_a_key_that_signs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(place: Place, store: MemoryStore) -> None:
        place.opened(store).append(drafts(0, 5))
        place.show(place.opened(store))
        rotate(store, key_file=place.key_file, seed=None, clock=lambda: 9)
        place.show(place.opened(store))

    for place, store in each_crash(monkeypatch, tmp_path, run):
        trail = place.opened(store)
        trail.append([draft(99)])
        place.show(trail)
        assert len(place.shown) == 1
        newest = trail.verifier_keys("1")[-1]
        verify(trail.checkpoint("1") or b"", newest.name, [newest])


def test_a_crash_at_any_step_of_a_new_epoch_is_made_good_by_beginning_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def begin(place: Place, store: Store) -> None:
        given = {"heads": place.heads, "key_file": place.key_file}
        begin_epoch(store, **given, seed=None, clock=lambda: 9)

    def run(place: Place, store: MemoryStore) -> None:
        trail = place.opened(store)
        trail.append(drafts(0, 5))
        older = copy_of(store)
        trail.append(drafts(5, 9))
        place.show(trail)
        store._accounts, store._seals, store._tiles = older._accounts, older._seals, older._tiles
        begin(place, store)

    for place, store in each_crash(monkeypatch, tmp_path, run):
        try:
            trail = place.opened(store)
        except (HistoryLost, HeadsFailed, KeyRefused):
            begin(place, store)
            trail = place.opened(store)
        trail.append([draft(99)])
        place.show(trail)


@pytest.mark.parametrize("plan", [["lost"], ["kept"], ["kept", "lost", "kept"]])
def test_a_store_that_fails_gets_no_second_history(place: Place, plan: list[str]) -> None:
    store = FailingStore()
    trail = place.opened(store)
    trail.append(drafts(0, 3))
    place.show(trail)
    store.plan += plan
    for number in range(3, 9):
        for _ in range(len(plan) + 1):
            try:
                trail.append(drafts(number, number + 1))
                break
            except StoreFailed:
                place.show(trail)
        place.show(trail)
    place.show(place.opened(store))
    assert store.head("1").size == 9
    assert place.shown.popitem()[1][-1].size == 9


def test_nothing_is_shown_that_the_file_does_not_hold(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append([draft(0)])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(files.Heads, "_write", fail)
        for attempt in (lambda: trail.append([draft(1)]), lambda: trail.checkpoint("1")):
            with pytest.raises(HeadsFailed, match="No space left"):
                attempt()
    assert store.head("1").size == 2
    assert trail.append([draft(1)]) == 0
    assert " 1/2/" in place.heads.read_text()


# Keys.


def test_every_key_is_listed_and_old_checkpoints_still_verify(place: Place) -> None:
    store = MemoryStore()
    trail = place.opened(store)
    trail.append(drafts(0, 3))
    note = trail.checkpoint("1") or b""
    rotate(store, key_file=place.key_file, seed=None, clock=lambda: 9)
    again = place.opened(store)
    first, second = again.public_keys()
    assert (first.name, first.since_us, second.since_us) == (second.name, 7, 9)
    assert first.public != second.public
    for each in (note, again.checkpoint("1") or b""):
        verify(each, f"{first.name}/1", again.verifier_keys("1"))
    assert note != again.checkpoint("1")


def test_a_given_key_is_used_and_changed_by_rotation_only(place: Place) -> None:
    store, (one, other) = MemoryStore(), (Seed.draw(), Seed.draw())

    def opened(seed: Seed) -> Signer:
        given = {"heads": place.heads, "key_file": place.key_file}
        return open_signer(store, **given, seed=seed, clock=lambda: 0)

    opened(one)
    with pytest.raises(KeyRefused, match="isn't the newest of this trail; rotate to it"):
        opened(other)
    rotate(store, key_file=place.key_file, seed=other, clock=lambda: 0)
    opened(other)
    with pytest.raises(KeyRefused):
        opened(one)
    assert not place.key_file.exists()


def test_two_processes_sign_one_history(place: Place, tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "trail.db") for _ in range(2)]
    trails = [place.opened(store) for store in stores]
    for number in range(8):
        trails[number % 2].append([draft(number)])
        for trail in trails:
            place.show(trail)
    assert place.shown.popitem()[1][-1].size == 8
    for store in stores:
        store.close()


def test_many_accounts_need_no_more_keys_ready_than_fit(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer, "MOST_KEPT", 2)
    trail = place.opened(MemoryStore())
    accounts = [str(number) for number in range(5)]
    trail.append([draft(0, account) for account in accounts])
    place.show(trail, accounts)
    assert len(place.shown) == 5
