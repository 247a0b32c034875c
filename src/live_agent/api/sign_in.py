"""Signing in and out over REST, and the profile of who is signed in."""

from typing import Any, Final

import msgspec
from litestar import HttpMethod, Request, Response, delete, get, post, route

from live_agent import access
from live_agent.api.asked import Sent, ThePerson, TheServices
from live_agent.api.body import fields_of
from live_agent.api.document import described
from live_agent.api.shapes import Shape, role_shape
from live_agent.entrance import confirm, ended_cookie, session_cookie, sign_in, sign_out
from live_agent.errors import Invalid, WrongCredentials
from live_agent.gate import PERSON, PUBLIC
from live_agent.schema import Account, User
from live_agent.settings import agents, fields, profile
from live_agent.settings.fields import Field

FIELDS: Final = {
    "email": Field(label="E-mail", check=fields.email, required=True),
    "password": Field(label="Password", check=fields.password, required=True),
}
CURRENT: Final = Field(label="Current password", check=fields.password, required=True)


@post(
    "/auth/sign_in",
    status_code=200,
    opt=PUBLIC,
    operation_class=described(FIELDS),
    sync_to_thread=True,
)
def post_sign_in(
    services: TheServices, request: Request[Any, Any, Any], sent: Sent
) -> Response[Shape]:
    values = fields_of(sent, "user")
    signed_in = sign_in(
        services,
        email=values.get("email"),
        password=values.get("password"),
        origin=request.auth,
        replacing=request.cookies.get(services.cookie),
    )
    profile = {
        **profile_shape(services, signed_in.person),
        # Every change over the session needs it, as the x-csrf-token header.
        "csrf_token": signed_in.session.csrf,
    }
    return Response({"data": profile}, cookies=[session_cookie(services, signed_in.session.secret)])


@delete("/auth/sign_out", status_code=200, opt=PERSON, sync_to_thread=True)
def delete_session(
    services: TheServices, request: Request[Any, Any, Any], person: ThePerson
) -> Response[Shape]:
    secret = request.cookies.get(services.cookie)
    if person.token is not None or secret is None:
        raise Invalid(message="An access token has no session that could be signed out.")
    sign_out(services, person, secret)
    return Response({"success": True}, cookies=[ended_cookie(services)])


@get("/api/v1/profile", opt=PERSON, sync_to_thread=True)
def get_profile(services: TheServices, person: ThePerson) -> Shape:
    return profile_shape(services, person)


@route(
    "/api/v1/profile",
    http_method=[HttpMethod.PUT, HttpMethod.PATCH],
    status_code=200,
    opt=PERSON,
    operation_class=described({**profile.FIELDS, "current_password": CURRENT}, partial=True),
    sync_to_thread=True,
)
def change_profile(
    services: TheServices, request: Request[Any, Any, Any], person: ThePerson, sent: Sent
) -> Shape:
    values = fields_of(sent, "profile")
    confirmed = (
        confirm(services, person, values.get("current_password"), request.auth)
        if profile.needs_password(values)
        else None
    )
    password_hash = agents.password_hash_of(values)
    with services.database.transaction() as db:
        user = db.get_one(User, person.user_id)
        if confirmed is not None and user.password_hash != confirmed:
            raise WrongCredentials  # It was changed while we verified the one before.
        profile.update(db, user, values, password_hash=password_hash)
    changed = msgspec.structs.replace(
        person,
        name=user.name,
        email=user.email,
        language=user.language,
        timezone=user.timezone,
    )
    return profile_shape(services, changed)


def profile_shape(services: TheServices, person: ThePerson) -> Shape:
    """Return the person with their accounts; the first is the one they see first."""
    with services.database.reading() as db:
        accounts: list[Shape] = []
        for membership in access.accounts_of(db, person.user_id):
            account = db.get_one(Account, membership.account_id)
            accounts.append(
                {
                    "id": account.id,
                    "name": account.name,
                    **role_shape(membership.role),
                    "availability_status": membership.availability,
                }
            )
    first = accounts[0] if accounts else {"id": None, **role_shape("agent")}
    return {
        "id": person.user_id,
        "uid": person.email,
        "provider": "email",
        "name": person.name,
        "email": person.email,
        "language": person.language,
        "timezone": person.timezone,
        "account_id": first["id"],
        "role": first["role"],
        "custom_role": first["custom_role"],
        "availability_status": first.get("availability_status"),
        "confirmed": True,
        "accounts": accounts,
        "access_token": person.token.secret if person.token else None,
    }
