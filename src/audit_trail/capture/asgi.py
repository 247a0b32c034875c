"""The ASGI adapter: the origin of a request, and a middleware that acts as its user."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit_trail.capture.context import ANONYMOUS, Actor, Origin, acting_as
from audit_trail.capture.origins import origin_from
from audit_trail.capture.proxies import NO_PROXIES, Proxies
from audit_trail.record.entry import Via

Scope = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


def origin_of(scope: Scope, via: Via, *, trusted_proxies: Proxies = NO_PROXIES) -> Origin:
    """Read a request's origin from its ASGI scope."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        # A proxy may add a line of its own instead of continuing the client's.
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    peer = (scope.get("client") or (None,))[0]
    return origin_from(peer, headers, via, trusted_proxies=trusted_proxies)


class CaptureMiddleware:
    """Attribute what a request changes to the actor that `identify` finds in its scope."""

    def __init__(
        self,
        app: App,
        *,
        identify: Callable[[Scope], Actor | None],
        via: Via = "ui",
        trusted_proxies: Proxies = NO_PROXIES,
    ) -> None:
        self._app = app
        self._identify = identify
        self._via: Via = via
        self._trusted_proxies = trusted_proxies

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = origin_of(scope, self._via, trusted_proxies=self._trusted_proxies)
        with acting_as(self._identify(scope) or ANONYMOUS, origin):
            await self._app(scope, receive, send)
