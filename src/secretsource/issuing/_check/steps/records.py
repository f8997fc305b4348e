"""Steps 2 and 5 of a check: the entry of a key, from the cache or else from the store."""

from __future__ import annotations

from secretsource.exceptions import StoreError
from secretsource.issuing._check.record_cache import RENEWABLE
from secretsource.issuing._check.steps.comparison import Comparison, unknown
from secretsource.issuing._check.steps.rotation_dates import RotationDates
from secretsource.issuing._verdict import Reason, Rejected
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.entry import Entry
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.steps.ahead import ReadAhead
    from secretsource.issuing._check.steps.gate import Presented
    from secretsource.stores.base import KeyRecord


class Records:
    """The records of keys that are checked with one set of parts.

    Args:
        parts: The parts to work with.
        begin: Called before the store is asked for a key; starts the work beside the checks.

    Attributes:
        comparison: The second half of step 5.
        rotations: The dates of the rotations of keys that rotate.
    """

    def __init__(self, parts: Parts, begin: Callable[[], None]) -> None:
        self._parts = parts
        self._begin = begin
        self._cache = parts.cache
        self._store = parts.store
        self.comparison = Comparison(parts)
        self.rotations = RotationDates(parts.store)

    def begin(self) -> int:
        """Start reading a record that the cache will keep: from now on it receives news. Pass the result to `read`."""
        self._begin()
        return self._cache.begin()

    def recall(self, presented: Presented, known: Entry | None, mono: float) -> Entry | Rejected | None:
        """Take step 2: return the cache's answer about a key; None to ask the store."""
        if known is not None and mono < known.fresh_until:
            return known
        cache = self._cache
        entry = cache.peek(presented.key_id, mono) if presented.key_id else None
        if entry is not None:
            rejected = self.comparison.compare(presented, entry.record)
            return entry if rejected is None else rejected
        return unknown(presented) if cache.is_missing(presented.key_id or presented.hash, mono) else None

    def find(
        self,
        presented: Presented,
        known: Entry | None,
        fresh: bool,
        ahead: ReadAhead | None,
        now: tuple[float, float],
    ) -> Flow[Entry | Rejected]:
        """Take step 5: return the entry of a key that the cache does not answer, or why it has no entry.

        Args:
            presented: The credential, as the gate read it.
            known: Its entry, which is no longer fresh.
            fresh: Whether to bypass the cache.
            ahead: Records that were read for several checks at once.
            now: The present, in monotonic seconds and in seconds since 1970 UTC.
        """
        self._begin()
        mono, wall = now
        begun = self._cache.begin()
        if ahead is not None and presented.key_id in ahead.wanted:
            found = yield from self.read(presented, ahead.mono, ahead.wall, ahead.begun, ahead.get)
        elif known is not None and mono < known.whole + RENEWABLE:
            found = yield from self._renew(presented, known, mono, wall, begun)
        else:
            get = self._store.get if fresh else self._store.peek
            found = yield from self.read(presented, mono, wall, begun, get)
        if type(found) is not Rejected and found.record.status is Status.ROTATING:
            yield from self.rotations.learn(found.record)
        return found

    def _renew(
        self, presented: Presented, known: Entry, mono: float, wall: float, begun: int
    ) -> Flow[Entry | Rejected]:
        """Take step 5 for a text that matched before: ask whether its record has changed."""
        try:
            stamp: int | None = yield self._store.revision(known.record.key_id)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)
        if stamp == known.record.stamp:
            return self._cache.renew(known, mono, wall, begun)
        found = yield from self.read(presented, mono, wall, begun, self._store.peek)
        return found

    def read(
        self,
        presented: Presented,
        mono: float,
        wall: float,
        begun: int,
        get: Callable[[str], Any],
        is_shown: bool = False,
    ) -> Flow[Entry | Rejected]:
        """Return the entry of a key whose whole record is read, or why it has no entry.

        Args:
            presented: The credential, as the gate read it.
            mono: The present, in monotonic seconds.
            wall: The same in seconds since 1970 UTC.
            begun: The result of `RecordCache.begin` before the store was asked.
            get: The way to read a record: `KeyStore.get`, or, where it may be late, `KeyStore.peek`.
            is_shown: As for `Comparison.compare_foreign`.
        """
        record: KeyRecord | None
        rejected: Rejected | None
        try:
            if presented.key_id:
                record = yield get(presented.key_id)
            else:
                record = yield self._store.find(presented.lookups)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)
        known = self._cache.get(presented.hash)
        if record is None:
            rejected = unknown(presented)
        elif known is not None and known.is_of(record):  # this text matched it before
            return self._cache.renew(known, mono, wall, begun, mono)
        elif record.foreign is None:
            rejected = self.comparison.compare(presented, record)
        else:
            rejected = yield from self.comparison.compare_foreign(presented, record, wall, is_shown)
        return self.keep(presented, record, rejected, mono, wall, begun)

    def keep(
        self,
        presented: Presented,
        record: KeyRecord | None,
        rejected: Rejected | None,
        mono: float,
        wall: float,
        begun: int,
    ) -> Entry | Rejected:
        """End step 5: put the record into the cache, and return its entry; or why it has no entry."""
        cache = self._cache
        if record is None:
            cache.miss(presented.key_id or presented.hash, mono, begun)
            return unknown(presented) if rejected is None else rejected
        if not self._parts.format.allows(record.prefix, record.environment):  # an imported key; it is never cached
            return Rejected(Reason.WRONG_KIND, record) if rejected is None else rejected
        if rejected is None:
            return cache.fill(presented.hash, record, mono, wall, begun)
        if record.hash:  # else one of many imported keys, with no hash of ours yet
            # A client that knows a key_id and guesses secrets asks the store once per ttl, not once per guess.
            cache.fill(record.hash, record, mono, wall, begun)
        return rejected
