"""Settings > Access Tokens: a person's own, and the account's for its audit trail."""

from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.params import FromPath

from audit_trail.record.language import marked, say, told
from live_agent.access import Member
from live_agent.entrance import confirm
from live_agent.errors import Forbidden, Invalid
from live_agent.gate import MEMBER
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit
from live_agent.pages.form import Form, refused
from live_agent.schema import AccessToken
from live_agent.services import Services
from live_agent.settings import access_tokens, agents

PATH: Final = "access-tokens"
OWN: Final = "own"
PURPOSES: Final = (
    (OWN, marked("Everything that you may, in all your accounts")),
    ("audit_trail", marked("The files and proofs of this account's audit trail, and nothing else")),
)


def access_tokens_router(services: Services, desk: Desk) -> Router:
    """Return the router of these pages; administrators see the account's tokens, too."""

    @get("/", opt=MEMBER, sync_to_thread=True)
    def token_list(request: AnyRequest) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_list(visit)

    @get("/new", opt=MEMBER, sync_to_thread=True)
    def token_new(request: AnyRequest) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, Form(values={"scope": (OWN,)}))

    @post("/new", opt=MEMBER, sync_to_thread=True)
    def token_create(request: AnyRequest, sent: TheForm) -> Response[Any]:
        # Whoever found an open session could else keep its person's rights for good.
        try:
            confirm(services, request.user, _last(sent, "current_password"), request.auth)
        except Invalid as error:
            with desk.visit(request) as visit:
                response = _draw(visit, refused(sent, error.errors, str(error)))
                response.status_code = Invalid.status
                return response

        def make(visit: Visit) -> Response[Any]:
            secret = _made(visit, _last(sent, "name"), _last(sent, "scope"))
            return visit.page("access_token_made.html", secret=secret, name=_last(sent, "name"))

        return desk.change(request, sent, make, _draw)

    @get("/{token_id:int}/delete", opt=MEMBER, sync_to_thread=True)
    def token_ending(request: AnyRequest, token_id: FromPath[int]) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw_deletion(visit, token_id, Form())

    @post("/{token_id:int}/delete", opt=MEMBER, sync_to_thread=True)
    def token_delete(request: AnyRequest, token_id: FromPath[int], sent: TheForm) -> Response[Any]:
        def make(visit: Visit) -> Response[Any]:
            access_tokens.delete(visit.db, _token(visit, token_id))
            return visit.done(PATH, "revoked")

        return desk.change(
            request, sent, make, lambda visit, form: _draw_deletion(visit, token_id, form)
        )

    handlers = [token_list, token_new, token_create, token_ending, token_delete]
    return Router(f"/{PATH}", route_handlers=handlers)


def _made(visit: Visit, name: str, scope: str) -> str:
    if scope == OWN:
        return access_tokens.create_own(visit.db, visit.member.user_id, {"name": name})
    _require_administrator(visit.member)
    agent = agents.get(visit.db, visit.account_id, visit.member.user_id)
    return access_tokens.create(visit.db, agent, {"name": name, "scope": scope})


def _token(visit: Visit, token_id: int) -> AccessToken:
    """Return the token. Raises `NotFound`, or `Forbidden` for one of the account."""
    found = access_tokens.get(visit.db, visit.account_id, visit.member.user_id, token_id)
    if found.scope is not None:
        _require_administrator(visit.member)
    return found


def _require_administrator(member: Member) -> None:
    if not member.is_administrator:
        raise Forbidden


def _last(sent: Sent, name: str) -> str:
    return sent.get(name, ("",))[-1]


def _draw_list(visit: Visit) -> Response[Any]:
    of_account = (
        access_tokens.listed(visit.db, visit.account_id) if visit.member.is_administrator else []
    )
    own = access_tokens.listed_own(visit.db, visit.member.user_id)
    return visit.page("access_tokens.html", own=own, of_account=of_account)


def _draw(visit: Visit, form: Form) -> Response[Any]:
    purposes = PURPOSES if visit.member.is_administrator else PURPOSES[:1]
    return visit.page(
        "access_token.html", form=form, purposes=[(name, told(title)) for name, title in purposes]
    )


def _draw_deletion(visit: Visit, token_id: int, form: Form) -> Response[Any]:
    return visit.page(
        "delete.html",
        form=form,
        title=say("Revoke %(name)s?", name=_token(visit, token_id).name),
        consequence=say("Programs that use this token are let in no more."),
        verb=say("Revoke"),
        asks_name=False,
        back=f"{visit.path}/{PATH}",
        back_name=say("Access Tokens"),
    )
