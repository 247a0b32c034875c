"""A backup is both databases as of one instant; what comes of it has each change once."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_trail.capture.context import SYSTEM, Origin, acting_as
from audit_trail.capture.sqlite.lock import locked
from audit_trail.errors import HistoryLost
from audit_trail.record.entry import Entry, read_what
from audit_trail.record.query import Query
from bench import soak
from live_agent import backup as backups
from live_agent.app import build_services
from live_agent.backup import back_up, restore
from live_agent.errors import BackupDamaged, BackupRefused, LiveAgentError
from live_agent.founding import create_account, create_user
from live_agent.schema import Team
from live_agent.services import Services
from live_agent.settings import teams
from tests.commands.processes import run, serving

PASSWORD = "correct horse battery"
EMAIL = "ada@alder.example"
PATIENCE_SECONDS = 60
BACKUPS = 3
FILES = ["backup.json", "live-agent.db", "trail.db"]
RESTORED = ["heads.log", "live-agent.db", "signing.key", "trail.db"]


def unseen(_name: str, _done: int, _total: int) -> None:
    """A report that nobody looks at."""


@contextmanager
def opened(folder: Path) -> Iterator[Services]:
    """The services over a directory, with the sequencer at rest."""
    services = build_services(folder)
    services.database.prepare()
    try:
        yield services
    finally:
        services.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory with an account and its first team, all of it sequenced."""
    folder = tmp_path / "data"
    with opened(folder) as services:
        create_account(services.database, "Alder Travel")
        create_team(services, "First")
        services.sequencer.drain()
    return folder


def create_team(services: Services, name: str) -> int:
    with acting_as(SYSTEM, Origin(via="cli")), services.database.transaction() as db:
        return teams.create(db, 1, {"name": name}).id


def rename_team(services: Services, name: str, team: int = 1) -> None:
    with acting_as(SYSTEM, Origin(via="cli")), services.database.transaction() as db:
        db.get_one(Team, team).name = name


def name_of(services: Services, team: int = 1) -> str:
    with services.database.reading() as db:
        return db.get_one(Team, team).name


def entries(services: Services) -> list[Entry]:
    """Every entry of the account, oldest first, once all is sequenced: no gap, no id twice."""
    services.sequencer.drain()
    query = Query(account="1", newest_first=False)
    found = list(services.trail.page(query, limit=100_000).entries)
    assert [entry.index for entry in found] == list(range(len(found)))
    assert len({entry.public.id for entry in found}) == len(found)
    return found


def names_told(services: Services, team: int = 1) -> list[str]:
    """How each entry of the team says that it was called from then on."""
    told = [
        read_what(entry.what).changes["name"].after
        for entry in entries(services)
        if (entry.public.entity.type, entry.public.entity.id) == ("team", str(team))
    ]
    return [msgspec.json.decode(name) for name in told if isinstance(name, msgspec.Raw)]


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_SECONDS * 50):
        if holds():
            return
        threading.Event().wait(0.02)
    raise RuntimeError("what was waited for did not happen")


def wait_for_entries(services: Services, count: int) -> None:
    so_far = services.trail.head("1").size
    wait_until(lambda: services.trail.head("1").size >= so_far + count)


