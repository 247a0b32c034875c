"""Puts Live Agent together: the application over its services, those over two databases."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from audit_trail.capture.outbox import Outbox
from audit_trail.capture.proxies import NO_PROXIES, Proxies
from audit_trail.capture.waiting import wait_until_sequenced
from audit_trail.coverage import rounds as coverage
from audit_trail.errors import AuditError, OutboxFailed
from audit_trail.keyring import Signing
from audit_trail.reconciliation import rounds as reconciliation
from audit_trail.record.language import marked
from audit_trail.retention.keeping import Retention
from audit_trail.retention.rounds import Rounds
from audit_trail.sequencer.loop import Sequencer
from audit_trail.server.answers import (
    UNFORESEEN,
    Problem,
    add_headers,
    problem_answer,
    problem_of_framework,
    problem_of_trail,
)
from audit_trail.server.tail import Tails
from audit_trail.store.port import Store
from audit_trail.trail import Trail, utc_now_us
from audit_trail.trees import Report, unreported
from live_agent import attempts
from live_agent.api.document import openapi_config
from live_agent.api.routes import api_routes
from live_agent.attempts import Limits
from live_agent.database import Database
from live_agent.errors import DatabaseBusy, Invalid, LiveAgentError, TooManyRequests
from live_agent.exporting import rounds as exporting
from live_agent.exporting.shelf import Shelf
from live_agent.gate import Gate
from live_agent.metrics import Metrics
from live_agent.observing import ObservedApp, facts_of, observing
from live_agent.operating import OPERATING_PATHS, operating_routes
from live_agent.places import Places
from live_agent.services import Services
from live_agent.telling import rounds as telling
from live_agent.watching import WATCH

BODY_LIMIT_BYTES: Final = 1_048_576
THREADS: Final = 32
SWEEP_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 5.0

FOR_PROGRAMS: Final = ("/api/", "/auth/", *OPERATING_PATHS)
"""Where an error is answered as JSON, whatever the client says that it accepts."""

HtmlError = Callable[[Request[Any, Any, Any], Problem], Response[Any]]
"""How pages answer an error; a 401 by leading to the sign-in."""

_log = logging.getLogger(__name__)


def create_app(
    services: Services,
    *,
    extra_routes: Sequence[ControllerRouterHandler] = (),
    html_error: HtmlError | None = None,
) -> Litestar:
    """Return the API, and beside it `extra_routes`, whose errors `html_error` answers."""

    def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        problem = problem_of(error)
        if problem.status >= 500:
            _log.error("a request failed", exc_info=error, extra=facts_of(request.scope))
        services.metrics.refuse(error)
        # The URL can't be put together from every Host header; the path is always there.
        if html_error is None or request.scope["path"].startswith(FOR_PROGRAMS):
            return problem_answer(problem)
        return html_error(request, problem)

    return ObservedApp(
        route_handlers=[*api_routes(services), *operating_routes(services), *extra_routes],
        middleware=[Gate(services)],
        exception_handlers={Exception: on_error},
        before_send=[add_headers, observing(services.metrics)],
        lifespan=[_lifespan],
        state=State({"services": services}),
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=openapi_config(),
        logging_config=None,
    )


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    asyncio.get_running_loop().set_default_executor(
        ThreadPoolExecutor(THREADS, thread_name_prefix="request")
    )
    services: Services = app.state.services
    running = services.running()
    await asyncio.to_thread(running.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


def problem_of(error: Exception) -> Problem:
    """Say what went wrong without saying more than the person may know."""
    match error:
        case DatabaseBusy():
            return _problem(error, marked("The database is busy. Try again."), {"Retry-After": "1"})
        case TooManyRequests():
            return _problem(error, str(error), {"Retry-After": "1"})
        case Invalid():
            return Problem(error.status, error.code, str(error), error.errors)
        case LiveAgentError() if error.status < 500:
            return _problem(error, str(error))
        case LiveAgentError():
            return _problem(error, marked("Something failed here. It has been logged."))
        case AuditError():
            return problem_of_trail(error)
        case HTTPException():
            return problem_of_framework(error, BODY_LIMIT_BYTES)
        case _:
            return UNFORESEEN


def _problem(error: LiveAgentError, message: str, headers: dict[str, str] | None = None) -> Problem:
    return Problem(error.status, error.code, message, headers=headers or {})


def build_services(
    places: Places | Path,
    *,
    secure_cookies: bool = False,
    trusted_proxies: Proxies = NO_PROXIES,
    clock: Callable[[], int] = utc_now_us,
    limits: Limits | None = None,
    metrics_token: str = "",
    signing: Signing | None = None,
    report: Report = unreported,
    url: str = "",
    webhooks_to_private_networks: bool = False,
    coverage_seconds: float = coverage.PERIOD_SECONDS,
    reconcile_seconds: float = reconciliation.DAY_SECONDS,
) -> Services:
    """Compose everything over two databases, a path meaning two files in that directory.

    Prepare the database before serving. `url` is where people reach the server, for the links that
    it sends. Every `coverage_seconds` somebody looks whether all is recorded, and every
    `reconcile_seconds` (0 is never) whether all is as recorded. `report` is told how far a trail of an older release is
    sealed. Raises what `Trail.seal` raises.
    """
    if isinstance(places, Path):
        places = Places(data=places)
    places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = places.trail()
    trail, cursor_key = _sealed(store, signing or Signing(data=places.data), clock, report)
    tails = Tails(trail, cursor_key)
    database = places.database()
    reader = places.reader(database)
    outbox = places.outbox(reader)
    sequencer = Sequencer(outbox, trail, WATCH, clock=clock)
    database.after_commit = sequencer.wake
    retention = Retention(trail, clock=clock)

    def leads() -> bool:
        return sequencer.leads

    rounds = Rounds(trail, retention, leads)
    webhooks = telling.Rounds(
        database, trail, clock=clock, site=url, to_private=webhooks_to_private_networks
    )
    looks = coverage.Rounds(
        reader, trail, leads=leads, clock=clock, period_seconds=coverage_seconds
    )
    shelf = Shelf(places.data / "exports", trail)
    exports = exporting.Rounds(database, trail, shelf, clock=clock)
    others = {
        "retention": rounds.run,
        "webhooks": webhooks.run,
        "index": trail.keep_indexed,
        # Two, so that a small one needn't wait for another account's large one.
        "exports": exports.run,
        "more exports": exports.run,
        "coverage": looks.run,
    }
    if reconcile_seconds:
        others["reconciliation"] = reconciliation.Rounds(
            reader, trail, leads=leads, clock=clock, period_seconds=reconcile_seconds
        ).run

    def close() -> None:
        store.close()
        reader.dispose()
        database.close()

    return Services(
        database=database,
        outbox=outbox,
        trail=trail,
        clock=clock,
        retention=retention,
        running=lambda: _running(database, outbox, sequencer, others, clock),
        sequencer=sequencer,
        metrics=Metrics(outbox, sequencer, clock, webhooks, tails.size, looks.wrong),
        exports=shelf,
        close=close,
        tails=tails,
        secure_cookies=secure_cookies,
        trusted_proxies=trusted_proxies,
        limits=limits or Limits(),
        metrics_token=metrics_token,
    )


def _sealed(
    store: Store, signing: Signing, clock: Callable[[], int], report: Report
) -> tuple[Trail, bytes]:
    """Return the trail once all of it is sealed and signed, and the secret of its cursors.

    So a server that may not sign stops.
    """
    try:
        signer = signing.signer(store, clock)
        trail = Trail(store, signer=signer, clock=clock)
        trail.seal(report)
    except AuditError:
        store.close()
        raise
    return trail, signer.derived("cursors")


@contextmanager
def _running(
    database: Database,
    outbox: Outbox,
    sequencer: Sequencer,
    others: Mapping[str, Callable[[threading.Event], None]],
    clock: Callable[[], int],
) -> Iterator[None]:
    """Run sequencer, sweep and the others beside the requests; at the end, work off what is left."""
    stop, stop_others = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=sequencer.run, args=(stop,), name="sequencer", daemon=True),
        threading.Thread(
            target=_sweep, args=(database, clock, stop_others), name="sweep", daemon=True
        ),
        *(
            threading.Thread(target=run, args=(stop_others,), name=name, daemon=True)
            for name, run in others.items()
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop_others.set()
        for thread in threads[1:]:
            thread.join(DRAIN_SECONDS)
        try:
            wait_until_sequenced(outbox, DRAIN_SECONDS)
        except OutboxFailed:
            _log.warning("what is left can't be read; the next start works it off", exc_info=True)
        stop.set()
        sequencer.wake()
        threads[0].join(DRAIN_SECONDS)


def _sweep(database: Database, clock: Callable[[], int], stop: threading.Event) -> None:
    while True:
        try:
            attempts.sweep(database, clock())
        except LiveAgentError:
            _log.exception("the minute's failed attempts could not be noted; trying again")
        if stop.is_set():
            return
        stop.wait(SWEEP_SECONDS)
