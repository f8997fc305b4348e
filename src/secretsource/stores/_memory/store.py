"""The records of a memory store, and their changes."""

from __future__ import annotations

from bisect import insort
from itertools import islice

from secretsource._ground import fork
from secretsource._ground.frozen import frozen_document
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.stores import _cursor
from secretsource.stores._memory.claims import MemoryClaims
from secretsource.stores._memory.counts import MemoryCounts
from secretsource.stores._memory.credits import MemoryCredits
from secretsource.stores._memory.history import MemoryHistory
from secretsource.stores._memory.listing import crowded, in_order, picks, total
from secretsource.stores._memory.outbox import MemoryOutbox
from secretsource.stores._memory.passes import MemoryPasses
from secretsource.stores._memory.registers import ALONE, Book, MemoryRegister
from secretsource.stores._memory.upkeep import MemoryUpkeep
from secretsource.stores.base import (
    Change,
    ChangeFeed,
    Crowded,
    HistoryEvent,
    KeyChange,
    KeyEvent,
    KeyQuery,
    KeyRecord,
    KeyStore,
    OwnerRecord,
    Page,
    PlanRecord,
    Usage,
    Use,
)
from secretsource.stores.uses import WITNESS_KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

    from secretsource.stores._memory.registers import Stage

__all__ = ["MemoryStore", "check_address"]


