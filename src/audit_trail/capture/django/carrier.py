"""What the carriers of both engines share: it remembers what a transaction carries, and sends nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError

from audit_trail.capture.context import UNSURE, Context, current_context

Execute = Callable[[Any, Any, bool, Mapping[str, Any]], Any]
"""How Django runs a statement: SQL, parameters, whether of many, and {connection, cursor}."""


class Carrier(ABC):
    """Sees each statement of one of Django's connections, and puts the context into its transactions."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._carried: object = None
        """Nothing yet in this transaction, or False once it was taken out again."""

    def __call__(
        self, execute: Execute, sql: Any, params: Any, many: bool, about: Mapping[str, Any]
    ) -> Any:
        """Run the statement, after the context where it may write."""
        try:
            return self.run(execute, sql, params, many, about)
        except DatabaseError as error:
            self.require_recorded(error.__cause__)
            raise

    def missing(self) -> Context | None:
        """Return the context in force where the transaction doesn't carry it yet."""
        context = current_context()
        return None if context == self._carried else context

    def doubt(self) -> None:
        """What a rollback to a savepoint undoes may include the context."""
        if self._carried is not None:
            self._carried = UNSURE

    def forget(self) -> None:
        """The transaction is over; what it carried went with it."""
        self._carried = None

    def carry(self) -> None:
        """Put the context in force into the transaction under way."""
        self.release()
        if (context := self.missing()) is not None:
            self.send(context)
            self._carried = context

    def release(self) -> None:
        """Let System act from now on where nobody is in force any more."""
        if self._carried and current_context() is None:
            self.send(None)
            self._carried = False

    @abstractmethod
    def prepare(self) -> None:
        """Take up a new connection to the server or file. Raises `ContextRefused`."""

    @abstractmethod
    def run(
        self, execute: Execute, sql: Any, params: Any, many: bool, about: Mapping[str, Any]
    ) -> Any:
        """Run the statement, after the context where it may write."""

    @abstractmethod
    def send(self, context: Context | None) -> None:
        """Put this context into the transaction, by a statement of its own; None is System."""

    @abstractmethod
    def clear(self) -> None:
        """Take the context out of the transaction before it is committed, where that is needed."""

    @abstractmethod
    def require_recorded(self, error: BaseException | None) -> None:
        """Raise `ChangeRefused` where what failed is capture, and not what was written."""
