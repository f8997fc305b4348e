"""The store in an SQL database for threads: it has the transactions done, and the look-ups asked."""

from __future__ import annotations

from functools import partial

from secretsource._traceless import traceless
from secretsource.exceptions import StoreError
from secretsource.stores._sql import registers, statements, transactions
from secretsource.stores._sql.claiming import SqlClaims
from secretsource.stores._sql.connections import address
from secretsource.stores._sql.connections.database import Database, Taken
from secretsource.stores._sql.counting import SqlCounts
from secretsource.stores._sql.crediting import SqlCredits
from secretsource.stores._sql.history import SqlHistory
from secretsource.stores._sql.lookups.hot import PostgresLookup
from secretsource.stores._sql.lookups.sqlite_lookup import SharedLookup, SqliteLookup
from secretsource.stores._sql.outbox import SqlOutbox
from secretsource.stores._sql.passing import SqlPasses
from secretsource.stores._sql.upkeep import SqlUpkeep
from secretsource.stores.base import ChangeFeed, Crowded, KeyChange, KeyStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self, TypeVar

    from sqlalchemy import Connection

    from secretsource.stores._sql.lookups.hot import Lookup
    from secretsource.stores.base import Change, KeyEvent, KeyQuery, KeyRecord, Page, Subscription, Usage, Use
    from secretsource.stores.migratable import Migration

    Answer = TypeVar("Answer")

__all__ = ["PostgresStore", "SqlStore"]

_NONE: frozenset[str] = frozenset()
_USES_AT_ONCE = 1000
"""Uses that one transaction writes."""
_ATTEMPTS = 3


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
        self.credits = SqlCredits(database)
        self.history = SqlHistory(database)
        self.claims = SqlClaims(database, self.owners)
        self.outbox = SqlOutbox(database, self.history)
        self.passes = SqlPasses(database, self.owners)
        self.upkeep = SqlUpkeep(database)
        self._lookup = self._make_lookup()
        database.on_fork.append(self._lookup.forget)
        database.on_stale.append(self._lookup.close)

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return the store that a URL names.

        Args:
            url: As at the top of `secretsource.stores.sql`.

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

    def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Return records by one question, to the primary if there is a replica; see `KeyStore.peek_many`."""
        return self.database.read(partial(transactions.get_many, key_ids=key_ids))

    def revision(self, key_id: str) -> int | None:
        """Return the stamp of its record; see `KeyStore.revision`."""
        return self._lookup.revision(key_id)

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return an imported record; see `KeyStore.find`."""
        return self.database.read(partial(transactions.find, lookups=lookups))

    def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        stored, _ = self._unless_taken(partial(transactions.update, change=change), ())
        return bool(stored)

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
        stored, _ = self._unless_taken(work, [successor.record])
        return bool(stored)

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
        counted = [use for use in uses if use.requests]
        if counted:
            self.database.write(partial(transactions.count, uses=counted))

    def forget_clients(self, now: float) -> None:
        """Forget old networks and user agents; see `KeyStore.forget_clients`."""
        self.database.write(partial(transactions.forget_clients, now=now))

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
        return _subscribe(self.database, listener)

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
        if replica is None:
            return PostgresLookup(self.database)
        from secretsource.stores._sql.lookups.replica import ReplicaLookup

        return ReplicaLookup(self.database, replica)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check; see `KeyStore.peek`."""
        return self._lookup.peek(key_id)


def _subscribe(database: Database, listener: Callable[[KeyChange], None]) -> Subscription:
    """Listen to the feed of a database; a process that checks no key loads none."""
    file = database.sqlite
    if file is None:
        from secretsource.stores._sql.feed import PostgresFeed

        return PostgresFeed(database.server).listen(listener)
    from secretsource.stores._sql.sqlite_feed import Alone, SqliteFeed

    if file.is_in_memory:
        return Alone(database.address.shown)
    feed = SqliteFeed(database, file, listener)
    feed.begin()
    return feed
