"""Sees each request from its coming to its answer: counted and logged by its route alone.

Never by what came with it: a path, a query, a header or a body may hold what nobody else may read.
"""

import logging
import time
from typing import Any, Final, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import (
    BeforeMessageSendHookHandler,
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Message,
    Receive,
    Scope,
    Send,
)

from live_agent.metrics import Metrics

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
UNMATCHED: Final = "unmatched"
_BEGAN: Final = "began"

_log = logging.getLogger(__name__)


class ObservedApp(Litestar):
    """An application that notes when each request came, before any of it is looked at.

    A middleware would be passed by where no route is found, and costs several times as much.
    """

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == ScopeType.HTTP:
            cast("HTTPScope", scope).setdefault("state", {})[_BEGAN] = time.perf_counter()
        await super().__call__(scope, receive, send)


def observing(metrics: Metrics) -> BeforeMessageSendHookHandler:
    """Return the hook that counts and logs each answer as it begins."""

    async def observe(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        seconds = time.perf_counter() - scope["state"][_BEGAN]
        facts = facts_of(scope)
        status = message["status"]
        metrics.answered(facts["method"], facts["route"], status, seconds)
        _log.info(
            "answered",
            extra={**facts, "status": status, "duration_ms": round(seconds * 1_000, 2)},
        )

    return observe


def facts_of(scope: Scope) -> dict[str, Any]:
    """Return what may be said of a request in metrics and logs.

    Anybody can invent methods and addresses, so only those that we know become labels and lines.
    The request's id is the one that its entries bear.
    """
    method, origin = cast("HTTPScope", scope)["method"], scope.get("auth")
    return {
        "method": method if method in METHODS else "other",
        "route": scope.get("path_template") or UNMATCHED,
        "account": scope["path_params"].get("account_id"),
        "request": origin.request if origin else None,
    }
