"""What every store must do; an adapter's tests subclass this and give a `store` fixture."""

import threading
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from audit_trail.errors import HeadMoved, TermLost, TreeRefused
from audit_trail.record.canonical import canonical_bytes
from audit_trail.record.entry import (
    ActorId,
    Entity,
    Entry,
    Part,
    Public,
    Removed,
    Who,
    read_person,
)
from audit_trail.record.query import All, During, Is, Named, Query, any_of
from audit_trail.seal.merkle import Range, leaf_hash
from audit_trail.seal.tile import additions, node_reader
from audit_trail.store.port import (
    Head,
    Key,
    Lead,
    Leap,
    RecordKey,
    Removal,
    Seal,
    Sealing,
    Store,
    Tail,
)

SALT = bytes(16)


def entry(index: int, account: str = "1", **given: Any) -> Entry:
    """An entry whose every column can be told from its index, unless a test says otherwise."""
    who = Who(email=given.get("email"), name=given.get("name"))
    parts = {
        "who": Part(msgspec.json.encode(who), SALT) if who != Who() else None,
        "what": Part(b"{}", SALT),
    }
    public = Public(
        v=1,
        id=given.get("id", f"{sha256(f'{account} {index}'.encode()).hexdigest()[:32]}-id"),
        account=account,
        occurred_at=given.get("occurred_at", 1_000 + index),
        recorded_at=given.get("recorded_at", 2_000 + index),
        action="update",
        outcome="success",
        entity=Entity(type=given.get("type", "inbox"), id=given.get("number", "1"))
        if "removed" not in given
        else Entity(type="audit_log"),
        removed=given.get("removed"),
        actor=ActorId(kind="user"),
        via="ui",
    )
    encoded = canonical_bytes(public)
    return Entry(
        index=index,
        version=given.get("version", index + 1),
        public_bytes=encoded,
        leaf=leaf_hash(encoded),
        **parts,
    )


def fill(store: Store, account: str, entries: Iterable[Entry]) -> list[Entry]:
    known = list(entries)
    store.append({account: Tail(store.head(account).size, known)})
    return known


def sealed(store: Store, account: str, count: int, checkpoint: bytes | None = None) -> Tail:
    """A tail of so many entries, with what they add to the account's tree."""
    head = store.head(account)
    made = [entry(head.size + offset, account) for offset in range(count)]
    growth = head.seal.edge.append([each.leaf for each in made])
    sealing = Sealing(head.seal.size, tuple(additions(growth)), Seal.of(growth.after, checkpoint))
    return Tail(head.size, made, sealing)


def root(store: Store, account: str, size: int) -> bytes:
    """The root of a tree as the store's tiles have it."""
    nodes = node_reader(size, lambda tile: store.tile(account, tile.level, tile.number))
    return Range.read(0, size, nodes).root


def indexes(entries: Iterable[Entry]) -> list[int]:
    return [each.index for each in entries]


