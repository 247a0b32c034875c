"""Time per save with capture against the same save without, interleaved save by save."""

import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import Actor, Origin, acting_as
from audit_trail.capture.watch import Table, WatchList
from bench.paired import Ratio, ratio_of

SAVES_PER_ROUND = 200


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


WATCH = WatchList(tables=(Table(name="inboxes", entity="inbox", label=("name",)),))
ORIGIN = Origin(via="api", request="bench", ip="127.0.0.1", user_agent="bench")
ACTOR = Actor(kind="user", id="7", email="user@example.com", name="User")


class Cost(NamedTuple):
    """What a save costs: the ratio with/without, and microseconds without and added."""

    ratio: Ratio
    without_us: float
    added_us: float


def _database(folder: Path, name: str, *, captured: bool) -> Engine:
    engine = create_engine(f"sqlite:///{folder / name}.db")
    capture.attach(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(
            Inbox(id=number, account_id=1, name=f"Inbox {number}") for number in range(1, 101)
        )
    with engine.begin() as connection:
        if captured:
            capture.sync(connection, WATCH)
    return engine


def measure(saves_per_transaction: int, rounds: int) -> Cost:
    """Save the same fields in both databases in turn; a round is 200 saves on each side."""
    with tempfile.TemporaryDirectory() as folder:
        with_capture = _database(Path(folder), "with", captured=True)
        without = _database(Path(folder), "without", captured=False)
        sides = (
            _Side(with_capture, saves_per_transaction, acts=True),
            _Side(without, saves_per_transaction),
        )
        pairs = []
        for _ in range(rounds + 1):
            pairs.append(_round(sides))
            with with_capture.begin() as connection:
                connection.exec_driver_sql("DELETE FROM audit_outbox")
        for side in sides:
            side.close()
    pairs = pairs[1:]  # The first round warms caches.
    ratio = ratio_of(pairs)
    return Cost(
        ratio,
        statistics.median(second for _, second in pairs) * 1e6,
        statistics.median(first - second for first, second in pairs) * 1e6,
    )


class _Side:
    """One database, saving one row after another, each transaction under its context or none."""

    def __init__(self, engine: Engine, saves_per_transaction: int, *, acts: bool = False) -> None:
        self._engine = engine
        self._size = saves_per_transaction
        self._acts = acts
        self._session = Session(engine, autobegin=True)
        self._saved = 0

    def save(self) -> float:
        """Change two fields of one row and flush; commit when the transaction is full."""
        number = self._saved % 100 + 1
        started = time.perf_counter()
        if self._acts:
            with acting_as(ACTOR, ORIGIN):
                self._write(number)
        else:
            self._write(number)
        return time.perf_counter() - started

    def _write(self, number: int) -> None:
        inbox = self._session.scalars(select(Inbox).where(Inbox.id == number)).one()
        self._saved += 1
        inbox.name = f"Inbox {number} {self._saved}"
        inbox.position = self._saved
        self._session.flush()
        if self._saved % self._size == 0:
            self._session.commit()

    def close(self) -> None:
        self._session.close()
        self._engine.dispose()


def _round(sides: tuple[_Side, _Side]) -> tuple[float, float]:
    """Return the mean seconds per save of both sides, their order changing save by save."""
    gc.collect()
    totals = [0.0, 0.0]
    for number in range(SAVES_PER_ROUND):
        for position in (0, 1) if number % 2 else (1, 0):
            totals[position] += sides[position].save()
    return totals[0] / SAVES_PER_ROUND, totals[1] / SAVES_PER_ROUND
