"""A trail with a signer in a folder, opened as the application opens it, and what was shown of it."""

from collections.abc import Sequence
from pathlib import Path

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.seal.checkpoint import Checkpoint, verify
from audit_trail.seal.proof import verify_growth
from audit_trail.signing.signer import open_signer
from audit_trail.store.port import Store
from audit_trail.trail import Trail
from audit_trail.trees import Report, unreported


def draft(number: int, account: str = "1") -> Draft:
    return Draft(
        id=f"{account} {number}",
        account=account,
        occurred_at=number,
        action="export",
        entity=Entity(type="audit_log"),
        actor=ActorId(kind="user"),
        via="api",
        what=b"{}",
    )


def drafts(start: int, stop: int, account: str = "1") -> list[Draft]:
    return [draft(number, account) for number in range(start, stop)]


class Place:
    """A folder with a key and a file of signed heads; and each checkpoint that was ever shown."""

    def __init__(self, folder: Path) -> None:
        self.heads = folder / "heads.log"
        self.key_file = folder / "signing.key"
        self.shown: dict[str, list[Checkpoint]] = {}

    def opened(self, store: Store, report: Report = unreported) -> Trail:
        """Return the trail as after a start: sealed, signed, checked."""
        signer = open_signer(
            store, heads=self.heads, key_file=self.key_file, seed=None, clock=lambda: 7
        )
        trail = Trail(store, signer=signer, clock=lambda: 0)
        trail.seal(report)
        return trail

    def show(self, trail: Trail, accounts: Sequence[str] = ("1",)) -> None:
        """Show the accounts' checkpoints to somebody who accepts what only adds to the last."""
        for account in accounts:
            note = trail.checkpoint(account)
            if note is None:
                continue
            origin = f"{trail.public_keys()[-1].name}/{account}"
            checkpoint = verify(note, origin, trail.verifier_keys(account))
            before = self.shown.setdefault(origin, [])
            if before:
                path = trail.prove_consistency(account, before[-1].size, checkpoint.size)
                verify_growth(before[-1], checkpoint, path)
            before.append(checkpoint)
