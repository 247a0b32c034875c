"""The pages to sign in and out; who may is decided at the entrance."""

from typing import Any, Final

from jinja2 import Environment
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from audit_trail.record.language import say, told
from audit_trail.server.answers import drawn
from audit_trail.server.leading import return_path, see_other
from live_agent.access import accounts_of
from live_agent.entrance import ended_cookie, session_cookie, sign_in, sign_out
from live_agent.errors import Invalid, TooManyAttempts, WrongCredentials
from live_agent.gate import PERSON, PUBLIC
from live_agent.pages.desk import AnyRequest, TheForm, settings_path
from live_agent.pages.form import Form, refused
from live_agent.pages.refusals import SIGN_IN
from live_agent.services import Services

PAGES: Final = "/app/"


def signing_routes(services: Services, templates: Environment) -> list[HTTPRouteHandler]:
    """Return the routes outside every account."""

    @get("/", opt=PERSON, sync_to_thread=True)
    def home(request: AnyRequest) -> Response[Any]:
        with services.database.reading() as db:
            memberships = accounts_of(db, request.user.user_id)
        if not memberships:
            return _homeless(templates)
        return see_other(f"{settings_path(memberships[0].account_id)}/inboxes")

    @get(SIGN_IN, opt=PUBLIC, sync_to_thread=False)
    def sign_in_page(request: AnyRequest) -> Response[Any]:
        return _draw(templates, Form(), return_path(request.query_params.get("return", ""), PAGES))

    @post(SIGN_IN, opt=PUBLIC, sync_to_thread=True)
    def signing_in(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return_to = return_path(sent.get("return", ("",))[-1], PAGES)
        try:
            signed_in = sign_in(
                services,
                email=sent.get("email", ("",))[-1],
                password=sent.get("password", ("",))[-1],
                origin=request.auth,
                replacing=request.cookies.get(services.cookie),
            )
        except (Invalid, WrongCredentials, TooManyAttempts) as error:
            services.metrics.refuse(error)
            errors = error.errors if isinstance(error, Invalid) else {}
            return _draw(
                templates, refused(sent, errors, told(str(error))), return_to, error.status
            )
        return see_other(return_to, cookies=[session_cookie(services, signed_in.session.secret)])

    @post("/sign-out", opt=PERSON, sync_to_thread=True)
    def signing_out(request: AnyRequest) -> Response[Any]:
        sign_out(services, request.user, request.cookies.get(services.cookie, ""))
        return see_other(SIGN_IN, cookies=[ended_cookie(services)])

    return [home, sign_in_page, signing_in, signing_out]


def _homeless(templates: Environment) -> Response[Any]:
    """Say what it means to belong to no account, as after leaving the last one."""
    seen = {
        "title": say("You belong to no account"),
        "message": say("You are signed in, but there is nothing here for you any more or yet."),
        "advice": say("Ask an administrator to add you to theirs."),
        "address": SIGN_IN,
        "way_out": say("Sign in as somebody else"),
        "shell": None,
        "flash": None,
    }
    return drawn(templates, "refusal.html", **seen)


def _draw(templates: Environment, form: Form, return_to: str, status: int = 200) -> Response[Any]:
    seen = {"form": form, "return_to": return_to, "shell": None, "flash": None}
    return drawn(templates, "sign_in.html", status, **seen)
