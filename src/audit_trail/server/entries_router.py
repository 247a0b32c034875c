"""The addresses of a trail's entries, for programs, with their parameters as OpenAPI describes them."""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response import ServerSentEvent

from audit_trail.errors import QueryRefused
from audit_trail.record.catalog import Catalog
from audit_trail.server.asked import RANGES
from audit_trail.server.entries import (
    LARGEST_LIMIT,
    LIMIT,
    Entries,
    EntryPage,
    FacetsFound,
    Text,
    TimelineFound,
)
from audit_trail.server.entry_json import EntryItem
from audit_trail.server.tail import LAST_EVENT, Tails
from audit_trail.server.viewer import Reader
from audit_trail.trail import Trail, utc_now_us

AnyRequest = Request[Any, Any, Any]
TheReader = NamedDependency[Reader]
TheGiven = NamedDependency[dict[str, str]]


def _asks(description: str, **schema: Any) -> QueryParameter:
    return QueryParameter(description=description, schema_extra=schema or None)


Q = Annotated[Text, _asks("A question, in the language of the search box", maxLength=2_000)]
Range = Annotated[
    Text, QueryParameter(name="range", description="A range that ends now: " + ", ".join(RANGES))
]
Since = Annotated[Text, _asks("The first day, such as 2026-11-24", format="date")]
Until = Annotated[Text, _asks("The last day, which counts to its end", format="date")]
ZoneName = Annotated[
    Text, _asks("Whose days and clocks are meant (IANA); by default the account's")
]


def entries_router(
    trail: Trail,
    *,
    path: str,
    reader: Callable[..., Reader],
    fresh: Callable[[], object],
    catalog: Catalog,
    tails: Tails,
    clock: Callable[[], int] = utc_now_us,
) -> Router:
    """Return the router of the trail's entries, to be mounted at `path`.

    `reader` is the guard, a dependency: it tells who reads whose trail, or raises the application's
    own error. `fresh` gives the trail a moment to take up what has committed. `tails` holds the key of
    the cursors, too; the application closes them before it stops. It answers what the trail refuses:
    `EntryNotFound` with 404, `QueryRefused` and those below it with 422, `TooManyTails` with 429.
    """
    entries = Entries(trail, catalog, tails.cursors, clock)

    return Router(
        path=path,
        route_handlers=[
            _listing(entries, fresh),
            *_overviews(entries, fresh),
            _tail(entries, tails, fresh),
            _one(entries, fresh),
        ],
        dependencies={
            "reader": Provide(reader, sync_to_thread=True),
            "given": Provide(_given, sync_to_thread=False),
        },
    )


Fresh = Callable[[], object]


def _listing(entries: Entries, fresh: Fresh) -> HTTPRouteHandler:
    @get("/", sync_to_thread=True)
    def list_audit_log_entries(
        request: AnyRequest,
        reader: TheReader,
        given: TheGiven,
        sort: Annotated[Text, _asks("asc or desc, the default", enum=["asc", "desc"])] = None,
        limit: Annotated[
            Text, _asks(f"1 to {LARGEST_LIMIT}; by default {LIMIT}", pattern="^[0-9]{1,3}$")
        ] = None,
        cursor: Annotated[Text, _asks("The `next` of another page, with all it asked for")] = None,
    ) -> Response[EntryPage]:
        require_known(request, *given, "sort", "limit", "cursor")
        fresh()
        return Response(entries.page(reader, given, sort, limit, cursor))

    return list_audit_log_entries


def _overviews(entries: Entries, fresh: Fresh) -> list[HTTPRouteHandler]:
    @get("/facets", sync_to_thread=True)
    def get_audit_log_facets(
        request: AnyRequest, reader: TheReader, given: TheGiven
    ) -> Response[FacetsFound]:
        require_known(request, *given)
        fresh()
        return Response(entries.facets(reader, given))

    @get("/timeline", sync_to_thread=True)
    def get_audit_log_timeline(
        request: AnyRequest, reader: TheReader, given: TheGiven
    ) -> Response[TimelineFound]:
        require_known(request, *given)
        fresh()
        return Response(entries.timeline(reader, given))

    return [get_audit_log_facets, get_audit_log_timeline]


def _tail(entries: Entries, tails: Tails, fresh: Fresh) -> HTTPRouteHandler:
    # `polled` lets the application tell a tail that stays open from a person who reads.
    @get("/tail", sync_to_thread=True, opt={"polled": True}, media_type="text/event-stream")
    def tail_audit_log_entries(
        request: AnyRequest,
        reader: TheReader,
        given: TheGiven,
        cursor: Annotated[
            Text, _asks("Where to begin; by default with what is recorded next")
        ] = None,
    ) -> ServerSentEvent:
        require_known(request, *given, "cursor")
        fresh()
        cursor = request.headers.get(LAST_EVENT) or cursor
        begin, look, cursor_of = entries.tail(reader, given, cursor)
        return tails.follow(reader, begin, look, cursor_of)

    return tail_audit_log_entries


def _one(entries: Entries, fresh: Fresh) -> HTTPRouteHandler:
    @get("/{index:int}", sync_to_thread=True)
    def get_audit_log_entry(
        request: AnyRequest, reader: TheReader, index: FromPath[int]
    ) -> Response[EntryItem]:
        require_known(request)
        fresh()
        return Response(entries.entry(reader, index))

    return get_audit_log_entry


def _given(
    q: Q = None,
    range_: Range = None,
    since: Since = None,
    until: Until = None,
    zone: ZoneName = None,
) -> dict[str, str]:
    """Return the parameters that say what is asked for."""
    given = {"q": q, "range": range_, "since": since, "until": until, "zone": zone}
    return {name: text or "" for name, text in given.items()}


def require_known(request: AnyRequest, *names: str) -> None:
    """Refuse other parameters: a misspelled filter would show what was to be left out."""
    for name in request.query_params:
        if name not in names:
            known = f"there are {', '.join(names)}" if names else "there are none here"
            raise QueryRefused(f"There is no parameter {_shortened(name)}; {known}.")
        if len(request.query_params.getall(name)) > 1:
            raise QueryRefused(f"{name} is given several times; give it once.")


def _shortened(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name[:40])
