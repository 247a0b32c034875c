"""Runs the application in this process until it is told to stop; it composes nothing."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

from audit_trail.errors import AddressRefused

READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
"""For how long answers that were begun are sent, once the server is told to stop."""

CONNECTIONS: Final = 4_096
"""Open at once, those kept alive included; at the default of 128 the next one waits."""
LOGGING: Final[dict[str, Any]] = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}
"""The server's own log goes where the process's goes, in the same form."""


_log = logging.getLogger(__name__)


def run(
    app: Any,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the URL once requests are answered.

    Answers that were begun are sent to their end, so `stopping` must end those that have none. Port 0 takes any free port. Raises `AddressRefused` when the address can't be used.
    """
    chosen = _bindable(host, port)
    asyncio.run(_serve(app, host, chosen, ready, stopping))


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
    app: Any, host: str, port: int, ready: Callable[[str], None], stopping: Callable[[], None]
) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
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
    serving = asyncio.create_task(server.serve())
    answering = asyncio.create_task(_announce(host, port, ready))
    await _ended(serving, told)
    answering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answering


async def _ended(serving: asyncio.Task[None], told: asyncio.Event) -> None:
    """Wait until the server has ended; once told to stop, it waits for readers only so long."""
    telling = asyncio.create_task(told.wait())
    await asyncio.wait({serving, telling}, return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    done, _ = await asyncio.wait({serving}, timeout=STOP_SECONDS)
    if not done:
        # Somebody takes nothing of their answer. What is left is ended with the loop, in good order.
        _log.warning("stopped before every answer was taken")
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
