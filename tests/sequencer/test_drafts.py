"""Rows of a transaction become entries: one a record, parents first, each in its own trail."""

from pathlib import Path

import pytest

from audit_trail.capture.context import Actor
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.record.entry import read_what, read_who
from audit_trail.trail import Trail
from tests.capture.host import ADA, BOB, NOTHING, Host, Told, changed, origin


def test_one_entry_for_each_record_and_transaction_of_one_request(host: Host) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, n) VALUES (1, 1, 1), (2, 1, 1)",
        "UPDATE teams SET n = 2",
        "UPDATE teams SET note = 'x' WHERE id = 1",
    )
    found = host.entries()
    assert changed(*host.told()) == [
        {"n": (NOTHING, 2), "note": (NOTHING, "x")},
        {"n": (NOTHING, 2)},
    ]
    assert {each.public.request for each in found} == {"r-1"}


def test_the_same_record_in_two_transactions_is_two_entries_with_versions(host: Host) -> None:
    for number in (1, 2, 3):
        host.write(f"REPLACE INTO teams (id, account_id, n) VALUES (1, 1, {number})")
    assert [each.version for each in host.entries()] == [1, 2, 3]


def test_the_entries_of_two_accounts_are_apart(host: Host) -> None:
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1), (2, 2), (3, 1)")
    assert [each.id for each in host.told("1")] == ["1", "3"]
    assert [each.id for each in host.told("2")] == ["2"]
    assert [each.index for each in host.entries("1")] == [0, 1]


@pytest.mark.parametrize(("before", "after"), [(1, 2), ("'acme'", "'globex'"), (1, "'acme'")])
def test_a_record_that_moves_to_another_account_is_in_both_trails(
    tmp_path: Path, before: object, after: object
) -> None:
    host = Host(
        tmp_path / "host.db",
        schema="CREATE TABLE things (id INTEGER PRIMARY KEY, account_id)",
        watch=WatchList(tables=(Table(name="things", entity="thing"),)),
    )
    host.shell(f"INSERT INTO things VALUES (1, {before})")
    host.write(f"UPDATE things SET account_id = {after}")
    left, joined = str(before).strip("'"), str(after).strip("'")
    assert [each.action for each in host.told(left)] == ["create", "update"]
    assert [each.action for each in host.told(joined)] == ["update"]
    assert host.entries(left)[1].public.id != host.entries(joined)[0].public.id
    host.close()


def test_a_record_that_loses_its_account_is_in_the_old_trail_and_marked_in_the_installations(
    host: Host,
) -> None:
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    host.write("UPDATE teams SET account_id = NULL")
    assert [each.action for each in host.told("1")] == ["create", "update"]
    (marked,) = host.entries("0")
    assert read_what(marked.what).details == {"unresolved_account": "None"}


def test_a_child_without_an_account_goes_to_its_deleted_parents_trail(host: Host) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')",
        "INSERT INTO members (id, team_id, name) VALUES (1, 1, 'Kit')",
    )
    host.write("DELETE FROM teams")
    assert [(each.action, each.entity) for each in host.told("1")] == [
        ("create", "team"),
        ("delete", "team"),
        ("delete", "member"),
    ]
    (unresolved,) = host.entries("0")
    assert unresolved.public.action == "create"


TREE = """
CREATE TABLE nodes (
  id INTEGER PRIMARY KEY, account_id,
  parent_id INTEGER REFERENCES nodes (id) ON DELETE CASCADE, name TEXT
)
"""
TREE_WATCH = WatchList(
    tables=(
        Table(
            name="nodes",
            entity="node",
            label=("name",),
            references=(Reference(table="nodes", columns=("parent_id",), label="name"),),
        ),
    )
)


def test_a_chain_of_cascades_as_long_as_the_database_allows_is_drafted(tmp_path: Path) -> None:
    host = Host(tmp_path / "tree.db", schema=TREE, watch=TREE_WATCH)
    length = 900
    with host.foreign() as connection:
        connection.executemany(
            "INSERT INTO nodes VALUES (?, 1, ?, ?)",
            [(i, i - 1 or None, f"n{i}") for i in range(1, length + 1)],
        )
    host.forget()
    host.write("DELETE FROM nodes WHERE id = 1")
    found = host.entries()
    assert [each.public.entity.id for each in found] == [str(i) for i in range(1, length + 1)]
    assert [each.public.cause for each in found[1:]] == [each.public.id for each in found[:-1]]
    host.close()


def test_a_record_that_points_to_itself_is_not_its_own_cause(tmp_path: Path) -> None:
    host = Host(tmp_path / "tree.db", schema=TREE, watch=TREE_WATCH)
    host.shell("INSERT INTO nodes VALUES (1, 1, 1, 'a'), (2, 1, 3, 'b'), (3, 1, 2, 'c')")
    host.forget()
    host.write("DELETE FROM nodes WHERE id = 1", "DELETE FROM nodes WHERE id = 2")
    found = {each.public.entity.id: each.public for each in host.entries()}
    assert found["1"].cause is None
    assert len(found) == 3
    assert [found["2"].cause, found["3"].cause].count(None) == 1
    host.close()


