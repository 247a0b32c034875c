"""The addresses of what was at a moment, for programs, as OpenAPI describes them."""

from collections.abc import Callable
from typing import Annotated, Final

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from audit_trail.past import NO_IDENTITIES, Identities, Roles
from audit_trail.record.opened import details_of_state
from audit_trail.server.entries_router import AnyRequest, ZoneName, require_known
from audit_trail.server.states import LONGEST, RecordState, RolesFound, States
from audit_trail.server.viewer import Reader
from audit_trail.trail import Trail, utc_now_us

TheReader = NamedDependency[Reader]

_NAMED: Final = {"minLength": 1, "maxLength": LONGEST}
Kind = Annotated[
    str, QueryParameter(name="type", description="The entity's type", schema_extra=_NAMED)
]
RecordId = Annotated[
    str, QueryParameter(name="id", description="The entity's id", schema_extra=_NAMED)
]
At = Annotated[
    str | None,
    QueryParameter(
        description="The moment; without an offset, by the clocks of the zone; by default now",
        schema_extra={"format": "date-time"},
    ),
]


def states_router(
    trail: Trail,
    *,
    path: str,
    reader: Callable[..., Reader],
    fresh: Callable[[], object],
    identities: Identities = NO_IDENTITIES,
    roles: Roles | None = None,
    clock: Callable[[], int] = utc_now_us,
) -> Router:
    """Return the router of what was, to be mounted at `path`; guard and refusals as of the entries.

    Without `roles` there is no address of them.
    """
    states = States(trail, identities, clock)
    handlers = [_state(states, fresh)]
    if roles:
        handlers.append(_roles(states, roles, fresh))
    return Router(
        path=path,
        route_handlers=handlers,
        dependencies={"reader": Provide(reader, sync_to_thread=True)},
    )


def _state(states: States, fresh: Callable[[], object]) -> HTTPRouteHandler:
    @get("/state", sync_to_thread=True)
    def get_audit_log_state(
        request: AnyRequest,
        reader: TheReader,
        kind: Kind,
        record: RecordId,
        at: At = None,
        zone: ZoneName = None,
    ) -> Response[RecordState]:
        require_known(request, "type", "id", "at", "zone")
        fresh()
        found = states.record(reader, kind, record, at or "", zone or "")
        reader.opens(details_of_state(found.by, found.then))
        return Response(found)

    return get_audit_log_state


def _roles(states: States, roles: Roles, fresh: Callable[[], object]) -> HTTPRouteHandler:
    @get("/roles", sync_to_thread=True)
    def get_audit_log_roles(
        request: AnyRequest, reader: TheReader, at: At = None, zone: ZoneName = None
    ) -> Response[RolesFound]:
        require_known(request, "at", "zone")
        fresh()
        return Response(states.roles(reader, roles, at or "", zone or ""))

    return get_audit_log_roles
