"""One PostgreSQL for all tests of stores in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.postgres import postgres
from tests.stores.databases import PostgresDatabase

from secretsource.stores import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.postgres import Postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A running server, without tables."""
    with postgres() as running:
        yield running


@pytest.fixture(scope="session")
def database_url(server: Postgres) -> str:
    """A database with the tables of the newest version."""
    sql.migrate(server.url)
    return server.url


@pytest.fixture
def postgres_database(database_url: str) -> PostgresDatabase:
    """Empty tables."""
    return PostgresDatabase(database_url)


@pytest.fixture
def postgres_store(postgres_database: PostgresDatabase) -> Iterator[sql.PostgresStore]:
    """A store on a server."""
    opened = sql.PostgresStore.open(postgres_database.url)
    yield opened
    opened.close()
