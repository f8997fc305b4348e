"""The health of an `ApiKeys`: whether news reaches it, and whether the store takes its flushes."""

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores.base import FeedHealth

__all__ = ["Health"]


class Health(NamedTuple):
    """The state of the work beside the checks, as of now; it has no secret in it, and no store is asked for it.

    Attributes:
        feeds: The state of each source of news: the store's own, and the ``feed`` of the settings.
        failed_flushes: Flushes in the background that the store did not take since the start; the next flush includes
            their uses.
    """

    feeds: tuple[FeedHealth, ...]
    failed_flushes: int

    @property
    def hears(self) -> bool:
        """Whether news arrives: false while a feed reports that it receives no news.

        A feed that cannot report counts as receiving.
        """
        return all(feed.listening is not False for feed in self.feeds)
