"""The store in an SQL database for event loops: transactions in threads, look-ups in the loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from secretsource._traceless import traceless
from secretsource.stores._adapted import adapted
from secretsource.stores._sql.lookups.async_hot import AsyncPostgresLookup
from secretsource.stores._sql.lookups.async_replica import AsyncReplicaLookup
from secretsource.stores._sql.lookups.sqlite_lookup import LoopLookup, ThreadedLookup
from secretsource.stores._sql.store import PostgresStore, SqlStore
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
    ChangeFeed,
    Crowded,
    KeyChange,
    OwnerRecord,
    PlanRecord,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import ParamSpec, Self, TypeVar

    from secretsource.stores._sql.lookups.async_hot import AsyncLookup
    from secretsource.stores.base import (
        Change,
        KeyEvent,
        KeyQuery,
        KeyRecord,
        LookupHere,
        Page,
        Subscription,
        Usage,
        Use,
    )

    Given = ParamSpec("Given")
    Answer = TypeVar("Answer")

__all__ = ["AsyncPostgresStore", "AsyncSqlStore"]

_THREADS = 16


class AsyncSqlStore(AsyncKeyStore, ChangeFeed):
    """An `SqlStore` for an event loop.

    Transactions run in threads: a started transaction ends whole, even if the waiting task is cancelled. The look-up of
    an uncached check has no thread. It waits for PostgreSQL in the loop, and reads a file of SQLite
    there, because a reader in WAL mode waits for nobody. For a slow disk, ``?lookups=threads`` reads it in threads.

    Args:
        store: The store for threads.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.owners = adapted(AsyncRegister[OwnerRecord], store.owners, self._in_thread)
        self.plans = adapted(AsyncRegister[PlanRecord], store.plans, self._in_thread)
        self.counts = adapted(AsyncCountStore, store.counts, self._in_thread)
        self.credits = adapted(AsyncCreditStore, store.credits, self._in_thread)
        self.history = adapted(AsyncHistory, store.history, self._in_thread)
        self.claims = adapted(AsyncClaimStore, store.claims, self._in_thread)
        self.outbox = adapted(AsyncOutbox, store.outbox, self._in_thread)
        self.passes = adapted(AsyncPassStore, store.passes, self._in_thread)
        self.upkeep = adapted(AsyncUpkeep, store.upkeep, self._in_thread)
        self._forget()
        self._lookup = self._make_lookup()
        store.database.on_fork.extend([self._forget, self._lookup.forget])

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return the store that a URL names; see `SqlStore.open`."""
        return cls(SqlStore.open(url))

    def _make_lookup(self) -> AsyncLookup:
        database, threaded = self._store.database, ThreadedLookup(self._store, self._in_thread)
        if database.sqlite is None or database.sqlite.is_in_memory or database.address.aside:
            return threaded
        return LoopLookup(database, database.sqlite, threaded)

    @property
    def here(self) -> LookupHere | None:
        """Look-ups in the event loop itself, of an open file of SQLite; see `AsyncKeyStore.here`."""
        lookup = self._lookup
        return lookup.here if type(lookup) is LoopLookup else None

    def _forget(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        return await self._in_thread(self._store.insert, changes)

    async def insert_within(
        self, changes: Sequence[Change], most: Mapping[str, int], now: float
    ) -> frozenset[str] | Crowded:
        """Store new records; see `KeyStore.insert_within`."""
        return await self._in_thread(self._store.insert_within, changes, most, now)

    async def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        return await self._lookup.get(key_id)

    async def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        return await self._lookup.peek(key_id)

    async def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Return records by one question; see `KeyStore.peek_many`."""
        return await self._in_thread(self._store.peek_many, key_ids)

    async def revision(self, key_id: str) -> int | None:
        """Return the stamp of its record; see `KeyStore.revision`."""
        return await self._lookup.revision(key_id)

    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return an imported record; see `KeyStore.find`."""
        return await self._in_thread(self._store.find, lookups)

    async def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        return await self._in_thread(self._store.update, change)

    async def update_all(self, changes: Sequence[Change]) -> bool:
        """Compare and set all or none; see `KeyStore.update_all`."""
        return await self._in_thread(self._store.update_all, changes)

    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""
        return await self._in_thread(self._store.rotate, predecessor, successor)

    async def list(self, query: KeyQuery) -> Page:
        """Return a page of records, oldest first; see `KeyStore.list`."""
        return await self._in_thread(self._store.list, query)

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return events, oldest first; see `KeyStore.events`."""
        return await self._in_thread(self._store.events, key_id, after=after, limit=limit)

    async def record_uses(self, uses: Sequence[Use]) -> None:
        """Add uses; see `SqlStore.record_uses`."""
        await self._in_thread(self._store.record_uses, uses)

    async def forget_clients(self, now: float) -> None:
        """Forget old networks and user agents; see `KeyStore.forget_clients`."""
        await self._in_thread(self._store.forget_clients, now)

    async def usage(self, key_id: str) -> Usage:
        """Return the sum of uses; see `KeyStore.usage`."""
        return await self._in_thread(self._store.usage, key_id)

    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Return keys per pepper; see `KeyStore.count_by_pepper`."""
        return await self._in_thread(self._store.count_by_pepper, now)

    async def seals(self) -> Mapping[str, bytes]:
        """Return locator keys by pepper version; see `KeyStore.seals`."""
        return await self._in_thread(self._store.seals)

    async def keep_seal(self, version: str, key: bytes) -> None:
        """Store a locator key; see `KeyStore.keep_seal`."""
        await self._in_thread(self._store.keep_seal, version, key)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Subscription:
        """Announce each change to ``listener``; see `SqlStore.subscribe`."""
        return self._store.subscribe(listener)

    async def close(self) -> None:
        """Let running work end, and close every connection that this loop may close; see `KeyStore.close`."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        await self._lookup.close()
        await asyncio.to_thread(self._store.close)

    async def _in_thread(self, function: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        threads = self._threads
        if threads is None:
            threads = self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="secretsource-store")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, partial(function, *args, **kwargs))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store!r})"


class AsyncPostgresStore(AsyncSqlStore):
    """A `PostgresStore` for an event loop.

    Args:
        store: The store for threads.
    """

    _lookup: AsyncPostgresLookup

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return the store that a URL names; see `SqlStore.open`."""
        return cls(PostgresStore.open(url))

    def _make_lookup(self) -> AsyncPostgresLookup:
        database, replica = self._store.database, self._store.database.address.replica
        lookup = AsyncPostgresLookup(database) if replica is None else AsyncReplicaLookup(database, replica)
        database.on_stale.append(lookup.leave)
        return lookup
