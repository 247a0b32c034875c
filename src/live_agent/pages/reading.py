"""Tells pages in the language of who reads them: their own choice, else the browser's; programs never."""

from jinja2 import Environment
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from audit_trail.record.language import speaking
from audit_trail.server.answers import wants_json
from audit_trail.server.languages import Spoken, language_of
from live_agent.access import Person
from live_agent.pages.desk import AnyRequest


def language_for(templates: Environment, request: AnyRequest) -> Spoken | None:
    """Return the language in which the request's answer is read; None for English."""
    person = request.scope.get("user")
    chosen = person.language if isinstance(person, Person) else None
    return language_of(templates, request.headers.get("Accept-Language", ""), chosen)


class Reading(ASGIMiddleware):
    """The middleware of the pages' routes, behind the gate, which knows who asks."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, templates: Environment) -> None:
        self._templates = templates

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: AnyRequest = Request(scope)
        # Programs that read a page's address as JSON are told in English.
        language = None if wants_json(request) else language_for(self._templates, request)
        with speaking(language):
            await next_app(scope, receive, send)
