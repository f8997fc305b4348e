"""Claims in this process's memory."""

from __future__ import annotations

from functools import partial

from secretsource._ground import fork
from secretsource.stores.owners import Refused
from secretsource.stores.registers.claims import Claim, ClaimStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from secretsource.stores._memory.registers import MemoryRegister, Stage
    from secretsource.stores.owners import OwnerEvent, OwnerRecord
    from secretsource.stores.records import Change

__all__ = ["MemoryClaims"]

MOST = 10_000
"""Claims to hold before old ones are looked for."""


class MemoryClaims(ClaimStore):
    """Claims in a dictionary, for one thread at a time.

    Args:
        update_all: Compares and sets records, and puts something beside them; see `KeyStore.update_all`.
        owners: The owners of the same store.
    """

    def __init__(
        self, update_all: Callable[[Sequence[Change], Stage], bool], owners: MemoryRegister[OwnerRecord]
    ) -> None:
        self._claims: dict[tuple[str, str], Claim] = {}
        self._lock = fork.lock()
        self._update_all = update_all
        self._owners = owners

    def take(self, claim: Claim, since: float) -> Claim:
        """Store a claim; see `ClaimStore.take`."""
        with self._lock:
            self._forget_old(since)
            found = self._claims.get((claim.caller, claim.token))
            if found is not None and found.made < since:
                self.release(found)
            return self._claims.setdefault((claim.caller, claim.token), claim)

    def release(self, claim: Claim) -> None:
        """Forget a claim; see `ClaimStore.release`."""
        place = (claim.caller, claim.token)
        with self._lock:
            if self._claims.get(place) == claim:
                self._claims.pop(place, None)

    def find(self, claim: Claim, since: float) -> Claim | None:
        """Return the claim that holds; see `ClaimStore.find`."""
        with self._lock:
            found = self._claims.get((claim.caller, claim.token))
        return None if found is None or found.made < since else found

    def change_keys(self, claim: Claim, since: float, changes: Sequence[Change]) -> bool:
        """Store a claim with changes of keys; see `ClaimStore.change_keys`."""
        stored: bool = self._with(claim, since, partial(self._update_all, changes), taken=False)
        return stored

    def change_owner(self, claim: Claim, since: float, record: OwnerRecord, event: OwnerEvent) -> OwnerRecord | Refused:
        """Store a claim with a change of an owner; see `ClaimStore.change_owner`."""
        stored: OwnerRecord | Refused = self._with(
            claim, since, partial(self._owners.put_beside, record, event), taken=Refused.OUTDATED
        )
        return stored

    def _with(self, claim: Claim, since: float, change: Callable[[Stage], object], *, taken: object) -> Any:
        """Make a change with a claim in one step; nothing of both if it is refused, or if the token is claimed."""
        with self._lock:
            self._forget_old(since)
            if self.find(claim, since) is not None:
                return taken
            return change((self._claims, {(claim.caller, claim.token): claim}))

    def _forget_old(self, since: float) -> None:
        if len(self._claims) >= MOST:
            for old in [each for each in self._claims.values() if each.made < since]:
                self.release(old)