class MemoryStore(KeyStore, ChangeFeed):
    """A dictionary of records, where every change is one step.

    A signal may end a change anywhere, or make another change in the middle of it. So new values are made first, and
    each is put in place in one step (`_replace`). Until the last step nothing has changed: events later than their
    record do not count, and `_order` and `_lookups` may name records that do not exist.
    """

    def __init__(self) -> None:
        self._lock = fork.lock()
        self._records: dict[str, KeyRecord] = {}
        self._lookups: dict[bytes, str] = {}
        self._events: dict[str, tuple[KeyEvent, ...]] = {}
        self._usage: dict[str, Usage] = {}
        self._order: list[tuple[float, str]] = []
        self._changes = 0
        self._seals: dict[str, bytes] = {}
        self._listeners: dict[object, Callable[[KeyChange], None]] = {}
        self.credits = MemoryCredits()
        self._book = Book(self._pass_on, self.credits.forget)
        self.owners = MemoryRegister[OwnerRecord](self._book, "owner")
        self.plans = MemoryRegister[PlanRecord](self._book, "plan")
        self.counts = MemoryCounts(lambda key_id: self._records.get(key_id), self._book.terms)  # noqa: PLW0108 - it is replaced
        self.history = MemoryHistory(self._all_that_happened)
        self.claims = MemoryClaims(self._update_all, self.owners)
        self.outbox = MemoryOutbox(self.history)
        self.passes = MemoryPasses(self._book)
        self.upkeep = MemoryUpkeep(
            self._remove,
            lambda: [*self._records.values()],
            self._book,
            self.counts,
            self.credits,
            self.outbox,
            self.passes,
        )

    @classmethod
    @traceless
    def open(cls, url: str) -> Self:
        """Return a new, empty store."""
        check_address(url)
        return cls()

    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records; see `KeyStore.insert`."""
        taken = self.insert_within(changes, {}, 0.0)
        assert isinstance(taken, frozenset)
        return taken

    def insert_within(self, changes: Sequence[Change], most: Mapping[str, int], now: float) -> frozenset[str] | Crowded:
        """Store new records; see `KeyStore.insert_within`."""
        answer: frozenset[str] | Crowded = frozenset()

        def make() -> Sequence[Stage] | None:
            nonlocal answer
            seen: set[bytes | str] = set()
            taken = frozenset(record.key_id for record, _ in changes if self._is_taken(record, seen))
            answer = taken or crowded([*self._records.values()], changes, most, now) or taken
            return None if answer else self._made(changes)

        if self._replace(make):
            self._tell(changes)
        return answer

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key; see `KeyStore.get`."""
        return self._with_terms(self._records.get(key_id))

    def revision(self, key_id: str) -> int | None:
        """Return the stamp of its record; see `KeyStore.revision`."""
        record = self._with_terms(self._records.get(key_id))
        return None if record is None else record.stamp

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return an imported record; see `KeyStore.find`."""
        return self._with_terms(next(filter(None, map(self._holder, lookups)), None))

    def update(self, change: Change) -> bool:
        """Compare and set; see `KeyStore.update`."""
        stored = self._replace(lambda: self._made([change]) if self._follows(change) else None)
        if stored:
            self._tell([change])
        return stored

    def update_all(self, changes: Sequence[Change]) -> bool:
        """Compare and set all or none; see `KeyStore.update_all`."""
        return self._update_all(changes, ALONE)

    def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Compare, set and insert; see `KeyStore.rotate`."""

        def make() -> Sequence[Stage] | None:
            fits = self._follows(predecessor) and not self._is_taken(successor.record, set())
            return self._made([successor, predecessor]) if fits else None

        stored = self._replace(make)
        if stored:
            self._tell([predecessor, successor])
        return stored

    def list(self, query: KeyQuery) -> Page:
        """Return a page of records, oldest first; see `KeyStore.list`."""
        with self._lock:
            places = dict.fromkeys(in_order(self._order, query))
            ordered = (self._records[key_id] for _, key_id in places if key_id in self._records)
            found = list(islice((record for record in ordered if picks(query, record)), query.limit + 1))
        page = [record._replace(terms=self._book.terms(record.owner)) for record in found[: query.limit]]
        return Page(page, _cursor.behind(page[-1]) if len(found) > query.limit else None)

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return events, oldest first; see `KeyStore.events`."""
        return [event for event in self._happened(key_id) if event.revision > after][:limit]

    def record_uses(self, uses: Sequence[Use]) -> None:
        """Add uses; see `KeyStore.record_uses`."""

        def make() -> Sequence[Stage]:
            records, usage = dict[str, KeyRecord](), dict[str, Usage]()
            for use in uses:
                record = records.get(use.key_id) or self._records.get(use.key_id)
                if record is not None:
                    latest = max(record.last_used or use.last_used, use.last_used)
                    records[use.key_id] = record._replace(last_used=latest)
                    usage[use.key_id] = total(usage.get(use.key_id) or self.usage(use.key_id), use, latest)
            return [(self._records, records), (self._usage, usage)]

        self._replace(make)

    def forget_clients(self, now: float) -> None:
        """Forget old networks and user agents; see `KeyStore.forget_clients`."""

        def make() -> Sequence[Stage]:
            left = {key_id: usage.since(now - WITNESS_KEPT) for key_id, usage in dict(self._usage).items()}
            return [(self._usage, left)]

        self._replace(make)

    def usage(self, key_id: str) -> Usage:
        """Return the sum of uses; see `KeyStore.usage`."""
        usage, record = self._usage.get(key_id), self._records.get(key_id)
        return usage or Usage(None if record is None else record.last_used)

    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Return keys per pepper; see `KeyStore.count_by_pepper`."""
        counts: dict[str, int] = {}
        for record in [*self._records.values()]:
            if not record.has_ended(now):
                counts[record.pepper_version] = counts.get(record.pepper_version, 0) + 1
        return counts

    def seals(self) -> Mapping[str, bytes]:
        """Return locator keys by pepper version; see `KeyStore.seals`."""
        return dict(self._seals)

    def keep_seal(self, version: str, key: bytes) -> None:
        """Store a locator key; see `KeyStore.keep_seal`."""
        self._seals.setdefault(version, key)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Announce each change to ``listener``; see `ChangeFeed.subscribe`."""
        ticket = object()
        self._listeners[ticket] = listener

        def cancel() -> None:
            self._listeners.pop(ticket, None)

        return cancel

    def _update_all(self, changes: Sequence[Change], beside: Stage) -> bool:
        stored = self._replace(lambda: self._made(changes) if all(map(self._follows, changes)) else None, beside)
        if stored:
            self._tell(changes)
        return stored

    def _replace(self, make: Callable[[], Sequence[Stage] | None], beside: Stage = ALONE) -> bool:
        """Put the new values, if any, in place, stage by stage; the last stage is the one that counts, with ``beside``.

        A signal's handler may make a change after each call; then this one is made again. There is no call between the
        comparison and the update, so no handler runs there.
        """
        with self._lock:
            while True:
                before = self._changes
                stages = make()
                if stages is None:
                    return False
                if self._changes == before and self._put(stages, beside):
                    return True

    def _put(self, stages: Sequence[Stage], beside: Stage) -> bool:
        self._changes = number = self._changes + 1
        *ways, (kept, new) = stages
        for way, to in ways:
            if self._changes != number:
                return False
            way.update(to)
        kept_beside, new_beside = beside
        if self._changes != number:
            return False
        kept_beside |= new_beside  # both at once: there is no call, so that no signal's handler runs in between
        kept |= new
        return True

    def _remove(self, records: Sequence[KeyRecord]) -> frozenset[str]:
        """Take out records that have not moved on, with their events and uses; the records go last, by one call."""
        with self._lock:
            while True:
                before, stored = self._changes, self._records
                gone = _unmoved(stored, records)
                left = _without(stored, gone)
                if self._changes == before:  # no call from here on, so that no signal's handler makes a change
                    self._changes, self._records = before + 1, left
                    break
            for key_id in gone:
                self._events.pop(key_id, None)
                self._usage.pop(key_id, None)
        return gone

    def _made(self, changes: Sequence[Change]) -> Sequence[Stage]:
        """Return the stages of changes; the ways to a record come before it."""
        records, events = dict[str, KeyRecord](), dict[str, tuple[KeyEvent, ...]]()
        for record, event in changes:
            stored = self._records.get(record.key_id)
            if stored is None:
                insort(self._order, (record.created, record.key_id))
            if record.lookup is not None:
                self._lookups[record.lookup] = record.key_id
            records[record.key_id] = record._replace(
                last_used=record.last_used if stored is None else stored.last_used,
                metadata=frozen_document(record.metadata),
                notices=frozen_document(record.notices),
                terms=None,
            )
            events[record.key_id] = (*self._happened(record.key_id), event)
        return [(self._events, events), (self._records, records)]

    def _happened(self, key_id: str) -> tuple[KeyEvent, ...]:
        """Return the events of a key, oldest first."""
        stored = self._records.get(key_id)
        revision = 0 if stored is None else stored.revision
        return tuple([event for event in self._events.get(key_id, ()) if event.revision <= revision])

    def _all_that_happened(self) -> Iterable[HistoryEvent]:
        """Return the events of all keys, owners and plans, without positions."""
        for record in [*self._records.values()]:
            for event in self._happened(record.key_id):
                about = (event.time, event.actor, event.origin, event.reason, event.fields, record.owner)
                yield HistoryEvent(0, "key", event.key_id, event.revision, event.kind, *about)
        yield from self._book.happened()

    def _holder(self, lookup: bytes) -> KeyRecord | None:
        """Return the record that is found by a look-up value."""
        record = self._records.get(self._lookups.get(lookup, ""))
        return record if record is not None and record.lookup == lookup else None

    def _is_taken(self, record: KeyRecord, seen: set[bytes | str]) -> bool:
        """Return whether ``key_id`` or ``lookup`` is taken, by a stored record or by an earlier one of the batch."""
        lookup = record.lookup
        repeated = record.key_id in seen or lookup in seen
        seen.add(record.key_id)
        if lookup is not None:
            seen.add(lookup)
        return repeated or record.key_id in self._records or (lookup is not None and self._holder(lookup) is not None)

    def _follows(self, change: Change) -> bool:
        stored = self._records.get(change.record.key_id)
        return stored is not None and stored.revision == change.record.revision - 1

    def _with_terms(self, record: KeyRecord | None) -> KeyRecord | None:
        terms = None if record is None else self._book.terms(record.owner)
        return record if record is None or terms is None else record._replace(terms=terms)

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._pass_on(KeyChange(change.record.key_id, change.record.revision))

    def _pass_on(self, news: KeyChange) -> None:
        for listener in tuple(self._listeners.values()):
            listener(news)


def _unmoved(stored: Mapping[str, KeyRecord], records: Sequence[KeyRecord]) -> frozenset[str]:
    """Return the keys of those records that are stored as they were read."""
    return frozenset(
        one.key_id for one in records if (held := stored.get(one.key_id)) and held.revision == one.revision
    )


def _without(stored: Mapping[str, KeyRecord], gone: frozenset[str]) -> dict[str, KeyRecord]:
    return {key_id: record for key_id, record in stored.items() if key_id not in gone}


def check_address(url: str) -> None:
    """Refuse a URL with an address."""
    if url != "memory://":
        raise ConfigurationError("a memory store has no address: write  memory://")
