"""Triggers against triggers: the same SQL by the driver alone, on the tables that libraries watch."""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from bench.paired import Ratio, median_with_interval, ratio_of
from bench.peers.ours import ORIGIN

ROWS = 500
_UPDATE = (
    "UPDATE {table} SET name = 'Ticket ' || %(n)s::int, priority = %(n)s::int, "
    "status = CASE WHEN %(n)s::int %% 2 = 0 THEN 'open' ELSE 'waiting' END WHERE id = %(id)s"
)
_INSERT = (
    "INSERT INTO {table} (account_id, name, status, priority, channel, greeting, timezone, "
    "position, enabled, budget, opened_at) VALUES (1, 'Ticket ' || %(n)s::int, 'open', %(n)s::int, "
    "'email', 'Hello, and thank you for writing to us.', 'Europe/Berlin', 0, true, 0, now())"
)
STATEMENTS: Mapping[str, tuple[str, int]] = {
    "UPDATE of three fields, row by row": (_UPDATE, 100),
    "INSERT, row by row": (_INSERT, 100),
    f"UPDATE of {ROWS} rows at once": (
        "UPDATE {table} SET priority = %(n)s::int WHERE id = ANY(%(ids)s)",
        1,
    ),
}
"""Each with how often a round runs it; all of a round is one transaction."""


class Level(NamedTuple):
    """One library's statement: µs bare and added, and the statement's ratio to that over ours."""

    library: str
    bare_us: float
    added: Ratio
    ours_to_theirs: Ratio | None


class Side:
    """One database, whose tables a library watches or none does."""

    def __init__(self, name: str, url: str, table: str, *, context: bool = True) -> None:
        self.name = name
        self._table = table
        self._context = CONTEXTS.get(name) if context else None
        self._connection = psycopg.connect(url.replace("+psycopg", ""))
        self._is_ours = name == "ours"
        if not context:
            self.name += ", without a context"
        for number in range(ROWS):
            self._connection.execute(_INSERT.format(table=table).encode(), {"n": number})
        newest = f"SELECT id FROM {table} ORDER BY id DESC LIMIT {ROWS}"
        self._ids = [key for (key,) in self._connection.execute(newest.encode())]
        self._connection.commit()

    def run(self, statement: str, times: int, number: int) -> float:
        """Run the statement so many times in one transaction; return the seconds of each."""
        text = statement.format(table=self._table).encode()
        names = [name for name in ("n", "id", "ids") if f"%({name})s" in statement]
        connection = self._connection
        started = time.perf_counter()
        if self._context:
            self._context(connection)
        for each in range(times):
            given = {"n": number * times + each, "id": self._ids[each], "ids": self._ids}
            connection.execute(text, {name: given[name] for name in names})
        connection.commit()
        took = (time.perf_counter() - started) / times
        if self._is_ours:
            # As the sequencer would meanwhile.
            connection.execute("DELETE FROM audit_trail.outbox")
            connection.commit()
        return took

    def close(self) -> None:
        self._connection.close()


def _our_context(connection: Any) -> None:
    context = {"actor": {"kind": "user", "id": "7", "email": "ada@example.com"}}
    text = json.dumps(context | {"origin": {"via": ORIGIN.via, "ip": ORIGIN.ip}})
    connection.execute("SELECT set_config('audit.context', %s, true)", (text,))


def _pghistory_context(connection: Any) -> None:
    connection.execute(
        "SELECT set_config('pghistory.context_id', %s, true), "
        "set_config('pghistory.context_metadata', %s, true)",
        (str(uuid.uuid4()), '{"user": "ada@example.com"}'),
    )


def _activity_context(connection: Any) -> None:
    connection.execute(
        "INSERT INTO transaction (native_transaction_id, issued_at, actor_id) "
        "VALUES (pg_current_xact_id(), now(), '7')"
    )


CONTEXTS: Mapping[str, Callable[[Any], None]] = {
    "ours": _our_context,
    "django-pghistory": _pghistory_context,
    "postgresql-audit": _activity_context,
}


def levelled(sides: Sequence[Side], rounds: int) -> dict[str, list[Level]]:
    """Run each statement on all sides in turn; the first is the bare one, the second ours."""
    found = {}
    for name, (statement, times) in STATEMENTS.items():
        taken: list[list[float]] = []
        for number in range(rounds + 1):
            took = [0.0] * len(sides)
            for offset in range(len(sides)):
                position = (number + offset) % len(sides)
                took[position] = sides[position].run(statement, times, number) * 1e6
            taken.append(took)
        found[name] = [_level(sides, place, taken[1:]) for place in range(1, len(sides))]
    return found


def _level(sides: Sequence[Side], place: int, taken: Sequence[Sequence[float]]) -> Level:
    bare = sorted(each[0] for each in taken)[len(taken) // 2]
    added = median_with_interval([each[place] - each[0] for each in taken])
    ratio = None if place == 1 else ratio_of([(each[1], each[place]) for each in taken])
    return Level(sides[place].name, bare, added, ratio)
