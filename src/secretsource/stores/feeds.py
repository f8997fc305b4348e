"""The contract of feeds: news that records have changed, from a store or from a bus beside it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.stores.changes import FeedHealth, KeyChange

__all__ = ["ChangeBus", "ChangeFeed", "Subscription"]


@runtime_checkable
class ChangeFeed(Protocol):
    """An ability: a store, or a bus beside it, that announces changes as they are committed."""

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Call ``listener`` after each commit, in any thread; the listener returns at once and does not raise.

        The first check calls it; it may start a thread or a task.

        Args:
            listener: The function to call.

        Returns:
            A function that ends the subscription; a `Subscription` if it can report whether news arrives.
        """
        ...


@runtime_checkable
class Subscription(Protocol):
    """The result of `ChangeFeed.subscribe`, if it can report whether news arrives."""

    def __call__(self) -> None:
        """End it."""
        ...

    def health(self) -> FeedHealth:
        """Return whether news arrives now; any thread may call it, and it must return at once."""
        ...


@runtime_checkable
class ChangeBus(ChangeFeed, Protocol):
    """A `ChangeFeed` that you must notify: a bus beside a store without its own news."""

    def publish(self, changes: Sequence[KeyChange]) -> object:
        """Announce committed changes to every listener, in this process and in others.

        It must not raise: the changes are committed. A listener that misses them learns of the gap, or waits for its
        ttl. A bus for an event loop returns an awaitable.

        Args:
            changes: 1 to 10,000.
        """
        ...
