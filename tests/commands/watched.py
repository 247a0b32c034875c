"""An application's database that is watched, the trail it goes to, and the commands over both."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from subprocess import CompletedProcess, Popen

from audit_trail.cli.store import open_store
from audit_trail.record.entry import Entry
from audit_trail.signing.keys import trail_key
from audit_trail.store.port import Store
from tests.capture.host import POSTGRESQL_SCHEMA, Application, Host, PostgresqlHost
from tests.commands.processes import Served, answering, run, started
from tests.postgresql import Cluster

PROGRAM = "audit-trail"
PASSWORD = "correct horse battery"
PATIENCE_SECONDS = 30.0


class Watched:
    """The database, and where its trail, its key and its administrators lie."""

    def __init__(self, host: Application, database: str, store: str, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.settings = {
            "AUDIT_TRAIL_DATABASE_URL": database,
            "AUDIT_TRAIL_STORE_URL": store,
            "AUDIT_TRAIL_SIGNING": str(folder / "signing"),
            "AUDIT_TRAIL_DATA": str(folder / "data"),
        }

    @property
    def log(self) -> str:
        """What `audit-trail run` and `serve` said, by whichever came last."""
        return (self.folder / "log").read_text()

    def do(self, *command: str, typed: str = "", **settings: str) -> CompletedProcess[str]:
        """Run a command to its end."""
        return run(*command, typed=typed, program=PROGRAM, **(self.settings | settings))

    def once(self) -> None:
        done = self.do("run", "--once")
        assert done.returncode == 0, done.stderr

    def running(self, log: str = "log") -> AbstractContextManager[Popen[str]]:
        return started(self.folder / log, "run", program=PROGRAM, **self.settings)

    def serving(self) -> AbstractContextManager[Served]:
        log = self.folder / "log"
        return answering("Audit Logs", log, "serve", program=PROGRAM, **self.settings)

    def add(self, email: str, *accounts: str) -> None:
        """Add an administrator of these accounts; without any, of all."""
        given = [part for each in accounts for part in ("--account", each)] or ["--all-accounts"]
        added = self.do("administrator", "add", email, *given, "--password-stdin", typed=PASSWORD)
        assert added.returncode == 0, added.stderr

    @contextmanager
    def store(self) -> Iterator[Store]:
        with closing(open_store(self.settings["AUDIT_TRAIL_STORE_URL"])) as store:
            yield store

    def entries(self, account: str = "1") -> list[Entry]:
        with self.store() as store:
            return store.slice(account, 0, 1_000_000)

    def verdict(self) -> tuple[int, str]:
        """What the verifier says of the whole trail, with the key that signed it."""
        with self.store() as store:
            key = trail_key(store.public_keys()[-1]).text
        heads = str(self.folder / "signing" / "heads.log")
        told = self.do("verify", "--key", key, "--heads", heads)
        return told.returncode, told.stdout + told.stderr


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until it is so; fail with what was waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited for: {what}"
        time.sleep(0.05)


@contextmanager
def watched_sqlite(folder: Path) -> Iterator[Watched]:
    host = Host(folder / "host.db")
    yield Watched(host, f"sqlite:///{host.path}", f"sqlite:///{folder / 'trail.db'}", folder)
    host.close()


@contextmanager
def watched_postgresql(cluster: Cluster, folder: Path) -> Iterator[Watched]:
    host = PostgresqlHost(cluster, cluster.database(), schema=POSTGRESQL_SCHEMA)
    trail = cluster.database()
    yield Watched(host, cluster.url(host.database), cluster.url(trail), folder)
    host.close()
