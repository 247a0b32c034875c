"""Lets a request in: who it is, what it may, and as whom its changes are recorded.

Deny by default: a route without an access rule is refused to everybody.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from sqlalchemy.orm import Session

from audit_trail.capture.asgi import origin_of
from audit_trail.capture.context import ANONYMOUS, acting_as, stating
from audit_trail.record.language import marked
from audit_trail.record.opened import READ
from audit_trail.server.browser import (
    SAFE_METHODS,
    cookie_in,
    form_texts,
    form_token,
    headers_of,
    is_of_another_site,
    is_token,
)
from audit_trail.server.viewer import Opens
from live_agent import access, attempts
from live_agent.access import Member, Person
from live_agent.errors import (
    DatabaseFailed,
    Forbidden,
    Invalid,
    LiveAgentError,
    NotFound,
    NotSignedIn,
)
from live_agent.pace import Pace
from live_agent.services import Services
from live_agent.settings.reasons import reasons_sent

REASON_HEADERS: Final = {"reason": "x-audit-reason", "ticket": "x-audit-ticket"}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a route lets in: anybody, someone signed in, or a member of the path's account.

    A token that is limited to a scope opens only rules of that scope. `recorded` says that a
    member who is refused is an entry of the account's trail; `paced`, that nobody may ask too often.
    """

    who: Literal["anybody", "person", "member"]
    roles: tuple[str, ...] = ()
    recorded: bool = False
    scope: str | None = None
    paced: bool = False


PUBLIC: Final = {"access": Rule(who="anybody")}
PERSON: Final = {"access": Rule(who="person")}
MEMBER: Final = {"access": Rule(who="member")}
ADMINISTRATOR: Final = {"access": Rule(who="member", roles=("administrator",))}
SUPERVISOR: Final = {"access": Rule(who="member", roles=("supervisor", "administrator"))}
AUDIT_LOGS: Final = {"access": Rule(who="member", roles=("administrator",), recorded=True)}
TRAIL_FILES: Final = {
    "access": Rule(
        who="member", roles=("administrator",), recorded=True, scope="audit_trail", paced=True
    )
}


class Refusal(NamedTuple):
    """Why somebody isn't let in, as they are told, and as the account's trail keeps it."""

    said: str | None
    recorded: str


WRONG_ROLE: Final = Refusal(None, "Only administrators may read them")
WRONG_SCOPE: Final = Refusal(
    marked("This access token is limited to another use."),
    "The access token is limited to another use",
)


class Gate(ASGIMiddleware):
    """The middleware before every route."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pace = Pace(services.limits.trail_files_a_second)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        await self._let_in(cast("HTTPScope", scope), receive, send, next_app)

    async def _let_in(
        self, scope: HTTPScope, receive: Receive, send: Send, next_app: ASGIApp
    ) -> None:
        rule = rule_of(scope)
        if rule is None:
            raise Forbidden("No access rule is declared for this route.")
        headers = headers_of(scope)
        person = None
        # Set at once, so that the log can name the request however it ends.
        scope["auth"] = origin = origin_of(
            cast("dict[str, Any]", scope),
            via=_via(scope),
            trusted_proxies=self._services.trusted_proxies,
        )
        _require_plain_numbers(scope)
        if rule.who != "anybody":
            person = await sync_to_thread(self._admitted, scope, rule, headers)
            if rule.paced:
                token = person.token.id if person.token else None
                self._pace.admit((person.user_id, token), self._services.clock())
            origin = msgspec.structs.replace(origin, via=person.via, session=person.session)
        if scope["method"] not in SAFE_METHODS and not (person and person.token):
            _require_same_origin(headers)
            await _require_csrf(person, headers, Request(scope, receive))
        scope["user"] = person
        scope["auth"] = origin
        actor = person.actor(getattr(person, "role", None)) if person else ANONYMOUS
        with acting_as(actor, origin):
            if person is not None:
                await self._require_right(person, rule)
            with stating(**_reasons(scope, headers)):
                await next_app(scope, receive, send)

    def _admitted(self, scope: HTTPScope, rule: Rule, headers: Mapping[str, str]) -> Person:
        """Find out who asks: by token where there is one, else by cookie. Raises `NotSignedIn`."""
        now_us = self._services.clock()
        token, secret = token_of(headers), cookie_in(headers, self._services.cookie)
        is_due = False
        with self._services.database.reading() as db:
            person = _person(db, token, secret, now_us)
            if token is None and secret is not None:
                is_due = access.is_due(db, secret, now_us)
            if rule.who == "member":
                person = access.member_of(db, person, int(scope["path_params"]["account_id"]))
        # A tab that lies open and asks for news by itself is no use of the session.
        is_polled = scope["route_handler"].opt.get("polled", False)
        if is_due and secret is not None and not is_polled:
            self._note_use(secret, now_us)
        return person

    def _note_use(self, secret: str, now_us: int) -> None:
        try:
            with self._services.database.transaction() as db:
                access.note_use(db, secret, now_us)
        except DatabaseFailed:
            return  # Reading works on; only the idle time counts from an earlier use.

    async def _require_right(self, person: Person, rule: Rule) -> None:
        refusal = refusal_of(person, rule)
        if refusal is None:
            return
        if rule.recorded and isinstance(person, Member):
            await sync_to_thread(
                attempts.refused,
                self._services.database,
                person.account_id,
                person.user_id,
                refusal.recorded,
                self._services.clock(),
            )
        raise Forbidden(refusal.said)


def admission(services: Services, scope: HTTPScope) -> Callable[[], bool]:
    """Return what tells whether a member who was let in still would be, as of when it is called.

    For answers that go on for long: a role may be taken away, a session end, a token be deleted.
    """
    rule, headers = rule_of(scope), headers_of(scope)
    token, secret = token_of(headers), cookie_in(headers, services.cookie)
    account_id = int(scope["path_params"]["account_id"])

    def is_admitted() -> bool:
        try:
            with services.database.reading() as db:
                person = _person(db, token, secret, services.clock())
                member = access.member_of(db, person, account_id)
        except (
            LiveAgentError
        ):  # Also where the database can't be asked: who comes again may read on.
            return False
        return rule is not None and refusal_of(member, rule) is None

    return is_admitted


def opens(services: Services, member: Member) -> Opens:
    """Return what notes that the member is about to be shown entries whole."""

    def note(said: dict[str, Any]) -> None:
        if not _is_own_read(services, member, said):
            attempts.opened(
                services.database, member.account_id, member.user_id, said, services.clock()
            )

    return note


def _is_own_read(services: Services, member: Member, said: Mapping[str, Any]) -> bool:
    """Tell whether the entry says that they read one: noted, a program that reads up to the newest
    entry would make the next one for ever.
    """
    if said["as"] != "entry":
        return False
    public = services.trail.entry(str(member.account_id), said["index"]).public
    return public.action == READ and public.actor.id == str(member.user_id)


def _person(db: Session, token: str | None, secret: str | None, now_us: int) -> Person:
    """Return who sent this token, or else this session's secret. Raises `NotSignedIn`."""
    person = None
    if token is not None:
        person = access.person_of_token(db, token)
    elif secret is not None:
        person = access.person_of_session(db, secret, now_us)
    if person is None:
        raise NotSignedIn
    return person


