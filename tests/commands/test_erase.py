"""`audit-trail erase`, `subject` and `wipe`, beside a server that goes on recording and signing."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from audit_trail.record.entry import read_what
from audit_trail.signing.heads import Heads, named_in
from audit_trail.store.postgresql import schema
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.commands.processes import run, serving
from tests.postgresql import Cluster

REASON = ("--reason", "Request 12 of May")


class Shop(NamedTuple):
    """A data directory with a server over it, and a client of its API."""

    folder: Path
    client: httpx2.Client

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'trail.db'}"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'live-agent.db'}"

    def rename(self, number: int, agent: str = "a client") -> None:
        answer = self.client.patch(
            "/teams/1", json={"name": f"Team {number}"}, headers={"User-Agent": agent}
        )
        assert answer.status_code == 200, answer.text

    def settled(self) -> int:
        """Wait until all is in the trail, as a reader of Audit Logs does; return its size."""
        return int(self.client.get("/audit_logs").json()["total_entries"])

    def files_with(self, needle: str) -> list[str]:
        return sorted(
            path.name for path in self.folder.iterdir() if needle.encode() in path.read_bytes()
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One server for all tests; each erases somebody of its own."""
    tmp_path = tmp_path_factory.mktemp("shop")
    folder = tmp_path / "data"
    assert run("account", "create", "Alder", "--data", str(folder)).returncode == 0
    made = run(
        *("user", "create", "--account", "1", "--email", "eve@alder.example", "--name", "Eve"),
        *("--role", "administrator", "--password-stdin", "--data", str(folder)),
        typed="a long password\n",
    )
    token = made.stdout.rpartition(": ")[2].strip()
    with (
        serving(folder, tmp_path / "log") as served,
        httpx2.Client(
            base_url=f"{served.url}/api/v1/accounts/1",
            headers={"api_access_token": token},
            timeout=30,
        ) as client,
    ):
        shop = Shop(folder, client)
        assert client.post("/teams", json={"name": "Team"}).status_code == 200
        yield shop
    assert '"level": "error"' not in (tmp_path / "log").read_text()


def erase(shop: Shop, email: str, *more: str, typed: str = "") -> Any:
    given = ("--account", "1", "--subject", email, "--store", shop.store)
    return run("erase", *given, *more, program="audit-trail", typed=typed)


def test_it_erases_beside_a_running_server_and_both_go_on_signing(shop: Shop) -> None:
    email = "ghost@alder.example"
    for number in range(30):
        shop.rename(number, email if number % 3 == 0 else "another")
    size = shop.settled()
    assert shop.files_with(email)
    done = erase(shop, email, *REASON, "--yes", "--json", "--database", shop.database)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["entries"], said["who"], said["what"]) == (10, 10, 0)
    assert (said["entry"], said["wiped"], said["outbox_wiped"]) == (size + 1, "done", True)
    assert shop.files_with(email) == []
    for number in range(5):
        shop.rename(100 + number)
    assert shop.settled() == size + 6
    heads = shop.folder / "heads.log"
    with closing(SqliteStore(shop.folder / "trail.db")) as store:
        trail = Trail(store)
        signed = Heads(heads, named_in(heads) or "").newest()["1"]
        assert (signed.size, signed.root) == (size + 6, trail.head("1").seal.edge.root)
        assert all(not trail.mismatches("1", each) for each in trail.entries("1", 0, 99))
        entry = trail.entry("1", size)
        assert (entry.public.action, entry.public.via) == ("erase", "cli")
        assert read_what(entry.what).reason == "Request 12 of May"


def test_it_shows_first_and_asks_for_the_e_mail(shop: Shop) -> None:
    email = "shown@alder.example"
    shop.rename(60, f"Bot (+{email})")
    size = shop.settled()
    shown = erase(shop, email, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert f"1 of {size} entries hold data of this person." in shown.stdout
    assert f"entry {size}, user agent: 'Bot (+{email})'" in shown.stdout
    refused = erase(shop, email, *REASON, typed="yes\n")
    assert (refused.returncode, shop.settled()) == (1, size)
    assert "nothing was erased" in refused.stderr
    done = erase(shop, email, *REASON, typed=f"{email}\n")
    assert done.returncode == 0, done.stderr
    assert f"entry {size + 1} says so" in done.stdout
    assert "No byte of it is left in the trail's files." in done.stdout
    again = erase(shop, email, *REASON)
    assert again.stdout.startswith(f"0 of {size + 1} entries hold")


def test_what_is_wrong_is_said_and_nothing_is_done(shop: Shop) -> None:
    email = "wrong@alder.example"
    shop.rename(50, email)
    size = shop.settled()
    for more, code, said in (
        (("--yes",), 2, "needs a --reason"),
        ((*REASON, "--json"), 2, "--yes or --dry-run"),
        (("--reason", f"{email} asked", "--yes"), 1, "The reason names the person"),
        ((*REASON, "--yes", "--term", "x"), 1, "too short"),
        ((*REASON, "--yes", "--heads", "/nowhere/heads.log"), 1, "doesn't hold the newest"),
    ):
        refused = erase(shop, email, *more)
        assert refused.returncode == code
        assert said in " ".join(refused.stderr.split())
    assert shop.settled() == size


def test_a_copy_holds_what_is_theirs_and_is_noted(shop: Shop, tmp_path: Path) -> None:
    email = "copied@alder.example"
    shop.rename(70, f"Bot (+{email})")
    size = shop.settled()
    out = tmp_path / "copy.jsonl"
    given = ("--account", "1", "--subject", email, "--store", shop.store, "--out", str(out))
    done = run("subject", *given, program="audit-trail")
    assert done.returncode == 0, done.stderr
    head, line, end = [json.loads(each) for each in out.read_text().splitlines()]
    assert (head["terms"], head["size"]) == ([email], size)
    assert (line["entry"], line["activity"]) == (size, "Updated a team (#1)")
    assert line["who"]["user_agent"] == f"Bot (+{email})" and "what" not in line
    assert end == {"whole": True, "entries": 1, "erased": 0}
    assert os.stat(out).st_mode & 0o777 == 0o600
    assert shop.settled() == size + 1
    assert run("subject", *given, program="audit-trail").returncode == 1, "the file is there"
    with closing(SqliteStore(shop.folder / "trail.db")) as store:
        entry = Trail(store).entry("1", size)
        assert entry.public.action == "export"
        assert email not in repr(entry)


def test_wiping_carries_out_what_was_left_undone(shop: Shop) -> None:
    done = run("wipe", "--store", shop.store, "--database", shop.database, program="audit-trail")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "No byte of it is left in the trail's files.",
        "No byte of what left the outbox is in the application's database.",
    ]


def test_wiping_is_done_by_the_owner_and_as_often_as_one_likes(
    tmp_path: Path, postgresql: Cluster
) -> None:
    name = postgresql.database()
    schema.create(postgresql.url(name))
    for _ in range(2):
        done = run("wipe", program="audit-trail", AUDIT_TRAIL_STORE_URL=postgresql.url(name))
        assert (done.returncode, done.stdout) == (
            0,
            "No byte of it is left in the trail's files.\n",
        )
