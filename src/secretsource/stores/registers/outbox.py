"""The outbox beside the keys: messages that must arrive elsewhere, although a process may die at any moment.

A message waits in a **queue** until it is due. A process takes it for a while, and then settles it: it is done, or due
again later, or given up. A process that is killed in between leaves it to the others, for it is due again by itself. So
a message is carried out at least once, and two processes do not work on it at the same time.

A queue may **follow** the feed of all events, which is written together with each change. The queue keeps its place in
the feed, and moves on in the same transaction that stores the messages made of the events. So no event is lost.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["AsyncOutbox", "Backlog", "Message", "Outbox"]


class Message(NamedTuple):
    """One message of a queue.

    Attributes:
        queue: The queue; 1 to 64 characters.
        id: Its identifier, which no other message of the queue has; 1 to 64 characters.
        kind: The kind of message, such as ``key.revoked``; 1 to 64 characters.
        body: The content; no secret belongs in it.
        made: When it was made, in seconds since 1970 UTC.
        owner: The owner that it is about, or None; a purge of the owner deletes it.
        due: When it may be taken, in seconds since 1970 UTC; None if it was given up.
        attempts: How often it was taken.
        trouble: Why the last attempt failed; empty before that.
    """

    queue: str
    id: str
    kind: str
    body: str
    made: float
    owner: str | None = None
    due: float | None = 0.0
    attempts: int = 0
    trouble: str = ""

    @property
    def made_at(self) -> datetime:
        """When it was made, as aware UTC."""
        return utc(self.made)

    @property
    def due_at(self) -> datetime | None:
        """When it may be taken, as aware UTC; None if it was given up."""
        return None if self.due is None else utc(self.due)


class Backlog(NamedTuple):
    """The messages of a queue that have not arrived.

    Attributes:
        waiting: How many are due now or later.
        given_up: How many were given up.
        oldest: When the oldest that waits was made, in seconds since 1970 UTC; None if none waits.
    """

    waiting: int
    given_up: int
    oldest: float | None


class Outbox(ABC):
    """The outbox of a store, for threads; every method must raise `StoreError` when it cannot answer."""

    @abstractmethod
    def begin(self, queue: str) -> int:
        """Return the place of a queue in the feed of all events; a new queue begins at the present end of the feed.

        Args:
            queue: The queue.
        """

    @abstractmethod
    def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Move a queue on in the feed, and store the messages made of the events between, in one transaction.

        Args:
            queue: The queue, after `begin`.
            after: The place that the events were read from.
            place: The position of the last event that was read.
            messages: New messages of the queue.

        Returns:
            False, with nothing stored, if the queue is at another place: another process has read the events.
        """

    @abstractmethod
    def put(self, messages: Sequence[Message]) -> None:
        """Store messages, all or none; one that is there already stays as it is.

        Args:
            messages: Up to 1000 messages, of any queue.
        """

    @abstractmethod
    def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Take messages that are due, those first that are due for the longest time; no other call may take them too.

        Args:
            queue: The queue.
            now: The present, in seconds since 1970 UTC.
            until: When they are due again unless they are settled before, in seconds since 1970 UTC.
            limit: How many at most, 1 to 1000.

        Returns:
            The messages as they are stored now, with one more attempt.
        """

    @abstractmethod
    def settle(self, taken: Message, later: Message | None) -> bool:
        """End the attempt with a message that was taken.

        Args:
            taken: The message, as `take` returned it.
            later: None to delete it; else the same message with the next ``due`` and the ``trouble``.

        Returns:
            False, with nothing changed, if it was taken again meanwhile.
        """

    @abstractmethod
    def list(self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100) -> Sequence[Message]:
        """Return messages that have not arrived, the oldest first.

        Args:
            queue: Only this queue.
            given_up: Only those that were given up, or only those that were not.
            limit: How many at most, 1 to 1000.
        """

    @abstractmethod
    def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Make messages due that were given up, with no attempts made; return their number.

        Args:
            queue: The queue.
            now: The present, in seconds since 1970 UTC.
            id: Only this message; every one when left out.
        """

    @abstractmethod
    def forget(self, before: float) -> int:
        """Delete the messages that were made before an instant, and return their number.

        Args:
            before: The instant, in seconds since 1970 UTC.
        """

    @abstractmethod
    def backlog(self, queue: str) -> Backlog:
        """Count the messages of a queue that have not arrived.

        Args:
            queue: The queue.
        """


class AsyncOutbox(ABC):
    """The same contract as `Outbox`, for an event loop."""

    @abstractmethod
    async def begin(self, queue: str) -> int:
        """Do the same as `Outbox.begin`."""

    @abstractmethod
    async def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Do the same as `Outbox.follow`."""

    @abstractmethod
    async def put(self, messages: Sequence[Message]) -> None:
        """Do the same as `Outbox.put`."""

    @abstractmethod
    async def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Do the same as `Outbox.take`."""

    @abstractmethod
    async def settle(self, taken: Message, later: Message | None) -> bool:
        """Do the same as `Outbox.settle`."""

    @abstractmethod
    async def list(
        self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100
    ) -> Sequence[Message]:
        """Do the same as `Outbox.list`."""

    @abstractmethod
    async def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Do the same as `Outbox.resend`."""

    @abstractmethod
    async def forget(self, before: float) -> int:
        """Do the same as `Outbox.forget`."""

    @abstractmethod
    async def backlog(self, queue: str) -> Backlog:
        """Do the same as `Outbox.backlog`."""
