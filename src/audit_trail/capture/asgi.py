"""The ASGI adapter: the origin of a request, and a middleware that acts as its user."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from audit_trail.capture.context import ANONYMOUS, Actor, Origin, acting_as
from audit_trail.capture.proxies import LONGEST_ADDRESS, NO_PROXIES, Proxies, address_of
from audit_trail.record.entry import Via

Scope = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]

LONGEST_HEADER: Final = 512
MOST_HOPS: Final = 16
"""How much of the forwarded chain is kept, counted from the nearest."""


def origin_of(scope: Scope, via: Via, *, trusted_proxies: Proxies = NO_PROXIES) -> Origin:
    """Read a request's origin from its ASGI scope.

    `ip` is the socket's peer. The forwarded chain is read only when that peer is a trusted
    proxy; anybody else could write what they like into the header.
    """
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        # A proxy may add a line of its own instead of continuing the client's.
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    peer = _peer(scope)
    chain = _chain(headers.get("x-forwarded-for", "")) if trusted_proxies.trusts(peer) else ()
    nearest = trusted_proxies.nearest(peer, chain)
    return Origin(
        via=via,
        request=str(uuid.uuid4()),
        ip=peer,
        forwarded=chain,
        address=nearest if nearest != peer else None,
        user_agent=_short(headers, "user-agent"),
        client_request=_short(headers, "x-request-id"),
    )


def _peer(scope: Scope) -> str | None:
    """Return the socket's peer; a Unix socket has none, or its path."""
    peer = (scope.get("client") or (None,))[0]
    return address_of(peer) or peer if peer else None


def _chain(header: str) -> tuple[str, ...]:
    hops = (
        "".join(filter(str.isprintable, hop)).strip()[:LONGEST_ADDRESS]
        for hop in header.split(",")[-MOST_HOPS:]
    )
    return tuple(hop for hop in hops if hop)


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