class StoreContract:
    """Subclass it, and give a fixture `store` that is empty."""

    def test_an_unknown_account_is_empty(self, store: Store) -> None:
        assert store.head("nobody") == Head(0, 0)
        assert store.slice("nobody", 0, 9) == []
        assert store.find(Query(account="nobody"), limit=9) == []
        assert store.walk(Query(account="nobody"), 9) == []
        assert store.entries("nobody", [0]) == []
        assert store.by_id("nobody", "x") is None
        assert store.known("nobody", ["x"]) == set()
        assert store.versions("nobody", [("inbox", "1")]) == {}

    def test_what_was_appended_is_read_back_to_the_byte(self, store: Store) -> None:
        known = fill(store, "1", [entry(0, email="ada@example.com"), entry(1)])
        assert store.slice("1", 0, 2) == known
        assert store.head("1") == Head(2, 2_001)
        assert known[1].who is None

    def test_appends_follow_each_other_without_a_gap(self, store: Store) -> None:
        for index in range(5):
            fill(store, "1", [entry(index)])
        assert indexes(store.slice("1", 0, 99)) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("size", [0, 1, 3, 99])
    def test_a_stale_writer_is_refused_and_writes_nothing(self, store: Store, size: int) -> None:
        known = fill(store, "1", [entry(0), entry(1)])
        with pytest.raises(HeadMoved):
            store.append({"1": Tail(size, [entry(size)])})
        assert store.slice("1", 0, 200) == known

    def test_a_stale_tail_keeps_the_tails_of_other_accounts_out_too(self, store: Store) -> None:
        fill(store, "2", [entry(0, "2")])
        for tails in (
            {"1": Tail(0, [entry(0)]), "2": Tail(0, [entry(0, "2")])},
            {"2": Tail(0, [entry(0, "2")]), "1": Tail(0, [entry(0)])},
        ):
            with pytest.raises(HeadMoved):
                store.append(tails)
        assert store.head("1") == Head(0, 0)
        assert store.head("2").size == 1

    def test_an_append_of_nothing_changes_nothing(self, store: Store) -> None:
        store.append({})
        store.append({"1": Tail(0, [])})
        assert store.head("1") == Head(0, 0)
        with pytest.raises(HeadMoved):
            store.append({"1": Tail(1, [])})

    def test_whoever_begins_a_term_ends_the_one_before(self, store: Store) -> None:
        first = store.begin_term("outbox")
        store.append({"1": Tail(0, [entry(0)])}, first)
        second = store.begin_term("outbox")
        assert second != first
        with pytest.raises(TermLost):
            store.append({"1": Tail(1, [entry(1)])}, first)
        with pytest.raises(TermLost):
            store.append({}, first)
        store.append({"1": Tail(1, [entry(1)])}, second)
        assert store.head("1").size == 2

    def test_the_terms_of_two_outboxes_are_apart(self, store: Store) -> None:
        one, other = store.begin_term("one"), store.begin_term("other")
        store.append({"1": Tail(0, [entry(0)])}, one)
        store.append({"1": Tail(1, [entry(1)])}, other)

    def test_a_lead_that_was_never_given_is_refused(self, store: Store) -> None:
        with pytest.raises(TermLost):
            store.append({"1": Tail(0, [entry(0)])}, Lead("outbox", 1))
        assert store.head("1").size == 0

    def test_known_ids_are_those_of_the_account(self, store: Store) -> None:
        fill(store, "1", [entry(0, id="a"), entry(1, id="b")])
        fill(store, "2", [entry(0, "2", id="c")])
        assert store.known("1", ["a", "c", "x"]) == {"a"}
        assert store.known("1", []) == set()
        assert store.known("1", [f"x{number}" for number in range(1_200)] + ["b"]) == {"b"}

    def test_the_same_id_may_lie_in_two_accounts(self, store: Store) -> None:
        fill(store, "1", [entry(0, id="a")])
        fill(store, "2", [entry(0, "2", id="a")])
        assert store.by_id("2", "a") == entry(0, "2", id="a")

    def test_versions_are_the_newest_of_each_record(self, store: Store) -> None:
        fill(
            store,
            "1",
            [
                entry(0, type="inbox", number="1", version=1),
                entry(1, type="team", number="1", version=1),
                entry(2, type="inbox", number="1", version=2),
                entry(3, type="audit_log", number=None, version=1),
            ],
        )
        asked = [("inbox", "1"), ("team", "1"), ("team", "2"), ("audit_log", None), ("inbox", None)]
        assert store.versions("1", asked) == {
            ("inbox", "1"): 2,
            ("team", "1"): 1,
            ("audit_log", None): 1,
        }

    @pytest.mark.parametrize(
        ("start", "stop", "wanted"),
        [
            (0, 3, [0, 1, 2]),
            (1, 2, [1]),
            (2, 2, []),
            (2, 1, []),
            (3, 99, [3, 4]),
            (5, 9, []),
            (-3, 2, [0, 1]),
            (-9, -1, []),
            (0, 10**30, [0, 1, 2, 3, 4]),
            (10**30, 10**31, []),
        ],
    )
    def test_a_slice_is_half_open_and_oldest_first(
        self, store: Store, start: int, stop: int, wanted: list[int]
    ) -> None:
        fill(store, "1", [entry(index) for index in range(5)])
        assert indexes(store.slice("1", start, stop)) == wanted

    @pytest.mark.parametrize(
        ("newest_first", "beyond", "limit", "wanted"),
        [
            (True, None, 2, [4, 3]),
            (True, 4, 2, [3, 2]),
            (True, 0, 2, []),
            (True, 99, 2, [4, 3]),
            (True, -1, 2, []),
            (False, None, 2, [0, 1]),
            (False, 0, 2, [1, 2]),
            (False, 4, 2, []),
            (False, -1, 2, [0, 1]),
            (True, 10**30, 1, [4]),
            (False, 10**30, 1, []),
            (True, None, 0, []),
            (True, None, 99, [4, 3, 2, 1, 0]),
        ],
    )
    def test_finding_goes_on_strictly_beyond_an_index(
        self, store: Store, newest_first: bool, beyond: int | None, limit: int, wanted: list[int]
    ) -> None:
        fill(store, "1", [entry(index) for index in range(5)])
        query = Query(account="1", newest_first=newest_first)
        assert indexes(store.find(query, beyond=beyond, limit=limit)) == wanted

    @pytest.mark.parametrize(
        ("asked", "wanted"),
        [
            ({}, [0, 1, 2, 3, 4, 5]),
            ({"where": Is("entity", "inbox")}, [0, 2, 4]),
            ({"where": any_of(Is("entity", "inbox"), Is("entity", "team"))}, [0, 1, 2, 3, 4, 5]),
            ({"where": any_of(Is("entity", "nothing"), Is("entity", "'; --"))}, []),
            ({"where": During(1_002)}, [2, 3, 4, 5]),
            ({"where": During(None, 1_003)}, [0, 1, 2]),
            ({"where": During(1_002, 1_003)}, [2]),
            ({"where": During(1_003, 1_003)}, []),
            ({"where": All((During(1_001), During(1_002, 1_005), During(None, 1_004)))}, [2, 3]),
            ({"where": During(-(10**30), 10**30)}, [0, 1, 2, 3, 4, 5]),
            ({"where": During(10**30)}, []),
            ({"start": 2, "stop": 4}, [2, 3]),
            ({"start": 3, "stop": 3}, []),
            ({"start": -1, "stop": 10**30, "where": Is("entity", "inbox")}, [0, 2, 4]),
            ({"where": Named("ADA")}, [0, 1]),
            ({"where": Named("example.com")}, [0, 1, 2]),
            ({"where": Named("%")}, [3]),
            ({"where": Named("_")}, [4]),
            ({"where": Named("GRÖSSE")}, [5]),
            ({"where": Named("größe")}, [5]),
            ({"where": Named("'")}, []),
            ({"where": Named("\\")}, []),
            ({"where": Named("\x00")}, []),
            ({"where": Named("\ud800")}, []),
            ({"where": Named("")}, [0, 1, 2, 3, 4, 5]),
            ({"where": All((Named("ada"), Is("entity", "team"), During(1_001)))}, [1]),
            # What no column tells is left to whoever asked.
            ({"where": All((Is("action", "delete"), Is("entity", "team")))}, [1, 3, 5]),
        ],
        ids=repr,
    )
    def test_filters_select_alike_in_both_orders_and_by_both_ways(
        self, store: Store, asked: dict[str, Any], wanted: list[int]
    ) -> None:
        people = [
            {"email": "Ada@Example.com"},
            {"email": "x@example.com", "name": "Countess ADA"},
            {"email": "bob@example.com"},
            {"name": "100 %"},
            {"name": "a_b"},
            {"name": "Größe"},
        ]
        fill(
            store,
            "1",
            [
                entry(index, type=("inbox", "team")[index % 2], **person)
                for index, person in enumerate(people)
            ],
        )
        fill(store, "2", [entry(0, "2", **people[0])])
        oldest = Query(account="1", newest_first=False, **asked)
        newest = Query(account="1", **asked)
        assert indexes(store.find(oldest, limit=99)) == wanted
        assert indexes(store.find(newest, limit=99)) == wanted[::-1]
        assert store.walk(oldest, 99) == wanted
        assert store.walk(newest, 2) == wanted[::-1][:2]
        for index in wanted:
            assert (
                indexes(store.find(oldest, beyond=index, limit=1))
                == [each for each in wanted if each > index][:1]
            )

    def test_entries_come_in_the_order_asked_for_and_unknown_ones_not_at_all(
        self, store: Store
    ) -> None:
        fill(store, "1", [entry(index) for index in range(4)])
        assert indexes(store.entries("1", [3, 0, 99, 2, -1, 10**30])) == [3, 0, 2]
        assert store.entries("1", []) == []

    def test_an_entry_is_found_by_its_id_in_its_own_account_only(self, store: Store) -> None:
        known = fill(store, "1", [entry(0, id="a"), entry(1, id="b")])
        assert store.by_id("1", "b") == known[1]
        assert store.by_id("2", "b") is None
        for unknown in ("", "B", "b%", "\ud800", "b\x00"):
            assert store.by_id("1", unknown) is None

    def test_nothing_leaks_from_one_account_to_another(self, store: Store) -> None:
        names = ["1", "11", "01", "1 ", "", "A", "a", "0", "1\x00", "%", "ä"]
        for account in names:
            fill(store, account, [entry(index, account, id=f"{index}") for index in range(2)])
        for account in names:
            found = [
                *store.slice(account, 0, 99),
                *store.find(Query(account=account), limit=99),
                *store.entries(account, [0, 1]),
            ]
            assert {each.public.account for each in found} == {account}
            assert len(found) == 6
            assert store.head(account).size == 2

    def test_a_nul_is_a_letter_like_any_other(self, store: Store) -> None:
        names = ["a", "a\x00", "a\x00b", "\x00"]
        known = fill(
            store,
            "1",
            [
                entry(index, id=name, number=name, type=name, name=name, version=1)
                for index, name in enumerate(names)
            ],
        )
        for made, name in zip(known, names, strict=True):
            assert store.by_id("1", name) == made
            assert store.find(Query(account="1", where=Is("entity", name)), limit=9) == [made]
        assert store.known("1", [*names, "b"]) == set(names)
        assert store.versions("1", [(name, name) for name in names]) == {
            (name, name): 1 for name in names
        }
        assert indexes(store.find(Query(account="1", where=Named("a\x00")), limit=9)) == [2, 1]

    @pytest.mark.parametrize("sizes", [[1, 1, 1], [255, 1, 1], [256, 256], [300, 2, 700]])
    def test_tiles_and_seal_grow_with_the_entries(self, store: Store, sizes: list[int]) -> None:
        assert store.tile("1", 0, 0) == b""
        for size in sizes:
            store.append({"1": sealed(store, "1", size, b"signed"), "2": sealed(store, "2", 1)})
        leaves = [each.leaf for each in store.slice("1", 0, 2_000)]
        expected = Range().append(leaves).after
        assert store.head("1").seal == Seal.of(expected, b"signed")
        assert store.head("2").seal.checkpoint is None
        assert root(store, "1", sum(sizes)) == expected.root
        assert root(store, "1", sizes[0]) == Range().append(leaves[: sizes[0]]).after.root
        assert store.tile("1", 0, 0) == b"".join(leaves[:256])
        for unknown in (("1", 0, 99), ("1", 7, 0), ("nobody", 0, 0), ("1", 0, 10**30)):
            assert store.tile(*unknown) == b""

    def test_an_append_without_tiles_leaves_the_seal_where_it_was(self, store: Store) -> None:
        store.append({"1": sealed(store, "1", 3, b"signed")})
        seal = store.head("1").seal
        fill(store, "1", [entry(3)])
        assert store.head("1") == Head(4, 2_003, seal)

    def test_what_is_appended_already_is_sealed_later(self, store: Store) -> None:
        known = fill(store, "1", [entry(index) for index in range(5)])
        growth = Range().append([each.leaf for each in known[:3]])
        sealing = Sealing(0, tuple(additions(growth)), Seal.of(growth.after, None))
        store.append({"1": Tail(5, [], sealing)})
        assert store.head("1") == Head(5, 2_004, Seal.of(growth.after, None))
        with pytest.raises(HeadMoved):
            store.append({"1": Tail(5, [], sealing)})
        signed = Seal.of(growth.after, b"signed")
        store.append({"1": Tail(5, [], Sealing(3, (), signed))})
        assert store.head("1").seal == signed
        assert store.slice("1", 0, 9) == known

    def test_a_seal_that_moved_keeps_entries_and_tiles_out(self, store: Store) -> None:
        store.append({"1": sealed(store, "1", 2)})
        before = store.head("1")
        late = sealed(store, "1", 2)
        assert late.sealing is not None
        stale = late._replace(sealing=late.sealing._replace(before=1))
        with pytest.raises(HeadMoved):
            store.append({"2": sealed(store, "2", 1), "1": stale})
        assert (store.head("1"), store.head("2")) == (before, Head(0, 0))
        assert len(store.tile("1", 0, 0)) == 64
        assert store.tile("2", 0, 0) == b""

    @pytest.mark.parametrize("held", [0, 1, 3])
    def test_a_tile_of_another_width_is_not_added_to(self, store: Store, held: int) -> None:
        for _ in range(held):
            store.append({"1": sealed(store, "1", 1)})
        before, tile = store.head("1"), store.tile("1", 0, 0)
        made = [entry(held)]
        growth = Range().append([made[0].leaf] * 2).after.append([made[0].leaf])
        wrong = Sealing(held, tuple(additions(growth)), Seal.of(growth.after, None))
        with pytest.raises(TreeRefused):
            store.append({"1": Tail(held, made, wrong)})
        assert (store.head("1"), store.tile("1", 0, 0)) == (before, tile)

    def test_what_an_entry_declares_is_removed_in_steps_and_nothing_else(
        self, store: Store
    ) -> None:
        for account in ("1", "2"):
            fill(store, account, [entry(index, account, email="ada@x") for index in range(9)])
        removed = Removed(who=((1, 3), (5, 5)), what=((3, 3),), entry=((0, 0),))
        known = fill(store, "1", [entry(9, removed=removed), entry(10, email="ada@x")])
        assert indexes(store.slice("1", 0, 99)) == list(range(11))
        assert [store.remove("1", 2) for _ in range(5)] == [2, 2, 2, 0, 0]
        left = {each.index: each for each in store.slice("1", 0, 99)}
        assert sorted(left) == list(range(1, 11))
        assert [index for index, each in left.items() if each.who is None] == [1, 2, 3, 5, 9]
        assert [index for index, each in left.items() if each.what is None] == [3]
        assert (left[9], left[10]) == tuple(known)
        assert indexes(store.find(Query(account="1", where=Named("ada")), limit=99)) == [
            10,
            8,
            7,
            6,
            4,
        ]
        assert store.head("1") == Head(11, 2_010, first=1)
        assert store.slice("2", 0, 9)[1].who is not None
        assert store.remove("2", 99) == 0
        fill(store, "1", [entry(11)])

    def test_declared_ranges_are_told_by_the_entry_that_declares_them(self, store: Store) -> None:
        fill(store, "1", [entry(index) for index in range(9)])
        assert store.removals("1", "who", 0, 99) == []
        fill(store, "1", [entry(9, removed=Removed(who=((1, 3), (5, 5)), what=((3, 4),)))])
        fill(store, "1", [entry(10, removed=Removed(who=((0, 0),)))])
        first, second = Removal("who", 1, 3, 9), Removal("who", 5, 5, 9)
        assert store.removals("1", "who", 0, 99) == [Removal("who", 0, 0, 10), first, second]
        assert store.removals("1", "who", 2, 2) == [first]
        assert store.removals("1", "who", 3, 5) == [first, second]
        assert store.removals("1", "who", 4, 4) == []
        assert store.removals("1", "what", 4, 10**30) == [Removal("what", 3, 4, 9)]
        assert store.removals("2", "who", 0, 99) == []

    def test_dropped_entries_are_declared_anew_each_time(self, store: Store) -> None:
        fill(store, "1", [entry(index) for index in range(9)])
        assert store.head("1").first == 0
        fill(store, "1", [entry(9, removed=Removed(entry=((0, 1),)))])
        assert store.head("1").first == 2
        assert store.remove("1", 99) == 2
        fill(store, "1", [entry(10, removed=Removed(entry=((0, 3), (5, 6))))])
        assert store.removals("1", "entry", 0, 99) == [
            Removal("entry", 0, 3, 10),
            Removal("entry", 5, 6, 10),
        ]
        # What was dropped from the beginning of a range isn't dropped again.
        assert store.remove("1", 99) == 4
        assert indexes(store.slice("1", 0, 99)) == [4, 7, 8, 9, 10]
        assert indexes(store.find(Query(account="1"), beyond=8, limit=3)) == [7, 4]
        assert store.entries("1", [7, 6, 4]) == [entry(7), entry(4)]
        assert store.head("1").first == 7
        store.append({"1": Tail(11, [entry(11)])})

    def test_versions_count_on_behind_what_was_dropped(self, store: Store) -> None:
        numbers = ["1", "2", "1", "1", None, "3"]
        fill(
            store,
            "1",
            [
                entry(index, number=number, version=numbers[: index + 1].count(number))
                for index, number in enumerate(numbers)
            ],
        )
        fill(store, "2", [entry(0, "2", number="2")])
        # A hold may keep an older entry of a record whose newer ones go.
        fill(store, "1", [entry(6, removed=Removed(entry=((1, 4),)))])
        records: list[RecordKey] = [("inbox", each) for each in ("1", "2", None, "3", "4")]
        before = store.versions("1", records)
        assert before == {
            ("inbox", "1"): 3,
            ("inbox", "2"): 1,
            ("inbox", None): 1,
            ("inbox", "3"): 1,
        }
        assert [store.remove("1", 3), store.remove("1", 3)] == [3, 1]
        assert indexes(store.slice("1", 0, 99)) == [0, 5, 6]
        assert store.versions("1", records) == before
        assert store.versions("2", [("inbox", "1")]) == {}
        fill(store, "1", [entry(7, number="2", version=2)])
        assert store.versions("1", [("inbox", "2")]) == {("inbox", "2"): 2}

    def test_what_was_erased_is_wiped_once_and_a_drop_asks_for_nothing(self, store: Store) -> None:
        fill(store, "1", [entry(index, email="ada@x") for index in range(5)])
        fill(store, "1", [entry(5, removed=Removed(entry=((0, 0),)))])
        store.remove("1", 99)
        assert store.is_wiped()
        fill(store, "1", [entry(6, removed=Removed(who=((1, 2),), what=((3, 3),)))])
        store.remove("1", 99)
        assert (store.wipe(), store.is_wiped(), store.wipe()) == ("done", True, "done")
        assert indexes(each for each in store.slice("1", 0, 9) if each.who is None) == [1, 2, 5, 6]
        fill(store, "1", [entry(7)])

    def test_accounts_are_those_with_entries(self, store: Store) -> None:
        assert store.accounts() == []
        names = ["1", "11", "", "0", "ä", "1\x00"]
        for account in names:
            fill(store, account, [entry(0, account), entry(1, account)])
        store.append({"none": Tail(0, [])})
        assert sorted(store.accounts()) == sorted(names)

    def test_rows_repeat_beside_the_bytes_what_these_say(self, store: Store) -> None:
        uuid = "01890000-0000-7000-8000-0000000000ff"
        known = fill(
            store,
            "ä",
            [
                entry(0, "ä", email="Ada@example.com", name="Ä", id=uuid, type="ü", number="ö\x00"),
                entry(1, "ä", number=None),
            ],
        )
        rows = store.rows("ä", -(10**30), 10**30)
        assert [(row.idx, row.version) for row in rows] == [(0, 1), (1, 2)]
        for row, each in zip(rows, known, strict=True):
            public = each.public
            assert (row.public, row.leaf) == (each.public_bytes, each.leaf)
            who = (each.who.stored, each.who.salt) if each.who else None
            assert (row.who, row.who_salt) == (who or (None, None))
            assert each.what
            assert (row.what, row.what_salt) == (each.what.stored, each.what.salt)
            assert (row.id, row.occurred_at) == (public.id, public.occurred_at)
            assert row.recorded_at in (public.recorded_at, None)
            assert (row.entity_type, row.entity_id) == (public.entity.type, public.entity.id)
            assert row.person == read_person(each.who)
        assert store.rows("ä", 1, 2) == rows[1:]
        assert store.rows("a", 0, 9) == []

    def test_versions_that_leap_are_found(self, store: Store) -> None:
        versions = [("1", 1), ("2", 1), ("1", 2), (None, 2), ("2", 3), ("1", 2), ("1", 3)]
        fill(
            store,
            "1",
            [
                entry(index, number=number, version=version)
                for index, (number, version) in enumerate(versions)
            ],
        )
        found = [Leap(3, 2, None, 0), Leap(4, 3, 1, 1), Leap(5, 2, 2, 2)]
        assert sorted(store.leaps("1", 7)) == found
        assert sorted(store.leaps("1", 4)) == found[:1]
        assert list(store.leaps("2", 9)) == []
        assert store.repeated("1", 7) == []

    def test_mentioned_is_every_account_of_which_anything_is_left(self, store: Store) -> None:
        assert store.mentioned() == set()
        store.append({"1": sealed(store, "1", 2), "ä": sealed(store, "ä", 300)})
        assert store.mentioned() == {"1", "ä"}

    def test_keys_are_added_one_behind_the_other(self, store: Store) -> None:
        first, second = Key("a", bytes(32), 1), Key("ä", b"\xff" * 32, 2)
        assert store.public_keys() == []
        with pytest.raises(HeadMoved):
            store.add_key(first, 1)
        store.add_key(first, 0)
        with pytest.raises(HeadMoved):
            store.add_key(second, 0)
        store.add_key(second, 1)
        assert store.public_keys() == [first, second]

    def test_writers_at_once_leave_no_gap_and_no_double(self, store: Store) -> None:
        def write(name: str) -> None:
            done = 0
            while done < 15:
                size = store.head("1").size
                try:
                    store.append({"1": Tail(size, [entry(size, id=f"{name} {done}")])})
                except HeadMoved:
                    continue
                done += 1

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = store.slice("1", 0, 99)
        assert indexes(found) == list(range(45))
        assert len({each.public.id for each in found}) == 45
