"""`make peers`: what each library records, misses and costs, found by running it on this machine.

--write puts it into docs/comparison.md; --smoke measures briefly; --libraries names those to take.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from bench.engines import Place, place
from bench.peers import cores
from bench.peers.cost import OURS, Costs, Way, measured
from bench.peers.found import APART, Found
from bench.peers.levels import Level, Side, levelled
from bench.peers.page import write
from bench.peers.worker import Worker

STACKS: dict[str, tuple[str, ...]] = {
    "django": (
        *("django", OURS, "django-pghistory", "django-simple-history"),
        *("django-auditlog", "django-easy-audit"),
    ),
    "sqlalchemy": ("sqlalchemy", OURS, "postgresql-audit", "sqlalchemy-continuum"),
}
"""The bare one first, then ours."""

ONLY_ON_POSTGRESQL = ("django-pghistory", "postgresql-audit")


class Effort(NamedTuple):
    """How much is measured."""

    rounds: int = 15
    saves: int = 100
    levels: int = 25
    counted: int = 2_000


SMOKE = Effort(rounds=2, saves=4, levels=2, counted=20)


def found_on(where: Place, stacks: dict[str, tuple[str, ...]], effort: Effort) -> Found:
    """Start every library of an engine, and have it do all that is compared."""
    found = Found(where.kind, {}, {}, {}, {}, None)
    started: dict[tuple[str, str], Worker] = {}
    with ExitStack() as running:
        for stack, library in _libraries(where, stacks):
            # All get ready at the same time; each is then asked by itself.
            worker = Worker(stack, library, new_url(where))
            started[stack, library] = running.enter_context(worker)
        for (stack, library), worker in started.items():
            print(f"{where.kind}, {stack}: {library}", file=sys.stderr, flush=True)
            paths = worker.ask("paths")
            if library != stack:
                found.verdicts[stack, library] = paths
        for stack in stacks:
            workers = [each for (its, _), each in started.items() if its == stack]
            for each in workers:
                each.ask("fill", 100)
            found.costs[stack] = _costs(workers, effort)
            with cores.apart(where.server, [each.pid for each in workers]) as are_apart:
                if are_apart:
                    found.costs[stack + APART] = _costs(workers, effort)
        if where.kind == "PostgreSQL":
            found.bytes.update(_bytes(started, effort.counted))
            own = started.get(("django", OURS))
            found = found._replace(trail_bytes=own.ask("bytes_of_an_entry") if own else None)
            found.levels.update(_levels(started, effort.levels))
        for (stack, library), worker in started.items():
            if library != stack:
                found.verdicts[stack, library]["save before a kill -9"] = _after_death(
                    stack, worker
                )
    return found


def _costs(workers: Sequence[Worker], effort: Effort) -> list[Costs]:
    return [measured(workers, way, effort.rounds) for way in _ways(effort.saves)]


def _ways(saves: int) -> Sequence[Way]:
    return (
        Way("update", saves, saves),
        Way("create", saves, saves),
        Way("update", max(saves // 4, 1), 1),
    )


def _libraries(where: Place, stacks: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for stack, libraries in stacks.items():
        for library in libraries:
            if where.kind == "PostgreSQL" or library not in ONLY_ON_POSTGRESQL:
                yield stack, library


def new_url(where: Place) -> str:
    """Return SQLAlchemy's URL of a new database."""
    if where.server:
        url = where.server.url(where.server.database())
        return url.replace("postgresql:", "postgresql+psycopg:")
    return f"sqlite:///{where.new_file()}"


def _bytes(
    started: dict[tuple[str, str], Worker], counted: int
) -> Iterator[tuple[tuple[str, str], float]]:
    for (stack, library), worker in started.items():
        if library == stack:
            continue
        entries, size = worker.ask("entries"), worker.ask("bytes")
        worker.ask("update", counted, min(counted, 100))
        added = worker.ask("entries") - entries
        yield (stack, library), (worker.ask("bytes") - size) / added
        worker.ask("sequence")


def _levels(started: dict[tuple[str, str], Worker], rounds: int) -> dict[str, list[Level]]:
    wanted = [
        ("django", "django", True),
        ("django", OURS, True),
        ("django", "django-pghistory", True),
        ("django", "django-pghistory", False),
        ("sqlalchemy", "postgresql-audit", True),
    ]
    sides = []
    for stack, library, context in wanted:
        if worker := started.get((stack, library)):
            table = "desk_ticket" if stack == "django" else "ticket"
            sides.append(Side(library, worker.url, table, context=context))
    try:
        return levelled(sides, rounds)
    finally:
        for side in sides:
            side.close()


def _after_death(stack: str, worker: Worker) -> str:
    worker.kill_by("die")
    with Worker(stack, worker.name, worker.url, is_new=False) as again:
        return str(again.ask("survived"))


def main() -> None:
    """Compare, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into docs/comparison.md")
    parser.add_argument("--smoke", action="store_true", help="measure briefly, to see it works")
    parser.add_argument("--libraries", default="", help="take only these beside ours, by commas")
    arguments = parser.parse_args()
    named = set(filter(None, arguments.libraries.split(",")))
    stacks = {
        stack: tuple(each for each in libraries if not named or each in named | {stack, OURS})
        for stack, libraries in STACKS.items()
    }
    found = compared(stacks, SMOKE if arguments.smoke else Effort())
    for text in write(found, arguments.write, is_brief=arguments.smoke):
        print(text)


def compared(stacks: dict[str, tuple[str, ...]], effort: Effort) -> list[Found]:
    """Compare on both engines."""
    found = []
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as folder, place(kind) as where:
            os.environ["PEERS_FOLDER"] = folder
            found.append(found_on(where, stacks, effort))
    return found


if __name__ == "__main__":
    main()
