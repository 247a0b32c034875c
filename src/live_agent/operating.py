"""What an operator's tools ask: is it alive, is it ready, how is it doing. None of it is recorded."""

import hmac
import math
from collections.abc import Mapping
from typing import Any, Final

from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select

from audit_trail.errors import AuditError
from audit_trail.record.entry import INSTALLATION
from live_agent.errors import LiveAgentError, NotFound, NotSignedIn
from live_agent.gate import PUBLIC, token_of
from live_agent.schema import Account
from live_agent.services import Services

OPERATING_PATHS: Final = ("/health/", "/metrics")
QUIET_LIMIT_SECONDS: Final = 30.0
"""A sequencer that is quiet for longer makes the server unready; a retry takes at most five."""

TEXT_FORMAT: Final = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""The framework adds the charset itself."""

_READ: Final = (HttpMethod.GET, HttpMethod.HEAD)


def operating_routes(services: Services) -> list[HTTPRouteHandler]:
    """Return the routes. Health says nothing of accounts, so anybody may ask; metrics need a token."""

    @route(
        "/health/live", http_method=_READ, opt=PUBLIC, include_in_schema=False, sync_to_thread=False
    )
    def live() -> dict[str, str]:
        return {"status": "alive"}

    @route(
        "/health/ready", http_method=_READ, opt=PUBLIC, include_in_schema=False, sync_to_thread=True
    )
    def ready() -> Response[Any]:
        checks = _checks(services)
        is_ready = set(checks.values()) == {"ok"}
        return Response(
            {"status": "ready" if is_ready else "failing", "checks": checks},
            status_code=200 if is_ready else 503,
        )

    @route("/metrics", http_method=_READ, opt=PUBLIC, include_in_schema=False, sync_to_thread=True)
    def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        _require_token(services.metrics_token, request.headers)
        return Response(services.metrics.exposition(), media_type=TEXT_FORMAT)

    return [live, ready, metrics]


def _require_token(token: str, headers: Mapping[str, str]) -> None:
    """Let in who has the token. A peer's address proves nothing: behind a proxy all come from it."""
    if not token:
        raise NotFound
    if not hmac.compare_digest((token_of(headers) or "").encode(), token.encode()):
        raise NotSignedIn("The metrics' token is missing or wrong.")


def _checks(services: Services) -> dict[str, str]:
    return {
        "database": _database(services),
        "trail": _trail(services),
        "sequencer": _sequencer(services.sequencer.quiet_seconds()),
    }


def _database(services: Services) -> str:
    try:
        with services.database.reading() as db:
            db.scalar(select(Account.id).limit(1))
    except LiveAgentError:
        return "can't be read"
    return "ok"


def _trail(services: Services) -> str:
    try:
        services.trail.head(INSTALLATION)
    except AuditError:
        return "can't be read"
    return "ok"


def _sequencer(quiet_seconds: float) -> str:
    if quiet_seconds <= QUIET_LIMIT_SECONDS:
        return "ok"
    if math.isinf(quiet_seconds):
        return "has not begun"
    return f"no round has gone well for {quiet_seconds:.0f} s"
