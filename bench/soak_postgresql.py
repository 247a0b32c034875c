"""The soak on PostgreSQL: writers, two sequencers and a server, one of which is killed at a time.

`python -m bench.soak_postgresql DATABASE TRAIL` is one of the sequencers.
"""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import Event

from msgspec import Raw
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from audit_trail.capture import sqlalchemy as capture
from audit_trail.capture.context import Actor, Origin, acting_as
from audit_trail.capture.watch import Table, WatchList
from audit_trail.record.entry import Entry, read_what
from audit_trail.record.value import plain
from audit_trail.sequencer.loop import Sequencer
from audit_trail.store.postgresql.store import PostgresqlStore
from audit_trail.trail import Trail
from bench.soak import LEAST_SHARE, Tally, check_renamings
from tests.postgresql import Cluster, cluster

TEAMS = "CREATE TABLE teams (id integer PRIMARY KEY, account_id integer, name text)"
WATCH = WatchList(tables=(Table(name="teams", entity="team", label=("name",)),))
ACTOR = Actor(kind="user", id="7", email="user@example.com", name="User")
ORIGIN = Origin(via="job", request="soak")
ACCOUNT = "1"
PAUSE_SECONDS = 0.005
"""Between two changes of a writer, so that half an hour's fit into memory when they are checked."""

AGAIN_SECONDS = 0.05
READ_TOGETHER = 10_000
DISCONNECT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


class Writer(threading.Thread):
    """Renames one team of its own again and again, whatever becomes of its connection."""

    def __init__(self, engine: Engine, team: int) -> None:
        super().__init__(daemon=True)
        self._engine = engine
        self.team = team
        self._stopping = Event()
        self.asked: list[str] = []
        self.answered: list[str] = []

    def run(self) -> None:
        while not self._stopping.is_set():
            name = f"{self.team}-{len(self.asked)}"
            self.asked.append(name)
            try:
                with acting_as(ACTOR, ORIGIN), self._engine.begin() as connection:
                    connection.exec_driver_sql(
                        "UPDATE teams SET name = %s WHERE id = %s", (name, self.team)
                    )
            except OperationalError:
                self._stopping.wait(AGAIN_SECONDS)
            else:
                self.answered.append(name)
                self._stopping.wait(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stopping.set()
        self.join()


class Sequencers:
    """Two processes, of which one leads and the other stands by."""

    def __init__(self, database: str, trail: str) -> None:
        self._command = [sys.executable, "-m", "bench.soak_postgresql", database, trail]
        self._processes = [self._start(), self._start()]

    def kill(self, which: int) -> None:
        """Kill one, and start another."""
        self._end(self._processes[which])
        self._processes[which] = self._start()

    def stop(self) -> None:
        for process in self._processes:
            self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(30)


def run(*, kills: int, seconds_each: float, writers: int, seed: int) -> Tally:
    """Kill something this often, at random moments, and check the trail. Raises `AssertionError`.

    A sequencer is killed, or every connection broken, or the server crashes.
    """
    chance = random.Random(seed)
    with cluster() as server, ExitStack() as stack:
        database, trail = server.database(), server.database()
        engine = _application(server, database, writers)
        stack.callback(engine.dispose)
        threads = [Writer(engine, team) for team in range(1, writers + 1)]
        with _sequenced(server.url(database), server.url(trail)) as sequencers:
            faults: list[Callable[[], None]] = [
                lambda: sequencers.kill(0),
                lambda: sequencers.kill(1),
                lambda: server.run(DISCONNECT),
                lambda: _crash(server),
            ]
            for thread in threads:
                thread.start()
            for number in range(kills):
                time.sleep(chance.uniform(LEAST_SHARE, 1) * seconds_each)
                # Each in turn, then as chance has it, so that a short run has each too.
                faults[number % 4 if number < 4 else chance.randrange(4)]()
            for thread in threads:
                thread.stop()
        return _tally(kills, engine, server.url(trail), threads)


def _application(server: Cluster, database: str, teams: int) -> Engine:
    engine = create_engine(server.url(database).replace("postgresql:", "postgresql+psycopg:"))
    capture.attach(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(TEAMS)
        capture.sync(connection, WATCH)
        for team in range(1, teams + 1):
            connection.exec_driver_sql("INSERT INTO teams VALUES (%s, 1, 'new')", (team,))
    return engine


@contextmanager
def _sequenced(database: str, trail: str) -> Iterator[Sequencers]:
    PostgresqlStore(trail).close()  # Its tables are there before two of them look.
    sequencers = Sequencers(database, trail)
    try:
        yield sequencers
    finally:
        sequencers.stop()


def _crash(server: Cluster) -> None:
    server.stop(signal.SIGQUIT)
    server.start()


def _tally(kills: int, engine: Engine, trail: str, writers: list[Writer]) -> Tally:
    engine.dispose()  # The last fault may have broken what waits in the pool.
    with closing(PostgresqlStore(trail)) as store:
        Sequencer(capture.outbox(engine), Trail(store), WATCH).drain()
        size, changes = _changes(store)
    with engine.connect() as connection:
        names = dict(map(tuple, connection.exec_driver_sql("SELECT id, name FROM teams")))
    for writer in writers:
        check_renamings(
            changes[str(writer.team)], writer.asked, writer.answered, names[writer.team]
        )
    asked = sum(len(writer.asked) for writer in writers)
    return Tally(kills, asked, sum(len(writer.answered) for writer in writers), size)


def _changes(store: PostgresqlStore) -> tuple[int, dict[str | None, list[tuple[str, str]]]]:
    """Return how many entries there are, and of each team its names before and after."""
    ids: set[str] = set()
    changes: dict[str | None, list[tuple[str, str]]] = defaultdict(list)
    size = 0
    while entries := store.slice(ACCOUNT, size, size + READ_TOGETHER):
        for entry in entries:
            assert entry.index == size, "indexes are not gap-free"
            size += 1
            public = entry.public
            assert public.id not in ids, "an id occurs twice"
            ids.add(public.id)
            if public.action == "update":
                changes[public.entity.id].append(_renaming(entry))
    assert size == store.head(ACCOUNT).size, "indexes are not gap-free"
    return size, changes


def _renaming(entry: Entry) -> tuple[str, str]:
    change = read_what(entry.what).changes["name"]
    assert isinstance(change.before, Raw)
    assert isinstance(change.after, Raw)
    return plain(bytes(change.before)), plain(bytes(change.after))


def main() -> None:
    """Sequence until killed."""
    database, trail = sys.argv[1:]
    engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    Sequencer(capture.outbox(engine), Trail(PostgresqlStore(trail)), WATCH).run(Event())


if __name__ == "__main__":
    main()
