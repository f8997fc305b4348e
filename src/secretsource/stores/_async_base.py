"""The contract of `secretsource.stores.base` for an event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol, Self

    from secretsource.stores.owners import AsyncRegister, Crowded, OwnerRecord, PlanRecord
    from secretsource.stores.queries import KeyQuery, Page
    from secretsource.stores.records import Change, KeyEvent, KeyRecord
    from secretsource.stores.registers.claims import AsyncClaimStore
    from secretsource.stores.registers.counts import AsyncCountStore
    from secretsource.stores.registers.credits import AsyncCreditStore
    from secretsource.stores.registers.history import AsyncHistory
    from secretsource.stores.registers.outbox import AsyncOutbox
    from secretsource.stores.registers.passes import AsyncPassStore
    from secretsource.stores.registers.upkeep import AsyncUpkeep
    from secretsource.stores.uses import Usage, Use

    class LookupHere(Protocol):
        """The look-ups of uncached checks, in the thread that asks; see `AsyncKeyStore.here`."""

        def peek(self, key_id: str) -> KeyRecord | None:
            """Do the same as `KeyStore.peek`."""
            ...

        def revision(self, key_id: str) -> int | None:
            """Do the same as `KeyStore.revision`."""
            ...


__all__ = ["AsyncKeyStore"]


class AsyncKeyStore(ABC):
    """The same contract as `KeyStore`, for an event loop; a method must not block it, and any call may be cancelled."""

    owners: AsyncRegister[OwnerRecord] | None = None
    plans: AsyncRegister[PlanRecord] | None = None
    counts: AsyncCountStore | None = None
    credits: AsyncCreditStore | None = None
    history: AsyncHistory | None = None
    claims: AsyncClaimStore | None = None
    outbox: AsyncOutbox | None = None
    passes: AsyncPassStore | None = None
    upkeep: AsyncUpkeep | None = None

    @property
    def here(self) -> LookupHere | None:
        """Look-ups that answer in the event loop itself, for a store that never waits there now; else None.

        They raise `StoreError` rather than wait; the check then asks in the usual way.
        """
        return None

    @classmethod
    def open(cls, url: str) -> Self:
        """Do the same as `KeyStore.open`."""
        raise NotImplementedError  # not abstract, as there

    @abstractmethod
    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Do the same as `KeyStore.insert`."""

    async def insert_within(
        self, changes: Sequence[Change], most: Mapping[str, int], now: float
    ) -> frozenset[str] | Crowded:
        """Do the same as `KeyStore.insert_within`."""
        raise NotImplementedError  # not abstract, as there

    @abstractmethod
    async def get(self, key_id: str) -> KeyRecord | None:
        """Do the same as `KeyStore.get`."""

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Do the same as `KeyStore.peek`."""
        return await self.get(key_id)

    async def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Do the same as `KeyStore.peek_many`."""
        found = [(key_id, await self.peek(key_id)) for key_id in key_ids]
        return {key_id: record for key_id, record in found if record is not None}

    async def revision(self, key_id: str) -> int | None:
        """Do the same as `KeyStore.revision`."""
        record = await self.get(key_id)
        return None if record is None else record.stamp

    @abstractmethod
    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Do the same as `KeyStore.find`."""

    @abstractmethod
    async def update(self, change: Change) -> bool:
        """Do the same as `KeyStore.update`."""

    @abstractmethod
    async def update_all(self, changes: Sequence[Change]) -> bool:
        """Do the same as `KeyStore.update_all`."""

    @abstractmethod
    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Do the same as `KeyStore.rotate`."""

    @abstractmethod
    async def list(self, query: KeyQuery) -> Page:
        """Do the same as `KeyStore.list`."""

    @abstractmethod
    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Do the same as `KeyStore.events`."""

    @abstractmethod
    async def record_uses(self, uses: Sequence[Use]) -> None:
        """Do the same as `KeyStore.record_uses`."""

    async def forget_clients(self, now: float) -> None:
        """Do the same as `KeyStore.forget_clients`."""

    @abstractmethod
    async def usage(self, key_id: str) -> Usage:
        """Do the same as `KeyStore.usage`."""

    @abstractmethod
    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Do the same as `KeyStore.count_by_pepper`."""

    @abstractmethod
    async def seals(self) -> Mapping[str, bytes]:
        """Do the same as `KeyStore.seals`."""

    @abstractmethod
    async def keep_seal(self, version: str, key: bytes) -> None:
        """Do the same as `KeyStore.keep_seal`."""

    async def close(self) -> None:
        """Do the same as `KeyStore.close`."""
