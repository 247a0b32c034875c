"""Puts the server of its own together, over a trail and its administrators."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, Request, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import ClientException, HTTPException, NotFoundException

from audit_trail.capture.outbox import Backlog
from audit_trail.capture.proxies import NO_PROXIES, Proxies
from audit_trail.errors import AdministratorsFailed, AuditError
from audit_trail.record.entry import INSTALLATION
from audit_trail.record.language import marked
from audit_trail.server.answers import (
    UNFORESEEN,
    Problem,
    add_headers,
    problem_answer,
    problem_of_framework,
    problem_of_trail,
    wants_json,
)
from audit_trail.server.assets import Assets, page_templates
from audit_trail.server.audit_logs import AnyRequest, audit_logs_router
from audit_trail.server.browser import form_texts
from audit_trail.server.entries_router import entries_router
from audit_trail.server.states_router import states_router
from audit_trail.server.tail import Tails
from audit_trail.server.trail_files import trail_files_router
from audit_trail.server.viewer import Reader, Viewer
from audit_trail.standalone.administrators import Administrators
from audit_trail.standalone.attempts import Limits
from audit_trail.standalone.entrance import Entrance
from audit_trail.standalone.gate import ANYBODY, OF_ACCOUNT, Gate
from audit_trail.standalone.noting import CATALOG
from audit_trail.standalone.pages import ACCOUNTS, TEMPLATES, Pages, logs_path
from audit_trail.trail import Trail, utc_now_us

BODY_LIMIT_BYTES: Final = 65_536
THREADS: Final = 32
API: Final = "/api/v1/accounts/{account_id:str}"
STATIC_PATH: Final = "/static"
FOR_PROGRAMS: Final = ("/api/", "/health/")
_CODES: Final = {401: "not_signed_in", 403: "forbidden", 429: "too_many_attempts"}
_NOTHING: Final = marked("There is no such address, or it isn't yours to read.")
_NOBODY: Final = marked("Nobody can be let in just now. Try again.")

_log = logging.getLogger(__name__)


class Standalone(NamedTuple):
    """The application, and what ends its open tails; call that before the server stops."""

    app: Litestar
    close: Callable[[], None]


def create_standalone(
    trail: Trail,
    known: Administrators,
    *,
    secure_cookies: bool = False,
    trusted_proxies: Proxies = NO_PROXIES,
    limits: Limits | None = None,
    clock: Callable[[], int] = utc_now_us,
) -> Standalone:
    """Return the page Audit Logs and the API of entries over a trail, for these administrators.

    The trail needs no key: what is noted of administrators is signed by whoever has it.
    """
    # The prefix makes browsers insist on https and this host.
    cookie = "__Host-audit_trail_session" if secure_cookies else "audit_trail_session"
    tails = Tails(trail, known.secret("cursors"))
    entrance = Entrance(known, trail, clock, limits or Limits())
    gate = Gate(known, cookie, trusted_proxies, clock)
    assets = Assets(STATIC_PATH)
    templates = page_templates(assets, FileSystemLoader(TEMPLATES))
    pages = Pages(trail, entrance, templates, cookie=cookie, secure_cookies=secure_cookies)
    page, api = _mounted(trail, gate, entrance, pages, tails, templates, clock)
    static = assets.router()
    static.opt.update(ANYBODY)

    def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        problem = problem_of(error)
        if problem.status >= 500:
            _log.error("a request failed", exc_info=error)
        is_for_programs = request.scope["path"].startswith(FOR_PROGRAMS)
        if is_for_programs or wants_json(request):
            return problem_answer(problem)
        return pages.refusal(request, problem)

    app = Litestar(
        route_handlers=[
            static,
            _health(trail),
            Router(
                "/",
                route_handlers=[*pages.routes(), page],
                dependencies={"sent": Provide(_sent)},
                include_in_schema=False,
            ),
            api,
        ],
        middleware=[gate],
        exception_handlers={Exception: on_error},
        before_send=[add_headers],
        lifespan=[_lifespan(entrance)],
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    return Standalone(app, tails.close)


def _mounted(
    trail: Trail,
    gate: Gate,
    entrance: Entrance,
    pages: Pages,
    tails: Tails,
    templates: Environment,
    clock: Callable[[], int],
) -> tuple[Router, Router]:
    """Return the engine's routers behind the gate's guard: the page's, and those for programs."""

    def reader(request: AnyRequest) -> Reader:
        """Return who reads whose trail; the gate has let them in."""
        account = request.path_params["account_id"]
        if not trail.head(account).size:
            raise NotFoundException
        administrator = request.user.session.administrator
        return Reader(
            account=account,
            person=administrator.actor.id,
            opens=entrance.opens(administrator, account, request.auth),
            is_admitted=gate.admission(request.scope),
        )

    def account(request: AnyRequest) -> str:
        return reader(request).account

    def viewer(request: AnyRequest) -> Viewer:
        who = reader(request)
        shell = pages.shell(request.user, who.account)
        return Viewer(
            account=who.account,
            reader=who,
            opens=who.opens,
            path=logs_path(who.account),
            layout={"shell": shell},
        )

    page = audit_logs_router(
        trail,
        path=f"{ACCOUNTS}/{{account_id:str}}/audit-logs",
        viewer=viewer,
        fresh=_fresh,
        catalog=CATALOG,
        templates=templates,
        tails=tails,
        clock=clock,
    )
    page.opt.update(OF_ACCOUNT)
    entries = entries_router(
        trail,
        path="/audit_logs/entries",
        reader=reader,
        fresh=_fresh,
        catalog=CATALOG,
        tails=tails,
        clock=clock,
    )
    states = states_router(trail, path="/audit_logs", reader=reader, fresh=_fresh, clock=clock)
    files = trail_files_router(trail, path="/audit_logs", account=account, fresh=_fresh)
    return page, Router(API, route_handlers=[entries, states, files], opt=dict(OF_ACCOUNT))


def problem_of(error: Exception) -> Problem:
    """Say what went wrong without saying more than the person may know."""
    match error:
        case HTTPException(status_code=status) if status in _CODES:
            headers = {"Retry-After": "60"} if status == 429 else {}
            return Problem(status, _CODES[status], error.detail, headers=headers)
        case HTTPException(status_code=404):
            return Problem(404, "not_found", _NOTHING)
        case HTTPException():
            return problem_of_framework(error, BODY_LIMIT_BYTES)
        case AdministratorsFailed():
            return Problem(503, error.code, _NOBODY)
        case AuditError():
            return problem_of_trail(error)
        case _:
            return UNFORESEEN


def _health(trail: Trail) -> Any:
    @get("/health/ready", opt=ANYBODY, sync_to_thread=True)
    def ready() -> Response[Any]:
        try:
            trail.head(INSTALLATION)
        except AuditError:
            return Response({"status": "failing"}, status_code=503)
        return Response({"status": "ready"})

    return ready


async def _sent(request: AnyRequest) -> Any:
    try:
        return await form_texts(request)
    except (ValueError, LookupError):
        raise ClientException from None


def _fresh() -> Backlog:
    """Wait for nothing: the outbox is out of this server's reach."""
    return Backlog(0, None)


def _lifespan(entrance: Entrance) -> Any:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        )
        stop = threading.Event()
        sweep = threading.Thread(target=entrance.sweep, args=(stop,), name="sweep", daemon=True)
        sweep.start()
        try:
            yield
        finally:
            stop.set()
            await asyncio.to_thread(sweep.join)

    return lifespan
