"""`live-agent retention` shows, changes and runs an installation's retention, and tells why not."""

from pathlib import Path

import pytest

from audit_trail.keyring import Signing
from audit_trail.record.entry import read_what
from audit_trail.retaining import retaining
from audit_trail.retention.policy import DAY_US
from audit_trail.trail import Trail, utc_now_us
from live_agent.places import Places
from tests.commands.processes import run
from tests.commands.test_cli import create_entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory whose server has run, with an entry in each of two trails."""
    create_entry(tmp_path)
    return tmp_path


def retention(command: str, folder: Path, *more: str) -> list[str]:
    done = run("retention", command, "--data", str(folder), *more)
    assert done.returncode == 0, done.stderr
    return list(done.stdout.splitlines())


def test_what_is_changed_on_the_command_line_is_shown_and_told_with_its_reason(
    folder: Path,
) -> None:
    of, why = ("--account", "1"), ("--reason", "Case 7", "--ticket", "T-7")
    (said,) = retention("set", folder, *of, "--days", "120", *why)
    assert said.startswith("From 20")
    (placed,) = retention(
        "hold", folder, *of, *why, "--record", "team:1", "--actor", "system", "--since",
        "2026-01-01", "--until", "2026-01-02",
    )  # fmt: skip
    words = "team #1, by any system, from 2026-01-01 00:00:00 UTC, until 2026-01-02 23:59:59 UTC"
    assert placed.startswith(f"Held: {words}; id ")
    shown = retention("show", folder, *of)
    assert shown[0] == "Entries of account 1 are kept for 400 days."
    assert shown[1].endswith("on: 120 days.")
    assert shown[2:] == [placed, "Nothing was dropped yet."]
    lifted = retention("lift", folder, *of, *why, placed.rpartition(" ")[2])
    assert lifted == ["The hold is lifted."]
    assert retention("run", folder) == [
        "Account 0: nothing to drop.",
        "Account 1: nothing to drop.",
    ]
    store = Places(data=folder).trail()
    entry = Trail(store).entry("1", Trail(store).head("1").size - 1)
    what = read_what(entry.what)
    assert (entry.public.action, entry.public.via) == ("lift_hold", "cli")
    assert (what.reason, what.ticket) == ("Case 7", "T-7")
    assert store.head("1").seal.checkpoint
    store.close()


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("set", ("--account", "1", "--days", "9", "--reason", "r"), "Days must be a whole number"),
        ("set", ("--account", "1", "--days", "120", "--reason", " "), "Reason is required."),
        ("set", ("--account", "9", "--days", "120", "--reason", "r"), "no trail of account 9"),
        ("hold", ("--account", "1", "--reason", "r"), "must name a record, an actor or a time"),
        ("hold", ("--account", "1", "--reason", "r", "--actor", "god:1"), "no such kind of actor"),
        ("lift", ("--account", "1", "--reason", "r", "x"), "There is no such hold"),
    ],
)
def test_what_can_t_be_is_refused_in_a_line(
    folder: Path, command: str, more: tuple[str, ...], said: str
) -> None:
    refused = run("retention", command, "--data", str(folder), *more)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_run_says_what_went_and_where_the_trail_begins(folder: Path) -> None:
    store = Places(data=folder).trail()
    later = lambda: utc_now_us() + 401 * DAY_US  # noqa: E731 -- a clock
    with retaining(store, Signing(data=folder), later) as opened:
        size = store.head("1").size
        assert list(opened.run("1")) == [f"Account 1: {size} dropped, 0 older ones kept."]
        shown = list(opened.shown("1"))
        assert shown[1].startswith(f"The trail begins at entry {size + 1} of ")
        assert shown[2] == "Older ones that are kept: 0."
    store.close()
