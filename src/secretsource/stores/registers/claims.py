"""Claims beside the keys: what makes a repeated request harmless.

A client that does not know whether its request arrived sends it again, with the same token. The first request claims
the token together with the ``key_id`` that it is about, before it makes anything. A repeat finds the claim.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.owners import OwnerEvent, OwnerRecord, Refused
    from secretsource.stores.records import Change

__all__ = ["AsyncClaimStore", "Claim", "ClaimStore"]


class Claim(NamedTuple):
    """A token that a caller has used.

    Attributes:
        caller: The caller: up to 64 characters of ``0-9A-Za-z``.
        token: A hash of its token: 64 characters of ``0-9a-f``.
        request: A hash of the request: 64 characters of ``0-9a-f``.
        key_id: The key that the request makes or changes; empty for a request about an owner.
        made: The time of the first request, in seconds since 1970 UTC.
    """

    caller: str
    token: str
    request: str
    key_id: str
    made: float


class ClaimStore(ABC):
    """The store of claims, for threads; every method must raise `StoreError` when it cannot answer."""

    @abstractmethod
    def take(self, claim: Claim, since: float) -> Claim:
        """Store a claim, unless its caller has claimed the token before; simultaneous calls must agree on one claim.

        Args:
            claim: The claim.
            since: Claims that were made before this instant no longer count, and may be forgotten.

        Returns:
            The claim that holds: this one, or the earlier one.
        """

    @abstractmethod
    def release(self, claim: Claim) -> None:
        """Forget a claim whose request failed; another claim of the same token must stay.

        Args:
            claim: The claim, as `take` returned it.
        """

    @abstractmethod
    def find(self, claim: Claim, since: float) -> Claim | None:
        """Return the claim that holds for the caller and the token of a claim, or None; arguments as for `take`."""

    @abstractmethod
    def change_keys(self, claim: Claim, since: float, changes: Sequence[Change]) -> bool:
        """Store a claim together with changed records and their events, all or nothing.

        Args:
            claim: The claim.
            since: As for `take`.
            changes: As for `KeyStore.update_all`.

        Returns:
            False, with nothing stored, if the token is claimed already, or if one of the records has moved on.
        """

    @abstractmethod
    def change_owner(self, claim: Claim, since: float, record: OwnerRecord, event: OwnerEvent) -> OwnerRecord | Refused:
        """Store a claim together with a changed owner and its event, all or nothing.

        Args:
            claim: The claim.
            since: As for `take`.
            record: As for `Register.put`.
            event: As for `Register.put`.

        Returns:
            The same as `Register.put`; `Refused.OUTDATED` also if the token is claimed already.
        """


class AsyncClaimStore(ABC):
    """The same contract as `ClaimStore`, for an event loop."""

    @abstractmethod
    async def take(self, claim: Claim, since: float) -> Claim:
        """Do the same as `ClaimStore.take`."""

    @abstractmethod
    async def release(self, claim: Claim) -> None:
        """Do the same as `ClaimStore.release`."""

    @abstractmethod
    async def find(self, claim: Claim, since: float) -> Claim | None:
        """Do the same as `ClaimStore.find`."""

    @abstractmethod
    async def change_keys(self, claim: Claim, since: float, changes: Sequence[Change]) -> bool:
        """Do the same as `ClaimStore.change_keys`."""

    @abstractmethod
    async def change_owner(
        self, claim: Claim, since: float, record: OwnerRecord, event: OwnerEvent
    ) -> OwnerRecord | Refused:
        """Do the same as `ClaimStore.change_owner`."""
