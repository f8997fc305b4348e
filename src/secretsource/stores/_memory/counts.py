"""Counted requests in this process's memory."""

from __future__ import annotations

import threading

from secretsource.stores.registers.counts import KEPT, Count, CountQuery, CountStore, Unit, in_each_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from secretsource.stores.owners import Terms
    from secretsource.stores.records import KeyRecord

    Place: TypeAlias = tuple[str, int, str, str]

__all__ = ["MemoryCounts"]


class MemoryCounts(CountStore):
    """Counts in a dictionary, replaced as a whole by each change.

    Args:
        get: Reads the record of a key.
        terms: Reads the terms of an owner.
    """

    def __init__(self, get: Callable[[str], KeyRecord | None], terms: Callable[[str], Terms | None]) -> None:
        self._get = get
        self._terms = terms
        self._counts: dict[Place, int] = {}
        self._owners: dict[str, str] = {}
        self._lock = threading.RLock()

    def add(self, counts: Sequence[Count]) -> None:
        """Add counts; see `CountStore.add`."""
        records = {count.key_id: self._get(count.key_id) for count in counts}
        self._owners.update({key_id: record.owner for key_id, record in records.items() if record is not None})
        more = in_each_unit(count for count in counts if not count.key_id or records[count.key_id] is not None)
        with self._lock:
            while True:
                before = self._counts
                after = {**before, **{place: before.get(place, 0) + requests for place, requests in more.items()}}
                if self._counts is before:  # else a signal's handler has added some meanwhile
                    self._counts = after
                    return

    def read(self, query: CountQuery) -> Sequence[Count]:
        """Return the counts that a query picks; see `CountStore.read`."""
        found: list[Count] = []
        for (unit, start, key_id, outcome), requests in self._counts.items():
            if unit == query.unit.value and query.since <= start < query.until:
                count = Count(start, key_id, outcome, requests)
                found.extend(self._picked(query, count))
        return (sorted(found) if query.per_key else _sums(found))[: query.limit]

    def _picked(self, query: CountQuery, count: Count) -> list[Count]:
        owner = self._owners.get(count.key_id, "")
        terms = self._terms(owner)
        held = (count.key_id, owner, None if terms is None else terms.owner.plan)
        wanted = (query.key_id, query.owner, query.plan)
        fits = (query.key_ids is None or count.key_id in query.key_ids) and all(
            ask is None or ask == has for ask, has in zip(wanted, held, strict=True)
        )
        return [count._replace(owner=owner)] if fits else []

    def forget(self, now: float) -> None:
        """Forget what is old; see `CountStore.forget`."""
        with self._lock:
            self._counts = _young(self._counts, now)

    def drop(self, owner: str) -> bool:
        """Delete the counts of an owner's keys, and return whether there were any."""
        with self._lock:
            before = len(self._counts)
            self._counts = _without(self._counts, self._keys_of(owner))
            return len(self._counts) < before

    def _keys_of(self, owner: str) -> set[str]:
        return {key_id for key_id, of in self._owners.items() if of == owner}


def _young(counts: Mapping[Place, int], now: float) -> dict[Place, int]:
    """Return the counts that are not old yet."""
    return {place: requests for place, requests in counts.items() if place[1] >= now - KEPT[Unit(place[0])]}


def _without(counts: Mapping[Place, int], keys: set[str]) -> dict[Place, int]:
    """Return the counts of other keys than these."""
    return {place: requests for place, requests in counts.items() if place[2] not in keys}


def _sums(counts: Iterable[Count]) -> list[Count]:
    """Add up the counts of an owner's keys, by start and outcome."""
    sums: dict[tuple[int, str, str], int] = {}
    for count in counts:
        place = (count.start, count.outcome, count.owner)
        sums[place] = sums.get(place, 0) + count.requests
    return [Count(start, "", outcome, sums[start, outcome, owner], owner) for start, outcome, owner in sorted(sums)]
