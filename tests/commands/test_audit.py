"""`live-agent audit` asks, follows, shows and exports, beside a server or without one."""

import csv
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from audit_trail.record.entry import Draft
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.commands.processes import COMMAND, run, serving
from tests.commands.test_cli import create_entry
from tests.commands.test_evidence import all_of
from tests.export.reading import read
from tests.walk.test_searching import draft

ACT = ("ada@example.com", "inbox", "update", "a", "b", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory whose server has run, with entries in each of two trails."""
    create_entry(tmp_path)
    append(tmp_path, *(draft(number, ACT) for number in range(3)))
    return tmp_path


def append(folder: Path, *drafts: Draft) -> None:
    with closing(SqliteStore(folder / "trail.db")) as store:
        Trail(store).append(drafts)


def audit(command: str, folder: Path, *more: str) -> str:
    done = run("audit", command, "--data", str(folder), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def found(folder: Path, *more: str) -> list[int]:
    lines = audit("query", folder, "--json", *more).splitlines()
    return [json.loads(line)["index"] for line in lines]


def size(folder: Path) -> int:
    with closing(SqliteStore(folder / "trail.db")) as store:
        return store.head("1").size


def test_people_are_told_in_a_table_and_programs_in_lines_of_json(folder: Path) -> None:
    told = audit("query", folder)
    assert "Created a new team (#1)" in told and "System" in told
    assert f"{size(folder)} of {size(folder)} entries, times in UTC." in told
    assert "\x1b" not in told
    (line,) = audit("query", folder, "entity:team", "--json").splitlines()
    assert json.loads(line)["public"]["entity"] == {"id": "1", "type": "team"}
    assert "No entry was found." in audit("query", folder, "nothing-like-this")


def test_a_long_answer_says_how_to_go_on_and_goes_on(folder: Path) -> None:
    newest = size(folder) - 1
    assert f"1 of {newest + 1} entries" in audit("query", folder, "--limit", "1")
    assert f"Go on with --before {newest + 1}." in audit("query", folder, "--limit", "1")
    assert found(folder, "--before", str(newest + 1)) == list(range(newest - 1, -1, -1))
    assert found(folder, "--oldest-first", "--after", "1") == list(range(1, newest + 1))


def test_an_entry_is_shown_with_its_values(folder: Path) -> None:
    (index,) = found(folder, "entity:team")
    shown = audit("show", folder, str(index + 1), "--zone", "Asia/Tokyo")
    assert shown.startswith("Created a new team (#1)")
    assert "Tokyo (UTC+9)" in shown and "Name" in shown and "First" in shown
    assert json.loads(audit("show", folder, str(index + 1), "--json"))["index"] == index


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query", "user:ada"), "At character 1, user: is no key; write actor: instead"),
        (("query", "user:ada"), "Perhaps: actor:ada"),
        (("query", "--account", "9"), "There is no trail of account 9."),
        (("query", "--zone", "Nowhere/Else"), "There is no time zone Nowhere/Else"),
        (("query", "--range", "5y"), "range must be one of 1h, 24h"),
        (("query", "--since", "2026-13-01"), "since must be a day such as"),
        (
            ("query", "--since", "2026-11-02", "--until", "2026-11-01"),
            "ends (2026-11-01) before it begins",
        ),
        (("show", "9999"), "There is no entry 9999 in account 1."),
        (("export", "-o", "x"), "Say which form by --format: jsonl, csv, parquet."),
        (("export", "-o", "/nowhere/x.csv"), "/nowhere/x.csv can't be written: No such file"),
    ],
)
def test_what_can_t_be_is_refused_in_a_line(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = run("audit", *arguments, "--data", str(folder))
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert said in refused.stderr


def test_a_directory_without_a_trail_is_named_and_stays_empty(tmp_path: Path) -> None:
    refused = run("audit", "query", "--data", str(tmp_path / "none"))
    assert (
        refused.returncode == 1 and f"There is no trail {tmp_path}/none/trail.db" in refused.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_of_several_accounts_one_has_to_be_named(folder: Path) -> None:
    append(folder, msgspec.structs.replace(draft(1, ACT), account="2"))
    refused = run("audit", "query", "--data", str(folder))
    assert refused.returncode == 1 and "Say which account by --account: 1, 2." in refused.stderr
    assert found(folder, "--account", "2") == [0]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_export_is_written_beside_a_running_server_and_an_entry_says_so(
    form: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"november.{form}"
    why = ("--reason", "Audit of November", "--ticket", "T-7")
    with serving(folder, tmp_path / "log"):
        before = found(folder)
        told = audit("export", folder, "-o", str(path), "--zone", "Europe/Berlin", *why)
        after = found(folder)
    assert (
        told
        == f"{path}: {len(before)} entries. What they are is told in {path.name}.manifest.json.\n"
    )
    assert [each.index for each in read(form, path.read_bytes())] == before  # type: ignore[arg-type]
    assert after[1:] == before
    manifest = json.loads(path.with_name(path.name + ".manifest.json").read_bytes())
    assert manifest["count"] == len(before) and manifest["query"]["zone"] == "Europe/Berlin"
    assert manifest["trail"]["checkpoint"].count("\n") >= 4
    shown = audit("show", folder, str(after[0] + 1))
    assert "Exported audit logs" in shown and "Command line" in shown
    assert "Audit of November" in shown and "T-7" in shown and manifest["file"]["sha256"] in shown
    with closing(SqliteStore(folder / "trail.db")) as store:
        assert store.head("1").seal.size == len(after)


def test_a_csv_is_what_the_question_found_with_times_in_the_zone(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "teams"
    audit(
        "export", folder, "entity:team", "--format", "csv", "-o", str(path), "--zone", "Asia/Tokyo"
    )
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["label"] == "First" and row["occurred_at"].endswith("+09:00")
    again = run("audit", "export", "--format", "csv", "-o", str(path), "--data", str(folder))
    assert again.returncode == 1 and f"{path} is there already." in again.stderr


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    # What a shell runs in the background is deaf to interrupts, and so is what that starts.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [*COMMAND, "audit", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, heard)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "nothing was printed"
    return process.stdout.readline()


def test_a_tail_prints_what_comes_until_it_is_interrupted(folder: Path) -> None:
    newest = size(folder) - 1
    with started("tail", "--data", str(folder), "-n", "1", "--json") as process:
        assert json.loads(line_of(process))["index"] == newest
        why = ("--days", "500", "--reason", "Law")
        done = run("retention", "set", "--account", "1", "--data", str(folder), *why)
        assert done.returncode == 0, done.stderr
        fresh = json.loads(line_of(process))
        assert fresh["index"] == newest + 1 and fresh["public"]["via"] == "cli"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None and process.stderr.read() == ""
    told = audit("tail", folder, "--no-follow", "-n", "2")
    assert [line.split()[0] for line in told.splitlines()] == [f"{newest + 1}", f"{newest + 2}"]


@pytest.mark.slow
def test_an_interrupted_export_leaves_nothing_and_no_entry(folder: Path, tmp_path: Path) -> None:
    for start in range(3, 60_000, 1_000):
        append(folder, *(draft(number, ACT) for number in range(start, start + 1_000)))
    path, before = tmp_path / "out" / "all.csv", size(folder)
    path.parent.mkdir()
    with started("export", "--data", str(folder), "-o", str(path)) as process:
        deadline = time.monotonic() + 30
        while not any(each.stat().st_size for each in path.parent.iterdir()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert "the export was cancelled; nothing is left of it." in process.stderr.read()
    assert list(path.parent.iterdir()) == [] and size(folder) == before


def test_a_terminal_is_shown_how_far_an_export_is(folder: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "audit", "export", "--data", folder, "-o", tmp_path / "all.csv"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
        timeout=60,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b"".join(all_of(ours))
    os.close(ours)
    assert done.returncode == 0 and b"Exporting" in shown and b"Exporting" not in done.stdout


def test_signs_that_a_terminal_would_obey_are_told_as_signs(folder: Path) -> None:
    append(folder, draft(7, ("\x1b[31m@example.com", "inbox", "update", "\x9b2J", "\u202eb", 3)))
    number = str(size(folder))
    told = audit("query", folder, "--limit", "1") + audit("show", folder, number)
    told += audit("tail", folder, "--no-follow", "-n", "1")
    assert "[ESC]" in told and "\x1b" not in told and "\x9b" not in told and "\u202e" not in told
