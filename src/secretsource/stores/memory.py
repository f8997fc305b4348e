"""Keys in this process's memory: for tests, demonstrations and programs that issue keys to themselves.

URL: ``memory://``. Nothing survives the process, and `ApiKeys.open` makes a new, empty store each time; share a
`MemoryStore` object to let several `ApiKeys` behave as several processes on one database.
"""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from itertools import islice

from secretsource.exceptions import ConfigurationError
from secretsource.stores import _cursor
from secretsource.stores.base import (
    AsyncKeyStore,
    Change,
    ChangeFeed,
    KeyChange,
    KeyEvent,
    KeyQuery,
    KeyRecord,
    KeyStore,
    Page,
    Status,
    Usage,
    Use,
)
from secretsource.stores.records import MOST_WITNESSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Self

__all__ = ["AsyncMemoryStore", "MemoryStore"]


class MemoryStore(KeyStore, ChangeFeed):
    """Records in a dictionary; every method is one critical section."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, KeyRecord] = {}
        self._lookups: dict[bytes, str] = {}
        self._events: dict[str, list[KeyEvent]] = {}
        self._usage: dict[str, Usage] = {}
        self._order: list[tuple[float, str]] = []
        self._seals: dict[str, bytes] = {}
        self._listeners: dict[object, Callable[[KeyChange], None]] = {}

    @classmethod
    def open(cls, url: str) -> Self:
        """A new, empty store."""
        _check(url)
        return cls()

    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        with self._lock:
            seen: set[bytes] = set()
            taken = frozenset(record.key_id for record, _ in changes if self._is_taken(record, seen))
            if not taken:
                for change in changes:
                    self._put(change)
        if not taken:
            self._tell(changes)
        return taken

    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        return self._records.get(key_id)

    def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        record = self._records.get(key_id)
        return None if record is None else record.revision

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """An imported record; see `KeyStore.find`."""
        with self._lock:
            for lookup in lookups:
                if lookup in self._lookups:
                    return self._records[self._lookups[lookup]]
        return None

    def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        with self._lock:
            stored = self._follows(change)
            if stored:
                self._put(change)
        if stored:
            self._tell([change])
        return stored

    def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""
        with self._lock:
            stored = self._follows(predecessor) and not self._is_taken(successor.record, set())
            if stored:
                self._put(successor)
                self._put(predecessor)
        if stored:
            self._tell([predecessor, successor])
        return stored

    def list(self, query: KeyQuery) -> Page:
        """Records, oldest first; see `KeyStore.list`."""
        with self._lock:
            start = 0 if query.after is None else bisect_right(self._order, _cursor.place(query.after))
            ordered = (self._records[key_id] for _, key_id in islice(self._order, start, None))
            found = list(islice((record for record in ordered if _picks(query, record)), query.limit + 1))
        page = found[: query.limit]
        return Page(page, _cursor.behind(page[-1]) if len(found) > query.limit else None)

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Events, oldest first; see `KeyStore.events`."""
        with self._lock:
            return [event for event in self._events.get(key_id, ()) if event.revision > after][:limit]

    def record_uses(self, uses: Sequence[Use]) -> None:
        """Add what was seen; see `KeyStore.record_uses`."""
        with self._lock:
            for use in uses:
                record = self._records.get(use.key_id)
                if record is None:
                    continue
                old = self._usage.get(use.key_id, Usage())
                latest = max(record.last_used or use.last_used, use.last_used)
                self._usage[use.key_id] = Usage(
                    latest,
                    old.requests + use.requests,
                    _united(old.networks, use.networks),
                    _united(old.agents, use.agents),
                )
                self._records[use.key_id] = record._replace(last_used=latest)

    def usage(self, key_id: str) -> Usage:
        """What uses add up to; see `KeyStore.usage`."""
        return self._usage.get(key_id, Usage())

    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Keys per pepper; see `KeyStore.count_by_pepper`."""
        counts: dict[str, int] = {}
        with self._lock:
            for record in self._records.values():
                if record.status_at(now) not in (Status.REVOKED, Status.EXPIRED):
                    counts[record.pepper_version] = counts.get(record.pepper_version, 0) + 1
        return counts

    def seals(self) -> Mapping[str, bytes]:
        """Locator keys by pepper version; see `KeyStore.seals`."""
        return dict(self._seals)

    def keep_seal(self, version: str, key: bytes) -> None:
        """Remember a locator key; see `KeyStore.keep_seal`."""
        self._seals.setdefault(version, key)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Tell ``listener`` of each change; see `ChangeFeed.subscribe`."""
        ticket = object()
        self._listeners[ticket] = listener

        def cancel() -> None:
            self._listeners.pop(ticket, None)

        return cancel

    def _is_taken(self, record: KeyRecord, seen: set[bytes]) -> bool:
        if record.lookup is None:
            return record.key_id in self._records
        repeated = record.lookup in seen
        seen.add(record.lookup)
        return repeated or record.key_id in self._records or record.lookup in self._lookups

    def _follows(self, change: Change) -> bool:
        stored = self._records.get(change.record.key_id)
        return stored is not None and stored.revision == change.record.revision - 1

    def _put(self, change: Change) -> None:
        record, event = change
        stored = self._records.get(record.key_id)
        if stored is None:
            insort(self._order, (record.created, record.key_id))
        else:
            record = record._replace(last_used=stored.last_used)
            if stored.lookup is not None:
                del self._lookups[stored.lookup]
        if record.lookup is not None:
            self._lookups[record.lookup] = record.key_id
        self._records[record.key_id] = record
        self._events.setdefault(record.key_id, []).append(event)

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for listener in tuple(self._listeners.values()):
                listener(KeyChange(change.record.key_id, change.record.revision))


