"""The columns of a PostgreSQL table, and how their values are written as JSON; it writes nothing."""

from typing import Final, NamedTuple

from sqlalchemy import Connection

from audit_trail.capture.ways import quoted
from audit_trail.record.value import LIMIT_BYTES

INTEGERS: Final = frozenset({"int2", "int4", "int8", "oid"})
TEXTS: Final = frozenset({"text", "varchar", "bpchar", "name"})
JSON: Final = frozenset({"json", "jsonb"})
MOMENTS: Final = frozenset({"date", "timestamp", "time"})
# Equal means the same, so the comparison that an index would make is enough.
PLAINLY_COMPARED: Final = INTEGERS | MOMENTS | {"bool", "timestamptz", "uuid", "bytea"}
YEAR_ONE: Final = "timestamptz '0001-01-01 00:00:00+00'"

_COLUMNS: Final = """
WITH RECURSIVE based AS (
  SELECT oid, oid AS base FROM pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base FROM pg_type AS t JOIN based AS b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
)
SELECT a.attname, t.typname, t.typcategory, t.typtype, a.atttypmod,
  coalesce(c.collisdeterministic, true) AS deterministic
FROM pg_attribute AS a
  JOIN based AS b ON b.oid = a.atttypid
  JOIN pg_type AS t ON t.oid = b.base
  LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
WHERE a.attrelid = CAST(%s AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated <> 'v'
ORDER BY a.attnum
"""


class Column(NamedTuple):
    """A column: its name, its type beneath any domain, and whether it is compared, never copied."""

    name: str
    type: str
    category: str
    kind: str
    length: int
    deterministic: bool
    secret: bool = False

    def differs(self) -> str:
        """Compare old and new: by their bytes, where equal values may still read differently."""
        name = quoted(self.name)
        plain = self.type in PLAINLY_COMPARED or (self.type in TEXTS and self.deterministic)
        if plain and self.type != "bpchar":
            return f"old.{name} IS DISTINCT FROM new.{name}"
        return f"record_image_ne(ROW(old.{name}), ROW(new.{name}))"

    def is_there(self, row: str) -> str:
        """Tell whether the column isn't null; of a composite value, whose fields may be."""
        value = f"{row}.{quoted(self.name)}"
        return f"num_nonnulls({value}) = 1" if self.kind == "c" else f"{value} IS NOT NULL"

    def value(self, row: str) -> str:
        """Write the column's value as JSON text, tagged where JSON has no such type."""
        value = f"{row}.{quoted(self.name)}"
        if self.secret:
            return f"CASE WHEN {value} IS NULL THEN 'null' ELSE '{{\"$\":\"secret\"}}' END"
        if self.type in INTEGERS or self.type == "bool":
            return f"coalesce({value}::text, 'null')"
        if self.type in ("float4", "float8"):
            return _tagged("real", f"{value}::text")
        if self.type in ("numeric", "money"):
            return _tagged("numeric", f"{value}::numeric::text")
        if self.type == "bytea":
            return f"audit_trail.blob_value({value})"
        if self.type in JSON:
            return f"audit_trail.json_value({value}::text)"
        if self.category == "A" or self.kind == "c":
            return f"audit_trail.json_value(to_json({value})::text)"
        return self._text(value)

    def _text(self, value: str) -> str:
        if self.type in MOMENTS:
            return f"coalesce(to_json({value})::text, 'null')"
        if self.type == "timestamptz":
            # Told in UTC by an expression: a setting of the function would cost each write more.
            return (
                f"CASE WHEN {value} >= {YEAR_ONE} AND {value} < timestamptz 'infinity' "
                f"THEN left(to_json(timezone('UTC', {value}))::text, -1) || '+00:00\"' "
                f"ELSE audit_trail.moment_value({value}) END"
            )
        text = value if self.type in ("text", "varchar") else f"{value}::text"
        if self.type == "inet":
            # The cast would add the mask that nobody wrote.
            text = f"abbrev({value})"
        short = self.type in TEXTS and 0 < self.length < 9_999
        if short or self.kind == "e" or self.type in ("uuid", "inet", "interval"):
            return f"coalesce(to_json({text})::text, 'null')"
        return (
            f"CASE WHEN octet_length({text}) <= {LIMIT_BYTES} THEN to_json({text})::text "
            f"ELSE audit_trail.cut_value({text}) END"
        )

    def settings(self) -> set[str]:
        """What must be set for the value to read the same in every session."""
        if self.secret or self.type in PLAINLY_COMPARED | TEXTS | JSON:
            return set()
        if self.type in ("numeric", "money") or self.kind == "e":
            return set()
        if self.type in ("float4", "float8"):
            return {"extra_float_digits = 1"}
        return {
            "extra_float_digits = 1",
            "TimeZone = 'UTC'",
            "DateStyle = 'ISO, YMD'",
            "IntervalStyle = 'iso_8601'",
            "bytea_output = 'hex'",
            "xmloption = 'content'",
        }


def columns_of(connection: Connection, table: str) -> list[Column]:
    """Read the table's columns in their order. `table` is a name as SQL writes it."""
    return [Column(*row) for row in connection.exec_driver_sql(_COLUMNS, (table,))]


def literal(text: str) -> str:
    """Write a string, also where a backslash would escape."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def body_quoted(text: str) -> str:
    """Write a body of code as a string between dollars, by a tag that the body doesn't hold."""
    number = 0
    while f"$audit{number}$" in text:
        number += 1
    return f"$audit{number}${text}$audit{number}$"


def _tagged(tag: str, text: str) -> str:
    return f'coalesce(\'{{"$":"{tag}","text":"\' || {text} || \'"}}\', \'null\')'
