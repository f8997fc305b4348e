"""The turn of the chores, and deleting, in this process's memory."""

from __future__ import annotations

import threading

from secretsource._ground.namedtuple import NamedTuple
from secretsource.stores.owners import account_of
from secretsource.stores.registers.upkeep import Upkeep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.stores._memory.counts import MemoryCounts
    from secretsource.stores._memory.credits import MemoryCredits
    from secretsource.stores._memory.outbox import MemoryOutbox
    from secretsource.stores._memory.passes import MemoryPasses
    from secretsource.stores._memory.registers import Book
    from secretsource.stores.owners import OwnerEvent
    from secretsource.stores.records import KeyRecord

__all__ = ["MemoryUpkeep"]


class _Turn(NamedTuple):
    """Whose turn it is, until when, and where the round goes on."""

    holder: str = ""
    until: float = 0.0
    place: str = ""


class MemoryUpkeep(Upkeep):
    """The chores of a `MemoryStore`.

    Args:
        remove: Takes records out, if they have not moved on; returns the ``key_id`` of those.
        records: Returns all records.
        book: The owners, with the events that stay.
        counts: The counted requests.
        credits: The spent credits.
        outbox: The messages that wait.
        passes: The links and sessions.
    """

    def __init__(
        self,
        remove: Callable[[Sequence[KeyRecord]], frozenset[str]],
        records: Callable[[], Sequence[KeyRecord]],
        book: Book,
        counts: MemoryCounts,
        credits: MemoryCredits,
        outbox: MemoryOutbox,
        passes: MemoryPasses,
    ) -> None:
        self._remove = remove
        self._records = records
        self._book = book
        self._counts = counts
        self._credits = credits
        self._outbox = outbox
        self._passes = passes
        self._turn = _Turn()
        self._lock = threading.RLock()

    def take(self, holder: str, now: float, until: float) -> str | None:
        """Take the turn; see `Upkeep.take`."""
        with self._lock:
            turn = self._turn
            if turn.until > now:
                return None
            self._turn = turn._replace(holder=holder, until=until)
            return turn.place

    def leave(self, holder: str, place: str) -> bool:
        """Give the turn back; see `Upkeep.leave`."""
        with self._lock:
            if self._turn.holder != holder:
                return False
            self._turn = _Turn(place=place)
            return True

    def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Delete records; see `Upkeep.delete`."""
        gone = self._remove(records)
        accounts = {record.limit_key for record in records if record.key_id in gone}
        self._credits.forget(accounts.difference(record.limit_key for record in self._records()))
        self._book.note("key", [event for event in events if event.id in gone])
        return gone

    def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Delete what is left of an owner; see `Upkeep.purge`."""
        if any(record.owner == owner for record in self._records()):
            return False
        counted, spent = self._counts.drop(owner), self._credits.forget({account_of(owner)})
        dropped, was_in = self._outbox.drop(owner) > 0, self._passes.drop(owner)
        self._book.purge(owner, event, always=always or counted or spent or dropped or was_in)
        return True
