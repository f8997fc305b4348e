"""Keys in an SQL database: a file of SQLite, or PostgreSQL.

    sqlite:///keys.db                            a file, made with its tables when it is first used, 0600
    sqlite://                                    in memory, for one process and as long as the store is open
    postgresql://user:password@host/database     after  secretsource keys migrate --create,  or with  ?create=true

SQLite is opened in WAL mode, so readers never wait. Several processes of one machine may share a file, but several
machines may not. Both databases announce changes to every process (`ChangeFeed`): PostgreSQL at the commit, and a file
is looked at 20 times a second. The statements are written once, in `_sql.statements`; the transactions once, in
`_sql.transactions`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from secretsource._traceless import traceless
from secretsource.exceptions import StoreError
from secretsource.stores._sql import address, registers, statements, transactions
from secretsource.stores._sql.counting import SqlCounts
from secretsource.stores._sql.database import Database, Taken
from secretsource.stores._sql.history import SqlHistory
from secretsource.stores._sql.hot import AsyncPostgresLookup, PostgresLookup
from secretsource.stores._sql.replica import AsyncReplicaLookup, ReplicaLookup
from secretsource.stores._sql.sqlite_lookup import LoopLookup, SharedLookup, SqliteLookup, ThreadedLookup
from secretsource.stores._sql.subscribing import subscribe
from secretsource.stores._sql.versions import current_revision, migrate
from secretsource.stores._threaded import threaded, threaded_counts, threaded_history
from secretsource.stores.base import AsyncKeyStore, ChangeFeed, Crowded, KeyChange, KeyStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import ParamSpec, Self, TypeVar

    from sqlalchemy import Connection

    from secretsource.stores._sql.hot import AsyncLookup, Lookup
    from secretsource.stores.base import Change, KeyEvent, KeyQuery, KeyRecord, Page, Subscription, Usage, Use
    from secretsource.stores.migratable import Migration

    Given = ParamSpec("Given")
    Answer = TypeVar("Answer")

__all__ = ["AsyncPostgresStore", "AsyncSqlStore", "PostgresStore", "SqlStore", "current_revision", "migrate"]

_NONE: frozenset[str] = frozenset()
_USES_AT_ONCE = 1000
_ATTEMPTS = 3
_THREADS = 16


class SqlStore(KeyStore, ChangeFeed):
    """A store in a database, which announces changes to other processes: on one machine, or everywhere with PostgreSQL.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owners = registers.owners(database)
        self.plans = registers.plans(database)
        self.counts = SqlCounts(database)
        self.history: SqlHistory = SqlHistory(database)
        self._lookup = self._make_lookup()
        database.on_fork.append(self._lookup.forget)
        database.on_stale.append(self._lookup.close)

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return the store that a URL names.

        Args:
            url: As at the top of this module.

        Raises:
            ConfigurationError: The URL cannot work; it is not quoted, for it may hold a password.
        """
        return cls(Database(address.read(url)))

    def _make_lookup(self) -> Lookup:
        file = self.database.sqlite
        return SharedLookup(self.database) if file is None or file.is_in_memory else SqliteLookup(self.database, file)

    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        taken = self.insert_within(changes, {}, 0.0)
        assert isinstance(taken, frozenset)
        return taken

    def insert_within(self, changes: Sequence[Change], most: Mapping[str, int], now: float) -> frozenset[str] | Crowded:
        """Store new records; see `KeyStore.insert_within`."""
        records = [change.record for change in changes]
        if taken := statements.repeated(records):
            return taken
        work = partial(transactions.insert, changes=changes, most=most, now=now)
        crowded, taken = self._unless_taken(work, records)
        return crowded or taken

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        return self._lookup.get(key_id)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the same as `get`, with one call less."""
        return self._lookup.get(key_id)

    def revision(self, key_id: str) -> int | None:
        """Return the stamp of its record; see `KeyStore.revision`."""
        return self._lookup.revision(key_id)

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return an imported record; see `KeyStore.find`."""
        return self.database.read(partial(transactions.find, lookups=lookups))

    def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        return bool(self._unless_taken(partial(transactions.update, change=change), ())[0])

    def update_all(self, changes: Sequence[Change]) -> bool:
        """Compare and set all or none; see `KeyStore.update_all`."""
        try:
            self.database.write(partial(transactions.update_all, changes=changes))
        except transactions.Overtaken:
            return False
        return True

    def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""
        work = partial(transactions.rotate, predecessor=predecessor, successor=successor)
        return bool(self._unless_taken(work, [successor.record])[0])

    def list(self, query: KeyQuery) -> Page:
        """Return a page of records, oldest first; see `KeyStore.list`."""
        return self.database.read(partial(transactions.list_page, query=query))

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return events, oldest first; see `KeyStore.events`."""
        return self.database.read(partial(transactions.events, key_id=key_id, after=after, limit=limit))

    def record_uses(self, uses: Sequence[Use]) -> None:
        """Add uses; see `KeyStore.record_uses`.

        Repeatable work is done first and in pieces; counting comes last, in one transaction. So a caller that retries
        after a failure counts nothing twice, unless the connection broke after that very commit.
        """
        for chunk in statements.chunks(uses, _USES_AT_ONCE):
            self.database.write(partial(transactions.see, uses=chunk))
        watched = [use for use in uses if use.requests or use.networks or use.agents]
        if watched:
            self.database.write(partial(transactions.count, uses=watched))

    def usage(self, key_id: str) -> Usage:
        """Return the sum of uses; see `KeyStore.usage`."""
        return self.database.read(partial(transactions.usage, key_id=key_id))

    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Return keys per pepper; see `KeyStore.count_by_pepper`."""
        return self.database.read(partial(transactions.count_by_pepper, now=now))

    def seals(self) -> Mapping[str, bytes]:
        """Return locator keys by pepper version; see `KeyStore.seals`."""
        return self.database.read(transactions.seals)

    def keep_seal(self, version: str, key: bytes) -> None:
        """Store a locator key; see `KeyStore.keep_seal`."""
        self.database.write(partial(transactions.keep_seal, version=version, key=key))

    @property
    def place(self) -> str:
        """The place of the database; see `Migratable.place`."""
        return self.database.address.shown

    def plan_migration(self) -> Migration:
        """Return the versions before and after a `migrate`; see `Migratable.plan_migration`."""
        return self.database.plan_migration()

    def migrate(self) -> Migration:
        """Bring the tables up to date, or make them; see `Migratable.migrate`.

        Raises:
            ConfigurationError: This package does not know the database's version; nothing was done.
            StoreError: The database could not do it; the changes were undone.
        """
        return self.database.migrate()

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Subscription:
        """Announce each change to ``listener``; see `ChangeFeed.subscribe`. A database in memory announces nothing."""
        return subscribe(self.database, listener)

    def close(self) -> None:
        """Close every connection; see `KeyStore.close`."""
        self._lookup.close()
        self.database.close()

    def _unless_taken(
        self, work: Callable[[Connection], Answer], records: Sequence[KeyRecord]
    ) -> tuple[Answer | None, frozenset[str]]:
        """Do work that inserts records; return its answer, or the taken ones among them."""
        for _ in range(_ATTEMPTS):  # what is taken now may be free again before it can be named
            try:
                return self.database.write(work), _NONE
            except Taken:
                pass
            taken = self.database.read(partial(transactions.taken, records=records))
            if taken:
                return None, taken
        del work, records
        raise StoreError(f"the key store {self.database.address.shown} has another key with this hash, or this event")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database.address.shown!r})"


class PostgresStore(SqlStore):
    """A store in PostgreSQL, which announces changes to every process at the commit.

    Args:
        database: The database.
    """

    _lookup: PostgresLookup

    def _make_lookup(self) -> PostgresLookup:
        replica = self.database.address.replica
        return PostgresLookup(self.database) if replica is None else ReplicaLookup(self.database, replica)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        return self._lookup.peek(key_id)


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
        self.owners = threaded(store.owners, self._in_thread)
        self.plans = threaded(store.plans, self._in_thread)
        self.counts = threaded_counts(store.counts, self._in_thread)
        self.history = threaded_history(store.history, self._in_thread)
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

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return the store that a URL names; see `SqlStore.open`."""
        return cls(PostgresStore.open(url))

    def _make_lookup(self) -> AsyncLookup:
        database, replica = self._store.database, self._store.database.address.replica
        lookup = AsyncPostgresLookup(database) if replica is None else AsyncReplicaLookup(database, replica)
        database.on_stale.append(lookup.leave)
        return lookup
