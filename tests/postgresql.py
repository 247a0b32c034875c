"""A PostgreSQL of the tests' own: started when first asked for, stopped by its own process id.

PostgreSQL refuses to run as root; then it runs as the system's user `postgres`.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

import psycopg

PATIENCE_SECONDS = 30.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # The tests kill the server, not the machine, so nothing need reach the disk.
    "fsync": "off",
    "shared_buffers": "64MB",
    "deadlock_timeout": "200ms",
    "max_prepared_transactions": "8",
    "timezone": "UTC",
}
PORTS = range(12_000, 32_000)
_names = count(1)


def programs() -> Path:
    """Return the folder of PostgreSQL's programs; `make test` installs them when missing."""
    named = os.environ.get("LIVE_AGENT_POSTGRESQL")
    if named:
        return Path(named)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = str(installed[-1]) if installed else shutil.which("postgres")
    if not found:
        raise FileNotFoundError("No PostgreSQL: run make test, or set LIVE_AGENT_POSTGRESQL.")
    return Path(found).parent


class Cluster:
    """One server with databases of its own; the superuser is `postgres`, without a password."""

    def __init__(self, folder: Path, port: int, settings: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self._settings = SETTINGS | settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that all others of the server are children of."""
        assert self._process is not None, "the server isn't running"
        return self._process.pid

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return a URL as libpq and our settings take it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self, *, longest_file_bytes: int | None = None) -> None:
        """Start the server and wait until it answers.

        A file that must grow beyond `longest_file_bytes` meets what a full disk is to it. The
        log's segments must have room, else the server stops.
        """
        limited = [
            "sh",
            "-c",
            'ulimit -S -f "$0" && exec "$@"',
            f"{(longest_file_bytes or 0) // 512}",
        ]
        given = [
            part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = _as_postgres(
                [
                    *(limited if longest_file_bytes else ()),
                    str(programs() / "postgres"),
                    *("-D", str(self.folder / "data"), "-p", str(self.port)),
                    *("-k", str(self.folder), *given),
                ],
                log,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()[-2_000:]) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT is a fast shutdown, SIGQUIT an immediate one, as of a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def database(self, **options: str) -> str:
        """Create an empty database and return its name."""
        name = f"db{next(_names)}"
        given = " ".join(f"{option} = {value}" for option, value in options.items())
        self.run(f"CREATE DATABASE {name} {given}")
        return name

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        run(self.url(database), *statements)


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """Make and start a cluster in a folder of its own; it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="live-agent-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        initdb = [str(programs() / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
        initdb += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        with (folder / "initdb.log").open("wb") as log:
            if _as_postgres(initdb, log).wait(PATIENCE_SECONDS):
                raise RuntimeError((folder / "initdb.log").read_text())
        made = Cluster(folder, free_port(), settings)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(url: str, *statements: str) -> None:
    """Run statements as whom the URL names, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on.

    It lies below those that systems lend to outgoing connections: one of them could take it
    while a server is starting, or starting again.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def _as_postgres(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    as_root = os.geteuid() == 0
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd="/",
        user="postgres" if as_root else None,
        group="postgres" if as_root else None,
        extra_groups=[] if as_root else None,
    )
