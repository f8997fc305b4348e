"""The Key Vault provider keeps the contract, blocking and asynchronous, over HTTPS and with a token for each run."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, ClassVar

import pytest
from azure.core.credentials import AccessToken
from tests.conformance.served import ServedHarness
from tests.servers.azure import KeyVault, key_vault, provider, signed_in

from secretsource.testing import AsyncProviderConformance, WritableProviderConformance
from secretsource.testing.servers import AzureServer

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.providers.azure import AzureProvider


@pytest.fixture(scope="module")
def vault() -> Generator[KeyVault]:
    """A running vault."""
    with key_vault() as vault:
        yield vault


class KeyVaultHarness(ServedHarness):
    """Puts secrets into a vault of our own, which numbers the seconds so that no two versions share one."""

    def __init__(self, vault: KeyVault) -> None:
        self.vault, self.server = vault, AzureServer(vault)
        self.provider = provider(vault, prefix="prod-")
        self.tls = vault.tls

    def older_stage(self, name: str) -> str:
        return "previous"

    def behind(self, address: str) -> AzureProvider:
        return provider(self.vault, vault_url=address, prefix="prod-", credential=Ready())


class Ready:
    """A credential that has its token."""

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """The token."""
        return AccessToken("ready", int(time()) + 3600)


class TestAzureProvider(AsyncProviderConformance, WritableProviderConformance):
    """Every case, with ``DefaultAzureCredential``."""

    impossible: ClassVar = {
        "binary": "Key Vault holds text",
        "deny_one": "Key Vault has no call for several secrets",
        "deny_write": "the test server refuses reading and writing alike",
    }
    largest: ClassVar = 25 * 1024
    patience: ClassVar = 0.6  # the first call also makes the client and gets the token

    @pytest.fixture
    def harness(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> Generator[KeyVaultHarness]:
        """An empty vault, and an environment with a service principal."""
        signed_in(monkeypatch)
        vault.secrets.clear()
        yield KeyVaultHarness(vault)
        vault.heal()
