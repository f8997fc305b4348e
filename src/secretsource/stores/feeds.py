"""The contract of feeds: news of changed records, from a store or from a bus beside it, and whether it arrives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

__all__ = ["ChangeBus", "ChangeFeed", "FeedHealth", "KeyChange", "Subscription"]


class KeyChange(NamedTuple):
    """News that a record changed, here or in another process.

    Attributes:
        key_id: The changed key; None if every cached record is in doubt, because news may have been missed. With an
            owner or a plan, None for every cached record under it.
        revision: Its present revision, or 0 with None.
        owner: The owner that changed, if that is the news.
        plan: The plan that changed, if that is the news.
    """

    key_id: str | None
    revision: int
    owner: str | None = None
    plan: str | None = None

    @classmethod
    def of_terms(cls, subject: str, id: str) -> KeyChange:
        """Return news of an owner or a plan.

        Args:
            subject: ``owner`` or ``plan``.
            id: Its id.
        """
        return cls(None, 0, id, None) if subject == "owner" else cls(None, 0, None, id)


class FeedHealth(NamedTuple):
    """Whether news of changes arrives; it has no secret in it.

    Attributes:
        name: The source of the news, without user and password.
        listening: Whether news arrives; None if the feed cannot say.
        since: The start of this state, in seconds since 1970 UTC; None if the feed cannot say.
        heard: The time when something last arrived, in seconds since 1970 UTC, or None for never.
        trouble: The reason why no news arrives, and the next step; empty while it does.
    """

    name: str
    listening: bool | None
    since: float | None = None
    heard: float | None = None
    trouble: str = ""

    @property
    def since_at(self) -> datetime | None:
        """The start of this state, as aware UTC."""
        return None if self.since is None else utc(self.since)

    @property
    def heard_at(self) -> datetime | None:
        """The time when something last arrived, as aware UTC, or None for never."""
        return None if self.heard is None else utc(self.heard)


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
