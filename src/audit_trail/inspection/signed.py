"""What was signed of an account, held against the tree that its entries have now."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from audit_trail.errors import AuditError, NoteRefused, SignatureRefused, SignerUnknown
from audit_trail.inspection.given import Earlier, Given, read_checkpoint
from audit_trail.seal import note as notes_of
from audit_trail.seal.note import VerifierKey
from audit_trail.signing.keys import origin_of, verifier_key
from audit_trail.store.port import Key, Seal
from audit_trail.verify.verdict import Notes

NO_KEY_GIVEN: Final = (
    "No key was given. Those in the store prove nothing by themselves: whoever can write to it may "
    "have put others there. Give those that you keep elsewhere."
)

UNSIGNED: Final = (
    "Nothing of this account is signed: an older release wrote it and no start has sealed it yet, or "
    "somebody put it there."
)


class Roots(NamedTuple):
    """Of one size: the root of the tree of the entries, and of that in the tiles."""

    of_entries: bytes
    of_tiles: bytes


class Signed:
    """An account's newest checkpoint, and what was kept of it elsewhere."""

    def __init__(self, account: str, keys: Sequence[Key], given: Given, notes: Notes) -> None:
        self._account = account
        self._notes = notes
        self._names = [key.name for key in keys]
        self._own = [verifier_key(key, account) for key in keys]
        self._given = given
        self._earlier = [each for each in given.checkpoints if each.account == account]
        self._heads = () if given.heads is None else given.heads.of(account)
        self.newest: Earlier | None = None
        self.signed_by: tuple[str, ...] = ()

    def sizes(self) -> set[int]:
        """Return of which sizes something was signed, so that the roots are asked for."""
        known = [each.checkpoint.size for each in (*self._earlier, self.newest) if each]
        return {*known, *(head.size for head in self._heads[-1:])}

    def read(self, seal: Seal) -> None:
        """Take in the newest checkpoint, before the walk."""
        self.newest = None
        if seal.checkpoint is None:
            return
        try:
            self.newest = read_checkpoint(seal.checkpoint)
        except AuditError as error:
            self._notes.problem("checkpoint", f"The checkpoint can't be read: {error}")

    def require_signature(self, seal: Seal) -> None:
        """Note whether the newest checkpoint is this account's, and signed by whom it should be."""
        newest = self.newest
        if newest is None:
            if self._heads:
                self._notes.problem("checkpoint", "What was signed has no checkpoint any more.")
            elif seal.checkpoint is None:
                self._notes.doubt("integrity", UNSIGNED)
            return
        if self._names and newest.checkpoint.origin != origin_of(self._names[-1], self._account):
            says = f"The checkpoint is one of {newest.checkpoint.origin}."
            self._notes.problem("checkpoint", says)
        if newest.checkpoint.size > seal.size:
            says = f"The checkpoint covers {newest.checkpoint.size} entries, the tree {seal.size}."
            self._notes.problem("checkpoint", says, seal.size)
        if not self._given.keys:
            self._notes.doubt("integrity", NO_KEY_GIVEN)
        self.signed_by = self._signers(newest, "checkpoint")

    def _signers(self, signed: Earlier, what: str) -> tuple[str, ...]:
        """Return which keys have signed; note a wrong signature, and one of a key nobody knows."""
        is_given = bool(self._given.keys)
        keys = self._given.keys_under(signed.checkpoint.origin) if is_given else self._own
        try:
            return tuple(key.text for key in notes_of.signers(signed.note, keys))
        except (SignatureRefused, NoteRefused) as error:
            self._notes.problem("checkpoint", f"The {what}'s signature is wrong. {error}")
        except SignerUnknown:
            self._tell_unknown(signed, what)
        return ()

    def _tell_unknown(self, signed: Earlier, what: str) -> None:
        if _is_signed_by(signed, self._own):
            says = (
                f"A key that the store lists has signed the {what}, and none that you gave. If no key "
                "was exchanged since, it is forged."
            )
            self._notes.doubt("integrity", says)
        elif what == "checkpoint":
            says = "The checkpoint is signed by no key of the trail."
            self._notes.problem("checkpoint", says)
        else:
            self._notes.doubt("completeness", f"No known key has signed the {what}.")

    def require_root(self, roots: Mapping[int, Roots], read: Callable[[int], bytes]) -> None:
        """Hold what is signed and what was kept elsewhere against the roots of the walk.

        `read` gives the root of any size, as the tiles have it.
        """
        newest = self.newest
        if newest:
            size, root = newest.checkpoint.size, newest.checkpoint.root
            if size in roots and root not in roots[size]:
                says = f"The tree of {size} entries isn't the one that the checkpoint signs"
                self._blame("tree", says, size, roots, read)
        self._require_heads(roots, read)
        for each in self._earlier:
            self._require_earlier(each, roots, read)

    def _require_heads(self, roots: Mapping[int, Roots], read: Callable[[int], bytes]) -> None:
        heads = self._given.heads
        if heads is not None and heads.name not in self._names[-1:]:
            says = f"The file of signed heads is that of another trail or epoch, {heads.name}."
            self._notes.doubt("completeness", says)
        elif self._heads:
            signed = self._heads[-1]
            if not self._reaches(signed.size, "heads", roots):
                return
            if signed.root in roots[signed.size]:
                says = "It is not behind what was signed, as the file of signed heads has it."
                self._notes.show(says)
            else:
                says = f"The first {signed.size} entries aren't those in the file of signed heads"
                self._blame("heads", says, signed.size, roots, read)

    def _require_earlier(
        self, earlier: Earlier, roots: Mapping[int, Roots], read: Callable[[int], bytes]
    ) -> None:
        """Hold an earlier checkpoint against the tree, which must have added to it alone."""
        size, root = earlier.checkpoint.size, earlier.checkpoint.root
        called = f"checkpoint of {size} entries that you gave"
        if not self._signers(earlier, called) or not size:
            return
        if earlier.name not in self._names:
            says = f"The {called} is one of another trail, {earlier.name}."
            self._notes.problem("checkpoint", says)
        elif size in roots and root in roots[size]:
            self._notes.show(f"Nothing was removed since the {called}.")
        elif earlier.name != self._names[-1]:
            says = f"A new epoch began since the {called}, and what it covered isn't all here."
            self._notes.doubt("completeness", says)
        elif self._reaches(size, called, roots):
            says = f"The first {size} entries aren't those of the {called}"
            self._blame("tree", says, size, roots, read)

    def _reaches(self, size: int, what: str, roots: Mapping[int, Roots]) -> bool:
        if size in roots:
            return True
        has = max(roots)
        told = "signed heads" if what == "heads" else what
        says = f"The store has {has} entries; by the {told} it once had {size}."
        self._notes.problem("heads" if what == "heads" else "tree", says, has)
        return False

    def _blame(
        self,
        part: str,
        says: str,
        size: int,
        roots: Mapping[int, Roots],
        read: Callable[[int], bytes],
    ) -> None:
        """Say between which sizes the histories part, as far as anything signed tells."""
        known = sorted(
            {(head.size, head.root) for head in self._heads if head.size < size}
            | {
                (each.checkpoint.size, each.checkpoint.root)
                for each in self._earlier
                if each.checkpoint.size < size
            }
        )
        agreeing = bisect_left(known, True, key=lambda each: read(each[0]) != each[1])
        first = known[agreeing - 1][0] if agreeing else 0
        last = (known[agreeing][0] if agreeing < len(known) else size) - 1
        where = f"entry {first}" if first == last else f"one of entries {first} to {last}"
        self._notes.problem(part, f"{says}: it is {where} that differs first.", first)


def _is_signed_by(signed: Earlier, keys: Sequence[VerifierKey]) -> bool:
    try:
        return bool(notes_of.signers(signed.note, keys))
    except AuditError:
        return False
