"""Errors as pages: what went wrong, what to do, and the way out; each with its status."""

from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment
from litestar import Response

from audit_trail.server.answers import Problem
from audit_trail.server.assets import PAGE_HEADERS
from live_agent.access import Member
from live_agent.database import Database
from live_agent.errors import DatabaseFailed
from live_agent.pages.desk import AnyRequest, html, see_other, shell_of

SIGN_IN: Final = "/sign-in"

_TITLES: Final = {
    400: "That can't be understood",
    403: "You may not do this",
    404: "There is nothing here",
    405: "You may not do this here",
    413: "That is too large",
    422: "That can't be understood",
    429: "Too many attempts",
    500: "Something went wrong here",
    503: "Too busy just now",
}
_ADVICE: Final = {
    403: "Ask an administrator of this account if you need to.",
    404: "It may have been deleted, or the address is mistyped.",
    413: "Send less at once.",
    429: "Wait a minute, then try again.",
    500: "Try again. If it stays like this, tell whoever runs this server; its log says more.",
    503: "Nothing was changed. Try again in a moment.",
}


class Refusals:
    """Draws the error pages."""

    def __init__(self, database: Database, templates: Environment) -> None:
        self._database = database
        self._templates = templates

    def answer(self, request: AnyRequest, problem: Problem) -> Response[Any]:
        """Answer an error as a page, or as JSON to who prefers it.

        Somebody who isn't signed in is led to the page to do so.
        """
        if request.accept.best_match(["text/html", "application/json"]) == "application/json":
            return _json(problem)
        if problem.status == 401:
            return _to_sign_in(request)
        status = problem.status
        seen = {
            "title": _TITLES.get(status, "That isn't possible"),
            "message": problem.message,
            "advice": _ADVICE.get(status, ""),
            "address": "/",
            "way_out": "Back to the settings",
            "shell": self._shell(request, status),
            "flash": None,
        }
        response = html(self._templates.get_template("refusal.html").render(seen), status)
        response.headers.update(problem.headers)
        return response

    def _shell(self, request: AnyRequest, status: int) -> Any:
        """Keep the menu around the page for a member, unless it is the database that failed."""
        member = request.scope.get("user")
        if status >= 500 or not isinstance(member, Member):
            return None
        try:
            with self._database.reading() as db:
                return shell_of(db, member, request.scope["path"])
        except DatabaseFailed:
            return None


def _json(problem: Problem) -> Response[Any]:
    """Say it as the API does: clients read `error` or `message`."""
    said = {"error": problem.message, "message": problem.message, "code": problem.code}
    headers = {**PAGE_HEADERS, **problem.headers}
    return Response(said, status_code=problem.status, headers=headers)


def _to_sign_in(request: AnyRequest) -> Response[Any]:
    """Lead to the sign-in, and from there back to what was asked for by GET.

    A part of a page can't be replaced by a sign-in page, so there the browser is told to go.
    """
    if request.headers.get("Accept") == "text/event-stream":
        return Response(None, status_code=401, headers=PAGE_HEADERS)  # No page follows a tail.
    is_part = request.headers.get("HX-Request") == "true"
    query = request.scope["query_string"].decode("latin-1")
    wanted = request.scope["path"] + (f"?{query}" if query else "")
    if is_part:
        host = f"//{request.headers.get('Host', '')}"
        wanted = request.headers.get("HX-Current-URL", "").partition(host)[2]
    address = f"{SIGN_IN}?return={quote(wanted, safe='')}" if request.method == "GET" else SIGN_IN
    if is_part:
        return Response(None, status_code=401, headers={**PAGE_HEADERS, "HX-Redirect": address})
    return see_other(address)
