"""The verdict on a store: each account's, and one over all; it finds nothing out by itself."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from audit_trail.verify.verdict import (
    NAMES,
    TAMPERED,
    UNDECIDED,
    UNREADABLE,
    WHOLE,
    Finding,
    Name,
    Notes,
    Problem,
    Remark,
)

# Where one of these differs, nothing shows any more that no entry is missing.
_OF_THE_TREE: Final = {"entry", "public", "tree", "checkpoint", "heads"}


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How far an account goes: its entries, and the checkpoint that covers them."""

    size: int
    origin: str = ""
    signed: int = 0
    root: str = ""
    signed_by: tuple[str, ...] = ()


class AccountVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an account's entries are genuine, and whether they are all there."""

    account: str
    exit_code: int
    extent: Extent
    integrity: Finding
    completeness: Finding
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    untold: int = 0
    """How many problems and remarks were too many to be told one by one."""

    @property
    def name(self) -> Name:
        """The verdict in a word."""
        return NAMES[self.exit_code]

    @property
    def index(self) -> int | None:
        """The lowest index of an entry that isn't as it was signed."""
        return min((each.index for each in self.problems if each.index is not None), default=None)


class StoreVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on all accounts that were inspected: the worst of theirs."""

    exit_code: int
    integrity: Finding
    completeness: Finding
    accounts: tuple[AccountVerdict, ...] = ()

    @property
    def name(self) -> Name:
        """The verdict in a word."""
        return NAMES[self.exit_code]


def unreadable_store(why: str) -> StoreVerdict:
    """Return the verdict on a store, or on what was kept elsewhere, that can't be read."""
    return StoreVerdict(
        exit_code=UNREADABLE,
        integrity=Finding(state="unreadable", says=(why,)),
        completeness=Finding(state="unreadable", says=("Nothing can be said of this store.",)),
    )


def judged(account: str, extent: Extent, held: Sequence[str], notes: Notes) -> AccountVerdict:
    """Return an account's verdict: what differs weighs more than what can't be decided.

    `held` are sentences on what was removed, as the trail itself says.
    """
    return AccountVerdict(
        account=account,
        exit_code=_exit_code(bool(notes.problems), any(notes.doubts.values())),
        extent=extent,
        integrity=_integrity(extent, held, notes),
        completeness=_completeness(extent, notes),
        problems=tuple(notes.problems),
        remarks=tuple(notes.remarks),
        untold=notes.untold,
    )


def judged_together(accounts: Sequence[AccountVerdict]) -> StoreVerdict:
    """Return the verdict on a store."""
    codes = {each.exit_code for each in accounts}
    code = _exit_code(TAMPERED in codes, UNDECIDED in codes)
    return StoreVerdict(
        exit_code=code,
        integrity=_of_all("integrity", "genuine", accounts),
        completeness=_of_all("completeness", "whole_account", accounts),
        accounts=tuple(accounts),
    )


def _exit_code(is_tampered: bool, is_undecided: bool) -> int:
    return TAMPERED if is_tampered else UNDECIDED if is_undecided else WHOLE


def _integrity(extent: Extent, held: Sequence[str], notes: Notes) -> Finding:
    doubts = notes.doubts["integrity"]
    if notes.problems:
        return Finding(
            state="tampered", says=("What the store holds isn't what was signed.", *doubts)
        )
    says = ("Every entry that is there is as it was hashed, and every column says the same.", *held)
    if doubts:
        return Finding(state="undecided", says=(*says, *doubts))
    signed = f"The checkpoint of {extent.origin} is signed by a key that you gave."
    return Finding(state="genuine", says=(*says, signed))


def _completeness(extent: Extent, notes: Notes) -> Finding:
    if any(problem.part in _OF_THE_TREE for problem in notes.problems):
        says = "Because of what differs, nothing shows that the account is whole."
        return Finding(state="not_shown", says=(says,))
    found = (f"None of {extent.size} entries is missing, and none was added.", *notes.shown)
    doubts = notes.doubts["completeness"]
    if notes.doubts["integrity"]:
        doubts = [*doubts, "All of this is so only if the checkpoint is the trail's."]
    return Finding(state="undecided" if doubts else "whole_account", says=(*found, *doubts))


def _of_all(side: str, well: str, accounts: Sequence[AccountVerdict]) -> Finding:
    """Return the side's worst state, and how many accounts are in which."""
    states = [getattr(each, side).state for each in accounts]
    worst = next((each for each in ("tampered", "not_shown", "undecided") if each in states), well)
    return Finding(state=worst, says=tuple(_counted(states)))


def _counted(states: Sequence[str]) -> Iterator[str]:
    for state in sorted(set(states)):
        count = states.count(state)
        yield f"{count} {'account' if count == 1 else 'accounts'}: {state.replace('_', ' ')}."
    if not states:
        yield "No account has an entry."
