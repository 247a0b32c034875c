"""How SQL finds a record's account and owner, the same on each engine; it runs nothing."""

from collections.abc import Callable

from audit_trail.capture.watch import Part, Path, Table

Named = Callable[[str], str]
"""Writes the name of a table."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def at_the_end(path: Path, row: str, named: Named = quoted) -> str:
    """Write the sub-select of the account at the end of a path; NULL where none is known."""
    if not path:
        return "NULL"
    first, *others = path
    if not first.table:
        return f"{row}.{quoted(first.column)}"
    way = f"{named(first.table)} AS step1"
    for number, step in enumerate(others[:-1], 1):
        way += (
            f" JOIN {named(step.table or '')} AS step{number + 1} "
            f"ON step{number + 1}.{quoted(step.key)} = step{number}.{quoted(step.column)}"
        )
    return (
        f"(SELECT step{len(others)}.{quoted(others[-1].column)} FROM {way} "
        f"WHERE step1.{quoted(first.key)} = {row}.{quoted(first.column)} LIMIT 1)"
    )


def accounts_by(path: Path, row: str, operation: str, named: Named = quoted, cast: str = "") -> str:
    """Select the account at the end of a path, and the one that an update leaves for another."""
    if operation != "update" or row != "new" or not path:
        return f"SELECT {at_the_end(path, row, named)}{cast} AS account"
    new, old = (f"{at_the_end(path, each, named)}{cast}" for each in ("new", "old"))
    column = quoted(path[0].column)
    moved = f"(old.{column} = new.{column}) IS NOT TRUE AND {old} IS NOT NULL"
    return f"SELECT coalesce({new}, {old}) AS account UNION SELECT {old} WHERE {moved}"


def owns(
    part: Part, table: Table, owner: Table, row: str, operation: str, text: Callable[[str], str]
) -> str:
    """Write the condition under which a row of the owner's table has the part's row.

    A part that moves to another owner is a change of both.
    """
    if part.column:
        rows = ("old", "new") if operation == "update" else (row,)
        keys = ", ".join(f"{each}.{quoted(part.column)}" for each in rows)
        return f"owner.{quoted(owner.keys[0])} IN ({keys})"
    has = f"owner.{quoted(part.owner_column or '')} = {row}.{quoted(table.keys[0])}"
    values = (
        # As text, since a value that the column's type can't read would fail every write.
        f"CAST(owner.{quoted(name)} AS text) = {text(value)}"
        for name, value in part.where.items()
    )
    return " AND ".join([has, *values])
