"""What erasing a person takes: looking for them, declaring it, emptying the parts, wiping the files."""

import time
from typing import NamedTuple

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.erasure.erasing import erase
from audit_trail.erasure.finding import find
from audit_trail.erasure.subject import Subject
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.trail import utc_now_us
from bench.engines import Place
from bench.sealing import WHAT, signed_trail

OPERATOR = Context(actor=SYSTEM, origin=Origin(via="cli"), reason="Request 12 of May")
OTHERS_AMONG = 10
"""Of so many entries one is the person's, the worst that ranges can be: no two are neighbours."""


class Erasing(NamedTuple):
    """How many entries were the person's, of how many, and how long it took, in seconds."""

    entries: int
    size: int
    finding: float
    all: float


def erasing(where: Place, entries: int) -> Erasing:
    """Erase a person whose entries lie scattered among ten times as many, in one account."""
    store = where.store()
    trail = signed_trail(where, store)
    size = entries * OTHERS_AMONG
    for start in range(0, size, 10_000):
        trail.append([_draft(each) for each in range(start, min(start + 10_000, size))])
    subject = Subject.of(["ada@example.com", "Ada Lovelace"], ActorId(kind="user", id="7"))
    started = time.perf_counter()
    find(trail, "1", subject)
    found = time.perf_counter()
    erased = erase(trail, "1", subject, OPERATOR, clock=utc_now_us)
    done = time.perf_counter()
    store.close()
    if (erased.found.entries, erased.wiped) != (entries, "done"):
        raise AssertionError(f"{erased.found.entries} entries were erased, {erased.wiped}")
    return Erasing(entries, size, found - started, done - found)


def _draft(number: int) -> Draft:
    is_theirs = number % OTHERS_AMONG == 0
    email = b"ada@example.com" if is_theirs else b"bob%d@example.com" % (number % 50)
    return Draft(
        id=f"{number:032d}-new",
        account="1",
        occurred_at=number,
        action="update",
        entity=Entity(type="inbox", id=str(number % 500)),
        actor=ActorId(kind="user", id="7" if is_theirs else "8"),
        via="ui",
        fields=("name",),
        who=b'{"email":"%s","ip":"192.0.2.7","user_agent":"Mozilla/5.0"}' % email,
        what=WHAT,
    )
