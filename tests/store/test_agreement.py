"""Memory is the reference: whatever is done to all, SQLite and PostgreSQL answer the same."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from audit_trail.errors import AuditError
from audit_trail.record.entry import Entry
from audit_trail.record.query import All, During, Is, Named, Query
from audit_trail.record.query import Any as AnyOf
from audit_trail.seal.tile import additions
from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Lead, Seal, Sealing, Store, Tail
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.store.sqlite import SqliteStore
from tests.store.contract import entry

accounts = st.sampled_from(["1", "2", "0"])
names = st.sampled_from(["Ada", "ada_l", "Bob%", "ÄRGER", "straße", None])
types = st.sampled_from(["inbox", "team", "user"])
edges = st.integers(-2, 30) | st.sampled_from([10**25, -(10**25)])
conditions = (
    st.sampled_from(["a", "AD", "%", "_", "ss", "ä", "", "\ud800", "\x00"]).map(Named)
    | st.lists(types.map(lambda type_: Is("entity", type_)), min_size=1, max_size=2).map(
        lambda given: AnyOf(tuple(given))
    )
    | st.builds(During, st.none() | edges, st.none() | edges)
)
queries = st.builds(
    Query,
    account=accounts,
    where=st.none() | st.lists(conditions, max_size=3).map(lambda given: All(tuple(given))),
    start=st.none() | edges,
    stop=st.none() | edges,
    newest_first=st.booleans(),
)


class Stores(RuleBasedStateMachine):
    emptied: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "trail.db"
        self.url = type(self).emptied()
        self.stores: list[Store] = [MemoryStore(), *self.opened()]
        self.made = 0
        self.leads: list[Lead] = []

    def opened(self) -> list[Store]:
        return [SqliteStore(self.path), PostgresqlStore(self.url)]

    def teardown(self) -> None:
        self.close()
        self.folder.cleanup()

    def close(self) -> None:
        for store in self.stores[1:]:
            store.close()

    def all(self, method: str, *given: Any, **named: Any) -> Any:
        answers = []
        for store in self.stores:
            try:
                answers.append(getattr(store, method)(*given, **named))
            except AuditError as error:
                answers.append(type(error))
        assert answers == answers[:1] * len(answers)
        return answers[0]

    @rule(
        given=st.dictionaries(
            accounts, st.lists(st.tuples(names, types, st.integers(0, 25)), max_size=4), max_size=3
        ),
        late=st.integers(-1, 1) | st.just(0),
        tree=st.booleans(),
        lead=st.none() | st.integers(0, 3),
    )
    def append(self, given: dict[str, list[Any]], late: int, tree: bool, lead: int | None) -> None:
        tails = {}
        for account, entries in given.items():
            size = max(self.stores[0].head(account).size + late, 0)
            made: list[Entry] = []
            for offset, (name, type_, time) in enumerate(entries):
                self.made += 1
                made.append(
                    entry(
                        size + offset,
                        account,
                        id=f"id-{self.made}",
                        name=name,
                        type=type_,
                        number=str(self.made % 3),
                        occurred_at=time,
                        version=self._version(account, type_, made) + 1,
                    )
                )
            tails[account] = Tail(size, made, self._sealing(account, made) if tree else None)
        chosen = self.leads[lead] if lead is not None and lead < len(self.leads) else None
        self.all("append", tails, chosen)

    def _sealing(self, account: str, made: list[Entry]) -> Sealing | None:
        seal = self.stores[0].head(account).seal
        growth = seal.edge.append([each.leaf for each in made])
        checkpoint = str(growth.after.stop).encode() if len(made) % 2 else seal.checkpoint
        return Sealing(seal.size, tuple(additions(growth)), Seal.of(growth.after, checkpoint))

    def _version(self, account: str, type_: str, made: list[Any]) -> int:
        key = (type_, str(self.made % 3))
        before = self.stores[0].versions(account, [key]).get(key, 0)
        return before + sum((m.public.entity.type, m.public.entity.id) == key for m in made)

    @rule(outbox=st.sampled_from(["a", "b"]))
    def begin_term(self, outbox: str) -> None:
        self.leads.append(self.all("begin_term", outbox))

    @rule(query=queries, beyond=st.none() | edges, limit=st.integers(0, 9))
    def find(self, query: Query, beyond: int | None, limit: int) -> None:
        self.all("find", query, beyond=beyond, limit=limit)
        self.all("walk", query, limit)

    @rule(account=accounts, start=edges, stop=edges)
    def read(self, account: str, start: int, stop: int) -> None:
        self.all("slice", account, start, stop)
        self.all("entries", account, [stop, start])

    @rule(account=accounts, numbers=st.lists(st.integers(0, 40), max_size=5))
    def look_up(self, account: str, numbers: list[int]) -> None:
        ids = [f"id-{number}" for number in numbers]
        self.all("known", account, ids)
        for each in ids:
            self.all("by_id", account, each)
        self.all("versions", account, [(t, str(n % 3)) for t in ("inbox", "team") for n in numbers])

    @rule()
    def reopen(self) -> None:
        self.close()
        self.stores[1:] = self.opened()

    @invariant()
    def heads_agree(self) -> None:
        for account in ("0", "1", "2"):
            self.all("head", account)
            self.all("tile", account, 0, 0)


@pytest.fixture(scope="session", autouse=True)
def _server(emptied: Callable[[], str]) -> None:
    Stores.emptied = emptied


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
