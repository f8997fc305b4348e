"""What the pages are run with; each server starts with the first page that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey

from secretsource.testing.servers import aws_server as start_aws

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.servers.postgres import Postgres
    from tests.servers.valkey import Valkey

    from secretsource.testing.servers import AwsServer


@pytest.fixture(scope="session")
def aws_server() -> Generator[AwsServer]:
    """An AWS for the pages that need one; it starts with the first of them."""
    with start_aws() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Generator[Postgres]:
    """A PostgreSQL for the pages that need one."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Generator[Valkey]:
    """A Valkey for the pages that need one."""
    with valkey() as server:
        yield server
