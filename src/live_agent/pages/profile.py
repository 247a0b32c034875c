"""Settings > Profile: what a person changes of themselves, the same in all their accounts."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, Router, get, post

from audit_trail.server.languages import called_itself
from audit_trail.server.leading import see_other
from live_agent.entrance import confirm
from live_agent.errors import Invalid, WrongCredentials
from live_agent.gate import MEMBER
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit
from live_agent.pages.form import Form, edited, form_of, refused
from live_agent.pages.zones import zones
from live_agent.schema import Account, User
from live_agent.services import Services
from live_agent.settings import agents, profile
from live_agent.settings.fields import checked

PATH: Final = "profile"
SHOWN: Final = ("name", "email", "language", "timezone")


def profile_router(services: Services, desk: Desk) -> Router:
    """Return the page's router, for every member."""
    page = _Page(services, desk)

    @get("/", sync_to_thread=True)
    def profile_page(request: AnyRequest) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, form_of(_person(visit), SHOWN))

    @post("/", sync_to_thread=True)
    def profile_change(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return page.change(request, sent)

    return Router(f"/{PATH}", route_handlers=[profile_page, profile_change], opt=MEMBER)


class _Page:
    """Carries out what the form asks."""

    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    def change(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        """Change what was edited, or draw the form again, as it was sent and why not.

        Passwords are slow to hash and to verify, so both happen outside of any transaction.
        """
        with self._desk.visit(request) as visit:
            wanted = _wanted(_person(visit), sent)
        confirmed = None
        if wanted and profile.needs_password(wanted):
            try:
                typed = sent.get("current_password", ("",))[-1]
                confirmed = confirm(self._services, request.user, typed, request.auth)
            except Invalid as error:
                wrong = {**checked(profile.FIELDS, wanted, partial=True).errors, **error.errors}
                with self._desk.visit(request) as visit:
                    return _draw(visit, refused(sent, wrong, str(error)), error.status)
        hashed = agents.password_hash_of(wanted)

        def make(visit: Visit) -> Response[Any]:
            person = _person(visit)
            if confirmed is not None and person.password_hash != confirmed:
                raise WrongCredentials  # It was changed while we verified the one before.
            profile.update(visit.db, person, wanted, password_hash=hashed)
            if {"email", "password"} & wanted.keys():
                return see_other("/")  # Every session has ended, this one as well.
            return visit.done(PATH, "saved")

        return self._desk.change(request, sent, make, _draw)


def _person(visit: Visit) -> User:
    return visit.db.get_one(User, visit.member.user_id)


def _wanted(person: User, sent: Sent) -> dict[str, object]:
    """Return what was edited; a password field that is left empty keeps the password."""
    password = sent.get("password", ("",))[-1]
    return {
        **edited(profile.FIELDS, form_of(person, SHOWN), sent, SHOWN),
        **({"password": password} if password else {}),
    }


def _languages() -> Mapping[str, str]:
    """Return each language by its tag, as it calls itself."""
    return {tag: called_itself(tag) for tag in profile.LANGUAGES}


def _draw(visit: Visit, form: Form, status: int = 200) -> Response[Any]:
    return visit.page(
        "profile.html",
        status,
        form=form,
        languages=_languages(),
        zones=zones(),
        account_zone=visit.db.get_one(Account, visit.account_id).timezone,
    )
