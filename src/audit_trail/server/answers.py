"""What every answer bears, and how pages and refusals are answered; it refuses nothing itself."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jinja2 import Environment
from litestar import MediaType, Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from audit_trail.errors import (
    AuditError,
    ChangeRefused,
    CheckpointNotFound,
    CursorRefused,
    EntryNotFound,
    ErasureRefused,
    EvidenceRefused,
    PolicyAltered,
    PolicyMoved,
    QueryRefused,
    QuestionRefused,
    RemovalRefused,
    TileNotFound,
    TooManyTails,
)
from audit_trail.record.language import grouped, marked, say, spoken
from audit_trail.server.assets import PAGE_HEADERS
from audit_trail.server.languages import spoken_tag

API_CSP: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS: Final = {
    "content-security-policy": API_CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

TOLD: Final[dict[type[AuditError], int]] = {
    QueryRefused: 422,
    EntryNotFound: 404,
    ErasureRefused: 422,
    PolicyAltered: 409,
    PolicyMoved: 409,
    RemovalRefused: 409,
    TileNotFound: 404,
    CheckpointNotFound: 404,
    EvidenceRefused: 409,
}
"""What the trail refuses in words for whoever asked."""


class Problem(NamedTuple):
    """An error as it is answered: to programs as JSON, to people as a page."""

    status: int
    code: str
    message: str
    errors: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    told: Mapping[str, object] = {}
    """What programs are told beside it."""


UNFORESEEN: Final = Problem(
    500, "internal_error", marked("Something failed here. It has been logged.")
)


async def add_headers(message: Message, _scope: Scope) -> None:
    """Add the headers that every answer has."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """Tell whether the request rather takes JSON than a page."""
    return request.accept.best_match(["text/html", "application/json"]) == "application/json"


def drawn(
    templates: Environment, template: str, status: int = 200, /, **seen: Any
) -> Response[Any]:
    """Answer a page, in the language that is spoken."""
    language = spoken_tag(spoken())
    text = templates.get_template(template).render({"language": language, **seen})
    headers = {**PAGE_HEADERS, "Content-Language": language}
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=headers)


def problem_answer(problem: Problem) -> Response[dict[str, object]]:
    """Answer an error; `error` and `message` say the same, since published clients read either."""
    content: dict[str, object] = {
        "error": problem.message,
        "message": problem.message,
        "code": problem.code,
        **problem.told,
    }
    if problem.status == 422:
        content["attributes"] = list(problem.errors)
        content["errors"] = [
            {"field": field, "message": message} for field, message in problem.errors.items()
        ]
    return Response(
        content=content,
        status_code=problem.status,
        media_type=MediaType.JSON,
        headers=dict(problem.headers),
    )


def problem_of_trail(error: AuditError) -> Problem:
    """Say what the trail refused, without saying more than the person may know."""
    match error:
        case QuestionRefused():
            return Problem(422, error.code, str(error), {"q": str(error)}, told=_question(error))
        case CursorRefused():
            return Problem(422, error.code, str(error), {"cursor": str(error)})
        case TooManyTails():
            return Problem(429, error.code, str(error), headers={"Retry-After": "10"})
        case _ if type(error) in TOLD:
            return Problem(TOLD[type(error)], error.code, str(error))
        case ChangeRefused():
            return Problem(
                503, error.code, marked("The change was refused, because it can't be recorded.")
            )
        case _:
            return Problem(503, error.code, marked("The audit trail can't be read now. Try again."))


def _question(error: QuestionRefused) -> dict[str, object]:
    """Say where a question went wrong, what of it was understood, and what may be meant."""
    said = {"at": error.at, "understood": error.understood, "suggestion": error.suggestion}
    return {"question": said}


def problem_of_framework(error: HTTPException, body_limit_bytes: int) -> Problem:
    """Say what the framework refused before anything of ours was asked."""
    headers = {key: value for key, value in (error.headers or {}).items() if key.lower() == "allow"}
    match error.status_code:
        case 404:
            return Problem(404, "not_found", marked("There is no such address."))
        case 405:
            return Problem(
                405,
                "method_not_allowed",
                marked("This address doesn't know the method."),
                headers=headers,
            )
        case 413:
            return Problem(
                413,
                "too_large",
                say(
                    "The body must be at most %(count)s bytes long.",
                    count=grouped(body_limit_bytes),
                ),
            )
        case status if status < 500:
            return Problem(422, "invalid", marked("The request can't be understood."))
        case _:
            return UNFORESEEN._replace(status=error.status_code)
