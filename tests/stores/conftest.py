"""One PostgreSQL for all tests of stores in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.postgres import postgres

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
