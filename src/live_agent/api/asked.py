"""What a handler asks for: the services, who is there, and what they sent."""

from typing import Any

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, RawBody
from litestar.types import Scope

from live_agent.access import Member, Person
from live_agent.api.body import read_object
from live_agent.services import Services

TheServices = NamedDependency[Services]
ThePerson = NamedDependency[Person]
TheMember = NamedDependency[Member]
Sent = NamedDependency[dict[str, Any]]
Id = FromPath[int]


def provided() -> dict[str, Provide]:
    """Return the providers by the names that handlers use."""
    return {
        "services": Provide(provide_services, sync_to_thread=False),
        "sent": Provide(provide_sent, sync_to_thread=False),
        "person": Provide(provide_person, sync_to_thread=False),
        "member": Provide(provide_member, sync_to_thread=False),
    }


def provide_services(state: State) -> Services:
    services: Services = state.services
    return services


def provide_person(scope: Scope) -> Person:
    person: Person = scope["user"]
    return person


def provide_member(account_id: Id, scope: Scope) -> Member:
    """The gate has found out who it is; the path's account is named for the document."""
    member: Member = scope["user"]
    return member


def provide_sent(body: RawBody) -> dict[str, Any]:
    return read_object(body)
