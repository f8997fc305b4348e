"""The rules that keep a revoked key revoked, each of which can be left out of the model."""

from __future__ import annotations

import enum

__all__ = ["ALL", "Rule"]


class Rule(enum.Enum):
    """A rule, by the words of the page that explains it."""

    TTL_FROM_BEFORE_THE_READ = "the ttl counts from before the read"
    REVISION_NEVER_BACK = "a revision never goes back"
    FLOORS = "news raises a floor"
    FENCE = "forgotten floors leave a fence"
    NOTHING_WRITTEN_BACK = "nothing cached is written back"
    NEWS_AFTER_COMMIT = "news follows the commit"
    SECOND_PASS = "`revoke_all` passes again"


ALL = frozenset(Rule)
