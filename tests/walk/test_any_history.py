"""Whatever is written, by whatever path, rolled back or crashed: the trail tells it all and no more.

Two watched tables, one pointing to the other, one with a trigger of the application that writes
the row again. A model in plain Python remembers every committed state; at the end the trail is
folded into a state and compared with the tables, and each transaction's entries with its net change.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import ForeignKey, Integer, Text, bindparam, delete, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from audit_trail.capture.context import acting_as
from audit_trail.capture.sqlalchemy import migrating
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.errors import StoreFailed
from audit_trail.record.entry import Entry
from audit_trail.store.memory import MemoryStore
from tests.capture.host import ADA, BOB, NOTHING, Host, origin, told
from tests.reconciliation.behind import found
from tests.sequencer.faults import FailingStore

SCHEMA = """
CREATE TABLE teams (
  id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT UNIQUE COLLATE NOCASE,
  n INTEGER CHECK (n < 9), size INTEGER
);
CREATE TABLE members (
  id INTEGER PRIMARY KEY, account_id INTEGER,
  team_id INTEGER REFERENCES teams (id) ON DELETE CASCADE, lead_id INTEGER
    REFERENCES teams (id) ON DELETE SET NULL, name TEXT
);
-- The application's own: they write the row again, inside the write that fired them.
CREATE TRIGGER sized AFTER INSERT ON teams WHEN new.n IS NOT NULL
BEGIN
  UPDATE teams SET size = new.n * 10 WHERE id = new.id;
END;
CREATE TRIGGER resized AFTER UPDATE OF n ON teams
BEGIN
  UPDATE teams SET size = new.n * 10, name = CASE WHEN new.n = 5 THEN NULL ELSE name END
  WHERE id = new.id;
