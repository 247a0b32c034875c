"""Settings > Audit Logs as a mountable router: the list, what is new, and one entry."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from jinja2 import Environment
from litestar import MediaType, Request, Response, Router, get
from litestar.params import FromPath

from audit_trail.errors import (
    AuditError,
    CursorRefused,
    EntryNotFound,
    EvidenceRefused,
    QueryRefused,
    QuestionRefused,
    TooManyTails,
)
from audit_trail.evidence import Wanted, evidence
from audit_trail.past import NO_IDENTITIES, Identities, Roles
from audit_trail.record.asked import LONGEST
from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import Entry
from audit_trail.record.language import Language, say, say_many, speaking, spoken
from audit_trail.record.opened import details
from audit_trail.record.query import Query
from audit_trail.search.found import SEARCHED_AT_ONCE, Page
from audit_trail.server.answers import wants_json
from audit_trail.server.asked import ADDRESSED, RANGES, Asked, asked_of
from audit_trail.server.assets import PAGE_HEADERS
from audit_trail.server.band import band_of
from audit_trail.server.beginning import begin_of
from audit_trail.server.columns import COLUMNS
from audit_trail.server.completion import suggested
from audit_trail.server.entry_json import entry_item
from audit_trail.server.filters import Filters
from audit_trail.server.history import history_of
from audit_trail.server.known import Knowing
from audit_trail.server.languages import language_of, spoken_tag
from audit_trail.server.moments import roles_then, then_of
from audit_trail.server.news import news
from audit_trail.server.overview import overview_of
from audit_trail.server.row import by_request, rows_of
from audit_trail.server.seal import proof_of
from audit_trail.server.tail import LAST_EVENT, Tails
from audit_trail.server.viewer import Backlog, Viewer
from audit_trail.server.window import window_of
from audit_trail.server.zone import Zone, duration, zone_of, zone_title
from audit_trail.trail import Trail, utc_now_us

PAGE_ENTRIES: Final = 25
LARGEST_NUMBER: Final = 2**53 - 1
ZONE_COOKIE: Final = "tz"
STATUSES: Final[dict[type[AuditError], int]] = {
    EntryNotFound: 404,
    EvidenceRefused: 409,
    QueryRefused: 422,
    QuestionRefused: 422,
    CursorRefused: 422,
    TooManyTails: 429,
}

AnyRequest = Request[Any, Any, Any]


def audit_logs_router(
    trail: Trail,
    *,
    path: str,
    viewer: Callable[[AnyRequest], Viewer],
    fresh: Callable[[], Backlog],
    catalog: Catalog,
    templates: Environment,
    tails: Tails | None = None,
    identities: Identities = NO_IDENTITIES,
    roles: Roles | None = None,
    clock: Callable[[], int] = utc_now_us,
) -> Router:
    """Return the router of Settings > Audit Logs, to be mounted at `path` (it may hold parameters).

    `identities` say by which fields records move, `roles` where people's roles are told. `viewer` is the guard: it tells whose trail is shown to whom, or raises the application's own
    error. `fresh` gives the trail a moment to take up what has committed, and tells what it still
    lacks. `templates` come from `page_templates`. With `tails`, an open list is told what is new, of a
    viewer who is a `reader`; without, it asks now and then. Every address answers JSON to who prefers
    it, or asks for it by `as=json`.
    """
    pages = _Pages(trail, viewer, fresh, catalog, templates, tails, identities, roles, clock)

    @get("/", sync_to_thread=True, include_in_schema=False)
    def audit_logs(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.listed)

    @get("/overview", sync_to_thread=True, include_in_schema=False)
    def audit_logs_overview(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.overview)

    @get("/suggestions", sync_to_thread=True, include_in_schema=False)
    def audit_logs_suggestions(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.suggestions)

    # `polled` lets the application tell a tab that lies open from a person who reads.
    @get("/newest", sync_to_thread=True, include_in_schema=False, opt={"polled": True})
    def newest_audit_logs(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.newest)

    @get("/tail", sync_to_thread=True, include_in_schema=False, opt={"polled": True})
    def tail_audit_logs(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.tail)

    @get("/roles", sync_to_thread=True, include_in_schema=False)
    def audit_log_roles(request: AnyRequest) -> Response[Any]:
        return pages.answer(request, pages.roles)

    @get("/{number:str}/state", sync_to_thread=True, include_in_schema=False)
    def audit_log_state(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
        return pages.answer(request, lambda asked, viewer: pages.state(asked, viewer, number))

    @get("/{number:str}", sync_to_thread=True, include_in_schema=False)
    def audit_log(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
        return pages.answer(request, lambda asked, viewer: pages.entry(asked, viewer, number))

    @get("/{number:str}/history", sync_to_thread=True, include_in_schema=False)
    def audit_log_history(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
        return pages.answer(request, lambda asked, viewer: pages.history(asked, viewer, number))

    @get("/{number:str}/proof", sync_to_thread=True, include_in_schema=False)
    def audit_log_proof(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
        return pages.answer(request, lambda asked, viewer: pages.proof(asked, viewer, number))

    @get("/{number:str}/evidence", sync_to_thread=True, include_in_schema=False)
    def audit_log_evidence(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
        return pages.answer(request, lambda _, viewer: pages.evidence(viewer, number))

    handlers = [
        audit_logs,
        audit_logs_overview,
        audit_logs_suggestions,
        newest_audit_logs,
        tail_audit_logs,
        audit_log,
        audit_log_history,
        audit_log_state,
        audit_log_roles,
        audit_log_proof,
        audit_log_evidence,
    ]
    return Router(path=path, route_handlers=handlers)


class _Pages:
    """Draws the pages over one trail."""

    def __init__(
        self,
        trail: Trail,
        viewer: Callable[[AnyRequest], Viewer],
        fresh: Callable[[], Backlog],
        catalog: Catalog,
        templates: Environment,
        tails: Tails | None,
        identities: Identities,
        roles: Roles | None,
        clock: Callable[[], int],
    ) -> None:
        self._trail = trail
        self._viewer = viewer
        self._fresh = fresh
        self._catalog = catalog
        self._templates = templates
        self._tails = tails
        self._identities = identities
        self._roles = roles
        self._clock = clock
        self._knowing = Knowing(trail, clock)

    def answer(
        self, request: AnyRequest, make: Callable[[AnyRequest, Viewer], Response[Any]]
    ) -> Response[Any]:
        """Ask the guard, then answer; what the trail refuses is said on a page of its own."""
        viewer = self._viewer(request)
        with speaking(None if _wants_json(request) else self._language(request, viewer)):
            return self._answer(request, viewer, make)

    def _language(self, request: AnyRequest, viewer: Viewer) -> Language | None:
        accepted = request.headers.get("Accept-Language", "")
        return language_of(self._templates, accepted, viewer.language)

    def _answer(
        self,
        request: AnyRequest,
        viewer: Viewer,
        make: Callable[[AnyRequest, Viewer], Response[Any]],
    ) -> Response[Any]:
        try:
            return make(request, viewer)
        except tuple(STATUSES) as error:
            status = STATUSES[type(error)]
            if _wants_json(request):
                said = {"error": str(error), "message": str(error), "code": error.code}
                return _json(said, status)
            seen = {"error": str(error), "status": status, "path": viewer.path}
            return self._html(viewer, "refused.html", seen, status)

    def listed(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer the newest entries, or those before or after a number."""
        before, after = _number(request, "before"), _number(request, "after")
        if before is not None and after is not None:
            raise QueryRefused(say("Give before or after, not both."))
        backlog = self._fresh()
        kept = "kept" in request.query_params
        try:
            asked = self._asked(request, viewer)
        except (QuestionRefused, QueryRefused) as error:
            if _wants_json(request):
                raise
            return self._misunderstood(request, viewer, error)
        page = self._page(viewer, asked, before, after, kept=kept)
        if _wants_json(request):
            return _json(self._page_json(page, viewer, asked, kept=kept))
        is_newest = before is None and not page.has_newer and not kept
        behind = backlog if is_newest else None
        seen = self._list(request, viewer, asked, page, behind, kept=kept)
        zone = _zone(request, viewer)
        band = band_of(
            self._trail, viewer.account, asked.during, zone, self._catalog, self._clock()
        )
        return self._html(viewer, "audit_logs.html", seen | {"band": band})

    def _asked(self, request: AnyRequest, viewer: Viewer) -> Asked:
        zone = _zone(request, viewer)
        given = _last_of(request)
        return asked_of(given, viewer.account, zone, self._clock(), self._catalog)

    def _misunderstood(
        self, request: AnyRequest, viewer: Viewer, error: QuestionRefused | QueryRefused
    ) -> Response[Any]:
        """Show what was asked as it was typed, with what is wrong about it and what may be meant."""
        given = {name: text for name, text in _last_of(request).items() if name in ADDRESSED}
        asked = Asked(given=given, query=Query(account=viewer.account))
        is_question = isinstance(error, QuestionRefused)
        since, until = given.get("since", ""), given.get("until", "")
        refused = {
            "of": "question" if is_question else "range",
            "says": str(error),
            "suggestion": error.suggestion if isinstance(error, QuestionRefused) else None,
            "exchanged": not is_question and "" < until < since,
        }
        seen = self._around(viewer, asked) | {"refused": refused}
        return self._html(viewer, "audit_logs.html", seen, STATUSES[type(error)])

    def overview(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer counts, facets and timeline: a part to the list's script, else a page of its own."""
        asked, zone = self._asked(request, viewer), _zone(request, viewer)
        found = overview_of(self._trail, asked, zone, self._catalog, self._clock())
        seen = self._around(viewer, asked) | {"overview": found}
        return self._part(request, viewer, "overview.html", "overview_page.html", seen)

    def suggestions(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer what may be typed next, at a place of a question; always as JSON."""
        text = request.query_params.get("q", "")
        at = request.query_params.get("at", str(min(len(text), LONGEST)))
        place = int(at) if at.isascii() and at.isdecimal() and len(at) < len("10000") else None
        if len(text) > LONGEST or place is None or place > len(text):
            raise QueryRefused(
                "Ask for suggestions at a place (at) of a question (q) of up to "
                f"{LONGEST:,} characters."
            )
        known = self._knowing.of(viewer.account)
        # What they mean is read by people, though a script fetches it.
        with speaking(self._language(request, viewer)):
            found = suggested(text, place, self._catalog, known)
        items = [each._asdict() for each in found.items]
        return _json({"start": found.start, "stop": found.stop, "items": items})

    def newest(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer the list anew, or 204 while a page that has `seen` so many entries is still true."""
        seen = _number(request, "seen", least=0) or 0
        backlog = self._fresh()
        is_true = self._trail.head(viewer.account).size == seen and not backlog.rows
        if is_true and "behind" not in request.query_params:
            return Response(None, status_code=204, headers=PAGE_HEADERS)
        asked = self._asked(request, viewer)
        page = self._page(viewer, asked, None, None)
        listed = self._list(request, viewer, asked, page, backlog, seen=seen)
        return self._html(viewer, "entries.html", listed)

    def tail(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer how many entries match that a page which has `seen` so many doesn't show."""
        if self._tails is None or viewer.reader is None:
            raise EntryNotFound("There is no live tail here.")
        seen = _number(request, "seen", least=0) or 0
        size = self._trail.head(viewer.account).size
        return news(
            self._trail,
            self._tails,
            viewer.reader,
            lambda: self._asked(request, viewer),
            zone=_zone(request, viewer).place,
            begin=min(seen, size) - 1,
            last=request.headers.get(LAST_EVENT),
        )

    def entry(self, request: AnyRequest, viewer: Viewer, number: str) -> Response[Any]:
        """Answer one entry: its window alone to the list's script, else a page of its own."""
        entry = self._entry(viewer, number)
        viewer.opens(details(entry.index))
        if _wants_json(request):
            return _json(self._entry_json(entry, viewer))
        asked = self._asked(request, viewer)
        zone = _zone(request, viewer)
        window = window_of(
            self._trail,
            entry,
            asked,
            self._catalog,
            zone,
            viewer.path,
            viewer.restoration(entry),
        )
        seen = {"window": window, "path": viewer.path, "listed": asked.at(viewer.path)}
        return self._part(request, viewer, "window.html", "entry.html", seen)

    def history(self, request: AnyRequest, viewer: Viewer, number: str) -> Response[Any]:
        """Answer what happened to an entry's record: in its window, else as a page of its own."""
        entry, before = self._entry(viewer, number), _number(request, "before")
        if entry.public.entity.id is None:
            raise EntryNotFound(
                say("Entry %(number)s is about no record that could have a history.", number=number)
            )
        viewer.opens(details(entry.index, shown_as="history"))
        asked, zone = self._asked(request, viewer), _zone(request, viewer)
        history = history_of(
            self._trail, entry, asked, self._catalog, zone, viewer.path, before=before
        )
        seen = {"history": history, "path": viewer.path, "listed": asked.at(viewer.path)}
        return self._part(request, viewer, "history.html", "history_page.html", seen)

    def state(self, request: AnyRequest, viewer: Viewer, number: str) -> Response[Any]:
        """Answer an entry's record as it left it, or as it was `at` a moment; as the history."""
        entry = self._entry(viewer, number)
        if entry.public.entity.id is None:
            raise EntryNotFound(
                say("Entry %(number)s is about no record that could have a state.", number=number)
            )
        asked, zone = self._asked(request, viewer), _zone(request, viewer)
        then = then_of(
            self._trail,
            entry,
            asked,
            self._catalog,
            zone,
            viewer.path,
            at=request.query_params.get("at", ""),
            identities=self._identities,
        )
        viewer.opens(then.read)
        seen = {"then": then, "path": viewer.path, "listed": asked.at(viewer.path)}
        return self._part(request, viewer, "state.html", "state_page.html", seen)

    def roles(self, request: AnyRequest, viewer: Viewer) -> Response[Any]:
        """Answer who had which role `at` a moment, or now."""
        if self._roles is None:
            raise EntryNotFound(say("No entry here tells of roles."))
        self._fresh()
        found = roles_then(
            self._trail,
            viewer.account,
            _zone(request, viewer),
            viewer.path,
            at=request.query_params.get("at", ""),
            now_us=self._clock(),
            roles=self._roles,
            identities=self._identities,
        )
        return self._html(viewer, "roles.html", {"found": found, "path": viewer.path})

    def _part(
        self, request: AnyRequest, viewer: Viewer, part: str, page: str, seen: dict[str, Any]
    ) -> Response[Any]:
        """Answer a part to the list's script, else the page that has it."""
        is_part = request.headers.get("HX-Request") == "true"
        return self._html(viewer, part if is_part else page, seen | {"is_part": is_part})

    def proof(self, request: AnyRequest, viewer: Viewer, number: str) -> Response[Any]:
        """Answer what verifying an entry takes; `since` is the size of a checkpoint seen before."""
        entry = self._entry(viewer, number)
        since = _number(request, "since", least=0)
        is_read = request.headers.get("HX-Request") == "true"
        # What can't be shown of it is read by people, where it is the page's script that asks.
        with speaking(self._language(request, viewer) if is_read else None):
            return _json(proof_of(self._trail, viewer.account, entry, since))

    def evidence(self, viewer: Viewer, number: str) -> Response[Any]:
        """Answer the evidence file of one entry."""
        index = self._entry(viewer, number).index
        wanted = Wanted(account=viewer.account, first=index, last=index)
        name = f"audit-log-{index + 1}.evidence.zip"
        headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        content = evidence(self._trail, wanted)
        viewer.opens(details(index, shown_as="evidence"))
        return Response(b"".join(content), media_type="application/zip", headers=headers)

    def _entry(self, viewer: Viewer, number: str) -> Entry:
        position = _entry_number(number)
        if position is None:
            raise EntryNotFound(
                say(
                    "There is no entry %(number)s; entries are numbered from 1.", number=number[:20]
                )
            )
        return self._trail.entry(viewer.account, position - 1)

    def _page(
        self,
        viewer: Viewer,
        asked: Asked,
        before: int | None,
        after: int | None,
        *,
        kept: bool = False,
    ) -> Page:
        """Read a page of the trail, or of what is `kept` from before it begins."""
        stop = self._trail.head(viewer.account).first if kept else None
        query = msgspec.structs.replace(asked.query, stop=stop)
        if after is not None:
            page = self._trail.page(query, after=after - 1, limit=PAGE_ENTRIES)
            if page.has_newer:
                return page
            before = None  # What follows is the newest page, and that is always full.
        return self._trail.page(
            query, before=None if before is None else before - 1, limit=PAGE_ENTRIES
        )

    def _list(
        self,
        request: AnyRequest,
        viewer: Viewer,
        asked: Asked,
        page: Page,
        backlog: Backlog | None,
        *,
        seen: int | None = None,
        kept: bool = False,
    ) -> dict[str, Any]:
        zone = _zone(request, viewer)
        filters = Filters(asked, self._catalog)
        rows = rows_of(page.entries, self._catalog, zone, filters, seen=seen)
        head = self._trail.head(viewer.account)
        size = head.size
        is_filtered = asked.query.where is not None
        at_the_end = kept or not (page.has_older or is_filtered)
        last = page.reached if page.reached is not None else rows[-1].number - 1 if rows else None
        beginning = self._trail.beginning(viewer.account) if at_the_end else None
        return self._around(viewer, asked) | {
            "kept": kept,
            "is_filtered": is_filtered,
            "shown": len(rows),
            "searched": SEARCHED_AT_ONCE,
            "total": size - head.first,
            "beginning": begin_of(beginning, zone) if beginning else None,
            "groups": by_request(rows),
            "zone": zone_title(zone, (row.at for row in rows)),
            "size": size,
            "range": (size - rows[0].number + 1, size - rows[-1].number + 1) if rows else None,
            "newer": rows[0].number if rows and page.has_newer else None,
            "older": last + 1 if last is not None and page.has_older else None,
            "is_newest": backlog is not None,
            "is_tailed": self._tails is not None and viewer.reader is not None,
            "behind": self._behind(backlog) if backlog and backlog.rows else None,
        }

    def _around(self, viewer: Viewer, asked: Asked) -> dict[str, Any]:
        """Return what stands over the list, whatever the list holds."""
        return {
            "path": viewer.path,
            "retention": viewer.retention,
            "personal_data": viewer.personal_data,
            "roles": f"{viewer.path}/roles" if self._roles else None,
            "views": viewer.views,
            "exports": viewer.exports,
            "asked": asked,
            "ranges": RANGES,
            "columns": COLUMNS,
            "refused": None,
            "band": None,
        }

    def _behind(self, backlog: Backlog) -> str:
        """Say calmly how far the trail is behind."""
        if backlog.oldest_us is None:
            return say_many(
                "%(count)s change is not shown yet.",
                "%(count)s changes are not shown yet.",
                backlog.rows,
            )
        age = duration((self._clock() - backlog.oldest_us) / 1_000_000)
        return say_many(
            "%(count)s change is not shown yet; it was made %(age)s ago.",
            "%(count)s changes are not shown yet; the oldest was made %(age)s ago.",
            backlog.rows,
            age=age,
        )

    def _page_json(self, page: Page, viewer: Viewer, asked: Asked, *, kept: bool) -> dict[str, Any]:
        last = page.entries[-1].index if page.entries else None
        last = last if page.reached is None else page.reached
        older = last + 1 if last is not None and page.has_older else None
        more = "&kept=1" if kept else ""
        return {
            "entries": [self._entry_json(entry, viewer) for entry in page.entries],
            "next": f"{viewer.path}?{asked.following(before=older)}{more}" if older else None,
        }

    def _entry_json(self, entry: Entry, viewer: Viewer) -> dict[str, Any]:
        item = entry_item(self._trail, viewer.account, entry, self._catalog)
        return {"url": f"{viewer.path}/{entry.index + 1}", **msgspec.structs.asdict(item)}

    def _html(
        self, viewer: Viewer, template: str, seen: dict[str, Any], status: int = 200
    ) -> Response[Any]:
        language = spoken_tag(spoken())
        seen = {"language": language, **viewer.layout, **seen}
        text = self._templates.get_template(template).render(seen)
        headers = {**PAGE_HEADERS, "Content-Language": language}
        return Response(text, status_code=status, media_type=MediaType.HTML, headers=headers)


def _json(value: dict[str, Any], status: int = 200) -> Response[Any]:
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type=MediaType.JSON,
        headers=PAGE_HEADERS,
    )


def _last_of(request: AnyRequest) -> dict[str, str]:
    """Return the address's parameters; of one that is given twice, the last, but all columns."""
    given = {name: request.query_params.getall(name) for name in request.query_params}
    return {name: ",".join(all_) if name == "columns" else all_[-1] for name, all_ in given.items()}


def _wants_json(request: AnyRequest) -> bool:
    return request.query_params.get("as") == "json" or wants_json(request)


def _zone(request: AnyRequest, viewer: Viewer) -> Zone:
    return zone_of(viewer.chosen_zone, request.cookies.get(ZONE_COOKIE), viewer.zone)


def _number(request: AnyRequest, name: str, *, least: int = 1) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    number = _entry_number(text, least)
    if number is None:
        raise QueryRefused(
            say(
                "%(name)s must be the number of an entry, %(least)s or more.",
                name=name,
                least=least,
            )
        )
    return number


def _entry_number(text: str, least: int = 1) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_NUMBER))
    return int(text) if is_number and least <= int(text) <= LARGEST_NUMBER else None
