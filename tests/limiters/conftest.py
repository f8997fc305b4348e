"""One server for the tests of limiters; those that break it start their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.valkey import Valkey


@pytest.fixture(scope="session")
def running_server() -> Iterator[Valkey]:
    """A server for all tests."""
    with valkey() as running:
        yield running


@pytest.fixture
def server(running_server: Valkey) -> Valkey:
    """The server, without keys."""
    with running_server.client() as client:
        client.flushall()
    return running_server


@pytest.fixture
def fragile() -> Iterator[Valkey]:
    """A server that a test may kill and freeze."""
    with valkey() as running:
        yield running
