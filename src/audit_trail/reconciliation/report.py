"""What a reconciliation found, row by row; plain values."""

from typing import Any, Final, Literal

import msgspec

from audit_trail.record.value import plain, read

Kind = Literal["missing_in_trail", "missing_in_table", "differs"]
"""A row that no entry explains, a record that only the trail has, a field that isn't as told."""

SAID: Final[dict[Kind, str]] = {
    "missing_in_trail": "the table has it, and no entry made it",
    "missing_in_table": "the trail says that it is there, and the table doesn't have it",
    "differs": "",
}
LONGEST: Final = 80


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One record that isn't as its entries imply. With `differs`, `field` isn't.

    `trail` and `table` are the two values, sealed (see `record.value`), of a secret only that it is
    set. `index` is that of the entry that told the record, or the field, last.
    """

    kind: Kind
    table: str
    account: str | None
    id: str
    field: str | None = None
    trail: bytes | None = None
    found: bytes | None = None
    index: int | None = None

    @property
    def sentence(self) -> str:
        """What differs, in a line."""
        place = f"{self.table} #{self.id}" + (f" of account {self.account}" if self.account else "")
        if self.field is None:
            return f"{place}: {SAID[self.kind]}"
        said, is_so = _shown(self.trail), _shown(self.found)
        return f"{place}: {self.field} is {is_so}, and by the trail {said}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it: with both values where a field differs, null among them."""
        told = {name: it for name, it in msgspec.structs.asdict(self).items() if it is not None}
        if self.trail is not None and self.found is not None:
            told |= {"trail": plain(self.trail), "found": plain(self.found)}
        return told


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one table: its rows with a digest, and how many records differ.

    `before_capture` are rows that no entry names, and that were there when recording began, or may
    have been where `has_baseline` is False. `undecided` are records that changed all the while.
    """

    table: str
    rows: int
    digest: str
    differing: int
    undecided: int
    before_capture: int
    has_baseline: bool
    unreadable: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: the tables, and the differences, of which so many are named at most.

    `behind` is how many rows wait in the outbox, which nobody took meanwhile.
    """

    tables: tuple[TableReport, ...]
    differences: tuple[Difference, ...]
    entries: int
    behind: int = 0

    @property
    def differing(self) -> int:
        """How many records differ."""
        return sum(each.differing for each in self.tables)

    @property
    def undecided(self) -> int:
        """How many records could not be decided."""
        return sum(each.undecided for each in self.tables)

    @property
    def exit_code(self) -> int:
        """0 where all agrees, 1 where something differs, 2 where it can't be decided."""
        return 1 if self.differing else 2 if self.undecided or self.behind else 0


def _shown(value: bytes | None) -> str:
    """Write a value for people; of a secret, whether it is set."""
    if value is None:
        return "unknown"
    found = read(value)
    if isinstance(found, dict) and found.get("$") == "secret":
        return "set"
    text = msgspec.json.encode(plain(value)).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
