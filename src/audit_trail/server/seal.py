"""How far an entry is sealed, and what anybody needs to verify it; it never judges the entry."""

import logging
from typing import Any, Final

import msgspec

from audit_trail.errors import AuditError, HeadsFailed, StoreFailed
from audit_trail.record.entry import Entry, Part
from audit_trail.record.language import say, spoken, told
from audit_trail.seal import checkpoint as checkpoints
from audit_trail.seal import note as notes
from audit_trail.seal.checkpoint import Checkpoint
from audit_trail.seal.encoding import to_base64
from audit_trail.seal.note import VerifierKey
from audit_trail.server.zone import UTC_ZONE, moment
from audit_trail.trail import Trail

_log = logging.getLogger(__name__)

SHORT: Final = 16
"""How many digits of a hash stand in a line."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint, signed by this key, that covers the entry."""

    size: int
    root: str
    """In hexadecimal."""
    newest: str
    """When the newest entry that it covers was recorded."""
    key: VerifierKey
    note: str

    @property
    def root_short(self) -> str:
        """The beginning of the root."""
        return f"{self.root[:SHORT]}…"


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """An entry is durable; it may be sealed as well, and `refused` says why that can't be told."""

    account: str
    index: int
    id: str
    recorded: str
    sealed: Sealed | None = None
    refused: str | None = None


def seal_of(trail: Trail, account: str, entry: Entry) -> Seal:
    """Return how far the entry is sealed. The checkpoint's signature counts, not its being there."""
    public = entry.public
    seal = Seal(
        account=account,
        index=entry.index,
        id=public.id,
        recorded=moment(public.recorded_at, UTC_ZONE).utc,
    )
    try:
        sealed = _newest(trail, account)
    except AuditError as error:
        return msgspec.structs.replace(seal, refused=_said(error, account))
    if sealed is None or sealed.size <= entry.index:
        return seal
    return msgspec.structs.replace(seal, sealed=sealed)


def proof_of(trail: Trail, account: str, entry: Entry, since: int | None = None) -> dict[str, Any]:
    """Return what verifying the entry takes, as it is stored; bytes are in base64.

    `since` is the size of an earlier checkpoint, to which `consistency` then leads. Where
    checkpoint, path or consistency can't be given they are None, and `refused` says why.
    """
    return {
        "account": account,
        "index": entry.index,
        "public": _encoded(entry.public_bytes),
        "leaf": _encoded(entry.leaf),
        "who": _part(entry.who),
        "what": _part(entry.what),
        "keys": [key.text for key in trail.verifier_keys(account)],
        **_leading(trail, account, entry.index, since),
    }


def _newest(trail: Trail, account: str) -> Sealed | None:
    note, keys = trail.checkpoint(account), trail.verifier_keys(account)
    if note is None:
        return None
    origin = keys[-1].name if keys else ""
    checkpoint = checkpoints.verify(note, origin, keys)
    newest = trail.entry(account, checkpoint.size - 1).public.recorded_at
    return Sealed(
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        newest=moment(newest, UTC_ZONE).utc,
        key=notes.signers(notes.parse(note), keys)[0],
        note=note.decode(),
    )


def _leading(trail: Trail, account: str, index: int, since: int | None) -> dict[str, Any]:
    """Lead from the leaf to the checkpoint's root. A forged checkpoint is the reader's to refuse."""
    found: dict[str, Any] = dict.fromkeys(("checkpoint", "path", "consistency", "refused"))
    try:
        note = trail.checkpoint(account)
        if note is None:
            found["refused"] = say("The entry is durable, and not sealed yet.")
            return found
        found["checkpoint"] = _encoded(note)
        size = Checkpoint.parse(notes.parse(note).text).size
        found["path"] = list(map(to_base64, trail.prove_inclusion(account, index, size)))
        if since and since <= size:
            consistency = trail.prove_consistency(account, since, size)
            found["consistency"] = list(map(to_base64, consistency))
    except AuditError as error:
        found["refused"] = _said(error, account)
    return found


def _said(error: AuditError, account: str) -> str:
    if isinstance(error, StoreFailed):
        raise error
    _log.error("the seal of account %s can't be shown: %s", account, error)
    # An account's reader has no use for the path of a file of ours, and other languages have words
    # for each kind of error alone.
    is_general = isinstance(error, HeadsFailed) or spoken() is not None
    general = type(error).__doc__ or ""
    return told(general) if is_general else str(error)


def _part(part: Part | None) -> dict[str, str | None] | None:
    if part is None:
        return None
    return {"stored": _encoded(part.stored), "salt": _encoded(part.salt)}


def _encoded(content: bytes | str | None) -> str | None:
    # A shell may have put text where bytes belong, or nothing.
    if content is None:
        return None
    return to_base64(content.encode() if isinstance(content, str) else content)
