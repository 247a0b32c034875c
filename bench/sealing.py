"""What sealing adds to an append: tree, tiles, signature and the file of signed heads."""

import time
from collections.abc import Mapping, Sequence

from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import open_signer
from audit_trail.store.port import Head, Store, Tail
from audit_trail.trail import Trail, utc_now_us
from audit_trail.trees import Trees
from bench.engines import Place
from bench.paired import Ratio, ratio_of

BATCH = 1_000
WHAT = b'{"changes":{"name":{"after":"Support (new)","before":"Support"}},"label":"Support"}'
WHO = b'{"email":"ada@example.com","ip":"192.0.2.7","name":"Ada","user_agent":"Mozilla/5.0"}'


class Unsealed(Trees):
    """Trees that never grow, for comparison: the append as it was in the first release."""

    def head(self, account: str) -> Head:
        return self._store.head(account)

    def grow(self, account: str, head: Head, leaves: Sequence[bytes]) -> None:
        return None

    def record(self, tails: Mapping[str, Tail]) -> None:
        pass


def cost_of_sealing(where: Place, accounts: int, rounds: int) -> Ratio:
    """Append batches of 1,000 entries to two trails in turn, and compare each pair's times."""
    stores = [where.store() for _ in range(2)]
    sealed, unsealed = signed(where, stores[0]), Trail(stores[1])
    unsealed._trees = Unsealed(stores[1], None)  # noqa: SLF001 -- for comparison only
    pairs = []
    for number in range(rounds + 2):
        drafts = [_draft(number * BATCH + each, accounts) for each in range(BATCH)]
        pairs.append((_seconds(sealed, drafts), _seconds(unsealed, drafts)))
    for store in stores:
        store.close()
    return ratio_of(pairs[2:])


def signed(where: Place, store: Store) -> Trail:
    """Return a trail over the store that signs, with a key and a file of its own."""
    file = where.new_file()
    signer = open_signer(
        store,
        heads=file.with_name("heads.log"),
        key_file=file.with_name("signing.key"),
        seed=Seed.draw(),
        clock=utc_now_us,
    )
    return Trail(store, signer=signer)


def _draft(number: int, accounts: int) -> Draft:
    return Draft(
        id=f"{number:032d}-new",
        account=str(number % accounts + 1),
        occurred_at=number,
        action="update",
        entity=Entity(type="inbox", id=str(number % 500)),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        fields=("name",),
        who=WHO,
        what=WHAT,
    )


def _seconds(trail: Trail, drafts: Sequence[Draft]) -> float:
    started = time.perf_counter()
    trail.append(drafts)
    return time.perf_counter() - started