def test_an_owner_deleted_in_a_transaction_of_its_own_is_the_cause_only_of_what_went_with_it(
    host: Host,
) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Red')",
        "INSERT INTO members (id, account_id, team_id) VALUES (1, 1, 1), (2, 1, 1)",
    )
    host.forget()
    host.write("DELETE FROM members WHERE id = 2")
    host.write("DELETE FROM teams", "INSERT INTO members (id, account_id) VALUES (3, 1)")
    first, team, gone, new = host.entries()
    assert [each.public.cause for each in (first, team, gone, new)] == [
        None,
        None,
        team.public.id,
        None,
    ]


def test_who_acted_for_whom_and_why_is_sealed(host: Host) -> None:
    helper = Actor(kind="ai_agent", id="42", name="Helper", token={"id": "5", "name": "ci"})
    with host.writing(helper, on_behalf_of=(ADA, BOB), reason="asked", ticket="T-1") as connection:
        connection.exec_driver_sql("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    (entry,) = host.entries()
    public, who, what = entry.public, read_who(entry.who), read_what(entry.what)
    assert (public.actor.kind, public.actor.id) == ("ai_agent", "42")
    assert [each.id for each in public.on_behalf_of] == ["7", "8"]
    assert (who.name, who.token, who.ip) == ("Helper", {"id": "5", "name": "ci"}, "192.0.2.7")
    assert [each["email"] for each in who.on_behalf_of] == ["ada@example.com", "bob@example.com"]
    assert (what.reason, what.ticket) == ("asked", "T-1")
    for secret in ("ada@", "Helper", "192.0.2.7", "asked", "T-1"):
        assert secret.encode() not in entry.public_bytes


def test_an_actor_for_a_thousand_people_still_fits_the_public_part(host: Host) -> None:
    crowd = tuple(Actor(kind="user", id="\x01" * 500, name=f"p{i}") for i in range(1_000))
    with host.writing(ADA, on_behalf_of=crowd, origin=origin(request="r" * 9_000)) as connection:
        connection.exec_driver_sql("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    (entry,) = host.entries()
    assert len(read_who(entry.who).on_behalf_of) == 1_000
    assert len(entry.public_bytes) < 65_536


def test_more_changed_fields_than_the_public_part_can_name_are_in_the_what_part(
    tmp_path: Path,
) -> None:
    names = [f"column_{'x' * 400}_{number}" for number in range(180)]
    host = Host(
        tmp_path / "wide.db",
        schema=f"CREATE TABLE wide (id INTEGER PRIMARY KEY, account_id, {', '.join(names)})",
        watch=WatchList(tables=(Table(name="wide", entity="wide"),)),
    )
    host.shell(f"INSERT INTO wide VALUES (1, 1, {', '.join('1' * 180)})")
    (entry,) = host.entries()
    assert entry.public.fields == ()
    assert set(read_what(entry.what).changes) == set(names)
    host.close()


def test_a_table_that_is_watched_no_longer_is_still_sequenced_by_its_name(host: Host) -> None:
    host.write("INSERT INTO teams (id, account_id) VALUES (1, 1)")
    host.watch = WatchList(tables=())
    host.sequencer = host.new_sequencer()
    assert host.told() == [Told("create", "teams", "1", {}, "ada@example.com")]


def test_entries_of_one_transaction_appear_together_in_the_order_they_happened(host: Host) -> None:
    host.write(
        "INSERT INTO labels (id, account_id) VALUES (5, 1)",
        "INSERT INTO teams (id, account_id) VALUES (9, 1)",
        "INSERT INTO labels (id, account_id) VALUES (4, 1)",
    )
    assert [each.id for each in host.told()] == ["5", "9", "4"]


def test_nothing_waits_means_nothing_to_do(host: Host) -> None:
    assert host.sequencer.step() == 0
    assert host.trail.append([]) == 0
    assert isinstance(host.trail, Trail)


def test_writes_of_a_shell_keep_their_order_around_those_of_the_application(host: Host) -> None:
    host.shell("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 7)", "DELETE FROM teams")
    host.write("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 6)")
    host.shell("UPDATE teams SET n = 7")
    assert [(each.action, each.changes["n"]) for each in host.told()] == [
        ("create", (NOTHING, 7)),
        ("delete", (7, NOTHING)),
        ("create", (NOTHING, 6)),
        ("update", (6, 7)),
    ]


def test_a_shells_write_that_a_trigger_went_on_with_comes_before_what_it_fired(host: Host) -> None:
    host.shell(
        "CREATE TRIGGER again AFTER UPDATE OF n ON teams "
        "BEGIN UPDATE teams SET n = new.n + 1, note = 'x' WHERE id = new.id; END",
        "INSERT INTO teams (id, account_id, n) VALUES (1, 1, 1)",
        "UPDATE teams SET n = 5",
    )
    assert [each.changes["n"] for each in host.told()] == [(NOTHING, 1), (1, 5), (5, 6)]
