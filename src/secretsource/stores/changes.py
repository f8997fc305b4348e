"""News that something changed, and whether such news arrives."""

from __future__ import annotations

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["FeedHealth", "KeyChange"]


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
        """Return news of an owner or a plan, as the subject says."""
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
