"""A Secret Manager of our own for the tests of its provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.gcp import SecretManager, secret_manager

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def server() -> Generator[SecretManager]:
    """A running Secret Manager."""
    with secret_manager() as server:
        yield server


@pytest.fixture
def gcp(server: SecretManager) -> Generator[SecretManager]:
    """An empty Secret Manager."""
    server.reset()
    yield server
    server.heal()
