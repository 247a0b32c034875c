"""Carries the context into Django's transactions on PostgreSQL, as a setting that is local to them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from psycopg import ClientCursor, Connection, ServerCursor

from audit_trail.capture.context import Context, current_context, encoded
from audit_trail.capture.django.carrier import Carrier, Execute
from audit_trail.capture.postgresql.columns import literal
from audit_trail.capture.postgresql.statements import (
    MAY_WRITE,
    SETTING,
    first_word,
    require_recorded,
)
from audit_trail.errors import ContextRefused

# Before a savepoint, since what is set after it goes when it is rolled back.
_CARRYING: Final = MAY_WRITE | {"SAVEPOINT"}
# A SELECT that reads a table, and calls no function in its place.
_READS_TABLE: Final = re.compile(r'\bFROM\s+(?:ONLY\s+)?(?:"|[\w.]+\b(?!\s*\())', re.IGNORECASE)


class PostgresqlCarrier(Carrier):
    """Sends the context in the round trip of the write that needs it.

    Both go as one text. Outside a transaction PostgreSQL makes one of such a text.
    """

    def prepare(self) -> None:
        self.forget()
        if not isinstance(self._connection.connection, Connection):
            raise ContextRefused("Capture needs the driver psycopg 3.")

    def run(
        self, execute: Execute, sql: Any, params: Any, many: bool, about: Mapping[str, Any]
    ) -> Any:
        cursor = about["cursor"].cursor
        word = first_word(sql) if isinstance(sql, str) else "EXECUTE"
        if word == "ROLLBACK":
            self.doubt()
        if isinstance(cursor, ServerCursor) or not _may_write(word, sql):
            return execute(sql, params, many, about)
        is_alone = self._connection.autocommit
        if not is_alone:
            self.release()
        context = current_context() if is_alone else self.missing()
        if context is None:
            return execute(sql, params, many, about)
        if many or not isinstance(sql, str) or not isinstance(cursor, ClientCursor):
            return self._run_after(execute, sql, params, many, about)
        setting = f"SELECT set_config('{SETTING}', {literal(encoded(context))}, true);\n"
        if params is not None:
            setting = setting.replace("%", "%%")
        result = execute(setting + sql, params, many, about)
        cursor.nextset()
        self._carried = None if is_alone else context
        return result

    def _run_after(self, execute: Execute, *given: Any) -> Any:
        """Run what can't be one text with the context after a statement that sets it."""
        if not self._connection.autocommit:
            self.carry()
            return execute(*given)
        with transaction.atomic(using=self._connection.alias):
            return self.run(execute, *given)

    def send(self, context: Context | None) -> None:
        self._connection.connection.execute(
            f"SELECT set_config('{SETTING}', %s, true)", (encoded(context) if context else "",)
        )

    def clear(self) -> None:
        """PostgreSQL itself forgets it."""

    def require_recorded(self, error: BaseException | None) -> None:
        require_recorded(error)


def _may_write(word: str, sql: Any) -> bool:
    """Tell whether to carry. Of SELECTs, those that read a table are left alone, to cost nothing."""
    if word == "SELECT":
        return _READS_TABLE.search(sql) is None
    return word in _CARRYING
