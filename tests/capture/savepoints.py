"""Any order of acting, writing and savepoints in one transaction, and who did what is left of it."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Protocol

from hypothesis import strategies as st

from audit_trail.capture.context import acting_as
from tests.capture.host import ADA, BOB, origin

ACTORS = {"ada": ADA, "bob": BOB, "system": None}
STEPS = st.lists(st.sampled_from([*ACTORS, "save", "back", "keep", "write"]))
RELEASED_WITHIN = ["ada", "save", "system", "save", "back", "back"]
"""A rollback gives a context back that was taken out after its savepoint: not the last rollback alone."""

_numbers = count(1_000)


class Savepoint(Protocol):
    def rollback(self) -> None: ...
    def commit(self) -> None: ...


def played(
    steps: list[str], write: Callable[[int], object], save: Callable[[], Savepoint]
) -> list[tuple[str, str]]:
    """Do the steps, and a last write. Return each number whose write is left, with who wrote it."""
    levels: list[list[tuple[str, str]]] = [[]]
    savepoints: list[Savepoint] = []
    who = "system"
    with ExitStack() as acting:
        for step in [*steps, "write"]:
            if step in ACTORS:
                acting.close()
                who = step
                if actor := ACTORS[who]:
                    acting.enter_context(acting_as(actor, origin()))
            elif step == "save":
                savepoints.append(save())
                levels.append([])
            elif step == "write":
                number = next(_numbers)
                write(number)
                levels[-1].append((str(number), who))
            elif savepoints and step == "back":
                savepoints.pop().rollback()
                levels.pop()
            elif savepoints:
                savepoints.pop().commit()
                levels[-2:] = [levels[-2] + levels[-1]]
    return [each for level in levels for each in level]
