"""Lets a request in: whose session it is, and whose trail it may read.

Deny by default: a route without an access rule is refused to everybody.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
)
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from audit_trail.capture.asgi import origin_of
from audit_trail.capture.proxies import Proxies
from audit_trail.errors import AuditError
from audit_trail.record.entry import Via
from audit_trail.record.language import marked
from audit_trail.server.browser import (
    SAFE_METHODS,
    cookie_in,
    form_token,
    headers_of,
    is_of_another_site,
    is_token,
)
from audit_trail.standalone import administrators
from audit_trail.standalone.administrators import Administrators, Session

ACCESS: Final = "access"
ANYBODY: Final = {ACCESS: "anybody"}
ADMINISTRATOR: Final = {ACCESS: "administrator"}
OF_ACCOUNT: Final = {ACCESS: "account"}
"""Administrators who may read the trail of the account in the path."""


ELSEWHERE: Final = marked("This request came from another site.")
UNREADABLE: Final = marked("The form's texts can't be read; send them in UTF-8.")
OUTDATED: Final = marked(
    "The form's token is missing or out of date. Reload the page, and try again."
)


class Visitor(NamedTuple):
    """Whoever a request was let in for: their session, and the secret that their browser sent."""

    session: Session
    secret: str


class Gate(ASGIMiddleware):
    """The middleware before every route."""

    scopes = (ScopeType.HTTP,)

    def __init__(
        self, known: Administrators, cookie: str, trusted: Proxies, clock: Callable[[], int]
    ) -> None:
        self._known = known
        self._cookie = cookie
        self._trusted = trusted
        self._clock = clock

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        asked = cast("HTTPScope", scope)
        is_options = asked["method"] == "OPTIONS"  # The framework's own, which only list methods.
        rule = "anybody" if is_options else asked["route_handler"].opt.get(ACCESS)
        if rule not in ("anybody", "administrator", "account"):
            raise PermissionDeniedException("No access rule is declared for this route.")
        via: Via = "api" if asked["path"].startswith("/api/") else "ui"
        origin = origin_of(cast("dict[str, Any]", scope), via, trusted_proxies=self._trusted)
        headers = headers_of(asked)
        visitor = None
        if rule != "anybody":
            visitor = await sync_to_thread(self._admitted, asked, cookie_in(headers, self._cookie))
            origin = msgspec.structs.replace(origin, session=visitor.session.name)
        asked["user"], asked["auth"] = visitor, origin
        if asked["method"] not in SAFE_METHODS:
            if is_of_another_site(headers):
                raise PermissionDeniedException(ELSEWHERE)
            if visitor:
                await _require_token(visitor.session, headers, Request(scope, receive))
        await next_app(scope, receive, send)

    def admission(self, scope: HTTPScope) -> Callable[[], bool]:
        """Return what tells whether who was let in still would be, as of when it is called."""
        secret = cookie_in(headers_of(scope), self._cookie)

        def is_admitted() -> bool:
            with suppress(AuditError, NotAuthorizedException, NotFoundException):
                self._admitted(scope, secret)
                return True
            return False

        return is_admitted

    def _admitted(self, scope: HTTPScope, secret: str | None) -> Visitor:
        now_us = self._clock()
        with self._known.reading() as db:
            session = administrators.session_of(db, secret, now_us) if secret else None
            if session is None or secret is None:
                raise NotAuthorizedException("Sign in first.")
            # A tab that lies open and asks for news by itself is no use of the session.
            if session.is_due(now_us) and not scope["route_handler"].opt.get("polled", False):
                administrators.note_use(db, secret, now_us)
        given = scope["path_params"].get("account_id")
        if given is not None and not session.administrator.may_read(given):
            raise NotFoundException("There is no such account, or it isn't yours to read.")
        return Visitor(session, secret)


async def _require_token(
    session: Session, headers: dict[str, str], request: Request[Any, Any, Any]
) -> None:
    """A browser sends its cookie by itself, so what changes something needs the session's token."""
    try:
        sent = await form_token(headers, request)
    except (ValueError, LookupError):
        raise ClientException(UNREADABLE) from None
    if not is_token(sent, session.csrf):
        raise PermissionDeniedException(OUTDATED)
