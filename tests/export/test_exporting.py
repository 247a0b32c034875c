"""An export is what the query shows, whole or not there, and an entry says so."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.errors import ExportCancelled, ExportRefused, StoreFailed
from audit_trail.export.cells import neutralised, told_time
from audit_trail.export.exporting import Export, Progress, export_to
from audit_trail.export.table import COLUMNS
from audit_trail.export.wanted import FORMS, NAMES, Form, Wanted
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, Draft, Entity, Entry, Part, Removed, read_what
from audit_trail.record.matching import matches
from audit_trail.record.query import At, Condition, During, Not, Query
from audit_trail.record.sentence import summary
from audit_trail.store.memory import MemoryStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.export.reading import read, rows, told
from tests.record.entries import entry
from tests.walk.test_searching import acts, conditions, draft

OPERATOR = Context(actor=SYSTEM, origin=Origin(via="cli"), reason="Audit of November")
EVERYTHING = Query(account="1")


def trail_of(entries: int, store: SqliteStore | MemoryStore | None = None) -> Trail:
    trail = Trail(store or MemoryStore(), clock=lambda: 7)
    act = ("ada@example.com", "inbox", "update", "a b", "ß", 3)
    for start in range(0, entries, 1_000):
        stop = min(start + 1_000, entries)
        trail.append([draft(number, act) for number in range(start, stop)])
    return trail


def content(trail: Trail, form: Form, query: Query = EVERYTHING, zone: str = "UTC") -> bytes:
    return b"".join(Export(trail, Wanted(query=query, form=form, zone=zone), Catalog()).pieces())


def removing(**removed: tuple[tuple[int, int], ...]) -> Draft:
    return Draft(
        id="removing",
        account="1",
        occurred_at=4,
        action="erase",
        entity=Entity(type="audit_log"),
        actor=ActorId(kind="system"),
        via="cli",
        removed=Removed(**removed),
    )


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(acts, max_size=12),
    where=st.none() | conditions,
    form=st.sampled_from(FORMS),
    newest_first=st.booleans(),
    start=st.none() | st.integers(0, 8),
    stop=st.none() | st.integers(0, 15),
)
def test_an_export_is_what_the_entries_themselves_say(
    made: list[tuple[str, str, str, str, str, int]],
    where: Condition | None,
    form: Form,
    newest_first: bool,
    start: int | None,
    stop: int | None,
) -> None:
    with TemporaryDirectory() as folder, closing(SqliteStore(Path(folder) / "t.db")) as store:
        trail = Trail(store, clock=lambda: 5)
        trail.append([draft(number, act) for number, act in enumerate(made)])
        all_entries = trail.entries("1", 0, 99)
        wanted = [
            told(each)
            for each in (reversed(all_entries) if newest_first else all_entries)
            if matches(where, each)
            and (start is None or each.index >= start)
            and (stop is None or each.index < stop)
        ]
        query = Query(account="1", where=where, start=start, stop=stop, newest_first=newest_first)
        assert read(form, content(trail, form, query)) == wanted


@pytest.mark.parametrize("form", FORMS)
def test_what_is_appended_during_an_export_is_not_in_it(form: Form) -> None:
    trail = trail_of(600)
    export = Export(trail, Wanted(query=EVERYTHING, form=form), Catalog())
    trail.append([draft(1_000, ("x", "team", "update", "a", "b", 1))])
    found = read(form, b"".join(export.pieces()))
    assert [each.index for each in found] == list(range(599, -1, -1))
    manifest = export.manifest("f", 0)
    assert manifest.count == 600 and manifest.trail.size == 600
    assert manifest.looked_at and manifest.looked_at.last == 599


@pytest.mark.parametrize("form", FORMS)
def test_erased_parts_are_told_as_gone_and_dropped_entries_are_not_there(form: Form) -> None:
    trail = trail_of(6)
    trail.append([removing(who=((2, 2),), what=((2, 3),), entry=((0, 0),))])
    trail.remove("1")
    found = {each.index: each for each in read(form, content(trail, form))}
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert (found[2].who, found[2].what) == (None, None) and found[2].public["who"]
    assert found[3].who and found[3].what is None
    if form != "jsonl":
        gone = {int(row["index"]): row["erased"] for row in rows(form, content(trail, form))}
        assert gone[2] in ("who,what", ["who", "what"]) and not gone[4] and not gone[6]


def altered(**parts: Part) -> Iterator[Entry]:
    for name, part in parts.items():
        yield msgspec.structs.replace(entry(label="x"), **{name: part})


@pytest.mark.parametrize(
    "stored",
    [b"no json", b"", b'{"a":"\xff"}', b'{},"who":{}', b"[" * 20_000, b'{"a":NaN}', b'"\x01"'],
)
def test_a_part_that_was_altered_into_no_json_breaks_no_line(stored: bytes) -> None:
    from audit_trail.export.lines import Lines

    entries = [entry(), *altered(who=Part(stored, b""), what=Part(stored, b"")), entry()]
    lines = Lines().add(entries).decode().split("\n")
    assert len(lines) == len(entries) + 1 and lines[-1] == ""
    parsed = [json.loads(line) for line in lines[:-1]]
    assert [set(each.get("unreadable", ())) for each in parsed] == [set(), {"who"}, {"what"}, set()]
    assert parsed[1]["who"] is None and parsed[1]["what"] == {"label": "x"}


def test_json_that_is_odd_stays_as_it_is_on_one_line() -> None:
    from audit_trail.export.lines import Lines

    odd = b'{"a":"\\ud800",\r\n"b":1e400,"c":0.10}'
    (line,) = Lines().add([*altered(what=Part(odd, b""))]).decode().splitlines()
    assert '{"a":"\\ud800",  "b":1e400,"c":0.10}' in line and json.loads(line)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "=1+1",
            "+49 30",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u00a0=1",
            "\ufeff=1",
        ),
        *(
            "\u200b@x",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "﹦1",
            "\u2212 1",
            "\u3000＝cmd",
            "'=1",
            "'",
            "\t",
        ),
    ],
)
def test_what_a_spreadsheet_would_run_is_marked_and_can_be_read_back(text: str) -> None:
    assert neutralised(text) == "'" + text


@given(st.text())
def test_every_cell_can_be_read_back_and_none_begins_a_formula(text: str) -> None:
    cell = neutralised(text)
    assert cell.removeprefix("'") == text
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_names_and_numbers_stay_as_they_are() -> None:
    for text in ("ada@example.com", "2026-11-30", "Grüße", "名前", "", '{"a":-1}', "a=b", "1-2"):
        assert neutralised(text) == text


def test_csv_is_rfc_4180_with_times_in_the_zone() -> None:
    odd = json.dumps({"label": '=cmd|"x",\n', "reason": "Ω, \r\nline"}).encode()
    trail = Trail(MemoryStore(), clock=lambda: 1_790_000_000_000_000)
    made = draft(1, ("ada@example.com", "inbox", "update", "a", "b", 1))
    at = 1_793_000_000_123_456
    trail.append([msgspec.structs.replace(made, what=odd, occurred_at=at)])
    written = content(trail, "csv", zone="America/New_York")
    assert written.endswith(b"\r\n") and written.startswith(b"index,version,id,occurred_at,")
    assert b"\xef\xbb\xbf" not in written
    (raw,) = csv.DictReader(io.StringIO(written.decode(), newline=""), strict=True)
    assert raw["label"] == '\'=cmd|"x",\n' and raw["reason"] == "Ω, \r\nline"
    assert raw["occurred_at"] == "2026-10-26T03:33:20.123456-04:00"
    assert raw["recorded_at"] == "2026-09-21T10:13:20.000000-04:00"
    assert raw["user"] == "ada@example.com" and raw["activity"] == "Updated an inbox (#1)"


def test_a_time_that_no_calendar_has_is_told_as_a_number() -> None:
    from datetime import UTC

    assert told_time(10**20, UTC) == str(10**20)


def test_parquet_has_a_type_for_each_column_and_groups_of_rows() -> None:
    file = pq.ParquetFile(io.BytesIO(content(trail_of(12_000), "parquet")))
    assert file.metadata.num_rows == 12_000 and file.metadata.num_row_groups == 2
    assert file.schema_arrow.names == [column.name for column in COLUMNS]
    assert str(file.schema_arrow.field("occurred_at").type) == "timestamp[us, tz=UTC]"
    assert str(file.schema_arrow.field("fields").type).startswith("list<")


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_export_is_a_file_too(form: Form) -> None:
    assert read(form, content(trail_of(0), form)) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_file_has_a_manifest_and_an_entry_and_is_its_owner_s(
    form: Form, tmp_path: Path
) -> None:
    trail = trail_of(5)
    where = During(1, 9)
    wanted = Wanted(
        query=Query(account="1", where=where),
        form=form,
        question="date:1..9",
        understood=("1 to 9",),
        zone="Europe/Berlin",
        since_us=1,
        until_us=9,
    )
    path = tmp_path / f"november.{form}"
    seen: list[Progress] = []
    given_back = export_to(
        trail, wanted, path, OPERATOR, catalog=Catalog(), clock=lambda: 8, report=seen.append
    )
    written = path.read_bytes()
    about = path.with_name(path.name + ".manifest.json")
    manifest = json.loads(about.read_bytes())
    assert about.read_bytes() == given_back.encoded
    assert manifest["file"] == {
        "name": path.name,
        "format": form,
        "bytes": len(written),
        "sha256": sha256(written).hexdigest(),
    }
    assert manifest["query"] == {
        "question": "date:1..9",
        "understood": ["1 to 9"],
        "condition": {"type": "During", "since_us": 1, "until_us": 9},
        "order": "newest first",
        "zone": "Europe/Berlin",
        "since": "1970-01-01T00:00:00.000001+00:00",
        "until": "1970-01-01T00:00:00.000009+00:00",
    }
    assert manifest["format"] == "audit-trail export 1" and manifest["account"] == "1"
    assert manifest["count"] == 5 and manifest["looked_at"] == {"first": 0, "last": 4}
    assert manifest["whole"] is True and manifest["trail"]["size"] == 5
    assert manifest["program"].startswith("live-agent-audit-logs")
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, about.name]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    assert seen[-1] == Progress(5, 5, 5)
    noted = trail.entry("1", 5)
    what = read_what(noted.what)
    assert noted.public.action == "export" and noted.public.via == "cli"
    assert what.details["exported"] == 5 and what.details["search"] == "date:1..9"
    assert summary(noted.public, what, Catalog()) == f"5 entries as {NAMES[form]}"
    assert what.details["sha256"] == manifest["file"]["sha256"]
    assert what.reason == "Audit of November"


def exported(trail: Trail, path: Path, form: Form = "jsonl", **options: object) -> None:
    wanted = Wanted(query=EVERYTHING, form=form)
    export_to(trail, wanted, path, OPERATOR, catalog=Catalog(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMS)
def test_a_cancelled_export_leaves_nothing_and_no_entry(form: Form, tmp_path: Path) -> None:
    trail, asked = trail_of(2_000), iter([False, True])
    with pytest.raises(ExportCancelled):
        exported(trail, tmp_path / "f", form, is_cancelled=lambda: next(asked))
    assert list(tmp_path.iterdir()) == [] and trail.head("1").size == 2_000


def test_a_search_for_what_is_rare_says_how_far_it_is_and_can_be_cancelled() -> None:
    trail, seen = trail_of(2_000), list[Progress]()
    # No index tells the time of the day, so that entries must be read.
    query = Query(account="1", where=Not(At(0, 0, (), "UTC")))
    export = Export(trail, Wanted(query=query, form="jsonl"), Catalog())
    with (
        patch("audit_trail.search.walking.SEARCHED_AT_ONCE", 500),
        pytest.raises(ExportCancelled),
    ):
        list(export.pieces(seen.append, lambda: len(seen) == 2))
    assert seen == [Progress(0, 500, 2_000), Progress(0, 1_000, 2_000)]


@pytest.mark.parametrize("taken", ["f", "f.manifest.json"])
def test_an_export_takes_no_other_file_s_place(taken: str, tmp_path: Path) -> None:
    trail = trail_of(3)
    (tmp_path / taken).write_text("mine")
    with pytest.raises(ExportRefused, match=f"{taken} is there already"):
        exported(trail, tmp_path / "f")
    assert (tmp_path / taken).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    assert trail.head("1").size == 3


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    trail, path = trail_of(3), tmp_path / "f"
    with pytest.raises(ExportRefused, match="is there already"):
        exported(trail, path, report=lambda _: path.write_text("mine"))
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_is_written_to_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    trail = trail_of(3)
    exported(trail, tmp_path / "f")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["f", "f.manifest.json"]
    with pytest.raises(ExportRefused, match="is there already"):
        exported(trail, path := tmp_path / "g", report=lambda _: path.write_text("mine"))
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="nowhere/f can't be written: No such file"):
        exported(trail_of(3), tmp_path / "nowhere" / "f")


def test_an_export_that_no_entry_can_tell_of_is_not_handed_out(tmp_path: Path) -> None:
    class Failing(MemoryStore):
        def append(self, *_: object) -> None:
            raise StoreFailed

    trail = trail_of(3, store := MemoryStore())
    store.__class__ = Failing
    with pytest.raises(StoreFailed):
        exported(trail, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from audit_trail.errors import ExportRefused
from tests.export.test_exporting import exported, trail_of
trail = trail_of(3_000)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    exported(trail, Path(sys.argv[1]), sys.argv[2])
except ExportRefused as error:
    print(error, trail.head("1").size)
"""


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_full_disk_is_told_and_nothing_is_left(form: Form, tmp_path: Path) -> None:
    """The operating system itself refuses what is longer than the limit."""
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "f", form],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=60,
    )
    assert run.stdout == f"{tmp_path}/f can't be written: File too large. 3000\n", run.stderr
    assert list(tmp_path.iterdir()) == []


GROWTH = """
import resource, sys
from pathlib import Path
from audit_trail.export.exporting import Export
from audit_trail.export.wanted import Wanted
from audit_trail.record.catalog import Catalog
from audit_trail.record.query import Query
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
trail = Trail(SqliteStore(Path(sys.argv[1])))
def peak(stop):
    wanted = Wanted(query=Query(account="1", stop=stop), form=sys.argv[2])
    for _ in Export(trail, wanted, Catalog()).pieces():
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
few = peak(10_500)
print(few, peak(None))
"""


@pytest.mark.slow
def test_memory_is_the_same_for_ten_times_the_entries(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "t.db")) as store:
        trail_of(105_000, store)
    for form in FORMS:
        run = subprocess.run(
            [sys.executable, "-c", GROWTH, tmp_path / "t.db", form],
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        few, many = (int(each) for each in run.stdout.split())  # KiB
        assert many - few < 16 * 1024, form
