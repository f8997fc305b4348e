"""The outcomes of checks, counted by key and minute: in memory at first, and added to the store with the last uses.

A check of a cached record adds one to a number on its entry, which costs less than any dictionary. The first check
after a flush, or in a minute, opens the entry; a flush closes all open entries, and adds their numbers to the counts.

Python changes threads and runs a signal's handler only after a call, at a jump back and at the start of a function. So
the comparison with `Entry.noting` and the addition behind it are one step, and so are the steps that close an entry.
``counts[key] += 1`` is one step too, also for a new key of a ``defaultdict``. No count is lost.

Foreign texts are counted together, by the reason of their refusal.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from secretsource._ground import fork
from secretsource.issuing._check.entry import NO_CLIENTS
from secretsource.stores.base import Count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    from secretsource.issuing._check.entry import Entry
    from secretsource.stores.base import KeyRecord

    Counts: TypeAlias = "defaultdict[str | tuple[str, str], int]"
    """Requests by the key that was accepted, or by the key that was refused and why."""

__all__ = ["ACCEPTED", "Tally"]

ACCEPTED = "accepted"
MINUTE = 60
MOST_MINUTES = 1440
"""Minutes that wait for a store which is down; past it, the oldest are given up."""
MOST_AT_ONCE = 1000
NEVER = float("inf")
"""The instant at which a process that has counted nothing has old counts forgotten."""
_CLOSED = float("-inf")


class Tally:
    """Counts that wait for a flush; for any number of threads.

    Attributes:
        counts: Those of the present minute, written without a lock.
        start: When it began, in seconds since 1970 UTC.
        ends: When the present minute ends, in monotonic seconds.
        forget_at: When this process next has old counts forgotten, in monotonic seconds.
    """

    __slots__ = ("__weakref__", "_lock", "_minutes", "_open", "counts", "ends", "forget_at", "start")

    def __init__(self) -> None:
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start again in a forked child: the parent stores what was counted before."""
        self._lock = threading.RLock()
        self._minutes: dict[int, Counts] = {}
        self._open: dict[str, tuple[Entry, int]] = {}
        self.counts: Counts = defaultdict(int)
        self.start = 0
        self.ends = float("-inf")
        self.forget_at = NEVER

    def turn(self, mono: float, wall: float) -> None:
        """Start the minute of an instant, given on both clocks."""
        with self._lock:
            start = int(wall // MINUTE) * MINUTE
            counts = self._minutes.setdefault(start, defaultdict(int))
            self.counts, self.start, self.ends = counts, start, mono + start + MINUTE - wall
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        while len(self._minutes) > MOST_MINUTES:
            del self._minutes[min(self._minutes)]

    def note(self, record: KeyRecord | None, mono: float, wall: float, reason: str | None = None) -> None:
        """Count a check of a key, or of no key of ours, that was accepted or refused for a reason."""
        if mono >= self.ends:
            self.turn(mono, wall)
        key_id = "" if record is None else record.key_id
        self.counts[key_id if reason is None else (key_id, reason)] += 1

    def open(self, entry: Entry, mono: float, wall: float) -> None:
        """Have an entry count its own accepted checks, up to the next flush or the end of the minute of an instant."""
        with self._lock:
            self._close(entry.record.key_id)
            if mono >= self.ends:
                self.turn(mono, wall)
            self._open[entry.record.key_id], entry.noting = (entry, self.start), self.ends

    def gather(self, seen: dict[str, float]) -> None:
        """Close all open entries, and add their numbers to the counts.

        Args:
            seen: The time when each key was last accepted, in monotonic seconds; the times of the entries are added.
        """
        with self._lock:
            self._close_all(seen)

    def _close_all(self, seen: dict[str, float]) -> None:
        for key_id, (entry, _) in self._open.copy().items():
            self._close(key_id)
            if key_id not in seen or seen[key_id] < entry.seen:
                seen[key_id] = entry.seen

    def _close(self, key_id: str) -> None:
        """Close the open entry of a key, if there is one; the caller holds the lock."""
        opened = self._open
        held = opened.get(key_id)
        if held is None:
            return
        entry, start = held
        counts = self._minutes.setdefault(start, defaultdict(int))
        # No call from here on; a signal's handler may have closed it meanwhile, or opened another one.
        if key_id in opened and opened[key_id] is held:
            entry.noting, entry.clients = _CLOSED, NO_CLIENTS
            counts[key_id] += entry.requests
            entry.requests = 0
            del opened[key_id]

    def chunks(self) -> Iterator[list[Count]]:
        """Take out the counts, up to 1000 at a time; `restore` takes those back that are not stored."""
        for start in sorted(self._minutes):
            counts = self._minutes.get(start, defaultdict(int))
            keys = [key for key, requests in counts.copy().items() if requests]
            for at in range(0, len(keys), MOST_AT_ONCE):
                yield [self._taken(start, counts, key) for key in keys[at : at + MOST_AT_ONCE]]
        with self._lock:
            self._let_go()

    def restore(self, counts: Iterable[Count]) -> None:
        """Put back what was not stored."""
        for start, key_id, outcome, requests, _ in counts:
            minute = self._minutes.setdefault(start, defaultdict(int))
            minute[key_id if outcome == ACCEPTED else (key_id, outcome)] += requests

    @staticmethod
    def _taken(start: int, counts: Counts, key: str | tuple[str, str]) -> Count:
        requests = counts[key]
        counts[key] -= requests
        return Count(start, key, ACCEPTED, requests) if isinstance(key, str) else Count(start, *key, requests)

    def _let_go(self) -> None:
        """Forget minutes that are stored; not the last two, for a slow thread may still be about to count there."""
        for start in sorted(self._minutes)[:-2]:
            if not any([*self._minutes[start].values()]):
                del self._minutes[start]
