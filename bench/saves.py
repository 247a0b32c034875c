"""What capture adds to a save, against no capture and against an audit row written by the ORM.

Three databases save the same fields in turn, save by save: one without capture, one with it, and
one whose application adds an audit row of the same content, under the same indexes, and flushes it
with each save, as the usual library does.
"""

import gc
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Engine, String, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import Actor, Origin, acting_as
from audit_trail.capture.watch import Table, WatchList
from bench.engines import Place
from bench.paired import Ratio, median_with_interval, ratio_of

SAVES_PER_ROUND = 200
BULK_ROWS = 1_000


class Base(DeclarativeBase):
    """The tables of the benchmark."""


class Inbox(Base):
    """A table of the size that an application's usually have."""

    __tablename__ = "inboxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    greeting: Mapped[str | None]
    webhook_url: Mapped[str | None]
    timezone: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    enabled: Mapped[bool] = mapped_column(default=True)


class AuditBase(DeclarativeBase):
    """The usual way, beside the tables of the benchmark."""


class AuditRow(AuditBase):
    """What an application would write by itself: as much as an outbox row says."""

    __tablename__ = "audit_rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    transaction: Mapped[int]
    occurred_us: Mapped[int] = mapped_column(BigInteger)
    table_name: Mapped[str]
    operation: Mapped[str]
    account: Mapped[str]
    record_key: Mapped[str]
    record_id: Mapped[str]
    changes: Mapped[str]
    labels: Mapped[str]
    context: Mapped[str]


WATCH = WatchList(tables=(Table(name="inboxes", entity="inbox", label=("name",)),))
ORIGIN = Origin(via="api", request="bench", ip="127.0.0.1", user_agent="bench")
ACTOR = Actor(kind="user", id="7", email="user@example.com", name="User")
CONTEXT = msgspec.json.encode({"actor": ACTOR, "origin": ORIGIN}).decode()


class Cost(NamedTuple):
    """What a save costs, in microseconds: without capture, and what each way adds to it.

    `ratio` is with capture / without; `share` is what capture adds / what an audit row adds.
    """

    without_us: float
    captured_us: float
    audit_row_us: float
    ratio: Ratio
    share: Ratio
    added: Ratio


def new_engine(
    place: Place,
    *,
    captured: bool = False,
    audited: bool = False,
    after_commit: Callable[[], None] = lambda: None,
) -> Engine:
    """Return an engine on a new database with rows to change."""
    engine = place.engine()
    Base.metadata.create_all(engine)
    if audited:
        AuditBase.metadata.create_all(engine)
        if place.kind == "PostgreSQL":  # There the outbox has a second index.
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE INDEX ON audit_rows (transaction, id)")
    with Session(engine) as session, session.begin():
        session.add_all(
            Inbox(id=number, account_id=1, name=f"Inbox {number}")
            for number in range(1, BULK_ROWS + 1)
        )
    if captured:
        capture.attach(engine, after_commit=after_commit)
        with engine.begin() as connection:
            capture.sync(connection, WATCH)
    return engine


def saving(place: Place, saves_per_transaction: int, rounds: int) -> Cost:
    """Measure ORM saves, so many in a transaction; a round is 200 saves on each side."""
    return _measured(place, rounds, SAVES_PER_ROUND, lambda side: side.save(saves_per_transaction))


def bulk_updating(place: Place, rounds: int) -> Cost:
    """Measure one UPDATE of 1,000 rows; the figures are for each of its rows."""
    cost = _measured(place, rounds, 3, lambda side: side.update_all())
    without, captured, audit_row = (figure / BULK_ROWS for figure in cost[:3])
    return cost._replace(without_us=without, captured_us=captured, audit_row_us=audit_row)


def _measured(place: Place, rounds: int, times: int, act) -> Cost:
    sides = [
        Side(new_engine(place)),
        Side(new_engine(place, captured=True), captured=True),
        Side(new_engine(place, audited=True), audited=True),
    ]
    measured = []
    for _ in range(rounds + 1):
        measured.append(_round(sides, times, act))
        sides[1].forget()
    for side in sides:
        side.close()
    kept = measured[1:]  # The first round warms caches.
    added = [(captured - without) * 1e6 for without, captured, _ in kept]
    return Cost(
        statistics.median(without for without, *_ in kept) * 1e6,
        statistics.median(added),
        statistics.median((audit_row - without) * 1e6 for without, _, audit_row in kept),
        ratio_of([(captured, without) for without, captured, _ in kept]),
        median_with_interval(
            [(captured - without) / (audit_row - without) for without, captured, audit_row in kept]
        ),
        median_with_interval(added),
    )


def _round(sides, times: int, act) -> list[float]:
    """Return the mean seconds of each side, their order changing time by time."""
    gc.collect()
    totals = [0.0] * len(sides)
    for number in range(times):
        for offset in range(len(sides)):
            position = (number + offset) % len(sides)
            started = time.perf_counter()
            act(sides[position])
            totals[position] += time.perf_counter() - started
    return [total / times for total in totals]


class Side:
    """One database and what its application does with it."""

    def __init__(self, engine: Engine, *, captured: bool = False, audited: bool = False) -> None:
        self._engine = engine
        self._audited = audited
        self._session = Session(engine, expire_on_commit=False)
        self._inboxes = self._session.scalars(select(Inbox).order_by(Inbox.id)).all()
        self._session.commit()
        self._saved = 0
        self._acting = (lambda: acting_as(ACTOR, ORIGIN)) if captured else nullcontext

    def save(self, saves_per_transaction: int) -> None:
        """Change two fields of one row and flush; commit when the transaction is full."""
        inbox = self._inboxes[self._saved % 100]
        self._saved += 1
        with self._acting():
            old = (inbox.name, inbox.position)
            inbox.name = f"Inbox {inbox.id} {self._saved}"
            inbox.position = self._saved
            if self._audited:
                self._session.add(_audit_row(inbox, old, self._saved // saves_per_transaction))
            self._session.flush()
            if self._saved % saves_per_transaction == 0:
                self._session.commit()

    def update_all(self) -> None:
        """Change every row by one statement; the usual way reads them first, to tell what changed."""
        self._saved += 1
        with self._acting():
            reading = select(Inbox.id, Inbox.position).order_by(Inbox.id)
            before = self._session.execute(reading).all() if self._audited else []
            self._session.execute(
                update(Inbox).values(position=Inbox.position + 1),
                execution_options={"synchronize_session": False},
            )
            self._session.add_all(
                _audit_row(
                    Inbox(id=number, name="Inbox", position=position + 1),
                    ("Inbox", position),
                    self._saved,
                )
                for number, position in before
            )
            self._session.commit()
            self._session.expunge_all()

    def forget(self) -> None:
        """Empty the outbox, as the sequencer would meanwhile."""
        outbox = (
            "audit_trail.outbox" if self._engine.dialect.name == "postgresql" else "audit_outbox"
        )
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {outbox}")

    def close(self) -> None:
        self._session.close()
        self._engine.dispose()


def _audit_row(inbox: Inbox, old: tuple[str, int], transaction: int) -> AuditRow:
    changes = {"name": [old[0], inbox.name], "position": [old[1], inbox.position]}
    return AuditRow(
        transaction=transaction,
        occurred_us=time.time_ns() // 1_000,
        table_name="inboxes",
        operation="update",
        account="1",
        record_key=str(inbox.id),
        record_id=str(inbox.id),
        changes=msgspec.json.encode(changes).decode(),
        labels=msgspec.json.encode({"name": [old[0], inbox.name]}).decode(),
        context=CONTEXT,
    )
