"""Runs the application in this process until it is told to stop; it composes nothing."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

from litestar import Litestar

from audit_trail.errors import AddressRefused

READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
"""For how long answers that were begun are sent, once the server is told to stop."""

CUT_OFF_SECONDS: Final = 2.0
"""For how long an answer that is cut off may take to let go of what it holds."""

CONNECTIONS: Final = 4_096
"""Open at once, those kept alive included; at the default of 128 the next one waits."""
LOGGING: Final[dict[str, Any]] = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}
"""The server's own log goes where the process's goes, in the same form."""


_log = logging.getLogger(__name__)


def run(
    app: Litestar,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the URL once requests are answered.

    Answers that were begun are sent to their end, so `stopping` must end those that have none. Port 0 takes any free port. Raises `AddressRefused` when the address can't be used, and whatever the application's own start raises.
    """
    chosen = _bindable(host, port)
    asyncio.run(_serve(app, host, chosen, ready, stopping))


def leave() -> NoReturn:
    """End the process that has served, in success, when all it had open is closed.

    Not by ending the interpreter: a thread of the server's library may still be on its way out, and
    before Python 3.14 the process is aborted when one wants the interpreter meanwhile.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _bindable(host: str, port: int) -> int:
    """Try the address before anything is started, so that a taken port gives a clear error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise AddressRefused(f"Can't listen on {host} port {port}: {error}.") from error


async def _serve(
    app: Litestar, host: str, port: int, ready: Callable[[str], None], stopping: Callable[[], None]
) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    answers = _Answers(app)
    server = Server(
        answers,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        log_level=LogLevels.error,
        log_dictconfig=LOGGING,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
    )
    told = asyncio.Event()

    def stop() -> None:
        stopping()
        told.set()
        server.stop()  # type: ignore[no-untyped-call] # the server's library has no types here

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    # Begun and ended here, not by the server: an end that is forced on the server would cut the
    # application's own end off in the middle.
    async with app.lifespan():
        serving = asyncio.create_task(server.serve())
        answering = asyncio.create_task(_announce(host, port, ready))
        await _ended(serving, told, answers)
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering


class _Answers:
    """The application, and which of its answers are under way."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        task = cast(asyncio.Task[Any], asyncio.current_task())
        self._under_way.add(task)
        try:
            # To be cut off is no failure of the application, which the server would log.
            with contextlib.suppress(asyncio.CancelledError):
                await self._app(scope, receive, send)
        finally:
            self._under_way.discard(task)

    async def cut_off(self) -> None:
        """End what is under way, while all that it works with is still there."""
        left = set(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CUT_OFF_SECONDS)


async def _ended(serving: asyncio.Task[None], told: asyncio.Event, answers: _Answers) -> None:
    """Wait until the server has ended; once told to stop, it waits for readers only so long."""
    telling = asyncio.create_task(told.wait())
    await asyncio.wait({serving, telling}, return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    done, _ = await asyncio.wait({serving}, timeout=STOP_SECONDS)
    if not done:
        # Somebody takes nothing of their answer.
        _log.warning("stopped before every answer was taken")
        await answers.cut_off()
        serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _announce(host: str, port: int, ready: Callable[[str], None]) -> None:
    shown = f"[{host}]" if ":" in host else host
    async with asyncio.timeout(READY_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                break
            await asyncio.sleep(0.02)
    await asyncio.to_thread(ready, f"http://{shown}:{port}")
