"""The use of a key in the last day: the answer to the question which clients fail when it is revoked. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections import Counter

from secretsource._ground.namedtuple import NamedTuple
from secretsource.stores.uses import MOST_WITNESSES, WITNESS_KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.stores.base import Count, Usage

__all__ = ["RecentUse", "first_hour", "recent_use_of"]

_DAY = 86400
_HOUR = 3600
_ACCEPTED = "accepted"


class RecentUse(NamedTuple):
    """The use of a key in the last 24 hours: these clients fail if you revoke the key. It is behind by one flush.

    Attributes:
        key_id: The key.
        since: The beginning of the counted time, in seconds since 1970 UTC: a day ago, at the start of the hour.
        last_used: The time it was last accepted, in seconds since 1970 UTC, or None for never.
        accepted: The accepted requests; None if the store counts no requests.
        refused: The refused requests; None if the store counts no requests.
        networks: The addresses of its clients, each with the time it was last noted, in seconds since 1970 UTC; that is
            once an hour.
        agents: The user agents of its clients; the same.
    """

    key_id: str
    since: float
    last_used: float | None
    accepted: int | None
    refused: int | None
    networks: Mapping[str, float]
    agents: Mapping[str, float]

    @property
    def is_whole(self) -> bool:
        """Whether every client is listed that was noted; a store keeps 32 addresses and 32 user agents of a key."""
        return len(self.networks) < MOST_WITNESSES and len(self.agents) < MOST_WITNESSES


def first_hour(now: float) -> float:
    """Return the beginning of the hour that it was a day ago, in seconds since 1970 UTC.

    Args:
        now: The present, in the same seconds.
    """
    return (now - _DAY) // _HOUR * _HOUR


def recent_use_of(key_id: str, usage: Usage, hours: Iterable[Count] | None, now: float) -> RecentUse:
    """Return the use of a key in the last day.

    Args:
        key_id: The key.
        usage: The sum of its uses.
        hours: Its counted requests by hour, from `first_hour` on; None if the store counts none.
        now: The present, in seconds since 1970 UTC.
    """
    seen = usage.since(now - WITNESS_KEPT)
    since = first_hour(now)
    if hours is None:
        return RecentUse(key_id, since, usage.last_used, None, None, seen.networks, seen.agents)
    found = Counter[str]()
    for count in hours:
        if count.key_id == key_id and count.start >= since:
            found[count.outcome] += count.requests
    accepted = found.pop(_ACCEPTED, 0)
    return RecentUse(key_id, since, usage.last_used, accepted, found.total(), seen.networks, seen.agents)
