"""What capture reads in PostgreSQL's statements and errors; it sends nothing."""

import re
from typing import Final

from psycopg import Error

from audit_trail.errors import ChangeRefused

SETTING: Final = "audit.context"

MAY_WRITE: Final = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "TRUNCATE", "CALL", "DO"}
    | {"SELECT", "VALUES", "EXPLAIN", "EXECUTE"}
)
"""What may write rows. A SELECT is among them, for it may call a function that does."""

_FIRST_WORD: Final = re.compile(r"(?:[\s(;]|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.DOTALL)
# Inside PostgreSQL's account of where an error arose, in any language.
_OURS: Final = re.compile(r'audit_trail\.("[^\n]* (create|update|delete|truncate)"|note)\(')
# Not capture's failures: a deadlock or a lost race, a lock not had in time, an interruption.
_OF_THE_MOMENT: Final = ("40", "55", "57")


def first_word(statement: str) -> str:
    """Return the word a statement begins with, in capitals."""
    found = _FIRST_WORD.match(statement)
    return found[1].upper() if found else ""


def require_recorded(error: BaseException | None) -> None:
    """Raise `ChangeRefused` where what failed is capture, and not what was written."""
    if (
        isinstance(error, Error)
        and _OURS.search(error.diag.context or "")
        and not (error.sqlstate or "").startswith(_OF_THE_MOMENT)
    ):
        raise ChangeRefused(
            f"The change was refused, because it can't be recorded: {error.diag.message_primary}. "
            "Sync capture with the database, or let the table go on (when_outbox_fails)."
        ) from error
