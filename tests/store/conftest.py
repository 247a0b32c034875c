"""What the tests of stores share: the contract's comparisons shown whole, and an empty database."""

from collections.abc import Callable

import pytest

from audit_trail.store.postgresql import schema
from tests.postgresql import Cluster

pytest.register_assert_rewrite("tests.store.contract")

EMPTY = (
    "ALTER TABLE audit_trail.entries DISABLE TRIGGER entries_are_never_changed",
    "DELETE FROM audit_trail.entries",
    "ALTER TABLE audit_trail.entries ENABLE ALWAYS TRIGGER entries_are_never_changed",
    "ALTER TABLE audit_trail.tiles DISABLE TRIGGER tiles_only_grow",
    "DELETE FROM audit_trail.tiles",
    "ALTER TABLE audit_trail.tiles ENABLE ALWAYS TRIGGER tiles_only_grow",
    "ALTER TABLE audit_trail.keys DISABLE TRIGGER keys_are_never_changed",
    "DELETE FROM audit_trail.keys",
    "ALTER TABLE audit_trail.keys ENABLE ALWAYS TRIGGER keys_are_never_changed",
    "DELETE FROM audit_trail.removals",
    "DELETE FROM audit_trail.dropped",
    "DELETE FROM audit_trail.heads",
    "DELETE FROM audit_trail.terms",
)


@pytest.fixture(scope="session")
def emptied(postgresql: Cluster) -> Callable[[], str]:
    """Empty the one trail that most tests share, and return its URL; a new one takes far longer."""
    name = postgresql.database()
    schema.create(postgresql.url(name))

    def empty() -> str:
        # Only the superuser may, who owns the tables.
        postgresql.run(*EMPTY, database=name)
        return postgresql.url(name)

    return empty


@pytest.fixture
def url(emptied: Callable[[], str]) -> str:
    """The URL of a trail in PostgreSQL, empty."""
    return emptied()
