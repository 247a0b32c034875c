"""Carries the context into Django's transactions on SQLite, in the guarded row that triggers read."""

import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from django.db import transaction

from audit_trail.capture.context import Context, current_context
from audit_trail.capture.django.carrier import Carrier, Execute
from audit_trail.capture.postgresql.statements import first_word
from audit_trail.capture.sqlite.carrying import (
    TOKEN_BYTES,
    clear_context,
    require_outbox,
    require_version,
    run,
    set_context,
)

_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"})


class SqliteCarrier(Carrier):
    """Sets the row before a transaction's first write, and clears it before COMMIT."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._token: bytes | None = None

    def prepare(self) -> None:
        self.forget()
        require_version()
        # Else what named people stays in free space: rows of the outbox, contexts that were cleared.
        run(self._connection.connection, "PRAGMA secure_delete = ON")

    def run(
        self, execute: Execute, sql: Any, params: Any, many: bool, about: Mapping[str, Any]
    ) -> Any:
        cursor = about["cursor"]
        cursor.cursor = getattr(cursor.cursor, "beneath", cursor.cursor)
        word = first_word(sql)
        if word == "BEGIN":
            self.forget()
        elif word == "ROLLBACK":
            self.doubt()
        elif word in ("COMMIT", "END") or "foreign_key_check" in sql:
            # The check would find the guard.
            self.clear()
        elif word in _WRITES and self._is_alone() and current_context() is not None:
            with transaction.atomic(using=self._connection.alias):
                result = self.run(execute, sql, params, many, about)
                if cursor.cursor.description is not None:
                    # What still hands out rows can't be committed.
                    cursor.cursor = _Fetched(cursor.cursor)
                return result
        elif word in _WRITES or word == "SAVEPOINT":
            self.carry()
        return execute(sql, params, many, about)

    def send(self, context: Context | None) -> None:
        self._token = self._token or secrets.token_bytes(TOKEN_BYTES)
        set_context(self._connection.connection, self._token, context)

    def clear(self) -> None:
        if self._token is not None:
            clear_context(self._connection.connection)
            self._carried = False

    def forget(self) -> None:
        super().forget()
        self._token = None

    def require_recorded(self, error: BaseException | None) -> None:
        require_outbox(error)

    def _is_alone(self) -> bool:
        return self._connection.autocommit and not self._connection.connection.in_transaction


class _Fetched:
    """A cursor whose rows were fetched before its transaction was committed."""

    def __init__(self, beneath: Any) -> None:
        self.beneath = beneath
        self._rows: Iterator[Any] = iter(beneath.fetchall())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)
