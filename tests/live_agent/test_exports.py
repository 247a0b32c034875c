"""Exports over REST: written in the background, watched, fetched, and nobody else's."""

import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import update

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.erasure.erasing import erase
from audit_trail.erasure.subject import Subject
from audit_trail.errors import StoreFailed
from audit_trail.export.wanted import FORMS, Form
from audit_trail.record.entry import read_what
from live_agent import founding
from live_agent.app import build_services
from live_agent.exporting import rounds
from live_agent.exporting.rounds import Rounds
from live_agent.schema import Export
from live_agent.services import Services
from live_agent.settings import exports as rules
from tests.export.reading import read
from tests.live_agent.office import Place, serving
from tests.live_agent.test_contract import ok

EXPORTS = "/audit_logs/exports"
both_engines = pytest.mark.both_engines


def waited(client: httpx2.Client, export: dict[str, Any]) -> dict[str, Any]:
    """Ask until the export is finished."""
    for _ in range(600):
        found: dict[str, Any] = ok(client.get(f"{EXPORTS}/{export['id']}"))
        if found["state"] not in rules.UNFINISHED:
            return found
        time.sleep(0.05)
    pytest.fail("the export isn't finished")


@both_engines
@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_written_and_fetched_and_each_is_an_entry(place: Place, form: Form) -> None:
    client = place.client()
    ok(client.post("/teams", json={"name": "Tier 1"}))
    ok(client.post("/inboxes", json={"name": "Support"}))
    place.look_away()
    asked = {"format": form, "q": "entity:team", "timezone": "Europe/Berlin"}
    made = ok(client.post(EXPORTS, json=asked))
    assert made["state"] == "waiting" and made["q"] == "entity:team"
    done = waited(client, made)
    assert done["state"] == "done" and done["written"] == 1 and done["looked_at"] == done["total"]
    file = client.get(f"{EXPORTS}/{made['id']}/file")
    name = f"audit-logs-{place.id}-{made['id']}.{form}"
    assert file.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert file.headers["cache-control"] == "no-store"
    assert sha256(file.content).hexdigest() == done["sha256"]
    (entry,) = read(form, file.content)
    assert entry.public["entity"]["type"] == "team"
    manifest = ok(client.get(f"{EXPORTS}/{made['id']}/manifest"))
    assert manifest["file"]["sha256"] == done["sha256"] and manifest["file"]["name"] == name
    assert manifest["query"]["zone"] == "Europe/Berlin"
    exported, downloaded = place.news()
    assert exported["action"] == downloaded["action"] == "export"
    trail, size = place.office.services.trail, place.total()
    first, second = trail.entries(str(place.id), size - 2, size)
    assert first.public.via == "job" and second.public.via == "api"
    assert first.public.actor.id == str(place.people["administrator"].id)
    assert first.public.request
    assert read_what(first.what).details["exported"] == 1
    assert read_what(second.what).details["downloaded"] == name


@both_engines
def test_what_is_listed_is_the_account_s_and_is_let_go(place: Place, elsewhere: Place) -> None:
    client, stranger = place.client(), elsewhere.client()
    made = waited(client, ok(client.post(EXPORTS, json={"format": "csv"})))
    assert [each["id"] for each in ok(client.get(EXPORTS))["payload"]] == [made["id"]]
    assert ok(stranger.get(EXPORTS))["payload"] == []
    for path in ("", "/file", "/manifest"):
        assert stranger.get(f"{EXPORTS}/{made['id']}{path}").status_code == 404
        for role in ("agent", "supervisor"):
            assert place.client(role).get(f"{EXPORTS}/{made['id']}{path}").status_code == 403
    assert stranger.delete(f"{EXPORTS}/{made['id']}").status_code == 404
    ok(client.delete(f"{EXPORTS}/{made['id']}"))
    assert ok(client.get(EXPORTS))["payload"] == []
    assert client.get(f"{EXPORTS}/{made['id']}/file").status_code == 404


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({}, 422, "Format is required"),
        ({"format": "xml"}, 422, "Format"),
        ({"format": "csv", "q": "user:ada"}, 422, "user: is no key"),
        ({"format": "csv", "q": "a" * 2_001}, 422, "longer than 2,000"),
        ({"format": "csv", "range": "5y"}, 422, "Range"),
        ({"format": "csv", "range": "1h", "since": "2026-11-01"}, 422, "not both"),
        ({"format": "csv", "since": "2026-11-02", "until": "2026-11-01"}, 422, "before it begins"),
        ({"format": "csv", "since": "yesterday"}, 422, "must be a day"),
        ({"format": "csv", "timezone": "Nowhere/Else"}, 422, "Time zone"),
        ({"format": "csv", "oldest_first": "x"}, 422, "Oldest first"),
        ({"format": ["csv"]}, 422, "Format"),
    ],
)
def test_what_can_t_be_exported_is_refused(
    place: Place, sent: dict[str, Any], status: int, said: str
) -> None:
    answer = place.client().post(EXPORTS, json=sent)
    assert answer.status_code == status and said in answer.json()["message"], answer.text
    assert ok(place.client().get(EXPORTS))["payload"] == []


