"""`audit-trail index` brings the search index up to date, or makes it anew."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.record.query import Query, Words
from audit_trail.store.port import Store
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.commands.processes import run

SIZE = 2_100


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path / 'trail.db'}"
    else:
        server = request.getfixturevalue("postgresql")
        found = server.url(server.database())
    with closing(opened(found)) as store:
        Trail(store).append([draft(number) for number in range(SIZE)])
    return found


def opened(url: str) -> Store:
    if url.startswith("sqlite"):
        return SqliteStore(Path(url.removeprefix("sqlite:///")))
    return PostgresqlStore(url)


def draft(number: int) -> Draft:
    return Draft(
        id=f"id-{number}",
        account="1",
        occurred_at=number,
        action="update",
        entity=Entity(type="inbox", id="1"),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        what=json.dumps({"label": "rare" if number == 3 else "Inbox"}).encode(),
    )


def blocks(url: str) -> int:
    with closing(opened(url)) as store:
        assert store.index_store is not None
        return store.index_store.index_head("1").blocks


def found(url: str) -> list[int]:
    with closing(opened(url)) as store:
        return [
            entry.index for entry in Trail(store).matching(Query(account="1", where=Words("rare")))
        ]


def index(url: str, *more: str) -> str:
    answer = run("index", *more, program="audit-trail", AUDIT_TRAIL_STORE_URL=url)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_an_index_is_made_once_and_anew_when_asked(url: str) -> None:
    assert blocks(url) == 0
    assert index(url) == "The search index is up to date; 2 segments were made.\n"
    assert (blocks(url), found(url)) == (2, [3])
    assert "; 0 segments were made." in index(url)
    assert "; 2 segments were made." in index(url, "--rebuild", "--account", "1")
    assert (blocks(url), found(url)) == (2, [3])


def test_an_index_that_was_altered_hides_entries_until_it_is_made_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trail.db'}"
    with closing(opened(url)) as store:
        trail = Trail(store)
        trail.append([draft(number) for number in range(SIZE)])
        trail.index()
    with closing(sqlite3.connect(tmp_path / "trail.db")) as shell:
        shell.execute("DELETE FROM search_pages")
        shell.commit()
    assert found(url) == []
    index(url, "--rebuild")
    assert found(url) == [3]


def test_another_process_that_makes_it_is_left_to_it(url: str) -> None:
    with closing(opened(url)) as store:
        assert store.index_store is not None
        with store.index_store.indexing() as is_ours:
            assert is_ours
            assert index(url) == "A server keeps the search index up to date.\n"
            assert "anew where that was asked" in index(url, "--rebuild")
    assert blocks(url) == 0


def test_an_account_without_entries_is_named(url: str) -> None:
    answer = run("index", "--account", "9", program="audit-trail", AUDIT_TRAIL_STORE_URL=url)
    assert answer.returncode == 1
    assert "There are no entries of account 9." in answer.stderr
