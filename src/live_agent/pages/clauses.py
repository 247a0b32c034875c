"""A rule's conditions and actions as a form has them: rows of choices, with one value a line."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

import msgspec

Names = Mapping[str, Mapping[int, str]]
"""What a value may refer to, such as teams: each record's name by its id."""

_REFERS: Final = {
    "inbox_id": "inboxes",
    "team_id": "teams",
    "assignee_id": "agents",
    "assign_agent": "agents",
    "assign_team": "teams",
    "send_email_to_team": "teams",
}
_WHOLE: Final = frozenset({"send_message", "send_email_transcript", "send_webhook_event"})
"""Actions with one value, which may have several lines."""


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One row: an attribute with its operator, or an action; empty where nothing was chosen."""

    subject: str = ""
    operator: str = ""
    values: str = ""
    joined: str = "and"

    @property
    def is_empty(self) -> bool:
        return not (self.subject or self.values.strip())


def conditions_of(parts: Sequence[Mapping[str, Any]], names: Names) -> list[Clause]:
    """Return stored conditions as rows."""
    return [
        Clause(
            subject=part["attribute_key"],
            operator=part["filter_operator"],
            values=_written(part["attribute_key"], part["values"], names),
            joined=part["query_operator"] or "and",
        )
        for part in parts
    ]


def actions_of(parts: Sequence[Mapping[str, Any]], names: Names) -> list[Clause]:
    """Return stored actions as rows."""
    return [
        Clause(
            subject=part["action_name"],
            values=_written(part["action_name"], part["action_params"], names),
        )
        for part in parts
    ]


def clauses_sent(sent: Mapping[str, Sequence[str]], kind: str) -> list[Clause]:
    """Return the rows of a kind (condition or action) as they were typed.

    Empty ones are left out, and the one that `remove` names by kind and number ("action 2").
    """
    removed = sent.get("remove", ("",))[-1]
    columns = [
        sent.get(f"{kind}_{part}", ()) for part in ("subject", "operator", "values", "joined")
    ]
    rows = [
        Clause(
            subject=subject, operator=operator, values=values.replace("\r\n", "\n"), joined=joined
        )
        for number, (subject, operator, values, joined) in enumerate(
            zip_longest(*columns, fillvalue=""), 1
        )
        if removed != f"{kind} {number}"
    ]
    return [row for row in rows if not row.is_empty]


def conditions_from(
    rows: Sequence[Clause], names: Names, kept: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return the rows as conditions, to be checked. What wasn't edited stays as it is in `kept`."""
    before = conditions_of(kept, names)
    return [
        {
            "attribute_key": row.subject,
            "filter_operator": row.operator,
            "values": kept[position]["values"]
            if _is_same(row, before, position)
            else _read(row.subject, row.values, names),
            "query_operator": row.joined,
        }
        for position, row in enumerate(rows)
    ]


def actions_from(
    rows: Sequence[Clause], names: Names, kept: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return the rows as actions, to be checked. What wasn't edited stays as it is in `kept`."""
    before = actions_of(kept, names)
    return [
        {
            "action_name": row.subject,
            "action_params": kept[position]["action_params"]
            if _is_same(row, before, position)
            else _read(row.subject, row.values, names),
        }
        for position, row in enumerate(rows)
    ]


def _is_same(row: Clause, before: Sequence[Clause], position: int) -> bool:
    if position >= len(before):
        return False
    return (row.subject, row.values) == (before[position].subject, before[position].values)


def _written(subject: str, values: Sequence[Any], names: Names) -> str:
    """Write values one a line; a reference by its name and number, "Tier 2 (#31)"."""
    known = names.get(_REFERS.get(subject, ""), {})
    return "\n".join(
        f"{known[value]} (#{value})" if isinstance(value, int) and value in known else str(value)
        for value in values
    )


def _read(subject: str, text: str, names: Names) -> list[Any]:
    lines = [text.strip()] if subject in _WHOLE else [line.strip() for line in text.splitlines()]
    refers = _REFERS.get(subject)
    return [_referred(line, names.get(refers, {})) if refers else line for line in lines if line]


def _referred(line: str, known: Mapping[int, str]) -> int | str:
    """Read "Tier 2 (#31)", "31" or "Tier 2" as 31; anything else stays text."""
    if found := re.fullmatch(r"(?:.*\(#)?([0-9]{1,18})\)?", line):
        return int(found[1])
    ids = [number for number, name in known.items() if name.casefold() == line.casefold()]
    return ids[0] if len(ids) == 1 else line
