"""`make soak`: load the server, kill it with SIGKILL at random moments, and account for every change.

What it doesn't show is the loss of power: a killed process leaves the operating system's buffers.
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

COMMAND = [str(Path(sys.executable).parent / "live-agent")]
START_TIMEOUT_SECONDS = 60.0
LEAST_SHARE = 0.2
MEAN_SHARE = (LEAST_SHARE + 1) / 2
"""How long it takes to the next kill, as a share of the longest."""


class Account(NamedTuple):
    """Where the server answers, and the administrator's token."""

    base_url: str
    account_id: int
    token: str

    def client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=f"{self.base_url}/api/v1/accounts/{self.account_id}",
            headers={"api_access_token": self.token},
            timeout=10,
        )


class Server:
    """A demo server in a process of its own, which is killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Account:
        facts = self._folder / "demo.json"
        facts.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [*COMMAND, "demo", "--data", str(self._folder), "--port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not facts.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        said = json.loads(facts.read_text())
        token = said["users"]["administrator"]["api_access_token"]
        return Account(said["base_url"], said["account_id"], token)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)


class Writer(threading.Thread):
    """Renames one team of its own again and again, remembering what was asked and what answered."""

    def __init__(self, account: Account, team: int, prefix: str) -> None:
        super().__init__(daemon=True)
        self._account = account
        self._team = team
        self._prefix = prefix
        self._stopping = threading.Event()
        self.asked: list[str] = []
        self.answered: list[str] = []

    def run(self) -> None:
        with self._account.client() as client:
            for number in range(100_000):
                if self._stopping.is_set():
                    return
                name = f"{self._prefix}-{number}"
                self.asked.append(name)
                try:
                    answer = client.patch(f"/teams/{self._team}", json={"name": name})
                except httpx2.HTTPError:
                    return
                if answer.status_code == 200:
                    self.answered.append(name)

    def stop(self) -> None:
        self._stopping.set()
        self.join()


class Tally(NamedTuple):
    """What a run did, for its report."""

    kills: int
    asked: int
    answered: int
    entries: int


def run(folder: Path, *, kills: int, seconds_each: float, writers: int, seed: int) -> Tally:
    """Kill the server this often, at random moments, and check the trail. Raises `AssertionError`."""
    chance = random.Random(seed)
    server = Server(folder)
    account = server.start()
    try:
        with account.client() as client:
            teams = [
                int(client.post("/teams", json={"name": f"Soak {number}"}).json()["id"])
                for number in range(writers)
            ]
        asked: dict[int, list[str]] = {team: [] for team in teams}
        answered: dict[int, list[str]] = {team: [] for team in teams}
        for round_ in range(kills):
            threads = [Writer(account, team, f"{round_}-{team}") for team in teams]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(LEAST_SHARE, 1) * seconds_each)
            server.kill()
            for team, thread in zip(teams, threads, strict=True):
                thread.stop()
                asked[team] += thread.asked
                answered[team] += thread.answered
            account = server.start()
        server.stop()
    finally:
        server.stop()
    entries = check(folder, account.account_id, asked, answered)
    return Tally(kills, sum(map(len, asked.values())), sum(map(len, answered.values())), entries)


def check(
    folder: Path, account: int, asked: dict[int, list[str]], answered: dict[int, list[str]]
) -> int:
    """Hold the trail against what was asked, what was answered, and the tables as they are."""
    with _reading(folder / "trail.db") as trail:
        rows = trail.execute(
            "SELECT idx, id, public, what FROM entries WHERE account = ? ORDER BY idx",
            (str(account),),
        ).fetchall()
    assert [row[0] for row in rows] == list(range(len(rows))), "indexes are not gap-free"
    assert len({row[1] for row in rows}) == len(rows), "an id occurs twice"
    with _reading(folder / "live-agent.db") as database:
        names = dict(database.execute("SELECT id, name FROM teams").fetchall())
        assert database.execute("SELECT count(*) FROM audit_outbox").fetchone() == (0,)
    for team in asked:
        changes = [change for row in rows if (change := _renaming(row, team)) is not None]
        check_renamings(changes, asked[team], answered[team], names[team])
    return len(rows)


def check_renamings(
    changes: Sequence[tuple[str, str]], asked: list[str], answered: list[str], name: str
) -> None:
    """Hold one team's entries, as (before, after), against what was asked and answered, and its name."""
    afters = [after for _, after in changes]
    assert len(set(afters)) == len(afters), "a change has two entries"
    assert set(answered) <= set(afters), "a change that was answered has no entry"
    assert set(afters) <= set(asked), "an entry has no change"
    for (_, after), (before, _) in pairwise(changes):
        assert before == after, "a change between two entries has no entry"
    assert not afters or name == afters[-1], "the last change has no entry"


def _renaming(row: tuple[Any, ...], team: int) -> tuple[str, str] | None:
    public = json.loads(row[2])
    if public["entity"] != {"id": str(team), "type": "team"} or public["action"] != "update":
        return None
    name = json.loads(row[3])["changes"]["name"]
    return name["before"], name["after"]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def main() -> None:
    """Run for long; every figure is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=30.0, help="of load, in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    from bench import soak_postgresql  # It takes the tally from here.

    with tempfile.TemporaryDirectory() as folder:
        engines: dict[str, Callable[..., Tally]] = {
            "sqlite": partial(run, Path(folder) / "data"),
            "postgresql": soak_postgresql.run,
        }
        tally = engines[arguments.engine](
            kills=arguments.kills,
            seconds_each=arguments.minutes * 60 / arguments.kills / MEAN_SHARE,
            writers=4,
            seed=arguments.seed,
        )
    print(
        f"{tally.kills} kills, {tally.asked} changes asked, {tally.answered} answered, "
        f"{tally.entries} entries: no change without its entry, no entry without its change"
    )


if __name__ == "__main__":
    main()
