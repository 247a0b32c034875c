"""What every settings page is made with: who visits, the page around it, and what follows a change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from jinja2 import Environment
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from sqlalchemy.orm import Session

from audit_trail.capture.context import stating
from audit_trail.record.language import marked, told
from audit_trail.server.answers import drawn
from audit_trail.server.audit_logs import ZONE_COOKIE
from audit_trail.server.leading import see_other
from audit_trail.server.zone import Zone, zone_of
from live_agent.access import Member, accounts_of
from live_agent.database import Database
from live_agent.errors import Invalid
from live_agent.pages.form import Form, refused
from live_agent.schema import Account
from live_agent.settings.lookup import require
from live_agent.settings.reasons import reasons_sent

AnyRequest = Request[Any, Any, Any]
Sent = Mapping[str, Sequence[str]]
Draw = Callable[["Visit", Form], Response[Any]]

FLASH_COOKIE: Final = "flash"
FLASH_SECONDS: Final = 60
SAID: Final = {
    "saved": marked("Saved."),
    "created": marked("Created."),
    "added": marked("Added."),
    "deleted": marked("Deleted."),
    "removed": marked("Removed."),
    "assigned": marked("Assigned."),
    "released": marked("Released."),
    "cloned": marked("Cloned. The copy is inactive."),
    "activated": marked("Activated."),
    "deactivated": marked("Deactivated."),
    "exporting": marked("The export is being written."),
    "revoked": marked("Revoked. It opens nothing more."),
    "cancelled": marked("Cancelled."),
    "restored": marked("Restored."),
    "held": marked("The hold is placed."),
    "lifted": marked("The hold is lifted."),
}

_EVERYBODY: Final = (
    (marked("Agents"), "agents", "agents"),
    (marked("Teams"), "teams", "teams"),
    (marked("Inboxes"), "inboxes", "inbox"),
    (marked("Labels"), "labels", "label"),
    (marked("Canned Responses"), "canned-responses", "response"),
    (marked("Macros"), "macros", "macro"),
    (marked("Skills"), "skills", "skill"),
    (marked("Access Tokens"), "access-tokens", "token"),
)
_ADMINISTRATORS: Final = (
    (marked("Automation Rules"), "automation-rules", "rule"),
    (marked("Account"), "account", "account"),
    (marked("Audit Logs"), "audit-logs", "log"),
)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the menu, or to another account."""

    name: str
    address: str
    icon: str = ""
    is_current: bool = False


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a page: the menu of what the role may use, the account, the person."""

    path: str
    home: str
    menu: Sequence[Item]
    account_id: int
    account_name: str
    others: Sequence[Item]
    person: str
    initials: str
    role: str
    csrf: str
    may_change: bool


class Visit:
    """One request of a member, inside a session of the database."""

    def __init__(self, request: AnyRequest, db: Session, templates: Environment) -> None:
        self.request = request
        self.db = db
        self.member: Member = request.user
        self.account_id = self.member.account_id
        self._templates = templates

    @property
    def path(self) -> str:
        """The path of the account's settings."""
        return settings_path(self.account_id)

    @property
    def zone(self) -> Zone:
        """The zone in which the member reads times."""
        account = self.db.get_one(Account, self.account_id)
        return zone_of(
            self.member.timezone, self.request.cookies.get(ZONE_COOKIE), account.timezone
        )

    def page(self, template: str, status: int = 200, **seen: Any) -> Response[Any]:
        """Draw a page; what was said after the last change is said once."""
        said = told(SAID.get(self.request.cookies.get(FLASH_COOKIE, ""), ""))
        shell = shell_of(self.db, self.member, self.request.scope["path"])
        response = drawn(self._templates, template, status, shell=shell, flash=said, **seen)
        if said:
            response.delete_cookie(FLASH_COOKIE)
        return response

    def done(self, address: str, said: str) -> Response[Any]:
        """Lead on to a page of the account's settings, which says what was done."""
        cookie = Cookie(
            key=FLASH_COOKIE,
            value=said,
            max_age=FLASH_SECONDS,
            httponly=True,
            samesite="lax",
            secure=self.request.scope["scheme"] == "https",
        )
        return see_other(f"{self.path}/{address}", cookies=[cookie])


class Desk:
    """Opens visits. Who may come was asked before, by the route's access rule."""

    def __init__(self, database: Database, templates: Environment) -> None:
        self._database = database
        self._templates = templates

    @contextmanager
    def visit(self, request: AnyRequest) -> Iterator[Visit]:
        """Let the member look."""
        with self._database.reading() as db:
            yield Visit(request, db, self._templates)

    def change(
        self,
        request: AnyRequest,
        sent: Sent,
        make: Callable[[Visit], Response[Any]],
        draw: Draw,
    ) -> Response[Any]:
        """Change something in one transaction, or draw the form again, as it was sent and why not."""
        tried = self.attempt(request, sent, make)
        if isinstance(tried, Response):
            return tried
        with self.visit(request) as visit:
            response = draw(visit, tried)
            response.status_code = Invalid.status
            return response

    def attempt(
        self, request: AnyRequest, sent: Sent, make: Callable[[Visit], Response[Any]]
    ) -> Response[Any] | Form:
        """Change something in one transaction; else return the form as it was sent, and why not.

        Where the form asks why, all that the transaction changes carries what was said.
        """
        why = reasons_sent(sent)
        try:
            with stating(**why.values), self._database.transaction() as db:
                response = make(Visit(request, db, self._templates))
                # Only now, so that everything that is wrong with the form is said at once.
                require(why.errors)
                return response
        except Invalid as error:
            return refused(sent, {**error.errors, **why.errors}, str(error))


TheDesk = NamedDependency[Desk]
TheForm = NamedDependency[Sent]
"""What was sent, after the gate has checked its token."""


def settings_path(account_id: int) -> str:
    """Return the path of an account's settings."""
    return f"/app/accounts/{account_id}/settings"


def shell_of(db: Session, member: Member, current: str) -> Shell:
    """Return what stands around the page at the path `current`."""
    path = settings_path(member.account_id)
    memberships = accounts_of(db, member.user_id)
    names = {each.account_id: db.get_one(Account, each.account_id).name for each in memberships}
    items = _EVERYBODY + (_ADMINISTRATORS if member.is_administrator else ())
    return Shell(
        path=path,
        home=f"{path}/inboxes",
        menu=[_item(path, current, *item) for item in items],
        account_id=member.account_id,
        account_name=names[member.account_id],
        others=[
            Item(name=name, address=f"{settings_path(account_id)}/inboxes")
            for account_id, name in names.items()
            if account_id != member.account_id
        ],
        person=member.name,
        initials="".join(word[0] for word in member.name.split()[:2]).upper(),
        role=member.role,
        csrf=member.csrf or "",
        may_change=member.is_administrator,
    )


def _item(path: str, current: str, name: str, part: str, icon: str) -> Item:
    address = f"{path}/{part}"
    is_current = current == address or current.startswith(f"{address}/")
    return Item(name=name, address=address, icon=icon, is_current=is_current)
