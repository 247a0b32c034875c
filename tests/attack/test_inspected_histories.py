"""`audit-trail verify --store` beside what was kept elsewhere: older, other and forged histories."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from audit_trail.cli.inspecting import verify_store
from audit_trail.inspection import account
from audit_trail.inspection.given import Given, read_checkpoint
from audit_trail.inspection.store import inspect
from audit_trail.record.entry import Removed
from audit_trail.signing.keys import trail_key
from audit_trail.signing.signer import begin_epoch, rotate
from audit_trail.store.port import Row
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.attack.prepared import (
    EARLIER,
    START_US,
    Owner,
    Place,
    Prepared,
    draft,
    drafts,
    make_place,
    of,
)
from tests.commands.processes import run

COPIES = count()


@pytest.fixture
def older(prepared: Prepared) -> Iterator[Owner]:
    """The owner of the database as it was before, put back in the place of the newer one."""
    owner = Owner(prepared, prepared.older)
    yield owner
    owner.close()


def problems(owner: Owner, *checkpoints: Path, **given: Any) -> list[tuple[str, int | None]]:
    account = of(owner.verified(*checkpoints, **given), "1")
    return [(each.part, each.index) for each in account.problems]


def test_who_may_only_read_can_walk_the_store(prepared: Prepared, request: Any) -> None:
    url = prepared.place.url
    if not prepared.place.is_file:
        server = request.getfixturevalue("postgresql")
        server.run(
            "CREATE ROLE reader LOGIN",
            "GRANT USAGE ON SCHEMA audit_trail TO reader",
            "GRANT SELECT ON ALL TABLES IN SCHEMA audit_trail TO reader",
            database=url.rpartition("/")[2],
        )
        url = url.replace("//postgres@", "//reader@")
    given = (prepared.checkpoint, prepared.newest)
    verdict = verify_store(url, (), [prepared.key], (), given, prepared.heads, is_quiet=True)
    assert verdict.exit_code == 0, verdict


def test_an_older_database_is_found_by_the_file_of_signed_heads(older: Owner) -> None:
    assert problems(older, heads=older.prepared.heads) == [("heads", EARLIER)]


def test_an_older_database_is_found_by_a_later_checkpoint(older: Owner) -> None:
    assert problems(older, older.prepared.newest) == [("tree", EARLIER)]


def test_an_older_database_with_nothing_kept_elsewhere_is_not_found(older: Owner) -> None:
    """The limit that docs/trust.md names: the database and its signed heads of one time."""
    assert older.verified(heads=older.prepared.older_heads).exit_code == 0


# One place on SQLite: what follows is the same on either engine.


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path, None)


def vkey(trail: Trail) -> Any:
    return trail_key(trail.public_keys()[-1])


def kept(folder: Path, name: str, trail: Trail) -> Path:
    """Keep the newest checkpoint of account 1 elsewhere."""
    (folder / name).write_bytes(trail.checkpoint("1") or b"")
    return folder / name


class Fork(NamedTuple):
    """A history signed with the same key beside another one, from which it parts at entry 200."""

    url: str
    key: str
    heads: Path
    checkpoints: list[Path]

    def problems(self, *checkpoints: Path, heads: Path | None = None) -> list[Any]:
        verdict = verify_store(self.url, (), [self.key], (), checkpoints, heads, is_quiet=True)
        return [(each.part, each.index) for each in of(verdict, "1").problems]


@pytest.fixture
def fork(place: Place) -> Fork:
    other = place._replace(folder=place.folder / "other")
    other.folder.mkdir()
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 200))
        checkpoints = [kept(place.folder, "of 200", trail)]
    url = place.copy("fork")
    for name in ("heads.log", "signing.key"):
        shutil.copy(place.folder / name, other.folder)
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(200, 300))
        checkpoints.append(kept(place.folder, "of 300", trail))
        key = vkey(trail).text
    with closing(other._replace(url=url).store()) as store:
        other.trail(store).append(drafts(200, 300))
    return Fork(url, key, place.folder / "heads.log", checkpoints)


def test_a_second_history_of_one_size_is_found_by_what_was_kept_of_the_first(fork: Fork) -> None:
    first, newest = fork.checkpoints
    assert fork.problems(first, newest) == [("tree", 200)]
    assert fork.problems(newest) == [("tree", 0)]
    assert fork.problems(heads=fork.heads) == [("heads", 200)]


def test_a_second_history_signed_with_the_key_is_not_seen_by_who_kept_nothing(fork: Fork) -> None:
    first, _ = fork.checkpoints
    assert fork.problems() == fork.problems(first) == []


def test_a_trail_that_was_not_given_its_key_can_not_be_decided(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        verdict = inspect(store)
        assert (verdict.exit_code, verdict.integrity.state) == (2, "undecided")
        assert "No key was given" in " ".join(of(verdict, "1").integrity.says)
        assert inspect(store, Given(keys=[vkey(trail)])).exit_code == 0
        Trail(store).append(drafts(3, 4))
        unsigned = of(inspect(store, Given(keys=[vkey(trail)])), "1")
        assert (unsigned.exit_code, unsigned.completeness.state) == (2, "undecided")
        assert "Entries 3 to 3 are under no checkpoint." in unsigned.completeness.says


def test_a_key_that_was_added_to_the_store_is_not_taken_for_the_trail_s(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        known = vkey(trail)
        rotate(store, key_file=place.folder / "signing.key", seed=None, clock=lambda: START_US)
        forger = place.trail(store)
        forger.append(drafts(3, 4))
        verdict = of(inspect(store, Given(keys=[known])), "1")
        assert verdict.exit_code == 2
        assert "If no key was exchanged since, it is forged." in " ".join(verdict.integrity.says)
        assert inspect(store, Given(keys=[known, vkey(forger)])).exit_code == 0


def test_an_epoch_that_lost_nothing_still_bears_out_older_checkpoints(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        earlier, older = read_checkpoint(trail.checkpoint("1") or b""), vkey(trail)
        begin_epoch(
            store,
            heads=place.folder / "heads.log",
            key_file=place.folder / "signing.key",
            seed=None,
            clock=lambda: START_US,
        )
        trail = place.trail(store)
        trail.seal()
        trail.append(drafts(3, 5))
        given = Given(keys=[older, vkey(trail)], checkpoints=[earlier])
        verdict = of(inspect(store, given), "1")
        assert verdict.exit_code == 0, verdict
        assert "Nothing was removed since" in " ".join(verdict.completeness.says)


def test_an_entry_that_is_dated_back_is_told_with_both_times(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        year = 365 * 24 * 3_600 * 1_000_000
        trail.append([draft(0), draft(1, occurred_at=START_US - year)])
        trail.append([draft(2, occurred_at=START_US - year, via="import")])
        verdict = of(inspect(store, Given(keys=[vkey(trail)])), "1")
    assert verdict.exit_code == 0
    (remark,) = verdict.remarks
    assert (remark.about, remark.index) == ("time", 1)
    assert "happened at 2025-" in remark.says and "recorded at 2026-" in remark.says


def test_what_is_declared_and_not_yet_carried_out_is_a_remark(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 5))
        trail.append([draft(5, action="erase", removed=Removed(who=((1, 2),), what=((4, 4),)))])
        trail.append([draft(6, action="drop", removed=Removed(entry=((0, 0),)))])
        verdict = of(inspect(store, Given(keys=[vkey(trail)])), "1")
        assert verdict.exit_code == 0
        assert [each.index for each in verdict.remarks] == [1, 4, 0]
        trail.remove("1")
        verdict = of(inspect(store, Given(keys=[vkey(trail)])), "1")
        assert (verdict.exit_code, verdict.remarks) == (0, ())
        assert "2 who parts were erased" in " ".join(verdict.integrity.says)


@pytest.mark.parametrize(
    ("action", "removed"),
    [("update", Removed(who=((0, 0),))), ("drop", Removed(what=((0, 0),)))],
)
def test_only_the_action_that_may_declares_a_removal(
    place: Place, action: str, removed: Removed
) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        trail.append([draft(3, action=action, removed=removed)])
        verdict = of(inspect(store, Given(keys=[vkey(trail)])), "1")
        assert ("removed", 3) in [(each.part, each.index) for each in verdict.problems]


class BusyStore(SqliteStore):
    """A store to which others append, and from which they remove, before each slice is read."""

    then: Callable[[], object] = staticmethod(lambda: None)

    def rows(self, account: str, start: int, stop: int) -> list[Row]:
        self.then()
        return super().rows(account, start, stop)


def test_a_store_is_whole_while_others_append_erase_and_drop(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "SLICE", 256)
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 700))
        busy = BusyStore(Path(place.url.removeprefix("sqlite:///")))
        turns = count()

        def live_on() -> None:
            turn = next(turns)
            trail.append(drafts(1_000 * turn, 1_000 * turn + 30))
            if turn < 3:
                first = 400 + turn
                trail.append([draft(0, action="erase", removed=Removed(who=((first, first),)))])
                dropped = Removed(entry=((500, 500 + turn),))
                trail.append([draft(0, action="drop", removed=dropped)])
                trail.remove("1")

        busy.then = live_on
        verdict = of(inspect(busy, Given(keys=[vkey(trail)])), "1")
        assert verdict.exit_code == 0, verdict.problems
        assert next(turns) > 3
        busy.close()


def test_a_row_of_an_account_that_nobody_knows_is_found(prepared: Prepared) -> None:
    is_file = prepared.place.is_file
    url = prepared.place.copy("stray") if is_file else prepared.place.url
    with closing(Owner(prepared, url)) as owner:
        owner.insert_copy(20, 0, "9")
        verdict = owner.verified()
        found = of(verdict, "9")
        assert (found.exit_code, found.index) == (1, 0)
        assert of(verdict, "1").exit_code == 0


def test_an_account_of_which_only_signed_heads_are_left_is_found(prepared: Prepared) -> None:
    is_file = prepared.place.is_file
    url = prepared.place.copy("gone") if is_file else prepared.place.url
    with closing(Owner(prepared, url)) as owner:
        for table in ("entries", "tiles", "seals" if is_file else "heads"):
            owner.run(f"DELETE FROM {table} WHERE account = ?", "2")
        assert of(owner.verified(heads=prepared.heads), "2").exit_code == 1


# The command.


def verify(*arguments: str) -> Any:
    return run("verify", *arguments, program="audit-trail")


def test_the_command_finds_heads_beside_the_file_and_says_what_it_found(place: Place) -> None:
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        key = vkey(trail).text
    shutil.copy(place.folder / "heads.log", place.folder / "trail")
    done = verify("--store", place.url, "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("WHOLE\n")
    assert "Account 1: whole, 3 entries, 3 signed" in done.stdout

    path = place.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("DROP TRIGGER entries_are_only_dropped")
        owner.execute("DELETE FROM entries WHERE idx = 1")
    done = verify("--store", place.url, "--key", key, "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["verdict"] == "tampered"
    (problem,) = [each for each in told["accounts"][0]["problems"] if each["part"] == "entry"]
    assert problem["index"] == 1
    # It was read alone: the trigger that was dropped is not put back unseen.
    with closing(sqlite3.connect(path)) as looking:
        names = [name for (name,) in looking.execute("SELECT name FROM sqlite_master")]
    assert "entries_are_only_dropped" not in names


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--store", "sqlite:////nowhere/trail.db"),
        ("--store", "sqlite:////nowhere/trail.db", "file"),
        ("--store", "nonsense"),
        ("file", "--account", "1"),
    ],
)
def test_a_wrong_use_and_a_store_that_can_not_be_read_end_with_3(arguments: list[str]) -> None:
    assert verify(*arguments).returncode == 3
