"""Years of one trail: people erased, entries held and dropped; all that is left is still proven."""

from io import BytesIO
from pathlib import Path

import msgspec

from audit_trail.capture.context import Actor, Context, Origin
from audit_trail.erasure.erasing import erase
from audit_trail.erasure.subject import Subject
from audit_trail.evidence import Wanted, evidence
from audit_trail.inspection.given import Given, read_checkpoint
from audit_trail.inspection.store import inspect
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.retention.keeping import Retention
from audit_trail.retention.policy import DAY_US
from audit_trail.store.port import Store
from audit_trail.trail import Trail
from audit_trail.verify.evidence import verify
from tests.signing.places import Place
from tests.verify.verifiers import INDEPENDENT

NOW = 1_790_000_000_000_000
ADA = Context(
    actor=Actor(kind="user", id="7", email="ada@example.com"),
    origin=Origin(via="ui"),
    reason="The law says so.",
)
PEOPLE = ("bob@example.com", "eve@example.com", "kim@example.com")


class Life:
    """A signed trail whose days pass when told, and every checkpoint that somebody kept of it."""

    def __init__(self, place: Place, store: Store) -> None:
        self.now, self.number = NOW, 0
        self.store = store
        signed = place.opened(store)
        self.trail = Trail(store, signer=signed._trees._signer, clock=self.clock)
        self.retention = Retention(self.trail, clock=self.clock)
        self.kept: list[bytes] = []

    def clock(self) -> int:
        return self.now

    def live(self, days: int, entries: int) -> None:
        """Let days pass, and in them some changes by one person after the other."""
        drafts: list[Draft] = []
        for _ in range(entries):
            self.now += days * DAY_US // entries
            person = self.number % len(PEOPLE)
            drafts.append(
                Draft(
                    id=f"{self.number:036d}",
                    account="1",
                    occurred_at=self.now,
                    action="update",
                    entity=Entity(type="inbox", id=str(self.number % 5)),
                    actor=ActorId(kind="user", id=str(person)),
                    via="ui",
                    who=msgspec.json.encode({"email": PEOPLE[person]}),
                    what=msgspec.json.encode({"label": f"Inbox {self.number}"}),
                )
            )
            self.number += 1
            if self.number % 10 == 0:
                self.trail.append(drafts)
                drafts.clear()
        self.trail.append(drafts)
        self.keep()

    def keep(self) -> None:
        checkpoint = self.trail.checkpoint("1")
        assert checkpoint
        self.kept.append(checkpoint)

    def require_proven(self) -> None:
        """The walk, both verifiers of files, and every checkpoint that was kept agree: it is whole."""
        keys = self.trail.verifier_keys("1")
        given = Given(keys=keys, checkpoints=[read_checkpoint(each) for each in self.kept])
        verdict = inspect(self.store, given)
        assert verdict.exit_code == 0, verdict
        for earlier in (self.kept[0], self.kept[-1]):
            file = b"".join(evidence(self.trail, Wanted(account="1", earlier=earlier)))
            found = verify(BytesIO(file), keys, earlier)
            assert (found.exit_code, found.problems) == (0, ())
            assert INDEPENDENT.verify(file, [key.text for key in keys], earlier)[0] == 0


def test_what_is_left_after_years_is_whole(store: Store, tmp_path: Path) -> None:
    life = Life(Place(tmp_path), store)
    life.live(days=300, entries=290)
    erase(life.trail, "1", Subject.of([PEOPLE[0]]), ADA, clock=life.clock)
    life.keep()
    life.require_proven()
    life.retention.place("1", ADA, entity=Entity(type="inbox", id="3"))
    life.live(days=300, entries=50)
    life.retention.run("1")
    life.require_proven()
    first = life.trail.head("1").first
    assert 150 < first < 290
    held = [entry for entry in store.slice("1", 0, first) if entry.public.entity.id == "3"]
    assert len(held) > 30
    life.live(days=200, entries=50)
    erase(life.trail, "1", Subject.of([PEOPLE[1]]), ADA, clock=life.clock)
    life.retention.run("1")
    life.require_proven()
    left = {person: set[str | None]() for person in PEOPLE}
    for entry in store.slice("1", 0, 999):
        for person in PEOPLE:
            if entry.who and person.encode() in entry.who.stored:
                left[person].add(entry.public.entity.id)
    # The second person was erased, but for what the hold keeps; the first has acted again since.
    assert [len(left[person]) for person in PEOPLE] == [5, 1, 5]
