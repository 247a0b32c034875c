"""Installations on each engine, new for each test."""

from pathlib import Path

import pytest

from tests.attach.installation import Installation, PostgresqlInstallation, SqliteInstallation


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An empty database on each engine."""
    if request.param == "sqlite":
        return SqliteInstallation(tmp_path)
    return PostgresqlInstallation(request.getfixturevalue("postgresql"), tmp_path)


@pytest.fixture
def sqlite(tmp_path: Path) -> SqliteInstallation:
    return SqliteInstallation(tmp_path)


@pytest.fixture
def on_postgresql(postgresql, tmp_path: Path) -> PostgresqlInstallation:
    return PostgresqlInstallation(postgresql, tmp_path)
