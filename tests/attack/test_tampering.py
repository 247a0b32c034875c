"""What an attacker at the database may try: secrets, other tenants, rewriting, forging, flooding."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit_trail.capture.outbox import Event
from audit_trail.capture.sqlalchemy import note
from audit_trail.record.query import Any, Is, Named, Query
from audit_trail.seal.merkle import leaf_hash
from audit_trail.store.sqlite import SqliteStore
from tests.capture.host import ADA, Host

SECRETS = ("hunter2-before", "hunter2-after", "hunter2-replaced", "hunter2-gone")


def test_a_secret_is_in_no_file_of_the_outbox_or_the_trail(tmp_path: Path) -> None:
    trail = tmp_path / "trail.db"
    host = Host(tmp_path / "host.db", store=SqliteStore(trail))
    insert = "INTO teams (id, account_id, name, token) VALUES (1, 1, 'Red', ?)"
    for statement, secret in zip(
        (f"INSERT {insert}", "UPDATE teams SET token = ?", f"REPLACE {insert}"),
        SECRETS,
        strict=False,
    ):
        with host.writing() as connection:
            connection.exec_driver_sql(statement, (secret,))
    with host.foreign() as connection:
        connection.execute(f"INSERT OR IGNORE {insert}", (SECRETS[3],))
        connection.execute(f"REPLACE {insert}", (SECRETS[3],))
        captured = "".join(
            map(
                repr,
                [
                    *connection.execute("SELECT * FROM audit_outbox"),
                    *connection.execute("SELECT * FROM audit_displaced"),
                    *connection.execute("SELECT * FROM audit_watch"),
                ],
            )
        )
        connection.execute("DELETE FROM teams")
    assert "hidden" not in captured and '{"$":"secret"}' in captured
    assert len(host.entries()) == 6
    host.close()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("trail.db*"))
    for secret in SECRETS:
        assert secret not in captured
        assert secret.encode() not in written


def test_names_and_values_are_in_no_public_part(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    with host.writing(ADA, reason="because of Mallory") as connection:
        connection.exec_driver_sql("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')")
        note(
            connection,
            Event(
                action="sign_in_failed",
                account="1",
                entity_type="user",
                details={"email": "mallory@example.com"},
            ),
        )
    for entry in host.entries():
        public = entry.public_bytes.decode()
        for personal in ("ada@", "Ada", "192.0.2.7", "Red", "Mallory", "mallory"):
            assert personal not in public
    host.close()


def test_equal_parts_have_unequal_commitments(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    for _ in range(2):
        host.write("REPLACE INTO teams (id, account_id, name) VALUES (1, 1, 'Red')")
        host.write("DELETE FROM teams")
    first, _, again, _ = host.entries()
    assert first.who is not None and again.who is not None
    assert first.who.stored == again.who.stored
    assert first.public.who != again.public.who
    host.close()


def test_a_row_can_not_be_smuggled_into_anothers_trail_by_its_text(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    for account in ("1' OR '1'='1", "2; --", '2","via":"import', "2\x00", "2 or 1", "2\u0661"):
        with host.writing() as connection:
            connection.exec_driver_sql("INSERT INTO teams (account_id) VALUES (?)", (account,))
    assert host.entries("2") == []
    assert len(host.entries("0")) == 6
    host.close()


def test_a_value_can_not_pass_for_a_tag_or_for_another_field(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    forged = '{"$":"secret"}],"admin":[false,true],"x":["'
    with host.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (id, account_id, name, rules, note) VALUES (1, 1, ?, ?, ?)",
            (forged, json.dumps({"$": "secret"}), '"'),
        )
    (it,) = host.told()
    assert set(it.changes) == {"name", "rules", "note"}
    assert it.changes["name"][1] == forged
    assert it.changes["rules"][1] == {"$": "secret"}
    host.close()


def test_bytes_changed_in_the_file_no_longer_match_their_leaf(tmp_path: Path) -> None:
    """Prevention can be got round by whoever owns the file; the hashes can't."""
    path = tmp_path / "trail.db"
    host = Host(tmp_path / "host.db", store=SqliteStore(path))
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')")
    (before,) = host.entries()
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("DROP TRIGGER entries_are_only_emptied")
        for column, old, new in (("what", "Red", "Rod"), ("public", '"7"', '"8"')):
            owner.execute(
                f"UPDATE entries SET {column} = "
                f"CAST(replace(CAST({column} AS TEXT), ?, ?) AS BLOB)",
                (old, new),
            )
    store = SqliteStore(path)
    (after,) = store.slice("1", 0, 9)
    assert after.public.actor.id == "8" and after.what is not None
    assert leaf_hash(after.public_bytes) != after.leaf
    assert after.what.commitment != after.public.what
    assert after.leaf == before.leaf
    store.close()
    host.close()


def test_the_trigger_that_was_dropped_is_back_when_the_store_opens(tmp_path: Path) -> None:
    path = tmp_path / "trail.db"
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("DROP TRIGGER entries_are_only_dropped")
    host = Host(tmp_path / "host.db", store=SqliteStore(path))
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    host.entries()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as owner,
        pytest.raises(sqlite3.IntegrityError, match="never deleted"),
    ):
        owner.execute("DELETE FROM entries")
    host.close()


def test_a_nonce_used_again_by_hand_takes_nothing_from_an_entry_that_stands(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')")
    ((nonce, occurred),) = _nonces(host)
    known = host.entries()
    with host.foreign() as connection:
        connection.execute(
            "INSERT INTO audit_outbox (nonce, occurred_ms, table_name, operation, account, "
            "record_key, record_id, changes) "
            "VALUES (?, ?, 'teams', 'update', 1, '1', '1', '{\"name\":[\"Red\",\"x\"]}')",
            (nonce, occurred),
        )
    assert host.entries() == known
    host.close()


def _nonces(host: Host) -> list[tuple[bytes, int]]:
    with host.foreign() as connection:
        return connection.execute("SELECT nonce, occurred_ms FROM audit_outbox").fetchall()


def test_filters_can_not_break_out_of_their_account(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db", store=SqliteStore(tmp_path / "trail.db"))
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1), (2, 2)")
    host.entries()
    for hostile in ("' OR 1=1 --", "1' OR account = '2", "%", "_", "\\", '"', "\x00"):
        for query in (
            Query(account=hostile),
            Query(account="1", where=Named(hostile)),
            Query(account="1", where=Any((Is("entity", hostile), Is("entity", "x")))),
        ):
            assert host.store.find(query, limit=9) == []
            assert host.store.walk(query, 9) == []
    host.close()
