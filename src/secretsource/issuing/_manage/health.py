"""What an `ApiKeys` knows of itself: whether news reaches it, and whether the store takes what it has seen."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores.base import FeedHealth

__all__ = ["Health"]


class Health(NamedTuple):
    """What goes on beside the checks, as of now; it has no secret in it, and no store is asked for it.

    Attributes:
        feeds: One for each source of news that there is: the store's own, and the ``feed`` that was given.
        failed_flushes: Flushes in the background that the store did not take since the start; what they held waits
            for the next.
    """

    feeds: tuple[FeedHealth, ...]
    failed_flushes: int

    @property
    def hears(self) -> bool:
        """Whether news arrives: false while a feed says that it hears none; a feed that cannot say is believed."""
        return all(feed.listening is not False for feed in self.feeds)