END;
"""
WATCH = WatchList(
    tables=(
        Table(name="teams", entity="teams", label=("name",)),
        Table(
            name="members",
            entity="members",
            references=(
                Reference(table="teams", columns=("team_id",), label="name"),
                Reference(table="teams", columns=("lead_id",), label="name"),
            ),
        ),
    )
)
COLUMNS = {
    "teams": ("id", "account_id", "name", "n", "size"),
    "members": ("id", "account_id", "team_id", "lead_id", "name"),
}
SAID = ("id", "account_id")

Record = Mapping[str, Any]
State = dict[tuple[str, int], Record]


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(Integer)
    name: Mapped[str | None] = mapped_column(Text)
    n: Mapped[int | None] = mapped_column(Integer)
    size: Mapped[int | None] = mapped_column(Integer)


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(Integer)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str | None] = mapped_column(Text)


numbers = st.integers(1, 3)
names = st.sampled_from(["a", "A", "b", None])
smalls = st.none() | st.integers(0, 9)
teams = st.fixed_dictionaries({"id": numbers, "account_id": st.just(1), "name": names, "n": smalls})
members = st.fixed_dictionaries(
    {
        "id": numbers,
        "account_id": st.just(1),
        "team_id": st.none() | numbers,
        "lead_id": st.none() | numbers,
        "name": names,
    }
)

Step = Callable[[Session], object]


def _orm_put(table: type[Any], row: dict[str, Any]) -> Step:
    def put(session: Session) -> None:
        session.merge(table(**row))
        session.flush()
        session.expire_all()

    return put


def _orm_delete(table: type[Any], number: int) -> Step:
    def remove(session: Session) -> None:
        if (found := session.get(table, number)) is not None:
            session.delete(found)
            session.flush()
        session.expire_all()

    return remove


def _raw(statement: str, **values: Any) -> Step:
    return lambda session: session.connection().exec_driver_sql(statement, values)


def _upsert(row: dict[str, Any]) -> Step:
    statement = upsert(Team).values(row)
    return lambda session: session.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"n": statement.excluded.n})
    )


INSERT_TEAM = "INTO teams (id, account_id, name, n) VALUES (:id, :account_id, :name, :n)"
INSERT_MEMBER = (
    "INTO members (id, account_id, team_id, lead_id, name) "
    "VALUES (:id, :account_id, :team_id, :lead_id, :name)"
)
conflicts = st.sampled_from(["INSERT", "REPLACE", "INSERT OR IGNORE", "INSERT OR REPLACE"])
plain_sql = (
    st.builds(lambda verb, row: (f"{verb} {INSERT_TEAM}", row), conflicts, teams)
    | st.builds(lambda verb, row: (f"{verb} {INSERT_MEMBER}", row), conflicts, members)
    | st.builds(lambda i: ("UPDATE teams SET n = n + 1 WHERE id >= :id", {"id": i}), numbers)
    | st.builds(
        lambda i, n: ("UPDATE teams SET n = :n WHERE id = :id", {"id": i, "n": n}), numbers, smalls
    )
    | st.builds(
        lambda i, n: ("UPDATE OR REPLACE teams SET name = :n WHERE id = :id", {"id": i, "n": n}),
        numbers,
        names,
    )
    | st.builds(lambda i: ("DELETE FROM teams WHERE id = :id", {"id": i}), numbers)
    | st.builds(lambda i: ("DELETE FROM members WHERE id >= :id", {"id": i}), numbers)
    | st.builds(lambda n: ("UPDATE members SET name = :n", {"n": n}), names)
)
steps = (
    st.builds(_orm_put, st.just(Team), teams)
    | st.builds(_orm_put, st.just(Member), members)
    | st.builds(_orm_delete, st.sampled_from([Team, Member]), numbers)
    | plain_sql.map(lambda pair: _raw(pair[0], **pair[1]))
    | teams.map(_upsert)
    | st.lists(teams, min_size=1, max_size=3).map(
        lambda rows: lambda session: session.execute(insert(Team), rows)
    )
    | st.builds(
        lambda n, i: (
            lambda session: session.execute(update(Member).where(Member.id >= i).values(name=n))
        ),
        names,
        numbers,
    )
    | st.lists(numbers, min_size=1, max_size=3, unique=True).map(
        lambda ids: (
            lambda session: session.connection().execute(
                delete(Team).where(Team.id == bindparam("number")), [{"number": i} for i in ids]
            )
        )
    )
)


class History(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = FailingStore()
        self.host = Host(
            Path(self.folder.name) / "host.db", schema=SCHEMA, watch=WATCH, store=self.store
        )
        self.shell = sqlite3.connect(self.host.path, isolation_level=None)
        self.state: State = {}
        self.nets: list[dict[tuple[str, int], Any]] = []
        """The net change of each transaction that was committed under an actor."""

    def teardown(self) -> None:
        if hasattr(self, "host"):
            try:
                self.everything_is_told()
            finally:
                self.shell.close()
                self.host.close()
                self.folder.cleanup()

    @contextmanager
    def watched(self, request: str | None) -> Iterator[None]:
        before = self.state
        yield
        self.state = self.tables()
        if request is not None:
            self.nets.append({**net(before, self.state), ("request", 0): request})

    def tables(self) -> State:
        return {
            (table, row[0]): dict(zip(columns, row, strict=True))
            for table, columns in COLUMNS.items()
            for row in self.shell.execute(f"SELECT {', '.join(columns)} FROM {table}")
        }

    @rule(
        work=st.lists(
            st.tuples(steps, st.sampled_from(["kept", "kept", "undone"])), min_size=1, max_size=8
        ),
        ended=st.sampled_from(["commit", "commit", "commit", "rollback"]),
        actor=st.sampled_from([ADA, BOB]),
    )
    def write_in_one_transaction(
        self, work: Sequence[tuple[Step, str]], ended: str, actor: Any
    ) -> None:
        request = f"r-{len(self.nets)}"
        with (
            self.watched(request if ended == "commit" else None),
            acting_as(actor, origin(request=request)),
            Session(self.host.engine) as session,
        ):
            for step, inside in work:
                nested = session.begin_nested()
                try:
                    step(session)
                    nested.rollback() if inside == "undone" else nested.commit()
                except DBAPIError:
                    nested.rollback()
            getattr(session, ended)()

    @rule(
        work=st.lists(plain_sql, min_size=1, max_size=8),
        foreign_keys=st.booleans(),
        recursive=st.booleans(),
    )
    def write_from_a_shell(
        self, work: Sequence[tuple[str, dict[str, Any]]], foreign_keys: bool, recursive: bool
    ) -> None:
        # Without foreign keys a shell may leave orphans; that is its right, and is recorded.
        self.shell.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        self.shell.execute(f"PRAGMA recursive_triggers = {int(recursive)}")
        with self.watched(None):
            for statement, values in work:
                with suppress(sqlite3.IntegrityError):
                    self.shell.execute(statement, values)

    @rule()
    def migrate(self) -> None:
        if not self.shell.execute("PRAGMA foreign_key_check").fetchall():
            with migrating(self.host.engine, WATCH) as connection:
                connection.exec_driver_sql("CREATE TABLE new AS SELECT * FROM members WHERE 0")
                connection.exec_driver_sql("DROP TABLE new")

    @rule(fault=st.sampled_from(["", "lost", "kept", "crash", "restart"]))
    def sequence_a_batch(self, fault: str) -> None:
        self.store.plan = [fault] if fault in ("lost", "kept") else []
        with pytest.MonkeyPatch.context() as crashing:
            if fault == "crash":
                crashing.setattr(self.host.outbox, "delete", lambda rows: None)
            try:
                self.host.sequencer.step()
            except StoreFailed:
                assert fault in ("lost", "kept")
        self.store.plan = []
        if fault:
            self.host.sequencer = self.host.new_sequencer()

    @invariant()
    def indexes_have_no_gap(self) -> None:
        if hasattr(self, "host"):
            entries = self.store.slice("1", 0, 10**6)
            assert [each.index for each in entries] == list(range(len(entries)))

    def everything_is_told(self) -> None:
        entries = self.host.entries("1")
        assert self.host.entries("0") == []
        assert len({each.public.id for each in entries}) == len(entries)
        assert folded(entries) == self.state
        assert found(self.host) == set()
        for wanted in self.nets:
            request = wanted.pop(("request", 0))
            told_of = [each for each in entries if each.public.request == request]
            assert {key(each): claimed(each) for each in told_of} == wanted
            assert len(told_of) == len(wanted), "one entry for each record and transaction"


def key(entry: Entry) -> tuple[str, int]:
    return entry.public.entity.type, int(entry.public.entity.id or 0)


def claimed(entry: Entry) -> tuple[str, Mapping[str, tuple[Any, Any]]]:
    it = told(entry)
    assert set(entry.public.fields) == set(it.changes)
    return it.action, dict(it.changes)


def net(before: State, after: State) -> dict[tuple[str, int], Any]:
    """What a transaction did to each record, in the words of an entry."""
    found: dict[tuple[str, int], Any] = {}
    for each in {*before, *after}:
        old, new = before.get(each), after.get(each)
        if old is None or new is None:
            whole = new or old or {}
            said = {name: v for name, v in whole.items() if v is not None and name not in SAID}
            found[each] = (
                ("create", {name: (NOTHING, v) for name, v in said.items()})
                if old is None
                else ("delete", {name: (v, NOTHING) for name, v in said.items()})
            )
        elif old != new:
            changes = {name: (old[name], new[name]) for name in old if old[name] != new[name]}
            found[each] = ("update", changes)
    return found


def folded(entries: Sequence[Entry]) -> State:
    """Play the trail from the start; every before must be what the entries before it left.

    Rows of a shell aren't merged, and a trigger's write is recorded before the one that fired it:
    an entry that doesn't follow yet waits for the next one of its record.
    """
    state: State = {}
    waiting: dict[tuple[str, int], list[Entry]] = {}
    for entry in entries:
        queue = waiting.setdefault(key(entry), [])
        queue.append(entry)
        while follower := next((each for each in queue if follows(each, state)), None):
            queue.remove(follower)
            apply(follower, state)
    assert not any(waiting.values()), [told(each) for queue in waiting.values() for each in queue]
    return state


def follows(entry: Entry, state: State) -> bool:
    action, changes = claimed(entry)
    old = state.get(key(entry))
    if old is None or action == "create":
        return old is None and action == "create"
    left = {name for name, value in old.items() if value is not None and name not in SAID}
    return all(old[name] == before for name, (before, _) in changes.items()) and (
        action == "update" or left == set(changes)
    )


def apply(entry: Entry, state: State) -> None:
    action, changes = claimed(entry)
    new = {name: after for name, (_, after) in changes.items()}
    table, number = key(entry)
    blank = {**dict.fromkeys(COLUMNS[table]), "id": number, "account_id": 1}
    if action == "delete":
        del state[table, number]
    else:
        state[table, number] = {**state.get((table, number), blank), **new}


TestAnyHistory = History.TestCase
TestAnyHistory.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


def test_the_fold_notices_a_lost_an_invented_and_a_wrong_entry(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db", schema=SCHEMA, watch=WATCH, store=MemoryStore())
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'a')")
    host.write("UPDATE teams SET name = 'b'")
    host.write("DELETE FROM teams")
    entries = host.entries()
    assert folded(entries) == {}
    assert folded(entries[:2] + entries) != {}
    for wrong in (entries[1:], [entries[0], entries[2]], entries[:1] * 2):
        with pytest.raises(AssertionError):
            folded(wrong)
    host.close()
