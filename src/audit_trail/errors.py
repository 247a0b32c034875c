"""The one exception tree: a class's docstring is its default message, `code` its stable name."""

from typing import ClassVar


class AuditError(Exception):
    """The audit trail could not do what was asked."""

    code: ClassVar[str] = "audit_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class NotCanonical(AuditError):
    """The value is outside the canonical profile, so its bytes would be ambiguous."""

    code = "not_canonical"


class EntryTooLarge(AuditError):
    """The public part of an entry exceeds 65,535 bytes."""

    code = "entry_too_large"


class EntryNotFound(AuditError):
    """There is no such entry in this account's trail."""

    code = "entry_not_found"


class QueryRefused(AuditError):
    """The query can't be understood."""

    code = "query_refused"


class QuestionRefused(QueryRefused):
    """The question can't be understood."""

    code = "question_refused"

    def __init__(
        self,
        message: str | None = None,
        *,
        at: tuple[int, int] = (0, 0),
        understood: str = "",
        suggestion: str | None = None,
    ) -> None:
        """Say where it went wrong, what of it was understood before, and how it might be meant."""
        super().__init__(message)
        self.at = at
        self.understood = understood
        self.suggestion = suggestion


class CursorRefused(QueryRefused):
    """The cursor is no cursor of this account and question, or was altered. Ask without it, or with the parameters that it came with."""

    code = "cursor_refused"


class TooManyTails(AuditError):
    """You, or your account, have as many live tails open as there may be. Close one, or ask again later."""

    code = "too_many_tails"


class RemovalRefused(AuditError):
    """What is to be removed is not in the trail, or was removed before."""

    code = "removal_refused"


class RetentionRefused(AuditError):
    """The retention can't be as asked, or there is no such hold."""

    code = "retention_refused"


class PolicyMoved(AuditError):
    """The retention or a hold was changed meanwhile; look again."""

    code = "policy_moved"


class PolicyAltered(AuditError):
    """The entry that states the retention isn't as it was recorded, so nothing is dropped."""

    code = "policy_altered"


class ErasureRefused(AuditError):
    """A person's data can't be looked for or erased as asked; the message says why."""

    code = "erasure_refused"


class HeadMoved(AuditError):
    """Another writer appended first; read the head again and retry."""

    code = "head_moved"


class TermLost(AuditError):
    """Another sequencer has taken over this outbox; this one must stop."""

    code = "term_lost"


class StoreFailed(AuditError):
    """The trail's database refused or failed; the message names it and the cause."""

    code = "store_failed"


class OutboxFailed(AuditError):
    """The outbox's database refused or failed; the message names the file and the cause."""

    code = "outbox_failed"


class ChangeRefused(OutboxFailed):
    """The change was refused, because it can't be recorded."""

    code = "change_refused"


class ContextRefused(AuditError):
    """The context can't be set on this connection, because its guard would not hold."""

    code = "context_refused"


class ProxiesRefused(AuditError):
    """The trusted proxies can't be understood."""

    code = "proxies_refused"


class HandoverRefused(AuditError):
    """What a job was handed is no context of ours."""

    code = "handover_refused"


class WatchRefused(AuditError):
    """The watch list doesn't fit the database's tables."""

    code = "watch_refused"


class ConfigRefused(WatchRefused):
    """The file that says what is recorded can't be understood, or doesn't fit the database."""

    code = "config_refused"


class AttachRefused(AuditError):
    """The database can't be attached to, or detached from, as it is; nothing was changed."""

    code = "attach_refused"


class CaptureOutdated(AuditError):
    """The triggers in the database differ from the generated ones."""

    code = "capture_outdated"


class CoverageRefused(AuditError):
    """What capture keeps can't be looked at; the message says who may."""

    code = "coverage_refused"


class SequencerRunning(AuditError):
    """Another process is already sequencing this outbox."""

    code = "sequencer_running"


class TileNotFound(AuditError):
    """There is no such tile or entry bundle yet, or its address is spelled differently."""

    code = "tile_not_found"


class TreeRefused(AuditError):
    """The stored hashes or entries don't have the shape of a tree of their size."""

    code = "tree_refused"


class KeyRefused(AuditError):
    """The key can't be understood, or its id is another key's."""

    code = "key_refused"


class NoteRefused(AuditError):
    """The signed note is malformed."""

    code = "note_refused"


class SignerUnknown(AuditError):
    """No known key has signed the note."""

    code = "signer_unknown"


class SignatureRefused(AuditError):
    """The note carries the signature of a known key, and it is wrong."""

    code = "signature_refused"


class CheckpointNotFound(AuditError):
    """No checkpoint of this account is signed yet."""

    code = "checkpoint_not_found"


class CheckpointRefused(AuditError):
    """The checkpoint is malformed."""

    code = "checkpoint_refused"


class OriginRefused(AuditError):
    """The checkpoint is another trail's."""

    code = "origin_refused"


class CheckpointOlder(AuditError):
    """The checkpoint is older than one that was already accepted."""

    code = "checkpoint_older"


class ProofRefused(AuditError):
    """The proof is malformed."""

    code = "proof_refused"


class NotProven(AuditError):
    """The proof doesn't lead to the root."""

    code = "not_proven"


class UrlRefused(AuditError):
    """The URL of a database can't be read."""

    code = "url_refused"


class EntryAltered(AuditError):
    """A stored entry isn't the one that was appended; nothing is signed over it."""

    code = "entry_altered"


class HistoryLost(AuditError):
    """The trail's database doesn't hold what was signed already; nothing more is signed."""

    code = "history_lost"


class HeadsFailed(AuditError):
    """The file of signed heads is missing, damaged, or can't be written; nothing is signed."""

    code = "heads_failed"


class EvidenceRefused(AuditError):
    """The evidence file can't be read, or can't be made."""

    code = "evidence_refused"


class ExportRefused(AuditError):
    """The export can't be written as asked; the message says why."""

    code = "export_refused"


class ExportCancelled(AuditError):
    """The export was cancelled; nothing of it is left."""

    code = "export_cancelled"


class AddressRefused(AuditError):
    """The server can't listen on this address."""

    code = "address_refused"


class TrailRefused(AuditError):
    """The trail records another database already."""

    code = "trail_refused"


class WatchMoved(AuditError):
    """The watch list was changed; go on with the one that is kept now."""

    code = "watch_moved"


class AdministratorRefused(AuditError):
    """The administrator can't be as asked; the message says why."""

    code = "administrator_refused"


class AdministratorsFailed(AuditError):
    """The administrators' database refused or failed; the message names the file and the cause."""

    code = "administrators_failed"
