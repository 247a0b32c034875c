"""Lets a request in: who it is, what it may, and as whom its changes are recorded.

Deny by default: a route without an access rule is refused to everybody.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Literal, NamedTuple, cast
from urllib.parse import urlsplit

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

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
REASON_HEADERS: Final = {"reason": "x-audit-reason", "ticket": "x-audit-ticket"}
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


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
        headers = _headers(scope)
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
        token, secret = token_of(headers), session_of(headers, self._services.cookie)
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
    rule, headers = rule_of(scope), _headers(scope)
    token, secret = token_of(headers), session_of(headers, services.cookie)
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


def session_of(headers: Mapping[str, str], cookie: str) -> str | None:
    """Return the session's secret that the browser sent."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie:
            return value or None
    return None


async def form_sent(request: Request[Any, Any, Any]) -> Mapping[str, Sequence[str]]:
    """Return the form's texts by field; a file sent instead of a text is left out.

    Raises `Invalid` for bytes that aren't text in the charset that they claim, or in any; and for
    lone surrogates, which some charsets hold but no page and no database.
    """
    try:
        form = await request.form()
        await form.close()  # Nobody asks for a file.
        sent = {
            name: [value for value in form.getall(name) if isinstance(value, str)]
            for name in set(form)
        }
        for text in chain.from_iterable(sent.values()):
            text.encode()
    except (ValueError, LookupError):
        raise Invalid(
            message=marked("The form's texts can't be read; send them in UTF-8.")
        ) from None
    return {name: texts for name, texts in sent.items() if texts}


def _require_plain_numbers(scope: HTTPScope) -> None:
    """Give a record one address: the framework reads `١`, `+1` and `0_1` as the number 1, too."""
    plain = scope["path_template"].format(**scope["path_params"])
    if _parts(plain) != _parts(scope["path"]):
        raise NotFound


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _headers(scope: HTTPScope) -> dict[str, str]:
    """The request's headers; of several with one name the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    cookies = [value for name, value in scope["headers"] if name.lower() == b"cookie"]
    return {**found, "cookie": b"; ".join(cookies).decode("latin-1")}


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
    """Refuse what another site's page sent. Programs send neither of these headers."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden(marked("This request came from another site."))
    origin = headers.get("origin")
    if site is None and origin is not None and _host_of(origin) != headers.get("host"):
        raise Forbidden(marked("This request came from another site."))


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None  # Such as an IPv6 address that doesn't end.


async def _require_csrf(
    person: Person | None, headers: Mapping[str, str], request: Request[Any, Any, Any]
) -> None:
    """A browser sends its cookie by itself, so what changes something needs the session's token."""
    if person is None:
        return
    sent = headers.get(CSRF_HEADER)
    if sent is None and headers.get("content-type", "").startswith(FORMS):
        sent = (await form_sent(request)).get(CSRF_FIELD, ("",))[-1]
    if not hmac.compare_digest((sent or "").encode(), (person.csrf or "-").encode()):
        raise Forbidden(
            marked("The form's token is missing or out of date. Reload the page, and try again.")
        )
