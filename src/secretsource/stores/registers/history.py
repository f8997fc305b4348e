"""One feed of what happened to all keys, owners and plans, read from a position on.

An event gets its **position** when it is first read, and not when it is written. Transactions commit in another order
than they begin, so numbers given at writing would let a reader pass an event that is committed late. Here the late
event has no position yet, and gets one behind all that were read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from secretsource.stores.owners import OwnerEventKind
    from secretsource.stores.records import EventKind

__all__ = ["AsyncHistory", "History", "HistoryEvent", "HistoryQuery"]

BATCH = 1000
"""How many events get their position in one transaction."""


class HistoryEvent(NamedTuple):
    """One event of the feed.

    Attributes:
        position: Its place in the feed, from 1; it never changes.
        subject: The kind of thing that changed: ``key``, ``owner`` or ``plan``.
        id: Which: a ``key_id``, or the id of an owner or a plan.
        revision: The revision that it led to.
        kind: The kind of event.
        time: When, in seconds since 1970 UTC.
        actor: The author, in the application's words.
        origin: Where from: an address, a host name.
        reason: Why; up to 255 characters.
        fields: The names of the fields that changed, sorted; never the values.
        owner: The owner of the key, or the owner itself; None for a plan.
    """

    position: int
    subject: str
    id: str
    revision: int
    kind: EventKind | OwnerEventKind
    time: float
    actor: str | None = None
    origin: str | None = None
    reason: str | None = None
    fields: tuple[str, ...] = ()
    owner: str | None = None

    @property
    def happened_at(self) -> datetime:
        """When it happened, as aware UTC."""
        return utc(self.time)


class HistoryQuery(NamedTuple):
    """A question to the feed; a field that is None does not filter.

    Attributes:
        after: Only events behind this position, in the order of the answer; 0 for its beginning.
        owner: Only events of this owner and of its keys.
        actor: Only events of exactly this author.
        kind: Only events of this kind.
        limit: How many events, 1 to 1000.
        newest: Whether the answer has the newest events first; a position to go on behind is then the smallest so far.
    """

    after: int = 0
    owner: str | None = None
    actor: str | None = None
    kind: str | None = None
    limit: int = 100
    newest: bool = False

    def picks(self, event: HistoryEvent) -> bool:
        """Return whether the query asks for an event."""
        exact = ((self.owner, event.owner), (self.actor, event.actor), (self.kind, event.kind.value))
        is_behind = event.position > self.after
        if self.newest:
            is_behind = not self.after or event.position < self.after
        return is_behind and all(wanted is None or wanted == found for wanted, found in exact)


class History(ABC):
    """The feed of a store, for threads; `read` raises `StoreError` when the store cannot answer."""

    @abstractmethod
    def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Return events in the order of their positions, or with the newest first.

        An event that is committed after another one was returned must get a greater position than that one. Events
        get their positions in the order of their time. At one instant, owners and plans come before keys, then a
        smaller revision before a greater one, and then a smaller id: new keys come before changes of others.

        Args:
            query: The question.
        """


class AsyncHistory(ABC):
    """The same as `History`, for an event loop."""

    @abstractmethod
    async def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Do the same as `History.read`."""
