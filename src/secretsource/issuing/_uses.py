"""What was seen of keys since the last flush: collected in memory, so that a check writes nothing.

An accepted check costs one dictionary assignment. A key that is being rotated is watched more closely, because
somebody will ask who still uses it.
"""

from __future__ import annotations

import threading

from secretsource import _fork
from secretsource.issuing._text import cleaned
from secretsource.stores.base import Change, Use
from secretsource.stores.records import MOST_WITNESSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource._clock import Instant

_LONGEST_WITNESS = 255


class UseLog:
    """Uses, and hashes to be renewed, that wait for a flush; for any number of threads.

    Attributes:
        seen: When each key was last accepted, in monotonic seconds; written without a lock.
    """

    __slots__ = ("__weakref__", "_lock", "_rehashes", "_watched", "seen")

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self.after_fork()
        _fork.tell(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child: what was seen before is its parent's to store, and would be counted twice."""
        self.seen.clear()
        self._watched: dict[str, Use] = {}
        self._rehashes: dict[str, Change] = {}
        self._lock = threading.Lock()

    def watch(self, use: Use) -> None:
        """Add a use of a key that is being rotated."""
        with self._lock:
            self._watched[use.key_id] = _sum(self._watched.get(use.key_id), use)

    def rehash(self, change: Change) -> None:
        """Renew a hash at the next flush, if the record has not changed by then."""
        with self._lock:
            self._rehashes[change.record.key_id] = change

    def drain(self, now: Instant) -> tuple[list[Use], list[Change]]:
        """Take out all that has been collected."""
        with self._lock:
            watched, self._watched = self._watched, {}
            rehashes, self._rehashes = self._rehashes, {}
        while self.seen:  # taken one by one, because another thread may be writing at the same time
            key_id, mono = self.seen.popitem()
            watched[key_id] = _sum(watched.get(key_id), Use(key_id, mono + now.drift))
        return list(watched.values()), list(rehashes.values())

    def restore(self, uses: Iterable[Use], changes: Iterable[Change]) -> None:
        """Put back what could not be stored."""
        for use in uses:
            self.watch(use)
        for change in changes:
            self.rehash(change)


def witness(seen: object) -> frozenset[str]:
    """What is kept of an address or a user agent: what a client sends must not keep a store from taking a flush."""
    if not isinstance(seen, str) or not seen:
        return frozenset()
    return frozenset({cleaned(seen, _LONGEST_WITNESS)})


def _sum(old: Use | None, new: Use) -> Use:
    if old is None:
        return new
    return Use(
        new.key_id,
        max(old.last_used, new.last_used),
        old.requests + new.requests,
        _union(old.networks, new.networks),
        _union(old.agents, new.agents),
    )


def _union(old: Iterable[str], new: Iterable[str]) -> frozenset[str]:
    return frozenset([*dict.fromkeys([*old, *new])][:MOST_WITNESSES])