def test_a_backup_is_private_and_whole_and_holds_no_more_than_its_files(
    data: Path, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    back_up(data, tmp_path / "backup", lambda *step: steps.append(step))
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == FILES
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").iterdir()} == {0o600}
    assert steps[-1] == ("trail.db", steps[-1][2], steps[-1][2])

    manifest = restore(tmp_path / "backup", tmp_path / "new", unseen)
    assert manifest.taken_at.endswith("+00:00")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == RESTORED
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
    with opened(tmp_path / "new") as services:
        assert names_told(services) == ["First"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "new"]


def test_what_is_in_the_trail_and_still_in_the_outbox_is_restored_as_one_entry(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(data) as services:
        rename_team(services, "Second")
        with monkeypatch.context() as crashing:
            crashing.setattr(services.outbox, "delete", lambda rows: (_ for _ in ()).throw(OSError))
            with pytest.raises(OSError):  # noqa: PT011 - it is raised right above
                services.sequencer.drain()
        rename_team(services, "Third")
        assert services.outbox.backlog().rows == 2
        back_up(data, tmp_path / "backup", unseen)
        told = [(entry.public.id, entry.public.action) for entry in entries(services)]
    restore(tmp_path / "backup", tmp_path / "new", unseen)
    with opened(tmp_path / "new") as services:
        assert services.outbox.backlog().rows == 2
        assert names_told(services) == ["First", "Second", "Third"]
        restored = [(entry.public.id, entry.public.action) for entry in entries(services)]
        assert [each for each in restored if each[1] != "begin_epoch"] == told
        assert len(restored) == len(told) + 1


def test_commits_during_the_copying_neither_enter_it_nor_begin_it_anew(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "STEP_PAGES", 1)
    steps: list[tuple[int, int]] = []
    with opened(data) as services:

        def write(name: str, done: int, total: int) -> None:
            steps.append((done, total))
            assert len(steps) < 5_000
            if done % 10 == 0:
                rename_team(services, f"{name} {done}")
                services.sequencer.drain()

        back_up(data, tmp_path / "backup", write)
        assert name_of(services) != "First"
    assert len(steps) == len(set(steps))
    restore(tmp_path / "backup", tmp_path / "new", unseen)
    with opened(tmp_path / "new") as services:
        assert name_of(services) == "First"
        assert names_told(services) == ["First"]


def test_under_load_the_trail_of_a_backup_tells_exactly_what_its_database_has(
    data: Path, tmp_path: Path
) -> None:
    stopping = threading.Event()
    with opened(data) as services, services.running():

        def write() -> None:
            for number in range(100_000):
                if stopping.is_set():
                    return
                rename_team(services, f"Name {number}")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(BACKUPS):
                wait_for_entries(services, 5)
                back_up(data, tmp_path / f"backup {number}", unseen)
        finally:
            stopping.set()
            writer.join()
    for number in range(BACKUPS):
        restore(tmp_path / f"backup {number}", tmp_path / f"new {number}", unseen)
        with opened(tmp_path / f"new {number}") as services:
            told = names_told(services)
            assert told == ["First", *(f"Name {each}" for each in range(len(told) - 1))]
            assert told[-1] == name_of(services)
            assert len(told) > 5


def test_nobody_commits_between_the_beginnings_of_the_two_copies(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, refusals = sqlite3.connect, []

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement.startswith("SELECT"):
                with closing(connect(data / "live-agent.db", timeout=0)) as writer:
                    with pytest.raises(sqlite3.OperationalError, match="locked") as refusal:
                        writer.execute("BEGIN IMMEDIATE")
                    refusals.append(refusal)
            return super().execute(statement, *values)

    with monkeypatch.context() as watching:
        watching.setattr(sqlite3, "connect", partial(connect, factory=Watched))
        back_up(data, tmp_path / "backup", unseen)
    assert len(refusals) == 2


def test_an_older_database_beside_a_newer_trail_reuses_no_index_and_no_entry_s_id(
    data: Path, tmp_path: Path
) -> None:
    with opened(data) as services:
        rename_team(services, "Second")  # It is in the backup's outbox, and later in the trail.
        back_up(data, tmp_path / "backup", unseen)
        rename_team(services, "Lost")
        lost = create_team(services, "Lost as well")
        before = [entry.public.id for entry in entries(services)]
    for leftover in data.glob("live-agent.db*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup" / "live-agent.db", data)
    with opened(data) as services:
        assert [entry.public.id for entry in entries(services)] == before
        rename_team(services, "Third")
        assert create_team(services, "Another") == lost
        after = entries(services)
        assert [entry.public.id for entry in after[: len(before)]] == before
        assert len(after) == len(before) + 2
        assert names_told(services) == ["First", "Second", "Lost", "Third"]
        # The trail keeps what the database forgot: the number stands for two teams.
        assert names_told(services, lost) == ["Lost as well", "Another"]
        assert after[-1].version == 2


def test_an_older_trail_is_refused_until_somebody_says_why(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup", unseen)
    with opened(data) as services:
        rename_team(services, "Lost")
        (lost,) = (entry.public.id for entry in entries(services)[-1:])
    for leftover in data.glob("trail.db*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup" / "trail.db", data)
    with pytest.raises(HistoryLost, match=r"Account 1 was signed with 2 entries.* holds 1 of them"):
        build_services(data)
    result = run("key", "begin-epoch", "--data", str(data), "--reason", "the disk was lost")
    assert "The next start signs as " in result.stdout
    with opened(data) as services:
        last = entries(services)[-1]
        assert (last.public.action, last.public.actor.kind) == ("begin_epoch", "system")
        assert read_what(last.what).details == {"reason": "the disk was lost", "altered": []}
        rename_team(services, "Third")
        assert names_told(services) == ["First", "Third"]
        assert lost not in [entry.public.id for entry in entries(services)]


@pytest.mark.parametrize("missing", ["live-agent.db", "trail.db"])
def test_a_backup_of_what_is_not_there_is_refused_by_name(
    data: Path, tmp_path: Path, missing: str
) -> None:
    (data / missing).unlink()
    with pytest.raises(BackupRefused, match=missing):
        back_up(data, tmp_path / "backup", unseen)
    assert not (tmp_path / "backup").exists()


def test_a_damaged_database_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    (data / "trail.db").write_bytes(b"this is no database, and never was one" * 100)
    with pytest.raises(BackupRefused, match=r"trail\.db failed: file is not a database"):
        back_up(data, tmp_path / "backup", unseen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_nothing_is_overwritten(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup", unseen)
    with pytest.raises(BackupRefused, match="backup exists already"):
        back_up(data, tmp_path / "backup", unseen)
    with pytest.raises(BackupRefused, match=r"data holds heads\.log already"):
        restore(tmp_path / "backup", data, unseen)
    with locked(data / "sequencer.lock"), pytest.raises(BackupRefused, match="A server runs in"):
        restore(tmp_path / "backup", data, unseen)
    with pytest.raises(BackupRefused, match="There is no directory"):
        restore(tmp_path / "backup", tmp_path / "nowhere" / "data", unseen)


def test_a_directory_that_is_filled_meanwhile_is_left_alone(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup", unseen)
    target = tmp_path / "new"
    target.mkdir()

    def fill(_name: str, _done: int, _total: int) -> None:
        (target / "precious").touch()

    with pytest.raises(OSError, match="not empty"):
        restore(tmp_path / "backup", target, fill)
    assert [path.name for path in target.iterdir()] == ["precious"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "new"]


def flip_a_bit(folder: Path) -> None:
    with (folder / "trail.db").open("r+b") as file:
        file.seek(5_000)
        byte = file.read(1)[0]
        file.seek(5_000)
        file.write(bytes([byte ^ 1]))


def take_the_trail_of_another_backup(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "trail.db")) as shell, shell:
        shell.execute("CREATE TABLE other (one)")


def lose_the_trail(folder: Path) -> None:
    (folder / "trail.db").unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "backup.json").unlink()


def garble_the_manifest(folder: Path) -> None:
    (folder / "backup.json").write_text("{}")


def come_from_the_future(folder: Path) -> None:
    manifest = folder / "backup.json"
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2'))


@pytest.mark.parametrize(
    ("spoil", "error", "named"),
    [
        (flip_a_bit, BackupDamaged, r"trail\.db is not as it was written"),
        (take_the_trail_of_another_backup, BackupDamaged, r"trail\.db is not as it was written"),
        (lose_the_trail, FileNotFoundError, r"trail\.db"),
        (lose_the_manifest, FileNotFoundError, r"backup\.json"),
        (garble_the_manifest, BackupDamaged, r"backup\.json can't be understood"),
        (come_from_the_future, BackupRefused, r"backup\.json is of version 2"),
    ],
)
def test_a_spoilt_backup_is_not_restored_and_leaves_nothing(
    data: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[LiveAgentError],
    named: str,
) -> None:
    back_up(data, tmp_path / "backup", unseen)
    spoil(tmp_path / "backup")
    with pytest.raises(error, match=named):
        restore(tmp_path / "backup", tmp_path / "new", unseen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data"]


def entry_ids(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "trail.db")) as trail:
        return {row[0] for row in trail.execute("SELECT id FROM entries")}


@contextmanager
def writing(account: soak.Account, prefix: str, made: list[int]) -> Iterator[list[soak.Writer]]:
    """Rename each team again and again until the block ends."""
    writers = [soak.Writer(account, team, f"{prefix}-{team}") for team in made]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()


@pytest.mark.slow
def test_a_server_killed_after_a_backup_comes_back_with_each_change_of_the_backup_once(
    data: Path, tmp_path: Path
) -> None:
    with opened(data) as services:
        made = [create_team(services, f"Soak {number}") for number in range(2)]
        token = create_user(
            services.database, 1, EMAIL, "Ada Alder", "administrator", PASSWORD
        ).token
    with serving(data, tmp_path / "log") as served:
        account = soak.Account(served.url, 1, token)
        with writing(account, "before", made) as writers:
            wait_until(lambda: all(len(each.answered) > 20 for each in writers))
            sure = {each: list(writer.answered) for each, writer in zip(made, writers, strict=True)}
            backed_up = run("backup", str(tmp_path / "backup"), "--data", str(data))
            assert backed_up.returncode == 0, backed_up.stderr
            assert backed_up.stdout == f"{data} is backed up in {tmp_path / 'backup'}.\n"
            so_far = [len(each.answered) for each in writers]
            wait_until(
                lambda: all(len(w.answered) > n for w, n in zip(writers, so_far, strict=True))
            )
            served.process.kill()
    asked = {each: list(writer.asked) for each, writer in zip(made, writers, strict=True)}
    refused = run("restore", str(tmp_path / "backup"), "--data", str(data))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"live-agent: {data} holds ")

    new = tmp_path / "new"
    assert run("restore", str(tmp_path / "backup"), "--data", str(new)).returncode == 0
    with serving(new, tmp_path / "new log") as served:
        busy = run("restore", str(tmp_path / "backup"), "--data", str(new))
        assert f"A server runs in {new}." in busy.stderr
        with writing(soak.Account(served.url, 1, token), "after", made) as writers:
            wait_until(lambda: all(len(each.answered) > 20 for each in writers))
    for each, writer in zip(made, writers, strict=True):
        asked[each] += writer.asked
        sure[each] += writer.answered
    soak.check(new, 1, asked, sure)

    # What the killed server recorded after the backup shares no id with what came after it here.
    both = entry_ids(data) & entry_ids(new)
    with closing(sqlite3.connect(new / "trail.db")) as trail:
        written = {
            row[0]
            for row in trail.execute(
                "SELECT id FROM entries WHERE CAST(what AS TEXT) LIKE '%\"after-%'"
            )
        }
    assert len(written) == sum(len(writer.answered) for writer in writers)
    assert not both & written
