"""The uses of keys since the last flush: collected in memory, so that a check writes nothing.

A check of a cached record notes its use on the entry; `Tally` says how, and `Clients` which clients are noted. Each
use of a key that is being rotated is counted on its own, because you will ask whether the old key may go.
"""

from __future__ import annotations

import threading

from secretsource._ground import fork
from secretsource.issuing._check.noting.clients import UNKNOWN, Clients
from secretsource.issuing._check.noting.reuses import Reuses
from secretsource.issuing._check.noting.tally import Tally
from secretsource.stores.base import Change, Use
from secretsource.stores.uses import MOST_WITNESSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource._ground.clock import Instant
    from secretsource.issuing._check.entry import Entry
    from secretsource.stores.base import KeyRecord


class Taken:
    """The uses that a flush has taken out of a log.

    Attributes:
        watched: Counted uses, by key; only this flush has them meanwhile.
        seen: The time when each key was last accepted; the log has it too, until it is stored.
    """

    __slots__ = ("seen", "watched")

    def __init__(self) -> None:
        self.watched: dict[str, Use] = {}
        self.seen: dict[str, float] = {}


class UseLog:
    """A log of uses, and of hashes to be renewed, until a flush; for any number of threads.

    A signal may end each of its steps, or begin another one in the middle: a use is forgotten only after it was stored.

    Args:
        clients: Whether the addresses and user agents of clients are stored.

    Attributes:
        seen: The time when each key was last accepted, in monotonic seconds; written without a lock. Open entries note
            their own times, and a flush adds them here.
        tally: The outcomes of checks, counted by key and minute.
        reuses: The uses of keys that had ended through rotation.
    """

    __slots__ = ("__weakref__", "_clients", "_lock", "_rehashes", "_watched", "reuses", "seen", "tally")

    def __init__(self, *, clients: bool = True) -> None:
        self._clients = Clients(noted=clients)
        self.seen: dict[str, float] = {}
        self.tally = Tally()
        self.reuses = Reuses()
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child: its parent stores the earlier uses, which would be counted twice."""
        self.seen.clear()
        self._clients = Clients(noted=self._clients.noted)
        self._watched: dict[str, Use] = {}
        self._rehashes: dict[str, Change] = {}
        self._lock = threading.RLock()

    def note(self, record: KeyRecord, mono: float, wall: float) -> None:
        """Note a use of a key, given on both clocks."""
        self.seen[record.key_id] = mono
        self.tally.note(record, mono, wall)

    def open(self, entry: Entry, mono: float, wall: float) -> None:
        """Note a use of a cached record, and have its entry note the next ones itself."""
        self.note(entry.record, mono, wall)
        self.tally.open(entry, mono, wall)

    def meet(self, entry: Entry, ip: object, agent: object, wall: float, *, counted: bool) -> None:
        """Note the client of an accepted check.

        Args:
            entry: The record of the key.
            ip: The address of the client.
            agent: Its user agent.
            wall: The present, in seconds since 1970 UTC.
            counted: Whether to count the use on its own, and to tell the store of the client each time: as for a key
                that is being rotated.
        """
        clients, key_id, networks, agents = self._clients, entry.record.key_id, UNKNOWN, UNKNOWN
        if ip or agent:
            networks, agents = clients.news(key_id, ip, agent, wall, always=counted)
        if counted or networks or agents:
            self.watch(Use(key_id, wall, int(counted), networks, agents))
        if entry.is_plain:  # else no check is concluded at a glance
            clients.meet(entry, ip)

    def watch(self, use: Use) -> None:
        """Add a use that is counted, or has a client to be stored."""
        key_id = use.key_id
        with self._lock:
            while True:
                watched = self._watched
                before = watched.get(key_id)
                after = _sum(before, use)
                # No call from here on, so that no signal's handler adds a use in between.
                present = watched[key_id] if key_id in watched else None  # noqa: SIM401 - `get` is a call
                if watched is self._watched and present is before:
                    watched[key_id] = after
                    return

    def rehash(self, change: Change) -> None:
        """Renew a hash at the next flush, if the record has not changed by then."""
        self._rehashes[change.record.key_id] = change

    def take(self, taken: Taken, now: Instant) -> list[Use]:
        """Take out the uses that have been collected.

        Args:
            taken: The place for them; pass it to `stored` when they are stored, and always to `restore` in the end.
            now: The present.
        """
        self.tally.gather(self.seen)
        with self._lock:
            taken.watched, self._watched = self._watched, {}
        taken.seen = self.seen.copy()
        uses = taken.watched.copy()
        for key_id, mono in taken.seen.items():
            uses[key_id] = _sum(uses.get(key_id), Use(key_id, mono + now.drift))
        return list(uses.values())

    def stored(self, taken: Taken) -> None:
        """Forget uses that are stored now."""
        taken.watched = {}
        seen = self.seen
        for key_id, mono in taken.seen.items():
            if key_id in seen and seen[key_id] == mono:  # else it was used again meanwhile
                del seen[key_id]

    def restore(self, taken: Taken) -> None:
        """Put back the uses that were not stored."""
        if taken.watched is not self._watched:
            for use in taken.watched.values():
                self.watch(use)

    def rehashes(self) -> list[Change]:
        """Return the hashes to be renewed."""
        return list(self._rehashes.values())

    def renewed(self, change: Change) -> None:
        """Forget a hash that was renewed, or that need not be renewed any more."""
        waiting, key_id = self._rehashes, change.record.key_id
        if key_id in waiting and waiting[key_id] is change:
            del waiting[key_id]


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


def _union(old: Mapping[str, float], new: Mapping[str, float]) -> Mapping[str, float]:
    """Return clients with others; past the most that a store keeps, the first ones stay."""
    if not new:
        return old
    united = dict(old)
    for seen, at in new.items():
        if seen in united or len(united) < MOST_WITNESSES:
            united[seen] = max(at, united.get(seen, at))
    return united
