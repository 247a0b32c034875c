"""Errors as pages: what went wrong, what to do, and the way out; each with its status."""

from typing import Any, Final

from jinja2 import Environment
from litestar import Response

from audit_trail.record.language import marked, say, speaking, told
from audit_trail.server.answers import Problem, drawn, wants_json
from audit_trail.server.assets import PAGE_HEADERS
from audit_trail.server.leading import to_sign_in
from live_agent.access import Member
from live_agent.database import Database
from live_agent.errors import DatabaseFailed
from live_agent.pages.desk import AnyRequest, shell_of
from live_agent.pages.reading import language_for

SIGN_IN: Final = "/sign-in"

_TITLES: Final = {
    400: marked("That can't be understood"),
    403: marked("You may not do this"),
    404: marked("There is nothing here"),
    405: marked("You may not do this here"),
    413: marked("That is too large"),
    422: marked("That can't be understood"),
    429: marked("Too many attempts"),
    500: marked("Something went wrong here"),
    503: marked("Too busy just now"),
}
_ADVICE: Final = {
    403: marked("Ask an administrator of this account if you need to."),
    404: marked("It may have been deleted, or the address is mistyped."),
    413: marked("Send less at once."),
    429: marked("Wait a minute, then try again."),
    500: marked(
        "Try again. If it stays like this, tell whoever runs this server; its log says more."
    ),
    503: marked("Nothing was changed. Try again in a moment."),
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
        if wants_json(request):
            return _json(problem)
        if problem.status == 401:
            return to_sign_in(request, SIGN_IN)
        with speaking(language_for(self._templates, request)):
            return self._drawn(request, problem)

    def _drawn(self, request: AnyRequest, problem: Problem) -> Response[Any]:
        status = problem.status
        seen = {
            "title": told(_TITLES.get(status, marked("That isn't possible"))),
            "message": told(problem.message),
            "advice": told(_ADVICE.get(status, "")),
            "address": "/",
            "way_out": say("Back to the settings"),
            "shell": self._shell(request, status),
            "flash": None,
        }
        response = drawn(self._templates, "refusal.html", status, **seen)
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
