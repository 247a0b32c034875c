"""A trail over each store, whose clock the test moves."""

from collections.abc import Iterator

import pytest

from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from tests.retention.years import Years


@pytest.fixture
def years(store: Store) -> Years:
    return Years(store)


@pytest.fixture
def few() -> Iterator[Years]:
    """As `years`, in memory: where it makes no difference which store it is."""
    store = MemoryStore()
    yield Years(store)
    store.close()
