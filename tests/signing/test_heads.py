"""The file of signed heads holds what it said to hold: torn, shared, full, damaged or replaced."""

import os
from pathlib import Path

import pytest

from audit_trail.errors import HeadsFailed, HistoryLost
from audit_trail.signing import heads as files
from audit_trail.signing.heads import Heads, SignedHead

ROOT, OTHER = bytes(range(32)), bytes(32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "heads.log"
    files.create(path, "trail")
    return path


def head(size: int, root: bytes = ROOT) -> SignedHead:
    return SignedHead(size, root)


def test_what_was_added_is_read_back_the_newest_of_each_account(path: Path) -> None:
    known = {"1": head(3), "ä b/c\n": head(2**63 - 1), "": head(1, OTHER)}
    heads = Heads(path, "trail")
    heads.add({"1": head(1)})
    heads.add(known)
    assert heads.newest() == known == Heads(path, "trail").newest()
    assert len(path.read_bytes().splitlines()) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_older_head_adds_nothing_and_another_root_is_refused(path: Path) -> None:
    heads = Heads(path, "trail")
    heads.add({"1": head(5)})
    before = path.read_bytes()
    heads.add({"1": head(5)})
    heads.add({"1": head(4)})
    with pytest.raises(HistoryLost, match="Account 1 was signed with other entries at 5"):
        heads.add({"1": head(5, OTHER), "2": head(1)})
    assert path.read_bytes() == before


def test_a_line_torn_anywhere_counts_for_nothing_and_is_written_over(path: Path) -> None:
    heads = Heads(path, "trail")
    heads.add({"1": head(1)})
    before = path.read_bytes()
    heads.add({"1": head(2), "2": head(9)})
    line = path.read_bytes()[len(before) :]
    for torn in [line[:cut] for cut in range(len(line))] + [line[:-9] + b"\0" * 8 + b"\n"]:
        path.write_bytes(before + torn)
        again = Heads(path, "trail")
        assert again.newest() == {"1": head(1)}
        again.add({"1": head(3)})
        assert Heads(path, "trail").newest() == {"1": head(3)}


def test_a_line_that_was_changed_in_the_middle_is_refused(path: Path) -> None:
    heads = Heads(path, "trail")
    for size in (1, 2):
        heads.add({"1": head(size)})
    path.write_bytes(path.read_bytes().replace(b" 1/1/", b" 1/0/"))
    with pytest.raises(HeadsFailed, match="is damaged"):
        Heads(path, "trail")


@pytest.mark.parametrize("content", [b"", b"audit-trail heads 1 other\n", b"\xff\xfe", b"x\n"])
def test_a_file_of_something_else_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(HeadsFailed, match="isn't the file of signed heads of this trail"):
        Heads(path, "trail")


def test_a_missing_file_is_named(path: Path) -> None:
    heads = Heads(path, "trail")
    path.unlink()
    with pytest.raises(HeadsFailed, match=r"heads\.log failed: No such file"):
        heads.newest()
    assert files.named_in(path) is None


def test_processes_that_share_the_file_know_what_the_others_signed(path: Path) -> None:
    one, other = Heads(path, "trail"), Heads(path, "trail")
    one.add({"1": head(5)})
    assert other.newest() == {"1": head(5)}
    other.add({"1": head(7)})
    one.add({"1": head(6)})
    with pytest.raises(HistoryLost):
        one.add({"1": head(7, OTHER)})
    assert Heads(path, "trail").newest() == {"1": head(7)}


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_line_that_the_disk_did_not_take_is_not_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    heads = Heads(path, "trail")
    heads.add({"1": head(1)})
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail) if failing == "fsync" else full.setattr(
            files, "_line", lambda _: _Unwritable()
        )
        with pytest.raises(HeadsFailed, match=r"heads\.log failed"):
            heads.add({"1": head(2)})
    assert path.read_bytes() == before
    assert heads.newest() == {"1": head(1)}
    heads.add({"1": head(2)})
    assert Heads(path, "trail").newest() == {"1": head(2)}


class _Unwritable(bytes):
    """A line of which the disk takes less than there is."""

    def __len__(self) -> int:
        return 99


def test_a_long_file_is_written_anew_and_others_find_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "COMPACT_BYTES", 1_000)
    other = Heads(path, "trail")
    for size in range(1, 60):
        other.add({"1": head(size), "2": head(size)})
    long = path.stat().st_size
    known = {"1": head(59), "2": head(59)}
    assert Heads(path, "trail").newest() == known
    assert path.stat().st_size < long / 10
    other.add({"1": head(60)})
    assert other.newest() == Heads(path, "trail").newest() == {**known, "1": head(60)}
