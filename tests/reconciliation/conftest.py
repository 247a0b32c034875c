"""The host application of capture's tests, on each engine."""

from tests.capture.conftest import each_host, host, making, postgresql_host, synced

__all__ = ["each_host", "host", "making", "postgresql_host", "synced"]
