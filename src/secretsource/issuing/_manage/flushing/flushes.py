"""Storing what checks leave behind: the uses of good keys, counts, renewed hashes, and the uses of ended keys."""

from __future__ import annotations

from secretsource.issuing._check.noting.uses import Taken
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage.flushing.alarms import raise_alarms
from secretsource.issuing._manage.flushing.counting import store_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import KeyRecord

__all__ = ["Flushes"]


class Flushes:
    """The flow of a flush.

    Args:
        parts: The parts to work with.
        operations: Announces the changed records.
    """

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def flush(self) -> Flow[None]:
        """Store the uses seen; on failure they are kept for the next flush."""
        log, taken = self._parts.uses, Taken()
        try:
            uses = log.take(taken, self._parts.clock.now())
            if uses:
                yield self._parts.store.record_uses(uses)
                log.stored(taken)
            yield from store_counts(self._parts)
            for change in log.rehashes():
                records = yield from self._rehash(change.record, change.event.time)
                log.renewed(change)
                yield from self._operations.tell(*records)
            alarmed = yield from raise_alarms(self._parts)
            yield from self._operations.tell(*alarmed)
        finally:
            log.restore(taken)

    def _rehash(self, seen: KeyRecord, now: float) -> Flow[Sequence[KeyRecord]]:
        """Store a new hash and return the changed record, if it was; no other cached field is ever written back."""
        record: KeyRecord | None = yield self._parts.store.get(seen.key_id)
        if record is None or record.revision != seen.revision - 1:
            return ()
        change = lifecycle.rehash(record, seen.hash, seen.pepper_version, now, seen.lookup)
        stored: bool = yield self._parts.store.update(change)
        return (change.record,) if stored else ()
