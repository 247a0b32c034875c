"""The pages around the audit logs: signing in and out, choosing an account, and refusals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from jinja2 import Environment
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from audit_trail.credentials import ABSOLUTE_LIMIT_US
from audit_trail.record.language import marked, speaking, told
from audit_trail.server.answers import Problem, drawn
from audit_trail.server.audit_logs import ZONE_COOKIE
from audit_trail.server.browser import session_cookie
from audit_trail.server.languages import language_of
from audit_trail.server.leading import return_path, see_other, to_sign_in
from audit_trail.server.zone import Moment, moment, zone_of, zone_title
from audit_trail.standalone.administrators import Administrator
from audit_trail.standalone.entrance import Entrance
from audit_trail.standalone.gate import ADMINISTRATOR, ANYBODY, Visitor
from audit_trail.trail import Trail

TEMPLATES: Final = Path(__file__).parent / "templates"
SIGN_IN: Final = "/sign-in"
ACCOUNTS: Final = "/accounts"
MOST_LISTED: Final = 200
BELOW: Final = f"{ACCOUNTS}/"

AnyRequest = Request[Any, Any, Any]
TheForm = NamedDependency[Mapping[str, Sequence[str]]]

TITLES: Final = {
    403: marked("You may not do this"),
    404: marked("There is nothing here"),
    405: marked("You may not do this here"),
    413: marked("That is too large"),
    422: marked("That can't be understood"),
    429: marked("Too many attempts"),
    503: marked("That can't be read just now"),
}
_ELSE: Final = marked("Something went wrong here")


class Shell(NamedTuple):
    """What stands around a page: who reads, and whose trail it is."""

    email: str
    csrf: str
    account: str | None
    has_others: bool


class Row(NamedTuple):
    """An account as it is listed."""

    account: str
    address: str
    entries: str
    newest: Moment


def logs_path(account: str) -> str:
    """Return the address of an account's audit logs."""
    return f"{ACCOUNTS}/{quote(account, safe='')}/audit-logs"


class Pages:
    """Draws them, in the browser's language and zone."""

    def __init__(
        self,
        trail: Trail,
        entrance: Entrance,
        templates: Environment,
        *,
        cookie: str,
        secure_cookies: bool,
    ) -> None:
        self._trail = trail
        self._entrance = entrance
        self._templates = templates
        self._cookie = cookie
        self._secure = secure_cookies

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the routes outside every account's audit logs."""

        @get("/", opt=ADMINISTRATOR, sync_to_thread=True)
        def home(request: AnyRequest) -> Response[Any]:
            readable = self.readable(request.user.session.administrator)
            if len(readable) == 1:
                return see_other(logs_path(readable[0]))
            return see_other(ACCOUNTS)

        @get(ACCOUNTS, opt=ADMINISTRATOR, sync_to_thread=True)
        def accounts(request: AnyRequest) -> Response[Any]:
            return self._accounts(request, request.user)

        @get(SIGN_IN, opt=ANYBODY, sync_to_thread=False)
        def sign_in_page(request: AnyRequest) -> Response[Any]:
            return self._sign_in(
                request, return_path(request.query_params.get("return", ""), BELOW)
            )

        @post(SIGN_IN, opt=ANYBODY, sync_to_thread=True)
        def sign_in(request: AnyRequest, sent: TheForm) -> Response[Any]:
            return self._signed_in(request, sent)

        @post("/sign-out", opt=ADMINISTRATOR, sync_to_thread=True)
        def sign_out(request: AnyRequest) -> Response[Any]:
            visitor: Visitor = request.user
            self._entrance.sign_out(visitor.session, visitor.secret, request.auth)
            return self._leading(SIGN_IN, "", 0)

        return [home, accounts, sign_in_page, sign_in, sign_out]

    def readable(self, administrator: Administrator) -> list[str]:
        """Return the accounts with entries that somebody may read, numbers as numbers."""
        accounts = filter(administrator.may_read, self._trail.accounts())
        return sorted(accounts, key=lambda each: (not each.isdecimal(), len(each), each))

    def shell(self, visitor: Visitor, account: str | None = None) -> Shell:
        """Return what stands around a page."""
        administrator = visitor.session.administrator
        accounts = administrator.accounts
        return Shell(
            email=administrator.email,
            csrf=visitor.session.csrf,
            account=account,
            has_others=accounts is None or len(accounts) > 1,
        )

    def refusal(self, request: AnyRequest, problem: Problem) -> Response[Any]:
        """Draw an error as a page; whoever isn't signed in is led to the page to do so."""
        if problem.status == 401:
            return to_sign_in(request, SIGN_IN)
        visitor = request.scope.get("user")
        is_known = isinstance(visitor, Visitor) and problem.status < 500
        with self._speaking(request):
            answer = drawn(
                self._templates,
                "refusal.html",
                problem.status,
                title=told(TITLES.get(problem.status, _ELSE)),
                message=told(problem.message),
                shell=self.shell(visitor) if is_known and visitor else None,
            )
        answer.headers.update(problem.headers)
        return answer

    def _accounts(self, request: AnyRequest, visitor: Visitor) -> Response[Any]:
        searched = request.query_params.get("q", "").strip()
        found = self.readable(visitor.session.administrator)
        if searched:
            found = [each for each in found if searched.lower() in each.lower()]
        zone = zone_of(request.cookies.get(ZONE_COOKIE))
        with self._speaking(request):
            rows = []
            for account in found[:MOST_LISTED]:
                head = self._trail.head(account)
                entries = f"{head.size - head.first:,}"
                newest = moment(head.recorded_at, zone)
                rows.append(Row(account, logs_path(account), entries, newest))
            return drawn(
                self._templates,
                "accounts.html",
                shell=self.shell(visitor),
                rows=rows,
                hidden=len(found) - len(rows),
                is_searched=bool(searched),
                q=searched,
                zone=zone_title(zone, (row.newest for row in rows)),
            )

    def _signed_in(self, request: AnyRequest, sent: Mapping[str, Sequence[str]]) -> Response[Any]:
        email, password, return_to = (
            sent.get(name, ("",))[-1] for name in ("email", "password", "return")
        )
        return_to = return_path(return_to, BELOW)
        before = request.cookies.get(self._cookie)
        try:
            session = self._entrance.sign_in(email, password, request.auth, before)
        except HTTPException as error:
            return self._sign_in(request, return_to, email, error.detail, error.status_code)
        return self._leading(return_to, session.secret, ABSOLUTE_LIMIT_US // 1_000_000)

    def _sign_in(
        self,
        request: AnyRequest,
        return_to: str,
        email: str = "",
        wrong: str = "",
        status: int = 200,
    ) -> Response[Any]:
        with self._speaking(request):
            return drawn(
                self._templates,
                "sign_in.html",
                status,
                shell=None,
                email=email,
                wrong=told(wrong),
                return_to=return_to,
            )

    def _leading(self, address: str, secret: str, seconds: int) -> Response[Any]:
        answer = see_other(address)
        answer.set_cookie(session_cookie(self._cookie, secret, seconds, secure=self._secure))
        return answer

    def _speaking(self, request: AnyRequest) -> Any:
        return speaking(language_of(self._templates, request.headers.get("Accept-Language", "")))
