"""What every store must do; an adapter's tests subclass this and give a `store` fixture."""

import threading
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from audit_trail.errors import HeadMoved, TermLost
from audit_trail.record.canonical import canonical_bytes
from audit_trail.record.entry import ActorId, Entity, Entry, Part, Public, Who
from audit_trail.record.query import Query
from audit_trail.seal.merkle import leaf_hash
from audit_trail.store.port import Head, Lead, Store, Tail

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
        entity=Entity(type=given.get("type", "inbox"), id=given.get("number", "1")),
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
            ({"types": ("inbox",)}, [0, 2, 4]),
            ({"types": ("inbox", "team")}, [0, 1, 2, 3, 4, 5]),
            ({"types": ("nothing", "'; --")}, []),
            ({"since_us": 1_002}, [2, 3, 4, 5]),
            ({"until_us": 1_002}, [0, 1, 2]),
            ({"since_us": 1_002, "until_us": 1_002}, [2]),
            ({"since_us": 1_003, "until_us": 1_002}, []),
            ({"since_us": -(10**30), "until_us": 10**30}, [0, 1, 2, 3, 4, 5]),
            ({"since_us": 10**30}, []),
            ({"person": "ADA"}, [0, 1]),
            ({"person": "example.com"}, [0, 1, 2]),
            ({"person": "%"}, [3]),
            ({"person": "_"}, [4]),
            ({"person": "GRÖSSE"}, [5]),
            ({"person": "größe"}, [5]),
            ({"person": "'"}, []),
            ({"person": "\\"}, []),
            ({"person": "\x00"}, []),
            ({"person": "\ud800"}, []),
            ({"person": ""}, [0, 1, 2, 3, 4, 5]),
            ({"person": "ada", "types": ("team",), "since_us": 1_001}, [1]),
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
            assert store.find(Query(account="1", types=(name,)), limit=9) == [made]
        assert store.known("1", [*names, "b"]) == set(names)
        assert store.versions("1", [(name, name) for name in names]) == {
            (name, name): 1 for name in names
        }
        assert indexes(store.find(Query(account="1", person="a\x00"), limit=9)) == [2, 1]

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
