"""The ASGI adapter: the origin of a request, and a middleware that acts as its user."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from audit_trail.capture.context import ANONYMOUS, Actor, Origin, acting_as
from audit_trail.record.entry import Via

Scope = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]

LONGEST_HEADER = 512


def origin_of(scope: Scope, via: Via, *, trusted_proxies: Collection[str] = ()) -> Origin:
    """Read a request's origin from its ASGI scope.

    `ip` is the socket's peer. The forwarded chain is read only when that peer is a trusted
    proxy; anybody else could write what they like into the header.
    """
    headers = {
        name.decode("latin-1").lower(): value.decode("utf-8", "replace")
        for name, value in scope["headers"]
    }
    peer = (scope.get("client") or (None,))[0]
    chain = headers.get("x-forwarded-for", "") if peer in trusted_proxies else ""
    return Origin(
        via=via,
        request=str(uuid.uuid4()),
        ip=peer,
        forwarded=tuple(part.strip()[:64] for part in chain.split(",")[-16:] if part.strip()),
        user_agent=_short(headers, "user-agent"),
        client_request=_short(headers, "x-request-id"),
    )


def _short(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    return value[:LONGEST_HEADER] if value else None


class CaptureMiddleware:
    """Attribute what a request changes to the actor that `identify` finds in its scope."""

    def __init__(
        self,
        app: App,
        *,
        identify: Callable[[Scope], Actor | None],
        via: Via = "ui",
        trusted_proxies: Collection[str] = (),
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
