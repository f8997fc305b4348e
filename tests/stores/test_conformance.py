"""The SQL stores keep the contract, on a file and on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.stores.databases import (
    SQLITE_HAS_NONE,
    AsyncPostgresHarness,
    AsyncSqliteHarness,
    PostgresHarness,
    SqliteHarness,
)

from secretsource.testing import AsyncStoreConformance, StoreConformance

if TYPE_CHECKING:
    from pathlib import Path


class TestSqlite(StoreConformance):
    """A file."""

    impossible: ClassVar = SQLITE_HAS_NONE

    @pytest.fixture
    def harness(self, tmp_path: Path) -> SqliteHarness:
        """A new file."""
        return SqliteHarness(tmp_path)


class TestAsyncSqlite(AsyncStoreConformance):
    """A file, from event loops."""

    impossible: ClassVar = SQLITE_HAS_NONE

    @pytest.fixture
    def harness(self, tmp_path: Path) -> AsyncSqliteHarness:
        """A new file."""
        return AsyncSqliteHarness(tmp_path)


class TestPostgres(StoreConformance):
    """A server."""

    @pytest.fixture
    def harness(self, database_url: str) -> PostgresHarness:
        """Empty tables."""
        return PostgresHarness(database_url)


class TestAsyncPostgres(AsyncStoreConformance):
    """A server, from event loops."""

    @pytest.fixture
    def harness(self, database_url: str) -> AsyncPostgresHarness:
        """Empty tables."""
        return AsyncPostgresHarness(database_url)
