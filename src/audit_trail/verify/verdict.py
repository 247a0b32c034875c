"""What a verifier has found out, in words an auditor understands and as data; it decides nothing."""

from typing import Final, Literal

import msgspec

WHOLE: Final = 0
TAMPERED: Final = 1
UNDECIDED: Final = 2
UNREADABLE: Final = 3

MOST_TOLD: Final = 100
"""Of problems and of remarks; more of them are counted."""

Side = Literal["integrity", "completeness"]
Name = Literal["whole", "tampered", "undecided", "unreadable"]
NAMES: Final[tuple[Name, ...]] = ("whole", "tampered", "undecided", "unreadable")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What isn't as it was signed: of which entry, if that can be told, and which part of it."""

    part: str
    says: str
    index: int | None = None


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What an auditor should know, and that shows no tampering."""

    about: str
    says: str
    index: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the verdict: its state in a word, and in sentences."""

    state: str
    says: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Of what the verdict speaks. The size is that of the checkpoint."""

    origin: str
    account: str
    first: int
    last: int
    size: int
    root: str
    query: str
    time_zone: str
    count: int
    signed_by: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what is there is genuine, and whether it is all there."""

    exit_code: int
    integrity: Finding
    completeness: Finding
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    facts: Facts | None = None
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


def unreadable(why: str) -> Verdict:
    """Return the verdict on what isn't an evidence file."""
    nothing = Finding(state="unreadable", says=("Nothing can be said of this file.",))
    return Verdict(
        exit_code=UNREADABLE,
        integrity=Finding(state="unreadable", says=(why,)),
        completeness=nothing,
    )


class Notes:
    """Problems and remarks as they are found; too many are counted, not kept."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.remarks: list[Remark] = []
        self.doubts: dict[Side, list[str]] = {"integrity": [], "completeness": []}
        """What can't be decided from what is given, a sentence each."""
        self.shown: list[str] = []
        """What is shown beyond the file's own entries, a sentence each."""
        self.untold = 0

    def problem(self, part: str, says: str, index: int | None = None) -> None:
        """Note that something isn't as it was signed."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(Problem(part=part, says=says, index=index))
        else:
            self.untold += 1

    def doubt(self, side: Side, says: str) -> None:
        """Note what can't be decided."""
        self.doubts[side].append(says)

    def show(self, says: str) -> None:
        """Note what is shown; once is enough."""
        if says not in self.shown:
            self.shown.append(says)

    def remark(self, about: str, says: str, index: int | None = None) -> None:
        """Note what should be known, and shows no tampering."""
        if len(self.remarks) < MOST_TOLD:
            self.remarks.append(Remark(about=about, says=says, index=index))
        else:
            self.untold += 1
