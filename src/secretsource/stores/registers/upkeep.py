"""The chores of a store: whose turn it is, where the round over all keys goes on, and deleting for good.

One process at a time does the chores of a store. A turn ends by itself, so a process that is killed holds up the others
only until then. Correctness never depends on a turn: each change compares the revision of its record.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.owners import OwnerEvent
    from secretsource.stores.records import KeyRecord

__all__ = ["AsyncUpkeep", "Upkeep"]


class Upkeep(ABC):
    """The ability of a store to have chores done; every method raises `StoreError` when the store cannot answer."""

    @abstractmethod
    def take(self, holder: str, now: float, until: float) -> str | None:
        """Take the turn, unless another process has it.

        Args:
            holder: A name that no other turn has; 1 to 64 characters.
            now: The present, in seconds since 1970 UTC: a turn that ended before may be taken.
            until: The end of the turn, in seconds since 1970 UTC.

        Returns:
            The place where the last round stopped, empty for the beginning; None while another process has the turn.
        """

    @abstractmethod
    def leave(self, holder: str, place: str) -> bool:
        """Give the turn back, and keep the place where the next round goes on.

        Args:
            holder: The name that took the turn.
            place: The cursor of a list of keys; empty for the beginning.

        Returns:
            False, with nothing changed, if the turn is no longer the holder's.
        """

    @abstractmethod
    def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Delete records for good, each with its events and uses, in one transaction; counted requests stay.

        The last record of a chain of rotations (`KeyRecord.limit_key`) takes its spent credits along. A position in the
        feed of all events is never given twice, although events are deleted.

        Args:
            records: The records as read, 1 to 1000; a record that has moved on since stays.
            events: For some of them an event that stays, with the ``key_id`` as its id; written if it is deleted.

        Returns:
            The ``key_id`` of the deleted records.
        """

    @abstractmethod
    def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Delete what is left of an owner without keys, in one transaction.

        That is its record, its events, its counted requests, its spent credits, and the passes that it holds.

        Args:
            owner: The owner.
            event: The event that stays.
            always: Whether to write the event although nothing is left and such an event is there.

        Returns:
            False, with nothing deleted, if the owner has keys.
        """


class AsyncUpkeep(ABC):
    """The same as `Upkeep`, for an event loop."""

    @abstractmethod
    async def take(self, holder: str, now: float, until: float) -> str | None:
        """Do the same as `Upkeep.take`."""

    @abstractmethod
    async def leave(self, holder: str, place: str) -> bool:
        """Do the same as `Upkeep.leave`."""

    @abstractmethod
    async def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Do the same as `Upkeep.delete`."""

    @abstractmethod
    async def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Do the same as `Upkeep.purge`."""
