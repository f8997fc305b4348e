"""The Key Vault provider keeps the contract, blocking and asynchronous, over HTTPS and with a token for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.servers.azure import Answer, KeyVault, key_vault, problem, provider, signed_in

from secretsource.testing import AsyncProviderConformance, ProviderHarness, WritableProviderConformance

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Generator[KeyVault]:
    """A running vault."""
    with key_vault(tmp_path_factory.mktemp("azure")) as vault:
        yield vault


class KeyVaultHarness(ProviderHarness):
    """Puts secrets into a vault of our own, which numbers the seconds so that no two versions share one."""

    def __init__(self, vault: KeyVault) -> None:
        self.vault = vault
        self.provider = provider(vault, prefix="prod-")

    def put(self, name: str, value: str | bytes) -> None:
        assert isinstance(value, str)
        self.vault.put(self.ref(name).location, value)

    def delete(self, name: str) -> None:
        self.vault.delete(self.ref(name).location)

    def older_stage(self, name: str) -> str:
        return "previous"

    def deny(self) -> None:
        self.vault.refused["*"] = "ForbiddenByRbac"

    def throttle(self) -> None:
        self.vault.standing = lambda: problem(429, "Throttled", **{"Retry-After": "7"})

    def hang(self) -> None:
        self.vault.standing = self.vault.hang

    def break_response(self, planted: str) -> None:
        self.vault.standing = lambda: Answer(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        self.vault.standing = lambda: problem(503, "ServiceUnavailable")

    def heal(self) -> None:
        self.vault.heal()


class TestAzureProvider(AsyncProviderConformance, WritableProviderConformance):
    """Every case, with ``DefaultAzureCredential``."""

    impossible: ClassVar = {"binary": "Key Vault holds text", "deny_one": "Key Vault has no call for several secrets"}
    largest: ClassVar = 25 * 1024
    patience: ClassVar = 0.6  # the first call also makes the client and gets the token

    @pytest.fixture
    def harness(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> Generator[KeyVaultHarness]:
        """An empty vault, and an environment with a service principal."""
        signed_in(monkeypatch)
        vault.secrets.clear()
        yield KeyVaultHarness(vault)
        vault.heal()