def refusal_of(person: Person, rule: Rule) -> Refusal | None:
    """Return why the person isn't let in: the token they use, or their role."""
    if person.scope is not None and person.scope != rule.scope:
        return WRONG_SCOPE
    if rule.roles and getattr(person, "role", None) not in rule.roles:
        return WRONG_ROLE
    return None


def rule_of(scope: HTTPScope) -> Rule | None:
    """Return the route's access rule. The framework's own OPTIONS answers only list methods."""
    if scope["method"] == "OPTIONS":
        return PUBLIC["access"]
    rule = scope["route_handler"].opt.get("access")
    return rule if isinstance(rule, Rule) else None


def token_of(headers: Mapping[str, str]) -> str | None:
    """Return the API token that came along, be it good or bad."""
    token = headers.get("api_access_token")
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if token is None and scheme.lower() == "bearer":
        token = credentials
    return token.strip() if token is not None else None


async def form_sent(request: Request[Any, Any, Any]) -> Mapping[str, Sequence[str]]:
    """Return the form's texts by field. Raises `Invalid` where they can't be read."""
    with _legible():
        return await form_texts(request)


@contextmanager
def _legible() -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError):
        raise Invalid(
            message=marked("The form's texts can't be read; send them in UTF-8.")
        ) from None


def _require_plain_numbers(scope: HTTPScope) -> None:
    """Give a record one address: the framework reads `١`, `+1` and `0_1` as the number 1, too."""
    plain = scope["path_template"].format(**scope["path_params"])
    if _parts(plain) != _parts(scope["path"]):
        raise NotFound


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _reasons(scope: HTTPScope, headers: Mapping[str, str]) -> dict[str, str]:
    """Return why a change is made, as its headers say. Raises `Invalid`."""
    if scope["method"] in SAFE_METHODS:
        return {}
    # A header's bytes are UTF-8 here, though HTTP itself would have them Latin-1.
    found = reasons_sent(
        {
            name: headers.get(header, "").encode("latin-1").decode("utf-8", "replace")
            for name, header in REASON_HEADERS.items()
        }
    )
    if found.errors:
        raise Invalid(found.errors)
    return found.values


def _via(scope: HTTPScope) -> Literal["ui", "api"]:
    return "api" if scope["path"].startswith(("/api/", "/auth/")) else "ui"


def _require_same_origin(headers: Mapping[str, str]) -> None:
    if is_of_another_site(headers):
        raise Forbidden(marked("This request came from another site."))


async def _require_csrf(
    person: Person | None, headers: Mapping[str, str], request: Request[Any, Any, Any]
) -> None:
    """A browser sends its cookie by itself, so what changes something needs the session's token."""
    if person is None:
        return
    with _legible():
        sent = await form_token(headers, request)
    if not is_token(sent, person.csrf):
        raise Forbidden(
            marked("The form's token is missing or out of date. Reload the page, and try again.")
        )
