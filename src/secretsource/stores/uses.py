"""The uses of keys, as a key store takes and tells them."""

from __future__ import annotations

from secretsource._ground.frozen import FrozenDict
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MOST_WITNESSES", "WITNESS_KEPT", "Usage", "Use"]

_NOBODY: Mapping[str, float] = FrozenDict()
MOST_WITNESSES = 32
"""Greatest number of distinct networks, and of user agents, that a store remembers for one key."""
WITNESS_KEPT = 25 * 3600.0
"""Seconds for which a store keeps a network or a user agent: a day, and the hour by which its time may be behind."""


class Use(NamedTuple):
    """The uses of one key since the last flush.

    Attributes:
        key_id: The key.
        last_used: The time it was last accepted, in seconds since 1970 UTC.
        requests: The number of times it was accepted; 0 if that was not counted (only rotating keys are watched
            closely).
        networks: The addresses of its clients, each with the time of its last use, in seconds since 1970 UTC; one that
            was told in the last hour may be left out.
        agents: The user agents of its clients; the same.
    """

    key_id: str
    last_used: float
    requests: int = 0
    networks: Mapping[str, float] = _NOBODY
    agents: Mapping[str, float] = _NOBODY


class Usage(NamedTuple):
    """The sum of all flushed `Use` of one key.

    Attributes:
        last_used: The time it was last accepted, in seconds since 1970 UTC, or None for never.
        requests: The number of times it was accepted while rotating; too many, never too few, after a lost answer.
        networks: The addresses of its clients, each with the time it was last noted, in seconds since 1970 UTC. The
            time may be an hour behind. There are at most `MOST_WITNESSES`, and none is kept past `WITNESS_KEPT`.
        agents: The user agents of its clients; the same.
    """

    last_used: float | None = None
    requests: int = 0
    networks: Mapping[str, float] = _NOBODY
    agents: Mapping[str, float] = _NOBODY

    def since(self, instant: float) -> Usage:
        """Return the same with only the clients that were noted since an instant, in seconds since 1970 UTC."""
        networks, agents = (
            FrozenDict({seen: at for seen, at in noted.items() if at >= instant})
            for noted in (self.networks, self.agents)
        )
        return self._replace(networks=networks, agents=agents)
