"""`audit-trail evidence` writes a file from a trail, and `audit-trail verify` judges it offline."""

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from audit_trail.cli.command import app
from audit_trail.errors import AuditError
from audit_trail.store.port import Store
from audit_trail.store.postgresql import schema
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from tests.commands.processes import PROGRAMS, run
from tests.signing.places import Place, drafts
from tests.verify.verifiers import SPEC, packed, unpacked


class Written(NamedTuple):
    """A trail of 40 entries, a checkpoint of its first 25, and its keys in a file."""

    url: str
    folder: Path
    key: str
    key_file: Path
    earlier: Path

    def evidence(self, *arguments: str) -> "Answer":
        return command("evidence", "--store", self.url, "--account", "1", *arguments)

    def file(self, *arguments: str) -> Path:
        path = self.folder / "evidence.zip"
        done = self.evidence("--out", str(path), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return path


class Answer(NamedTuple):
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: str | Path) -> Answer:
    """Run the command here: a process for each would take a second of its own."""
    done = CliRunner().invoke(app, list(map(str, arguments)), prog_name="audit-trail")
    if isinstance(done.exception, AuditError):
        return Answer(1, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def verify(*arguments: str | Path) -> Answer:
    return command("verify", *arguments)


def written(store: Store, url: str, folder: Path) -> Written:
    trail = Place(folder).opened(store)
    trail.append(drafts(0, 25))
    earlier, key_file = folder / "earlier", folder / "keys"
    earlier.write_bytes(trail.checkpoint("1") or b"")
    trail.append(drafts(25, 40))
    key = trail.verifier_keys("1")[-1].text
    key_file.write_text(f"\n{key}\n")
    store.close()
    return Written(url, folder, key, key_file, earlier)


@pytest.fixture
def trail(tmp_path: Path) -> Written:
    path = tmp_path / "trail.db"
    return written(SqliteStore(path), f"sqlite:///{path}", tmp_path)


def test_a_whole_account_is_whole(trail: Written) -> None:
    file = trail.file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = verify(file, "--key-file", trail.key_file, "--checkpoint", trail.earlier)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("WHOLE\n")
    assert "Of the 25 entries under the earlier checkpoint none was removed" in said.stdout


def test_one_entry_of_a_server_s_trail_is_whole(tmp_path: Path, postgresql) -> None:
    url = postgresql.url(postgresql.database())
    schema.create(url)
    trail = written(PostgresqlStore(url), url, tmp_path)
    file = trail.file("--entry", "6", "--checkpoint", str(trail.earlier))
    said = verify(file, "--key", trail.key, "--checkpoint", trail.earlier, "--json")
    told = json.loads(said.stdout)
    assert (said.returncode, told["verdict"], told["facts"]["first"]) == (0, "whole", 6)


def test_the_verifier_of_the_specification_says_the_same(trail: Written) -> None:
    file = trail.file("--first", "3", "--last", "12")
    script = [str(PROGRAMS / "python"), str(SPEC / "verify_evidence.py"), str(file)]
    for options, code, word in (
        (["--key", trail.key], 0, "whole"),
        ([], 2, "undecided"),
        (["--key", "?"], 3, "unreadable"),
        (["--checkpoint", "/no/such/file"], 3, "unreadable"),
        (["--unknown"], 3, "unreadable"),
    ):
        said = subprocess.run([*script, *options], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout.splitlines()[0]) == (code, word), said.stderr


def test_tampering_is_told_with_its_index(trail: Written) -> None:
    file = trail.file()
    members = unpacked(file.read_bytes())
    members["entries/0"] = members["entries/0"].replace(b'"1 7"', b'"1 8"')
    file.write_bytes(packed(members))
    said = verify(file, "--key", trail.key, "--json")
    told = json.loads(said.stdout)
    assert (said.returncode, told["verdict"], told["integrity"]["state"]) == (
        1,
        "tampered",
        "tampered",
    )
    assert told["problems"] == [
        {
            "part": "public",
            "says": "The public part of entry 7 is not what was hashed.",
            "index": 7,
        }
    ]
    said = verify(file, "--key", trail.key)
    assert "  - The public part of entry 7 is not what was hashed.\n" in said.stdout


def test_without_a_key_nothing_is_decided_and_quiet_says_nothing(trail: Written) -> None:
    said = verify(trail.file(), "--quiet")
    assert (said.returncode, said.stdout, said.stderr) == (2, "", "")


def test_a_process_ends_with_the_verdict_s_code(trail: Written) -> None:
    for arguments, code in (
        ([str(trail.file()), "--key", trail.key], 0),
        (["/dev/stdin"], 3),
        ([], 3),
    ):
        done = run("verify", *arguments, program="audit-trail")
        assert done.returncode == code
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--unknown"],
        ["{file}", "more"],
        ["{folder}/none"],
        ["{folder}"],
        ["{folder}/keys"],
        ["{file}", "--key", "hello"],
        ["{file}", "--key-file", "{folder}/none"],
        ["{file}", "--key-file", "{folder}/trail.db"],
        ["{file}", "--key-file", "/dev/null"],
        ["{file}", "--checkpoint", "{folder}/none"],
        ["{file}", "--checkpoint", "{folder}/keys"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_use_and_what_can_t_be_read_end_with_3(trail: Written, arguments: list[str]) -> None:
    file = trail.file()
    said = verify(*[each.format(file=file, folder=trail.folder) for each in arguments])
    assert said.returncode == 3
    assert "Traceback" not in said.stderr
    assert said.stdout.startswith("UNREADABLE") or "Usage:" in said.stderr


def test_a_file_can_t_give_orders_to_the_terminal(trail: Written) -> None:
    file = trail.file()
    members = unpacked(file.read_bytes())
    zone = members["manifest.json"].replace(b'"UTC"', b'"\\u001b[2JUTC\xe2\x80\xae"')
    file.write_bytes(packed({**members, "manifest.json": zone}))
    said = verify(file, "--key", trail.key)
    assert "[ESC][2JUTC[U+202E]" in said.stdout
    assert "\x1b" not in said.stdout


def test_a_terminal_is_shown_how_far_it_is(trail: Written) -> None:
    ours, theirs = pty.openpty()
    command = [str(PROGRAMS / "audit-trail"), "verify", str(trail.file()), "--key", trail.key]
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, check=False, timeout=60, env=environment
    )
    os.close(theirs)
    shown = b"".join(all_of(ours))
    os.close(ours)
    assert done.returncode == 0
    assert b"verifying" in shown
    assert b"verifying" not in done.stdout


def all_of(terminal: int) -> Iterator[bytes]:
    """What was written, until nobody can write any more."""
    try:
        while piece := os.read(terminal, 65_536):
            yield piece
    except OSError:
        return


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--out", "{folder}/keys"], 1, "is there already"),
        (["--out", "{folder}/none/e.zip"], 1, "can't be written: No such file or directory"),
        (["--out", "{folder}/e.zip", "--entry", "40"], 1, "has entries 0 to 39"),
        (["--out", "{folder}/e.zip", "--entry", "4", "--first", "1"], 2, "--entry"),
        (["--out", "{folder}/e.zip", "--checkpoint", "{folder}/none"], 1, "can't be read"),
        (
            ["--out", "{folder}/e.zip", "--checkpoint", "{folder}/keys"],
            1,
            "The note has no signatures",
        ),
        (
            ["--out", "{folder}/e.zip", "--store", "sqlite:////no/such.db"],
            1,
            "There is no database",
        ),
        (["--out", "{folder}/e.zip", "--account", "9"], 1, "Nothing of account 9 is signed yet"),
    ],
)
def test_a_file_that_can_t_be_made_leaves_none(
    trail: Written, arguments: list[str], code: int, said: str
) -> None:
    before = sorted(trail.folder.iterdir())
    done = trail.evidence(*[each.format(folder=trail.folder) for each in arguments])
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    left = [path for path in trail.folder.iterdir() if not path.name.startswith("trail.db-")]
    assert sorted(left) == before