class AsyncMemoryStore(AsyncKeyStore, ChangeFeed):
    """A `MemoryStore` for an event loop; nothing in it takes long enough to be worth a thread.

    Args:
        store: The records to share; a new, empty store when left out.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._store = store or MemoryStore()

    @classmethod
    def open(cls, url: str) -> Self:
        """A new, empty store."""
        _check(url)
        return cls()

    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        return self._store.insert(changes)

    async def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key; see `KeyStore.get`."""
        return self._store.get(key_id)

    async def revision(self, key_id: str) -> int | None:
        """The revision of its record; see `KeyStore.revision`."""
        return self._store.revision(key_id)

    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """An imported record; see `KeyStore.find`."""
        return self._store.find(lookups)

    async def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        return self._store.update(change)

    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""
        return self._store.rotate(predecessor, successor)

    async def list(self, query: KeyQuery) -> Page:
        """Records, oldest first; see `KeyStore.list`."""
        return self._store.list(query)

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Events, oldest first; see `KeyStore.events`."""
        return self._store.events(key_id, after=after, limit=limit)

    async def record_uses(self, uses: Sequence[Use]) -> None:
        """Add what was seen; see `KeyStore.record_uses`."""
        self._store.record_uses(uses)

    async def usage(self, key_id: str) -> Usage:
        """What uses add up to; see `KeyStore.usage`."""
        return self._store.usage(key_id)

    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Keys per pepper; see `KeyStore.count_by_pepper`."""
        return self._store.count_by_pepper(now)

    async def seals(self) -> Mapping[str, bytes]:
        """Locator keys by pepper version; see `KeyStore.seals`."""
        return self._store.seals()

    async def keep_seal(self, version: str, key: bytes) -> None:
        """Remember a locator key; see `KeyStore.keep_seal`."""
        self._store.keep_seal(version, key)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Tell ``listener`` of each change; see `ChangeFeed.subscribe`."""
        return self._store.subscribe(listener)


def _check(url: str) -> None:
    if url != "memory://":
        raise ConfigurationError("a memory store has no address: write  memory://")


def _picks(query: KeyQuery, record: KeyRecord) -> bool:
    exact = (
        (query.owner, record.owner),
        (query.environment, record.environment),
        (query.prefix, record.prefix),
        (query.status, record.status if query.now is None else record.status_at(query.now)),
        (query.pepper_version, record.pepper_version),
    )
    if any(wanted is not None and wanted != value for wanted, value in exact):
        return False
    if query.expires_before is not None and (record.expires is None or record.expires >= query.expires_before):
        return False
    return query.unused_since is None or (record.last_used or record.created) < query.unused_since


def _united(old: AbstractSet[str], new: AbstractSet[str]) -> frozenset[str]:
    return frozenset(islice(sorted(old) + sorted(new - old), MOST_WITNESSES))
