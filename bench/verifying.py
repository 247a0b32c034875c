"""What an evidence file of a whole account takes: to be written, and to be verified with its parts."""

import time
from typing import NamedTuple

from audit_trail.evidence import Wanted, evidence
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.store.sqlite import SqliteStore
from audit_trail.verify.evidence import verify
from bench.engines import Place
from bench.sealing import BATCH, WHAT, WHO, signed_trail


class Evidence(NamedTuple):
    """Seconds of one core to write and to verify a file of so many entries, and its bytes."""

    entries: int
    write_seconds: float
    verify_seconds: float
    bytes: int

    @property
    def verified_per_second(self) -> float:
        return self.entries / self.verify_seconds


def evidence_of_an_account(where: Place, entries: int) -> Evidence:
    """Fill a trail, write all of it into a file, and verify that with its key."""
    store = SqliteStore(where.new_file())
    trail = signed_trail(where, store)
    for start in range(0, entries, BATCH):
        trail.append([_draft(number) for number in range(start, min(start + BATCH, entries))])
    path = where.new_file()
    written = time.process_time()
    with path.open("wb") as file:
        for piece in evidence(trail, Wanted(account="1")):
            file.write(piece)
    verified = time.process_time()
    with path.open("rb") as file:
        verdict = verify(file, trail.verifier_keys("1"))
    ended = time.process_time()
    assert verdict.name == "whole"
    store.close()
    return Evidence(entries, verified - written, ended - verified, path.stat().st_size)


def _draft(number: int) -> Draft:
    """An entry with both sealed parts, of which no two are alike."""
    end = b',"x":"%016x"}' % number
    return Draft(
        id=f"{number:032d}-new",
        account="1",
        occurred_at=number,
        action="update",
        entity=Entity(type="inbox", id=str(number % 500)),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        request=f"{number:032x}",
        fields=("name",),
        who=WHO[:-1] + end,
        what=WHAT[:-1] + end,
    )