def test_help_imports_neither_verifier_nor_store() -> None:
    program = (
        "import sys; sys.argv = ['audit-trail', 'verify', '--help']\n"
        "from audit_trail.cli.command import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('sqlalchemy', 'cryptography', 'audit_trail.verify.evidence') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_filter_and_a_withheld_part_are_in_the_file_and_verified(trail: Written) -> None:
    out = trail.folder / "filtered.zip"
    asked = ("--type", "audit_log", "--since", "1970-01-01", "--until", "2100-01-01")
    done = trail.evidence("--out", str(out), *asked, "--without", "what")
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads(unpacked(out.read_bytes())["manifest.json"])
    assert manifest["query"]["types"] == ["audit_log"]
    assert manifest["query"]["until_us"] == 4_102_444_800_999_999
    assert manifest["count"] == 40
    assert manifest["withheld"] == {"what": [[0, 39]]}
    said = command("verify", out, "--key", trail.key)
    assert said.returncode == 0, said.stdout
    out.unlink()


def test_a_part_that_there_is_not_can_not_be_withheld(trail: Written) -> None:
    done = trail.evidence("--out", str(trail.folder / "x.zip"), "--without", "where")
    assert (done.returncode, done.stderr) == (1, "There is no part where; it may be who or what.")


def test_a_question_is_written_into_the_file_and_asked_again(trail: Written) -> None:
    file = trail.file("--query", "entity:inbox -action:deleted", "--zone", "Europe/Berlin")
    manifest = json.loads(unpacked(file.read_bytes())["manifest.json"])
    assert manifest["time_zone"] == "Europe/Berlin"
    assert manifest["words"].endswith("; asked as: entity:inbox -action:deleted")
    done = verify(file, "--key", trail.key)
    assert done.returncode == 0 and "found again by this check" in done.stdout
    assert 'where (entity "inbox" and not action "delete")' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--query", "user:ada"), "user: is no key"),
        (("--query", "inbox", "--zone", "Nowhere"), "There is no time zone Nowhere"),
    ],
)
def test_a_question_that_means_nothing_writes_no_file(
    trail: Written, arguments: tuple[str, ...], said: str
) -> None:
    path = trail.folder / "none.zip"
    refused = trail.evidence("--out", str(path), *arguments)
    assert refused.returncode == 1 and said in refused.stderr and not path.exists()