class Yard:
    """Services without a server's threads, so that each round is ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ahead_us = 0
        self.services: Services = build_services(folder, clock=self.now)
        self.services.database.prepare()
        self.rounds = Rounds(
            self.services.database, self.services.trail, self.services.exports, clock=self.now
        )

    def now(self) -> int:
        return time.time_ns() // 1_000 + self.ahead_us

    def found(self) -> int:
        self.account = founding.create_account(self.services.database, "Alder")
        for name in ("ada", "ben"):
            founding.create_user(
                self.services.database,
                self.account,
                f"{name}@alder.example",
                name.title(),
                "administrator",
                "correct horse battery",
            )
        self.services.sequencer.drain()
        return self.account

    def ask(self, form: str = "jsonl", **values: object) -> int:
        database = self.services.database
        with database.transaction(self.account) as db:
            size = self.services.exports.size(self.account)
            made = rules.create(
                db, self.account, 1, {"format": form, **values}, size=size, now_us=self.now()
            )
            return made.id

    def export(self, number: int) -> Export:
        with self.services.database.reading() as db:
            return db.get_one(Export, number)

    def write(self, number: int, **values: object) -> None:
        with self.services.database.transaction(self.account) as db:
            db.execute(update(Export).where(Export.id == number).values(**values))

    def files(self) -> list[str]:
        shelf = self.services.exports.folder
        return sorted(str(each.relative_to(shelf)) for each in shelf.rglob("*") if each.is_file())


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    opened = Yard(tmp_path)
    opened.found()
    yield opened
    opened.services.close()


def test_what_comes_after_the_asking_is_not_in_it(yard: Yard) -> None:
    number, size = yard.ask(), yard.services.exports.size(yard.account)
    yard.ask("csv")
    assert yard.rounds.step() and yard.rounds.step() and not yard.rounds.step()
    place, manifest = yard.services.exports.handed_out(yard.export(number))
    assert manifest.count == size and len(place.read_bytes().splitlines()) == size
    assert place.stat().st_mode & 0o777 == 0o600
    assert yard.services.exports.folder.stat().st_mode & 0o777 == 0o700


def test_an_export_that_a_dead_server_was_writing_is_begun_anew(yard: Yard) -> None:
    """A crash leaves the row as running, with a part of the file."""
    number = yard.ask()
    yard.write(number, state="running", due_at=yard.now() + rounds.LEASE_US, turn=1, written=1)
    part = yard.services.exports.folder / str(number) / ".audit-logs.jsonl.x.part"
    part.parent.mkdir(parents=True)
    part.write_text("half")
    assert not yard.rounds.step()  # The other server may still be there.
    yard.ahead_us += rounds.LEASE_US
    assert yard.rounds.step()
    assert yard.export(number).state == "done"
    name = f"{number}/audit-logs-{yard.account}-{number}.jsonl"
    assert yard.files() == [name, f"{name}.manifest.json"]


def test_a_file_that_was_whole_before_the_crash_is_kept_without_another_entry(yard: Yard) -> None:
    number = yard.ask()
    yard.rounds.step()
    size = yard.services.exports.size(yard.account)
    done = yard.export(number)
    yard.write(number, state="running", due_at=0, sha256=None)
    assert yard.rounds.step()
    again = yard.export(number)
    assert again.state == "done" and again.sha256 == done.sha256
    assert yard.services.exports.size(yard.account) == size


def test_a_server_that_stops_leaves_the_export_to_the_next_one(yard: Yard) -> None:
    number, stop = yard.ask(), threading.Event()
    stop.set()
    assert yard.rounds.step(stop)
    left = yard.export(number)
    assert (left.state, left.due_at, left.attempts) == ("waiting", 0, 0) and yard.files() == []
    assert yard.rounds.step() and yard.export(number).state == "done"


def test_an_export_that_kills_every_server_is_given_up(yard: Yard) -> None:
    number = yard.ask()
    yard.write(number, attempts=rounds.MOST_ATTEMPTS, state="running")
    assert not yard.rounds.step()
    given_up = yard.export(number)
    assert given_up.state == "failed" and "begun 5 times" in (given_up.failure or "")


def test_a_cancelled_export_stops_and_leaves_nothing(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BEAT_SECONDS", 0.0)
    number = yard.ask()

    def cancelling(_path: Path) -> Any:
        with yard.services.database.transaction(yard.account) as db:
            rules.end(db, rules.get(db, yard.account, number), yard.now())
        return msgspec.convert({"free": 2**40}, type=Free)

    monkeypatch.setattr("shutil.disk_usage", cancelling)
    assert yard.rounds.step()
    assert yard.export(number).state == "cancelled" and yard.files() == []
    assert yard.export(number).handed is None


class Free(msgspec.Struct):
    free: int


def test_a_disk_that_fills_up_fails_the_export_and_not_the_server(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Free(rounds.SPARED_BYTES - 1))
    number = yard.ask()
    assert yard.rounds.step()
    failed = yard.export(number)
    assert failed.state == "failed" and "are free on the disk" in (failed.failure or "")
    assert str(yard.folder) not in (failed.failure or "") and yard.files() == []


def test_a_file_with_what_was_erased_since_is_handed_to_nobody_and_goes(yard: Yard) -> None:
    number, other = yard.ask(), yard.ask("csv")
    assert yard.rounds.step() and yard.rounds.step()
    subject = Subject.of(["ben@alder.example", "Ben"], None)
    context = Context(actor=SYSTEM, origin=Origin(via="cli"), reason="Article 17")
    done = erase(yard.services.trail, str(yard.account), subject, context, clock=yard.now)
    assert done.index is not None
    with pytest.raises(Exception, match="was erased since"):
        yard.services.exports.handed_out(yard.export(number))
    later = yard.ask()
    assert yard.rounds.step()
    yard.rounds.sweep()
    assert [yard.export(each).state for each in (number, other, later)] == [
        "removed",
        "removed",
        "done",
    ]
    assert {name.split("/")[0] for name in yard.files()} == {str(later)}
    assert b"ben@alder.example" not in yard.services.exports.place(yard.export(later)).read_bytes()


def test_files_go_when_their_time_is_over_and_what_belongs_to_nobody_goes(yard: Yard) -> None:
    number = yard.ask()
    yard.rounds.step()
    stray = yard.services.exports.folder / "999" / "x.csv"
    stray.parent.mkdir()
    stray.write_text("x")
    yard.rounds.sweep()
    assert len(yard.files()) == 2
    yard.ahead_us += rules.KEPT_US + 1
    yard.rounds.sweep()
    assert yard.files() == []
    with yard.services.database.reading() as db:
        assert db.get(Export, number) is None


def test_an_account_has_three_at_a_time_and_twenty_in_all(yard: Yard) -> None:
    for _ in range(rules.MOST_UNFINISHED):
        yard.ask()
    with pytest.raises(Exception, match="3 exports are being written"):
        yard.ask()
    for _ in range(rules.MOST_KEPT + 2):
        while yard.rounds.step():
            pass
        yard.ask()
    while yard.rounds.step():
        pass
    yard.rounds.sweep()
    with yard.services.database.reading() as db:
        assert len(rules.listed(db, yard.account)) == rules.MOST_KEPT
    assert len(yard.files()) == 2 * rules.MOST_KEPT


def test_what_another_release_asked_for_fails_and_says_so(yard: Yard) -> None:
    number = yard.ask()
    yard.write(number, wanted='{"query":{"account":"1","where":{"type":"Unheard"}},"form":"csv"}')
    assert yard.rounds.step()
    failed = yard.export(number)
    assert failed.state == "failed" and "another release" in (failed.failure or "")


def test_an_export_of_a_trail_that_can_t_be_read_waits_and_is_tried_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = yard.ask()

    def failing(*_: object) -> None:
        raise StoreFailed

    with monkeypatch.context() as broken:
        broken.setattr(yard.services.trail, "head", failing)
        assert yard.rounds.step()
    assert not yard.rounds.step() and yard.export(number).state == "running"
    yard.ahead_us += rounds.PAUSE_US
    assert yard.rounds.step() and yard.export(number).state == "done"


def test_of_one_account_one_is_written_at_a_time(yard: Yard) -> None:
    first, second = yard.ask(), yard.ask()
    yard.write(first, state="running", due_at=yard.now() + 60_000_000)
    assert not yard.rounds.step()
    yard.write(first, state="cancelled")
    assert yard.rounds.step() and yard.export(second).state == "done"


def kept(services: Services, account: int, number: int) -> Export:
    with services.database.reading() as db:
        return rules.get(db, account, number)


def test_an_export_survives_a_restart(tmp_path: Path) -> None:
    """What one server was asked for, and had no time to write, the next one writes."""
    first = Yard(tmp_path)
    account, number = first.found(), first.ask("parquet")
    first.services.close()
    with serving(tmp_path) as office:
        found = kept(office.services, account, number)
        for _ in range(600):
            if found.state == "done":
                break
            time.sleep(0.05)
            found = kept(office.services, account, number)
        place, manifest = office.services.exports.handed_out(found)
        assert len(read("parquet", place.read_bytes())) == manifest.count > 0
