"""Keeps a server and its clients on different cores, as on machines of their own."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from tests.postgresql import Cluster


def cores() -> list[int]:
    """Return the cores that this process may use; none where the system doesn't tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def apart(server: Cluster | None, clients: Sequence[int]) -> Iterator[bool]:
    """Keep the clients on one core and the server on the others while inside, and tell whether.

    Else the system moves both over each other's caches. One core can't be parted, and no other
    system than Linux is told where to run a process.
    """
    known = cores()
    if server is None or len(known) < 2:
        yield False
        return
    servers = _processes(server)
    try:
        _keep(clients, known[:1])
        _keep(servers, known[1:])
        yield True
    finally:
        _keep([*clients, *servers], known)


def _processes(server: Cluster) -> list[int]:
    """Return the server's first process, whose later children stay where it is, and all others."""
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        return [server.pid, *(pid for (pid,) in rows)]


def _keep(processes: Sequence[int], where: Sequence[int]) -> None:
    for process in processes:
        # A server's process may have ended in between.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(process, where)
