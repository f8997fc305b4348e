"""Questions to the Key Vault provider, through either of its clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from secretsource.providers.base import Found

if TYPE_CHECKING:
    from tests.servers.azure import KeyVault

    from secretsource.providers.azure import AzureProvider
    from secretsource.providers.base import Outcome, SecretRef

__all__ = ["ask", "asked", "found"]


def ask(way: str, provider: AzureProvider, ref: SecretRef) -> Outcome:
    """Ask a provider for one reference, and close it."""

    async def play() -> Outcome:
        try:
            return await provider.afetch(ref, timeout=5)
        finally:
            await provider.aclose()

    if way == "afetch":
        return asyncio.run(play())
    outcome = provider.fetch(ref, timeout=5)
    provider.close()
    return outcome


def found(outcome: object) -> Found:
    """The outcome, which must be a `Found`."""
    assert isinstance(outcome, Found), outcome
    return outcome


def asked(vault: KeyVault) -> list[str]:
    """The paths below ``/secrets`` that were answered, without the challenges."""
    return [path.removeprefix("/secrets/") for _, path, status in vault.calls if "/secrets/" in path and status != 401]
