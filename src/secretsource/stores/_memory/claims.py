"""Claims in this process's memory."""

from __future__ import annotations

from secretsource.stores.registers.claims import Claim, ClaimStore

__all__ = ["MemoryClaims"]

MOST = 10_000
"""Claims to hold before old ones are looked for."""


class MemoryClaims(ClaimStore):
    """Claims in a dictionary, whose single steps need no lock."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], Claim] = {}

    def take(self, claim: Claim, since: float) -> Claim:
        """Store a claim; see `ClaimStore.take`."""
        place = (claim.caller, claim.token)
        if len(self._claims) >= MOST:
            for old in [each for each in [*self._claims.values()] if each.made < since]:
                self.release(old)
        found = self._claims.get(place)
        if found is not None and found.made < since:
            self.release(found)
        return self._claims.setdefault(place, claim)

    def release(self, claim: Claim) -> None:
        """Forget a claim; see `ClaimStore.release`."""
        place = (claim.caller, claim.token)
        if self._claims.get(place) == claim:
            self._claims.pop(place, None)
