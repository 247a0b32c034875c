"""Audit logs over REST: the contract's parameters and items, read from the trail."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, get
from litestar.response import Stream

from audit_trail.evidence import Wanted, evidence, questioned
from audit_trail.record.opened import details
from audit_trail.record.query import During, Is, Named, Query, all_of, any_of
from audit_trail.record.question import understand
from live_agent.api.asked import Id, TheMember, TheServices
from live_agent.api.audit_items import audit_items
from live_agent.api.document import asked_by
from live_agent.api.shapes import Shape
from live_agent.catalog import CATALOG, ENTITY_TYPES
from live_agent.errors import Invalid, NotFound
from live_agent.gate import AUDIT_LOGS, opens
from live_agent.schema import Account
from live_agent.services import Services
from live_agent.settings.fields import timezone

PER_PAGE: Final = 25
LARGEST_PAGE: Final = 10**9
LARGEST_SECOND: Final = 10**12
LONGEST_QUESTION: Final = 254


PARAMETERS: Final = {
    "page": "The page, from 1",
    "q": "A part of the user's e-mail or name",
    "types[]": "Values of auditable_type",
    "since": "Unix seconds, inclusive",
    "until": "Unix seconds, inclusive",
    "sort": "asc or desc",
}


EVIDENCE_PARAMETERS: Final = {
    "first": "The id of the first entry; by default 1",
    "last": "The id of the last one; by default the newest that is signed",
    "question": "Names and values only of the entries that this question finds",
    "timezone": "The IANA time zone of its days; by default the account's",
}


@get("/audit_logs", operation_class=asked_by(PARAMETERS), opt=AUDIT_LOGS, sync_to_thread=True)
def list_audit_logs(
    services: TheServices, member: TheMember, request: Request[Any, Any, Any]
) -> dict[str, Any]:
    page, query = read_query(str(member.account_id), _parameters(request))
    services.fresh()
    found = services.trail.numbered_page(query, page=page, limit=PER_PAGE)
    return {
        "per_page": PER_PAGE,
        "total_entries": found.total,
        "current_page": page,
        "audit_logs": audit_items(services, member.account_id, found.entries),
    }


@get(
    "/audit_logs/evidence",
    operation_class=asked_by(EVIDENCE_PARAMETERS),
    opt=AUDIT_LOGS,
    media_type="application/zip",
    sync_to_thread=True,
)
def get_audit_logs_evidence(
    services: TheServices, member: TheMember, request: Request[Any, Any, Any]
) -> Stream:
    parameters, errors = _parameters(request), dict[str, str]()
    first = _whole(parameters, "first", 1, LARGEST_SECOND, errors)
    last = _whole(parameters, "last", first or 1, LARGEST_SECOND, errors)
    if errors:
        raise Invalid(errors)
    services.fresh()
    account = str(member.account_id)
    wanted = Wanted(account=account, first=(first or 1) - 1, last=last and last - 1)
    if question := _last(parameters, "question"):
        wanted = _of_question(services, wanted, question, _last(parameters, "timezone"))
    content = evidence(services.trail, wanted)
    last = services.trail.head(account).size - 1 if wanted.last is None else wanted.last
    opens(services, member)(details(wanted.first, last, shown_as="evidence"))
    name = f"audit-logs-{account}.evidence.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(content, headers=headers)


def _of_question(services: Services, wanted: Wanted, question: str, zone: str | None) -> Wanted:
    """Return the evidence of what a question finds. Raises `QuestionRefused`, `Invalid`."""
    with services.database.reading() as db:
        name = zone or db.get_one(Account, int(wanted.account)).timezone
    try:
        timezone(name)
    except ValueError as error:
        raise Invalid({"timezone": f"timezone {error}."}) from None
    asked = understand(question, zone=ZoneInfo(name), now_us=services.clock(), catalog=CATALOG)
    return questioned(wanted, asked.where, question, name)


@get("/audit_logs/{entry_id:int}", opt=AUDIT_LOGS, sync_to_thread=True)
def get_audit_log(services: TheServices, member: TheMember, entry_id: Id) -> Shape:
    if not 0 < entry_id <= LARGEST_SECOND:
        raise NotFound
    services.fresh()
    entry = services.trail.entry(str(member.account_id), entry_id - 1)
    opens(services, member)(details(entry.index))
    return audit_items(services, member.account_id, [entry])[0]


def read_query(account: str, parameters: Mapping[str, Sequence[str]]) -> tuple[int, Query]:
    """Read the page's number and the query. Raises `Invalid`, naming every wrong parameter."""
    errors: dict[str, str] = {}
    page = _whole(parameters, "page", 1, LARGEST_PAGE, errors)
    since = _whole(parameters, "since", 0, LARGEST_SECOND, errors)
    until = _whole(parameters, "until", 0, LARGEST_SECOND, errors)
    sort = _last(parameters, "sort") or "desc"
    if sort not in ("asc", "desc"):
        errors["sort"] = "sort must be asc or desc."
    person = _last(parameters, "q")
    if person and len(person) > LONGEST_QUESTION:
        errors["q"] = f"q must be at most {LONGEST_QUESTION} characters long."
    query = Query(
        account=account,
        where=all_of(
            Named(person) if person else None,
            any_of(*(Is("entity", type_) for type_ in _types(parameters, errors))),
            # Times are answered in whole seconds, so the last second counts to its end.
            _during(since, None if until is None else until + 1),
        ),
        newest_first=sort == "desc",
    )
    if errors:
        raise Invalid(errors)
    return page or 1, query


def _during(since: int | None, until: int | None) -> During | None:
    """Return the time between these seconds, the end exclusive."""
    if since is None and until is None:
        return None
    return During(*(None if each is None else each * 1_000_000 for each in (since, until)))


def _parameters(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    parameters = request.query_params
    return {name: parameters.getall(name) for name in parameters}


def _last(parameters: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = parameters.get(name)
    return (values[-1].strip() or None) if values else None


def _whole(
    parameters: Mapping[str, Sequence[str]],
    name: str,
    smallest: int,
    largest: int,
    errors: dict[str, str],
) -> int | None:
    text = _last(parameters, name)
    if text is None:
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else -1
    if not smallest <= number <= largest:
        errors[name] = f"{name} must be a whole number from {smallest} to {largest:,}."
        return None
    return number


def _types(parameters: Mapping[str, Sequence[str]], errors: dict[str, str]) -> tuple[str, ...]:
    """Turn the contract's class names into entity types."""
    asked = [
        *parameters.get("types[]", ()),
        *(part for each in parameters.get("types", ()) for part in each.split(",")),
    ]
    names = list(dict.fromkeys(name.strip() for name in asked if name.strip()))
    if any(name not in ENTITY_TYPES for name in names):
        errors["types"] = f"types[] must be of {', '.join(ENTITY_TYPES)}."
    return tuple(ENTITY_TYPES[name] for name in names if name in ENTITY_TYPES)
