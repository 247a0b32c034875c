"""The OpenAPI document: where it is served, and what it says of requests; no page comes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)

from live_agent.gate import PUBLIC, REASON_HEADERS
from live_agent.settings.fields import Field
from live_agent.settings.reasons import LONGEST_REASON, LONGEST_TICKET

PATH: Final = "/api/openapi.json"
_TOKEN: Final = "api_access_token"  # noqa: S105 -- the header's name

_SCHEMAS: Final = {
    "text": Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL]),
    "checkbox": Schema(type=OpenAPIType.BOOLEAN),
    "number": Schema(type=[OpenAPIType.INTEGER, OpenAPIType.NULL]),
    "list": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING)),
    "numbers": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.INTEGER)),
    "json": Schema(type=[OpenAPIType.ARRAY, OpenAPIType.OBJECT]),
}

_ERRORS: Final = {
    "401": "Not signed in, or a bad token",
    "403": "The role doesn't permit it, or the form's token is missing",
    "404": "Unknown, or of an account one doesn't belong to",
    "409": "What was shown has changed meanwhile",
    "413": "The body is too large",
    "422": "Invalid input; attributes names the fields",
    "429": "Too many failed sign-ins within a minute, requests within a second, or open tails",
    "503": "The database is busy",
}
_TEXT: Final = {"type": "string"}
_REASONS: Final = [
    {
        "name": REASON_HEADERS[name],
        "in": "header",
        "description": meaning,
        "required": False,
        "schema": {**_TEXT, "maxLength": longest},
    }
    for name, meaning, longest in (
        ("reason", "Why this is done, in UTF-8; the audit logs keep it", LONGEST_REASON),
        ("ticket", "The case that asked for it; the audit logs keep it", LONGEST_TICKET),
    )
]
_ERROR_CONTENT: Final = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error", "message", "code"],
            "properties": {
                "error": _TEXT,
                "message": _TEXT,
                "code": _TEXT,
                "attributes": {"type": "array", "items": _TEXT},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"field": _TEXT, "message": _TEXT},
                    },
                },
            },
        }
    }
}


def openapi_config() -> OpenAPIConfig:
    """Serve the document alone: the usual pages load scripts from elsewhere."""
    return OpenAPIConfig(
        title="Live Agent",
        version="1",
        path=PATH,
        render_plugins=[Document(path="/")],
        openapi_router=Router(PATH, route_handlers=[], opt=PUBLIC, include_in_schema=False),
        components=Components(
            security_schemes={
                _TOKEN: SecurityScheme(type="apiKey", name=_TOKEN, security_scheme_in="header")
            }
        ),
        security=[{_TOKEN: []}],
    )


def described(fields: Mapping[str, Field], *, partial: bool = False) -> type[Operation]:
    """Return an operation whose body is an object with these fields."""
    schema = Schema(
        type=OpenAPIType.OBJECT,
        properties={name: _SCHEMAS[each.form] for name, each in fields.items()},
        required=None
        if partial
        else [name for name, each in fields.items() if each.required] or None,
    )
    body = RequestBody(
        content={"application/json": OpenAPIMediaType(schema=schema)}, required=not partial
    )

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.request_body = body

    return Described


def asked_by(parameters: Mapping[str, str]) -> type[Operation]:
    """Return an operation with these query parameters, each with what it means."""
    described_parameters = [
        Parameter(
            name=name,
            param_in="query",
            description=meaning,
            schema=Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING))
            if name.endswith("[]")
            else Schema(type=OpenAPIType.STRING),
        )
        for name, meaning in parameters.items()
    ]

    @dataclass
    class Asked(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or ()), *described_parameters]

    return Asked


def _leave_out_nothing(responses: dict[str, Any]) -> None:
    """An answer that says nothing has no content, of whatever type; the framework calls it null."""
    for response in responses.values():
        if response.get("content") == {"application/json": {"schema": {"type": "null"}}}:
            del response["content"]


class Document(JsonRenderPlugin):
    """Renders the document, with what the gate reads, and the errors as they are answered."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        operations = (
            operation
            for path in openapi_schema.get("paths", {}).values()
            for operation in path.items()
        )
        for method, operation in operations:
            if method != "get":
                operation["parameters"] = [*operation.get("parameters", ()), *_REASONS]
            operation["responses"].pop("400", None)
            _leave_out_nothing(operation["responses"])
            for status, description in _ERRORS.items():
                operation["responses"].setdefault(
                    status, {"description": description, "content": _ERROR_CONTENT}
                )
        return super().render(request, openapi_schema)
