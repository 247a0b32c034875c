"""A reader of server-sent events, as a browser or a program would be one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2


class Told(NamedTuple):
    """An event, or a heartbeat, which has neither name nor data."""

    id: str
    name: str | None
    data: Any


class Listener:
    """What a stream tells, one after the other; it waits for what comes next, up to a limit."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> Told | None:
        """Return the next event or heartbeat, or None once the stream has ended."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and found:
                return Told(found["id"], found.get("event"), json.loads(found.get("data", "null")))
            name, _, value = line.partition(": ")
            found[name] = value
        return None

    def event(self) -> Told:
        """Return the next event."""
        for _ in range(1_000):
            told = self.next()
            assert told is not None, "the stream has ended"
            if told.name:
                return told
        raise AssertionError("nothing but heartbeats")

    def ends(self) -> bool:
        """Tell whether the stream ends, whatever is told until then."""
        return any(self.next() is None for _ in range(1_000))


@contextmanager
def listening(client: httpx2.Client, path: str, **options: Any) -> Iterator[Listener]:
    """Open a stream, and close it at the end."""
    with client.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Listener(answer)
