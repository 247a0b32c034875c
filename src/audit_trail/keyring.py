"""Where a trail's signing key and file of signed heads lie, and what is done to them."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from audit_trail.capture.context import SYSTEM, Context, Origin
from audit_trail.own import own_draft
from audit_trail.record.entry import INSTALLATION, Draft
from audit_trail.signing import signer as signers
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import Signer
from audit_trail.store.port import Key, Store
from audit_trail.trail import Trail, utc_now_us

OPERATOR: Final = Context(actor=SYSTEM, origin=Origin(via="cli"))
KEY: Final = "signing.key"
HEADS: Final = "heads.log"

Clock = Callable[[], int]


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """The data directory, where a key is drawn; or the key from elsewhere that is used instead."""

    data: Path
    key: Seed | None = None

    def signer(self, store: Store, clock: Clock = utc_now_us) -> Signer:
        """Return the signer; the first start draws its key. Raises `KeyRefused`, `HeadsFailed`."""
        return signers.open_signer(
            store, heads=self._heads, key_file=self._key_file, seed=self.key, clock=clock
        )

    def rotate(self, store: Store, clock: Clock = utc_now_us) -> Key:
        """Sign with another key from now on, and say so in the trail under the one before.

        No server may run meanwhile. Everything is signed anew by the next start.
        """
        if self.key is None:
            trail = Trail(store, signer=self.signer(store, clock), clock=clock)
        else:
            # The key given is already the next one, so the one before can't sign any more.
            trail = Trail(store, clock=clock)
        trail.append([_said("rotate_key", INSTALLATION, clock, {})])
        return signers.rotate(store, key_file=self._key_file, seed=self.key, clock=clock)

    def begin_epoch(self, store: Store, reason: str, clock: Clock = utc_now_us) -> Key:
        """Sign the trail as it is now, under a new name; each account's trail says so, and why.

        Entries of an older release that were altered meanwhile are named there, and taken as they are.

        This is the way forward after a restore. No server may run meanwhile.
        """
        trail = Trail(store, clock=clock)
        altered: dict[str, list[int]] = defaultdict(list)
        trail.seal(altered=lambda account, index: altered[account].append(index))
        accounts = dict.fromkeys([INSTALLATION, *store.accounts()])
        trail.append(
            [
                _said(
                    "begin_epoch", account, clock, {"reason": reason, "altered": altered[account]}
                )
                for account in accounts
            ]
        )
        return signers.begin_epoch(
            store, heads=self._heads, key_file=self._key_file, seed=self.key, clock=clock
        )

    @property
    def _heads(self) -> Path:
        return self.data / HEADS

    @property
    def _key_file(self) -> Path:
        return self.data / KEY


def _said(action: str, account: str, clock: Clock, details: dict[str, object]) -> Draft:
    return own_draft(OPERATOR, account, action, clock=clock, details=details)
