"""A vault of our own for the tests of the Key Vault provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.azure import KeyVault, emptied, key_vault

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def server() -> Generator[KeyVault]:
    """A running vault."""
    with key_vault() as server:
        yield server


@pytest.fixture
def vault(server: KeyVault, monkeypatch: pytest.MonkeyPatch) -> Generator[KeyVault]:
    """An empty vault, and an environment with a service principal."""
    with emptied(server, monkeypatch) as vault:
        yield vault


@pytest.fixture(params=["fetch", "afetch"])
def way(request: pytest.FixtureRequest) -> str:
    """Which of the two clients is used."""
    return str(request.param)
