"""The reference store keeps the contract."""

import pytest

from audit_trail.store.memory import MemoryStore
from audit_trail.store.port import Store
from tests.store.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
