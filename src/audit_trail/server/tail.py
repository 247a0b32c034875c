"""Live tails: what enters a trail, sent to readers as it comes, by server-sent events.

A tail waits in the event loop and holds no connection to a database: it asks in a thread, and only
where the trail has grown. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import msgspec
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage
from litestar.types import Message, Receive, Scope, Send

from audit_trail.errors import AuditError, TooManyTails
from audit_trail.server.cursor import Cursors
from audit_trail.server.viewer import Reader
from audit_trail.trail import Trail

LOOK_SECONDS: Final = 0.5
ADMISSION_SECONDS: Final = 3.0
"""For how long a reader who is told nothing is taken for admitted before the application is asked."""

HEARTBEAT_SECONDS: Final = 15.0
LAST_EVENT: Final = "Last-Event-ID"
DEAF_SECONDS: Final = 5.0
"""For how long a reader may leave what they are sent in the server's hands."""

RETRY_MS: Final = 2_000
"""After how long a reader who lost the connection should ask again."""

_log = logging.getLogger(__name__)


class Most(msgspec.Struct, frozen=True, kw_only=True):
    """How many tails a process keeps open at once.

    Of one person they are fewer than the six connections that a browser has for one server.
    """

    a_person: int = 4
    an_account: int = 20
    altogether: int = 500


class Event(msgspec.Struct, frozen=True):
    """What a reader is told, and the index behind which they go on once they know it."""

    index: int
    name: str
    data: bytes


class Heard(msgspec.Struct, frozen=True):
    """What a look has found: events, how far it looked, and whether there is more to look at."""

    events: Sequence[Event]
    index: int
    has_more: bool = False


Look = Callable[[int], Heard]
"""Look at the entries beyond an index."""


class Tails:
    """The open tails of this process over one trail, and the cursors that they go on from."""

    def __init__(self, trail: Trail, cursor_key: bytes, most: Most | None = None) -> None:
        self.cursors = Cursors(cursor_key)
        self._trail = trail
        self._most = most or Most()
        self._counting = Lock()
        self._open: Counter[Hashable] = Counter()
        self._sizes: dict[str, tuple[float, int]] = {}
        self._is_closed = False

    def close(self) -> None:
        """End every tail within a second, and let no other begin: an open answer holds up a stop."""
        self._is_closed = True

    def size(self) -> int:
        """Return how many tails are open."""
        return self._open[None]

    def follow(
        self, reader: Reader, begin: int, look: Look, cursor: Callable[[int], str]
    ) -> ServerSentEvent:
        """Answer what is found beyond the index `begin`, as it comes. Raises `TooManyTails`.

        The id of an event is the cursor behind its entry, so that a reader who lost the connection
        goes on from there. It ends when the reader is no longer admitted.
        """
        self._require_room(reader)
        events = self._events(reader, begin, look, cursor)
        answer = _Answer(
            events,
            # A proxy that buffers would keep the news to itself; a cache would keep it at all.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        answer.events = events
        # It belongs to one connection, and HTTP/2 forbids it.
        answer.headers.pop("Connection", None)
        return answer

    async def _events(
        self, reader: Reader, index: int, look: Look, cursor: Callable[[int], str]
    ) -> AsyncGenerator[ServerSentEventMessage, None]:
        with self._counted(reader) as has_room:
            if not has_room:  # Others came in between.
                return
            # The first line tells at once that all is well, and from where to go on.
            yield ServerSentEventMessage(data=None, id=cursor(index), retry=RETRY_MS)
            asked = told = time.monotonic()
            while not self._is_closed:
                heard = await self._heard(reader.account, index, look)
                if heard is None:
                    return
                # Nobody is told of what came after they were shut out, however soon.
                if heard.events or time.monotonic() - asked >= ADMISSION_SECONDS:
                    if not await asyncio.to_thread(reader.is_admitted):
                        return
                    asked = time.monotonic()
                for event in heard.events:
                    yield _message(event, cursor)
                index = heard.index
                if heard.events:
                    told = time.monotonic()
                elif time.monotonic() - told >= HEARTBEAT_SECONDS:
                    yield ServerSentEventMessage(data=None, id=cursor(index), comment="")
                    told = time.monotonic()
                if not heard.has_more:
                    await asyncio.sleep(LOOK_SECONDS)

    async def _heard(self, account: str, index: int, look: Look) -> Heard | None:
        """Look at what is new; where the trail can't be read, the reader has to come again."""
        try:
            size = await self._size(account)
            if size <= index + 1:
                return Heard((), index)
            return await asyncio.to_thread(look, index)
        except AuditError:
            _log.exception("a tail of account %s ended, because the trail can't be read", account)
            return None

    async def _size(self, account: str) -> int:
        """Return the trail's size as it is, or was a moment ago: tails of one account share it."""
        at, size = self._sizes.get(account, (0.0, 0))
        if time.monotonic() - at >= LOOK_SECONDS / 2:
            head = await asyncio.to_thread(self._trail.head, account)
            size = head.size
            self._sizes[account] = time.monotonic(), size
        return size

    def _require_room(self, reader: Reader) -> None:
        if self._is_closed:
            raise TooManyTails("The server is about to stop. Try again in a moment.")
        if not self._has_room(reader):
            raise TooManyTails

    def _has_room(self, reader: Reader) -> bool:
        return all(self._open[key] < most for key, most in self._limits(reader).items())

    @contextmanager
    def _counted(self, reader: Reader) -> Iterator[bool]:
        """Count a tail from its first event to its end; one that never begins is never counted."""
        keys = self._limits(reader)
        with self._counting:
            has_room = self._has_room(reader)
            self._open.update(keys.keys())
        try:
            yield has_room
        finally:
            with self._counting:
                self._open.subtract(keys.keys())
                for key in keys:
                    if not self._open[key]:
                        del self._open[key]
                if not self._open[("account", reader.account)]:
                    self._sizes.pop(reader.account, None)

    def _limits(self, reader: Reader) -> dict[Hashable, int]:
        return {
            None: self._most.altogether,
            ("account", reader.account): self._most.an_account,
            ("person", reader.person): self._most.a_person,
        }


class _Answer(ServerSentEvent):
    """An answer that is given up where its reader takes nothing of it: it would hold up a stop."""

    events: AsyncGenerator[ServerSentEventMessage, None]

    def to_asgi_response(self, *arguments: Any, **options: Any) -> Any:
        """Return the framework's own answer, which waits for a reader only so long."""
        answer = super().to_asgi_response(*arguments, **options)

        async def given(scope: Scope, receive: Receive, send: Send) -> None:
            async def hurried(message: Message) -> None:
                async with asyncio.timeout(DEAF_SECONDS):
                    await send(message)

            try:
                await answer(scope, receive, hurried)
            except* TimeoutError:
                _log.info("a tail ended, because its reader took nothing of it")
            finally:
                # Else it would be counted as open until the interpreter happens to collect it.
                await self.events.aclose()

        return given


def _message(event: Event, cursor: Callable[[int], str]) -> ServerSentEventMessage:
    return ServerSentEventMessage(data=event.data, event=event.name, id=cursor(event.index))
