"""A client of a vault as it was opened, with the source that it was opened from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers._azure.errors import TokenAnswer

__all__ = ["Opened", "VaultSettings"]


class VaultSettings(NamedTuple):
    """The vault, and the way to reach it; the words are those of `AzureProvider`."""

    vault_url: str
    credential: Any
    ca_cert: str | None
    connection_timeout: float
    read_timeout: float
    attempts: int
    client: Mapping[str, Any]
    tokens: Mapping[str, Any]
    trusts: bool = True


class Opened:
    """A client, and the credential that was made for it.

    Attributes:
        mark: The mark of the credential's source; see `wiring.mark_of`.
    """

    def __init__(self, client: Any, credential: Any = None, pace: Any = None, mark: int = 0) -> None:
        self.client = client
        self.mark = mark
        self._credential = credential
        self._pace = pace

    @property
    def credential(self) -> Any:
        """The credential made here, or None."""
        return self._credential

    @property
    def token(self) -> TokenAnswer | None:
        """The end of the last request for a token, if the credential was made here."""
        last: TokenAnswer | None = self._pace and self._pace.last
        return last

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which the token service's clock is ahead of ours, if it reported its time."""
        ahead: float | None = self._pace and self._pace.clock_skew
        return ahead

    def close(self) -> None:
        """Close the connections of a blocking client."""
        self.client.close()
        if self._credential is not None:
            self._credential.close()

    async def aclose(self) -> None:
        """Close the connections of an asynchronous client."""
        await self.client.close()
        if self._credential is not None:
            await self._credential.close()
