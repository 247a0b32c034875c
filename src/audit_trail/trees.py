"""Every account's tree: grown, checked against its entries, signed, and read for proofs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from audit_trail.errors import EntryAltered, HeadMoved, HistoryLost, TileNotFound
from audit_trail.seal import proof
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.merkle import Nodes, Range, leaf_hashes
from audit_trail.seal.note import VerifierKey, parse
from audit_trail.seal.tile import (
    TILE_WIDTH,
    Bundle,
    Tile,
    additions,
    bundle_of,
    node_reader,
    tile_at,
    tile_hashes,
)
from audit_trail.signing.keys import verifier_key
from audit_trail.signing.signer import Signer
from audit_trail.store.port import Head, Seal, Sealing, Store, Tail

SEALED_TOGETHER: Final = 4_096
"""How many entries of an older release one step reads, compares and commits."""

Altered = Callable[[str, int], None]
"""Told of an entry that isn't as it was appended: its account and index."""

SEAL_ATTEMPTS: Final = 100

Report = Callable[[str, int, int], None]
"""Told of each step of a large account: its id, how many of its entries are sealed, and of how many."""


def unreported(account: str, done: int, size: int) -> None:
    """Report to nobody."""


def refuse_altered(account: str, index: int) -> None:
    """Raise `EntryAltered`."""
    raise EntryAltered(f"Entry {index} of account {account} was altered: it isn't the one hashed.")


