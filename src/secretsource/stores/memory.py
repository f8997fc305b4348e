"""Keys in this process's memory: for tests, demonstrations and programs that issue keys to themselves.

URL: ``memory://``. Nothing survives the process, and `ApiKeys.open` makes a new, empty store each time; share a
`MemoryStore` object to let several `ApiKeys` behave as several processes on one database.
"""

from __future__ import annotations

from secretsource._traceless import traceless
from secretsource.stores._adapted import adapted
from secretsource.stores._memory.store import MemoryStore, check_address
from secretsource.stores.base import (
    AsyncClaimStore,
    AsyncCountStore,
    AsyncCreditStore,
    AsyncHistory,
    AsyncKeyStore,
    AsyncOutbox,
    AsyncPassStore,
    AsyncRegister,
    AsyncUpkeep,
    Change,
    ChangeFeed,
    Crowded,
    KeyChange,
    KeyEvent,
    KeyQuery,
    KeyRecord,
    OwnerRecord,
    Page,
    PlanRecord,
    Usage,
    Use,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Self

__all__ = ["AsyncMemoryStore", "MemoryStore"]


class AsyncMemoryStore(AsyncKeyStore, ChangeFeed):
    """A `MemoryStore` for an event loop; nothing in it takes long enough to be worth a thread.

    Args:
        store: The records to share; a new, empty store when left out.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._store = store or MemoryStore()
        self.owners = adapted(AsyncRegister[OwnerRecord], self._store.owners, _here)
        self.plans = adapted(AsyncRegister[PlanRecord], self._store.plans, _here)
        self.counts = adapted(AsyncCountStore, self._store.counts, _here)
        self.credits = adapted(AsyncCreditStore, self._store.credits, _here)
        self.history = adapted(AsyncHistory, self._store.history, _here)
        self.claims = adapted(AsyncClaimStore, self._store.claims, _here)
        self.outbox = adapted(AsyncOutbox, self._store.outbox, _here)
        self.passes = adapted(AsyncPassStore, self._store.passes, _here)
        self.upkeep = adapted(AsyncUpkeep, self._store.upkeep, _here)

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return a new, empty store."""
        check_address(url)
        return cls()

    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        return self._store.insert(changes)

    async def insert_within(
        self, changes: Sequence[Change], most: Mapping[str, int], now: float
    ) -> frozenset[str] | Crowded:
        """Store new records; see `KeyStore.insert_within`."""
        return self._store.insert_within(changes, most, now)

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        return self._store.get(key_id)

    async def revision(self, key_id: str) -> int | None:
        """Return the revision of its record; see `KeyStore.revision`."""
        return self._store.revision(key_id)

    async def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Return several records; see `KeyStore.peek_many`."""
        return self._store.peek_many(key_ids)

    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return an imported record; see `KeyStore.find`."""
        return self._store.find(lookups)

    async def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        return self._store.update(change)

    async def update_all(self, changes: Sequence[Change]) -> bool:
        """Compare and set all or none; see `KeyStore.update_all`."""
        return self._store.update_all(changes)

    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""
        return self._store.rotate(predecessor, successor)

    async def list(self, query: KeyQuery) -> Page:
        """Return a page of records, oldest first; see `KeyStore.list`."""
        return self._store.list(query)

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return events, oldest first; see `KeyStore.events`."""
        return self._store.events(key_id, after=after, limit=limit)

    async def record_uses(self, uses: Sequence[Use]) -> None:
        """Add uses; see `KeyStore.record_uses`."""
        self._store.record_uses(uses)

    async def forget_clients(self, now: float) -> None:
        """Forget old networks and user agents; see `KeyStore.forget_clients`."""
        self._store.forget_clients(now)

    async def usage(self, key_id: str) -> Usage:
        """Return the sum of uses; see `KeyStore.usage`."""
        return self._store.usage(key_id)

    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Return keys per pepper; see `KeyStore.count_by_pepper`."""
        return self._store.count_by_pepper(now)

    async def seals(self) -> Mapping[str, bytes]:
        """Return locator keys by pepper version; see `KeyStore.seals`."""
        return self._store.seals()

    async def keep_seal(self, version: str, key: bytes) -> None:
        """Store a locator key; see `KeyStore.keep_seal`."""
        self._store.keep_seal(version, key)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Announce each change to ``listener``; see `ChangeFeed.subscribe`."""
        return self._store.subscribe(listener)


async def _here(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Ask without a thread."""
    return function(*args, **kwargs)
