"""What was kept elsewhere than in the store: keys, checkpoints, signed heads; it opens no file."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from audit_trail.errors import CheckpointRefused
from audit_trail.seal import note as notes_of
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.note import Note, VerifierKey
from audit_trail.signing.heads import SignedHead
from audit_trail.signing.keys import origin_of


class Earlier(NamedTuple):
    """A checkpoint whose signature nobody has verified yet; its origin is a trail's and an account's."""

    name: str
    account: str
    note: Note
    checkpoint: Checkpoint


class KeptHeads(NamedTuple):
    """The file of signed heads: the trail's name, and by account all heads in their order."""

    name: str
    heads: Mapping[str, Sequence[SignedHead]]

    def of(self, account: str) -> Sequence[SignedHead]:
        """Return an account's heads; the last one is the newest."""
        return self.heads.get(account, ())


class Given(NamedTuple):
    """What an inspection is given beside the store."""

    keys: Sequence[VerifierKey] = ()
    checkpoints: Sequence[Earlier] = ()
    heads: KeptHeads | None = None

    def accounts(self) -> set[str]:
        """Return the accounts of which anything was kept elsewhere."""
        return {each.account for each in self.checkpoints} | set(
            self.heads.heads if self.heads else ()
        )

    def keys_under(self, origin: str) -> list[VerifierKey]:
        """Return the keys as the checkpoints of this origin show them.

        A trail has one key for all of its accounts, so one given under another account serves too.
        """
        name = origin.partition("/")[0]
        return [
            VerifierKey(name=origin, public=key.public)
            for key in self.keys
            if key.name.partition("/")[0] == name
        ]


def read_checkpoint(message: bytes) -> Earlier:
    """Take a checkpoint apart. Raises `NoteRefused` and `CheckpointRefused`."""
    note = notes_of.parse(message)
    checkpoint = Checkpoint.parse(note.text)
    name, slash, account = checkpoint.origin.partition("/")
    if not slash or origin_of(name, unquote(account)) != checkpoint.origin:
        raise CheckpointRefused("The checkpoint's origin names no account of a trail.")
    return Earlier(name, unquote(account), note, checkpoint)