class Trees:
    """The trees over one store's entries. Without a signer they grow, and nothing is signed."""

    def __init__(self, store: Store, signer: Signer | None) -> None:
        self._store = store
        self._signer = signer

    def grow(self, account: str, head: Head, leaves: Sequence[bytes]) -> Sealing | None:
        """Return what these leaves add behind a head whose entries are all in the tree.

        Raises `HistoryLost` where the tree isn't the one that was signed before.
        """
        if not leaves:
            return None
        return self._grown(account, head.seal, leaves, sign=True)

    def record(self, tails: Mapping[str, Tail]) -> None:
        """Tell the signer what the store has committed. Raises `HeadsFailed`."""
        if self._signer is None:
            return
        self._signer.record(
            {each: tail.sealing.seal.edge for each, tail in tails.items() if tail.sealing}
        )
        for account, tail in tails.items():
            # An append whose answer was lost is tried again and finds nothing new.
            if not tail.sealing and tail.size:
                self.checkpoint(account)

    def head(self, account: str) -> Head:
        """Return the account's head, once the tree has all of its entries."""
        head = self._store.head(account)
        if head.seal.size == head.size:
            return head
        self.seal(account)
        return self._store.head(account)

    def seal_all(self, report: Report, altered: Altered) -> None:
        """Seal and sign every account; see `seal`. What was signed must all be there."""
        signed = self._signer.accounts() if self._signer else []
        for account in dict.fromkeys([*signed, *self._store.accounts()]):
            self.seal(account, report, altered)

    def seal(
        self, account: str, report: Report = unreported, altered: Altered = refuse_altered
    ) -> None:
        """Bring into the tree what an older release appended, and sign what has no checkpoint yet.

        Each leaf is computed anew from the entry's bytes. Every step is committed, so the next
        start goes on where this one ended. Raises `EntryAltered` with the index, and `HistoryLost`.
        """
        lost = 0
        while lost < SEAL_ATTEMPTS:
            head = self._store.head(account)
            if self._is_done(account, head):
                return
            start, stop = head.seal.size, min(head.size, head.seal.size + SEALED_TOGETHER)
            leaves = self._leaves(account, start, stop, altered)
            sealing = self._grown(account, head.seal, leaves, sign=stop == head.size)
            tails = {account: Tail(head.size, (), sealing)}
            try:
                self._store.append(tails)
            except HeadMoved:
                lost += 1
                continue
            if self._signer and stop == head.size:
                self._signer.record({account: sealing.seal.edge})
            if head.size > SEALED_TOGETHER:
                report(account, stop, head.size)
        raise HeadMoved(f"Others append to account {account} too fast for it to be sealed.")

    def checkpoint(self, account: str) -> bytes | None:
        """Return the newest checkpoint of the account, if it has one.

        With a signer none is shown that the file of signed heads doesn't hold.
        """
        seal = self._store.head(account).seal
        if self._signer and self._signer.has_signed(account, seal):
            self._require_growth(account, seal)
            self._signer.record({account: seal.edge})
        return seal.checkpoint

    def prove(self, account: str, index: int) -> proof.Proof:
        """Return what shows offline that the entry is in the tree of the newest checkpoint.

        Raises `TreeRefused` where it isn't, or no checkpoint is there yet.
        """
        checkpoint = self.checkpoint(account) or b""
        size = Checkpoint.parse(parse(checkpoint).text).size if checkpoint else 0
        return proof.Proof(
            index=index, path=self.prove_inclusion(account, index, size), checkpoint=checkpoint
        )

    def prove_inclusion(self, account: str, index: int, size: int | None = None) -> proof.Path:
        """Return the inclusion proof of RFC 9162, in the tree of this size or the newest."""
        nodes, newest = self._tree(account)
        return proof.prove_inclusion(index, newest if size is None else size, nodes)

    def prove_consistency(self, account: str, old: int, new: int | None = None) -> proof.Path:
        """Return the consistency proof of RFC 9162, from the old size to `new` or the newest."""
        nodes, newest = self._tree(account)
        return proof.prove_consistency(old, newest if new is None else new, nodes)

    def beside(self, account: str, start: int, stop: int, size: int) -> tuple[Range, Range]:
        """Return what lies before and behind start <= index < stop, in the tree of this size."""
        nodes = self._nodes(account, size)
        return Range.read(0, start, nodes), Range.read(stop, size, nodes)

    def leaves(self, account: str, start: int, stop: int) -> list[bytes]:
        """Return the leaves start <= index < stop of the tree. Raises `TreeRefused`."""
        nodes = self._nodes(account, stop)
        return [nodes(0, index) for index in range(start, stop)]

    def tile(self, account: str, tile: Tile) -> bytes:
        """Return the hashes of a tile; raises `TileNotFound` where it isn't that wide yet."""
        self._require_width(account, tile)
        return b"".join(tile_hashes(tile, self._store.tile(account, tile.level, tile.number)))

    def bundle(self, account: str, bundle: Bundle) -> bytes:
        """Return the public parts whose leaves a tile holds.

        Raises `TileNotFound`, also where an entry of them is no longer kept: a bundle is whole.
        """
        self._require_width(account, Tile(level=0, number=bundle.number, width=bundle.width))
        start = bundle.number * TILE_WIDTH
        entries = self._store.slice(account, start, start + bundle.width)
        if len(entries) < bundle.width:
            raise TileNotFound(
                f"Of the {bundle.width} entries of {bundle.path}, {len(entries)} are still kept, "
                "and a bundle is answered whole or not at all."
            )
        return bundle_of([entry.public_bytes for entry in entries])

    def verifier_keys(self, account: str) -> list[VerifierKey]:
        """Return the public keys under the account's origins, in the order in which they signed."""
        return [verifier_key(key, account) for key in self._store.public_keys()]

    def _is_done(self, account: str, head: Head) -> bool:
        if head.seal.size > head.size:
            raise HistoryLost(
                f"Account {account} has {head.size} entries, and {head.seal.size} are in its tree."
            )
        self._require_growth(account, head.seal)
        if head.seal.size < head.size:
            return False
        if self._signer is None or not head.size:
            return True
        if not self._signer.has_signed(account, head.seal):
            return False
        self._signer.record({account: head.seal.edge})
        return True

    def _grown(self, account: str, seal: Seal, leaves: Sequence[bytes], *, sign: bool) -> Sealing:
        growth = seal.edge.append(leaves)
        checkpoint = seal.checkpoint
        if self._signer and sign:
            self._require_growth(account, seal)
            checkpoint = self._signer.sign(account, growth.after)
        return Sealing(seal.size, tuple(additions(growth)), Seal.of(growth.after, checkpoint))

    def _require_growth(self, account: str, seal: Seal) -> None:
        if self._signer:
            self._signer.require_growth(account, seal.edge, lambda: self._nodes(account, seal.size))

    def _leaves(self, account: str, start: int, stop: int, altered: Altered) -> list[bytes]:
        entries = self._store.slice(account, start, stop)
        leaves = leaf_hashes([entry.public_bytes for entry in entries])
        for index, entry, leaf in zip(range(start, stop), entries, leaves, strict=False):
            if entry.index != index:
                raise EntryAltered(f"Entry {index} of account {account} is missing.")
            if entry.leaf != leaf:
                altered(account, index)
        if len(entries) != stop - start:
            raise EntryAltered(f"Entry {start + len(entries)} of account {account} is missing.")
        return leaves

    def _require_width(self, account: str, tile: Tile) -> None:
        """Raise `TileNotFound` unless the tree has it so wide; no store is asked for what can't be."""
        size = self._store.head(account).seal.size
        if tile_at(tile.level, tile.number, size).width < tile.width:
            raise TileNotFound

    def _tree(self, account: str) -> tuple[Nodes, int]:
        size = self._store.head(account).seal.size
        return self._nodes(account, size), size

    def _nodes(self, account: str, size: int) -> Nodes:
        def read(tile: Tile) -> bytes:
            return self._store.tile(account, tile.level, tile.number)

        return node_reader(size, read)
