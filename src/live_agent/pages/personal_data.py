"""Settings > Audit Logs > Personal data: what is kept of a person, handed out or erased."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from litestar import Response, Router, get, post
from litestar.params import FromPath

from audit_trail.capture.context import SYSTEM, Context, Origin, current_context, stating
from audit_trail.erasure.copying import copy_of, note_copy
from audit_trail.erasure.erasing import ACTION, Erased, erase, require_anothers
from audit_trail.erasure.finding import Found, find
from audit_trail.erasure.subject import Matcher, Subject
from audit_trail.errors import ErasureRefused
from audit_trail.record.entry import ActorId, read_what
from audit_trail.record.language import say, speaking, told
from audit_trail.server.assets import PAGE_HEADERS
from audit_trail.server.leading import see_other
from live_agent.catalog import CATALOG
from live_agent.errors import Invalid, NotFound
from live_agent.gate import AUDIT_LOGS
from live_agent.pages.desk import AnyRequest, Desk, Sent, TheForm, Visit, settings_path
from live_agent.pages.form import Form, refused
from live_agent.pages.people import agent_choices
from live_agent.services import Services
from live_agent.settings import agents, fields
from live_agent.settings.fields import Field, checked, from_form
from live_agent.settings.lookup import require
from live_agent.settings.reasons import FIELDS, reasons_sent

PATH: Final = "audit-logs/personal-data"
LONGEST_TERMS: Final = 4_000
_EMAIL: Final = {"email": Field(label="E-mail", check=fields.email, required=True)}
_TERMS: Final = {
    "terms": Field(label="Further terms", check=fields.text(limit=LONGEST_TERMS, lines=True))
}


class Asked(NamedTuple):
    """The person that a form names: their e-mail, which confirms an erasure, and what to look for."""

    account_id: int
    email: str
    subject: Subject


def personal_data(services: Services, desk: Desk) -> Router:
    """Return its router. The access rule lets administrators in, and records who isn't."""
    counter = _Counter(services, desk)

    @get("/", sync_to_thread=True)
    def personal_data_page(request: AnyRequest) -> Response[Any]:
        with desk.visit(request) as visit:
            return _draw(visit, Form())

    @post("/", sync_to_thread=True, status_code=200)
    def look_for(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return counter.look(request, sent)

    @post("/erase", sync_to_thread=True)
    def erase_person(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return counter.erase(request, sent)

    @post("/copy", sync_to_thread=True, status_code=200)
    def copy_person(request: AnyRequest, sent: TheForm) -> Response[Any]:
        return counter.copy(request, sent)

    @get("/erased/{number:int}", sync_to_thread=True)
    def erased(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        return counter.erased(request, number)

    routes = [personal_data_page, look_for, erase_person, copy_person, erased]
    return Router(path=f"/{PATH}", route_handlers=routes, opt=AUDIT_LOGS)


class _Counter:
    """Serves who comes for somebody's data, over one trail.

    No session of the database is open meanwhile: it would keep its log from being emptied.
    """

    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    def look(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        """Show what would go, and ask why."""

        def preview(asked: Asked) -> Response[Any]:
            self._services.fresh()
            return self._preview(request, asked, Form(values=sent))

        return self._ask(request, sent, preview)

    def erase(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        """Erase, or show again what would go and what is missing; nothing is half done."""
        why = reasons_sent(sent)

        def erased(asked: Asked) -> Response[Any]:
            try:
                require(why.errors | _wrong(asked, sent, why.values))
                with stating(**why.values):
                    done = self._erase(asked)
            except (Invalid, ErasureRefused) as error:
                errors = error.errors if isinstance(error, Invalid) else {}
                form = refused(sent, errors, str(error))
                return self._preview(request, asked, form, status=422)
            if done.index is None:
                return self._preview(request, asked, Form(values=sent))
            emptied = self._services.outbox.wipe()
            address = f"{settings_path(asked.account_id)}/{PATH}/erased/{done.index + 1}"
            return see_other(address if emptied else f"{address}?outbox=busy")

        return self._ask(request, sent, erased)

    def copy(self, request: AnyRequest, sent: Sent) -> Response[Any]:
        """Hand out what is kept of the person, after an entry that says so."""

        def copied(asked: Asked) -> Response[Any]:
            trail, account = self._services.trail, str(asked.account_id)
            self._services.fresh()
            with speaking(None):  # Files are told in English, whoever asks for them.
                lines = list(copy_of(trail, account, asked.subject, CATALOG))
            # The first line says what was asked, the last one that it is whole.
            note_copy(trail, account, _context(), len(lines) - 2, self._services.clock)
            headers = {
                **PAGE_HEADERS,
                "Content-Disposition": 'attachment; filename="personal-data.jsonl"',
            }
            return Response(b"".join(lines), media_type="application/jsonl", headers=headers)

        return self._ask(request, sent, copied)

    def erased(self, request: AnyRequest, number: int) -> Response[Any]:
        """Say what was erased, by the entry that declares it."""
        trail = self._services.trail
        with self._desk.visit(request) as visit:
            entry = trail.entry(str(visit.account_id), max(number, 1) - 1)
            if entry.public.action != ACTION:
                raise NotFound
            what = read_what(entry.what)
            return visit.page(
                "personal_data_erased.html",
                number=number,
                reason=what.reason,
                details=what.details,
                is_wiped=trail.is_wiped(),
                is_outbox_wiped="outbox" not in request.query_params,
            )

    def _ask(
        self, request: AnyRequest, sent: Sent, then: Callable[[Asked], Response[Any]]
    ) -> Response[Any]:
        """Do it with the person that the form names, or draw the form again."""
        with self._desk.visit(request) as visit:
            try:
                asked = _asked(visit, sent)
            except Invalid as error:
                return _draw(visit, refused(sent, error.errors, str(error)), status=422)
        return then(asked)

    def _erase(self, asked: Asked) -> Erased:
        # What has committed and isn't in the trail yet would come into it afterwards.
        self._services.sequencer_idle()
        return erase(
            self._services.trail,
            str(asked.account_id),
            asked.subject,
            _context(),
            clock=self._services.clock,
        )

    def _preview(
        self, request: AnyRequest, asked: Asked, form: Form, status: int = 200
    ) -> Response[Any]:
        found = find(self._services.trail, str(asked.account_id), asked.subject)
        try:
            require_anothers(found, _context())
            refusal = ""
        except ErasureRefused as error:
            refusal = str(error)
        with self._desk.visit(request) as visit:
            return _draw(visit, form, asked=asked, found=found, refusal=refusal, status=status)


def _asked(visit: Visit, sent: Sent) -> Asked:
    """Return the person that was chosen from the account's, or typed. Raises `Invalid`."""
    terms, errors = checked(_TERMS, from_form(_TERMS, sent, _TERMS))
    chosen = sent.get("person", ("",))[-1]
    names: tuple[str, ...] = ()
    actor = None
    if chosen:
        user = _person(visit, chosen)
        names, actor, email = (user.name,), ActorId(kind="user", id=str(user.id)), user.email
        if sent.get("email", ("",))[-1].strip().lower() not in ("", email):
            errors["email"] = say("Choose a person or type an e-mail; these are two people.")
    else:
        found = checked(_EMAIL, from_form(_EMAIL, sent, _EMAIL))
        errors |= found.errors
        email = str(found.values.get("email", ""))
    require(errors)
    further = str(terms.get("terms") or "").splitlines()
    try:
        return Asked(visit.account_id, email, Subject.of([email, *names, *further], actor))
    except ErasureRefused as error:
        raise Invalid({"terms": str(error)}) from error


def _person(visit: Visit, chosen: str) -> Any:
    if not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 20):
        raise Invalid({"person": say("Choose one of the people shown.")})
    try:
        return agents.get(visit.db, visit.account_id, int(chosen)).user
    except NotFound:
        raise Invalid({"person": say("This person isn't in the account any more.")}) from None


def _wrong(asked: Asked, sent: Sent, why: dict[str, str]) -> dict[str, str]:
    """Return a sentence for each field that keeps this from being done."""
    matcher = Matcher(asked.subject)
    errors = {
        name: say(
            "%(label)s names the person, and it stays in the trail; leave the name out.",
            label=told(FIELDS[name].label),
        )
        for name, text in why.items()
        if matcher.is_in(text)
    }
    if not why.get("reason"):
        errors["reason"] = say("Reason is required; the audit logs keep it.")
    if sent.get("confirm", ("",))[-1].strip().lower() != asked.email:
        errors["confirm"] = say(
            "This isn't the e-mail; type %(email)s to erase.", email=asked.email
        )
    return errors


def _context() -> Context:
    return current_context() or Context(actor=SYSTEM, origin=Origin(via="ui"))


def _draw(
    visit: Visit,
    form: Form,
    *,
    asked: Asked | None = None,
    found: Found | None = None,
    refusal: str = "",
    status: int = 200,
) -> Response[Any]:
    return visit.page(
        "personal_data.html",
        status=status,
        form=form,
        people=[("", say("Somebody else, by e-mail"))]
        + [(number, f"{name} ({email})") for number, name, email in agent_choices(visit)],
        asked=asked,
        found=found,
        refusal=refusal,
        here=f"{visit.path}/{PATH}",
    )
