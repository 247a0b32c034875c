"""A file made from a store that somebody altered shows it, to both verifiers."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.evidence import Wanted, evidence
from audit_trail.store.sqlite import SqliteStore
from audit_trail.trail import Trail
from tests.signing.places import Place, drafts
from tests.verify.verifiers import VERIFIERS, Given, Said

ALTERED = {
    "a value": "UPDATE entries SET what = CAST('{\"x\":1}' AS BLOB) WHERE idx = 7",
    "a value that isn't text": "UPDATE entries SET what = x'ff' WHERE idx = 7",
    "a value of another type": "UPDATE entries SET what = 'text' WHERE idx = 7",
    "a value gone": "UPDATE entries SET what = NULL, what_salt = NULL WHERE idx = 7",
    "a salt": "UPDATE entries SET what_salt = zeroblob(16) WHERE idx = 7",
    "a short salt": "UPDATE entries SET what_salt = zeroblob(3) WHERE idx = 7",
    "a byte moved from the value to its salt": """
        UPDATE entries SET what_salt = CAST(what_salt || substr(what, 1, 1) AS BLOB),
            what = substr(what, 2) WHERE idx = 7""",
    "no salt": "UPDATE entries SET what_salt = NULL WHERE idx = 7",
    "a value that never was": "UPDATE entries SET who = x'00', who_salt = x'00' WHERE idx = 7",
    "a public part": "UPDATE entries SET public = CAST(replace(public, 'user', 'job') AS BLOB) WHERE idx = 7",
    "a public part that isn't one": "UPDATE entries SET public = x'ff' WHERE idx = 7",
    "a public part of another type": "UPDATE entries SET public = CAST(public AS TEXT) WHERE idx = 7",
    "a public part that is too long": "UPDATE entries SET public = zeroblob(70000) WHERE idx = 7",
    "an entry gone": "DELETE FROM entries WHERE idx = 7",
    "two entries swapped": """
        UPDATE entries SET idx = 1007 WHERE idx = 7;
        UPDATE entries SET idx = 7 WHERE idx = 9;
        UPDATE entries SET idx = 9 WHERE idx = 1007""",
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_what_was_altered_in_the_store_shows_in_the_file(
    change: str, verifier: str, tmp_path: Path
) -> None:
    path = tmp_path / "trail.db"
    with closing(SqliteStore(path)) as store:
        trail = Place(tmp_path).opened(store)
        trail.append(drafts(0, 20))
        with closing(sqlite3.connect(path, isolation_level=None)) as owner:
            names = owner.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            ).fetchall()
            for (name,) in names:
                owner.execute(f'DROP TRIGGER "{name}"')
            owner.executescript(change)
        file = b"".join(evidence(Trail(store), Wanted(account="1")))
        given = Given(file, trail.verifier_keys("1"))
    assert VERIFIERS[verifier](given) == Said(1, 7)
