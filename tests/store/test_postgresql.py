"""The PostgreSQL store keeps the contract, and what only a server can break."""

from collections.abc import Callable, Iterator

import pytest

from audit_trail.store.postgresql.store import PostgresqlStore
from tests.store.contract import StoreContract


@pytest.fixture
def url(emptied: Callable[[], str]) -> str:
    return emptied()


@pytest.fixture
def store(url: str) -> Iterator[PostgresqlStore]:
    store = PostgresqlStore(url)
    yield store
    store.close()


class TestPostgresqlStore(StoreContract):
    pass
