"""The Django middleware: whatever a request changes, its user changed; it writes nothing itself."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings

from audit_trail.capture.context import ANONYMOUS, Actor, Context, Origin, acting_once_known
from audit_trail.capture.origins import origin_from
from audit_trail.capture.proxies import trusted
from audit_trail.record.entry import Via

SESSION_LETTERS: Final = 16


class CaptureMiddleware:
    """Attribute what a request changes to its user. Put it first, so that it sees all that others do.

    Nobody is looked up before something is written; whoever signs in acts from then on. Subclass it
    to say otherwise who acts (`actor_of`), or by which way (`via`).
    """

    sync_capable = True
    async_capable = True
    via: Via = "ui"

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._proxies = trusted(getattr(settings, "AUDIT_TRAIL_TRUSTED_PROXIES", ()))
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self._is_async:
            return self._answer(request)
        with acting_once_known(_Asked(self, request)):
            return self._get_response(request)

    async def _answer(self, request: Any) -> Any:
        with acting_once_known(_Asked(self, request)):
            return await self._get_response(request)

    def actor_of(self, request: Any) -> Actor:
        """Say who asks."""
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return ANONYMOUS
        return Actor(
            kind="user",
            id=str(user.pk),
            email=getattr(user, user.get_email_field_name(), None) or None,
            name=getattr(user, "get_full_name", str)() or user.get_username(),
        )

    def origin_of(self, request: Any) -> Origin:
        """Say from where; a session is named by a part of its key's hash, for the key is a secret."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        peer = request.META.get("REMOTE_ADDR")
        return origin_from(peer, headers, self.via, trusted_proxies=self._proxies)


class _Asked:
    """Tells the context of one request, and anew once it has another user."""

    def __init__(self, middleware: CaptureMiddleware, request: Any) -> None:
        self._middleware = middleware
        self._request = request
        self._origin: Origin | None = None
        self._known: tuple[Any, Context] | None = None
        self._is_looking = False

    def __call__(self) -> Context:
        user = getattr(self._request, "user", None)
        if self._known is None or self._known[0] is not user:
            self._known = user, self._found()
        return self._known[1]

    def _found(self) -> Context:
        if self._origin is None:
            self._origin = self._middleware.origin_of(self._request)
        if self._is_looking:
            # The look-up itself writes, such as a session that it renews; nobody is known yet.
            return Context(actor=ANONYMOUS, origin=self._origin)
        self._is_looking = True
        try:
            actor = self._middleware.actor_of(self._request)
        finally:
            self._is_looking = False
        key = getattr(getattr(self._request, "session", None), "session_key", None)
        name = sha256(key.encode()).hexdigest()[:SESSION_LETTERS] if key else None
        return Context(actor=actor, origin=msgspec.structs.replace(self._origin, session=name))
