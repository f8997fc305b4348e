"""Requests at once as a rule beside rates and quotas: each request that is let in holds a lease until it is done.

A lease has an end, so a process that dies takes its leases away for no longer than that. A lease is known by the time
of its draw. Two leases of one instant are alike, and either may be released for the other.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.limiters._state import NEVER, LimitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters._state import Level

__all__ = ["AtOnce"]

LEASE = 60
"""Seconds after which a lease that was not released ends, unless the rule says otherwise."""
RETRY = 1.0
"""Seconds after which a refused client may try again: a request may end at any moment."""


class AtOnce(NamedTuple):
    """A number of requests that are under way at once.

    Attributes:
        limit: Requests at once, 1 to 1000.
        lease: Seconds after which a request that was not reported as done counts as done.
        whose: ``owner`` or ``plan`` for a limit of theirs; empty for a limit of the key itself.
    """

    limit: int
    lease: int = LEASE
    whose: str = ""

    @property
    def name(self) -> str:
        """The rule's name: ``at once``, or ``owner at once``."""
        return f"{self.whose} at once".lstrip()

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:
        """Return the level with one more lease, or None when there is no room; a cost of 0 only looks."""
        ends = _running(level, now)
        if not cost:
            return ends, NEVER
        return ((*ends, now + self.lease), NEVER) if len(ends) < self.limit else None

    def wait(self, level: Level | None, cost: int, now: float) -> float:
        """Return seconds after which to try again: until the next lease ends by itself, or a second."""
        ends = _running(level, now)
        return min(RETRY, min(ends) - now) if cost and len(ends) >= self.limit else 0.0

    def state(self, level: Level | None, now: float) -> LimitState:
        """Return the state of this limit for its headers."""
        return LimitState(self.name, self.limit, None, max(0, self.limit - len(_running(level, now))), None)

    def written(self, level: Level) -> tuple[float, ...]:
        """Return a level for `read`: the ends of the leases that are out."""
        assert isinstance(level, tuple)
        ends = level[0]
        assert not isinstance(ends, int)
        return ends

    def read(self, written: tuple[float, ...], now: float) -> Level:  # noqa: ARG002 - see `Rate`
        """Return the level that a rule of this name has `written`: the leases are the same."""
        return written, NEVER

    def undone(self, level: Level, drawn: Level, by: AtOnce, cost: int, since: float, now: float) -> Level:  # noqa: ARG002 - see `Rate`
        """Return the level without the lease that was taken at ``since``."""
        return _without(_running(level, now), since + by.lease), NEVER

    def renewed(self, level: Level | None, by: AtOnce, since: float, now: float) -> Level:
        """Return the level with a lease from now on in place of the one that the rule ``by`` granted at ``since``."""
        return (*_without(_running(level, now), since + by.lease), now + by.lease), NEVER

    def of(self, whose: str) -> AtOnce:
        """Return the same as a limit of an ``owner`` or a ``plan``."""
        return self._replace(whose=whose)

    def divided(self, processes: int) -> AtOnce:
        """Return the share of one process."""
        return self._replace(limit=max(1, self.limit // processes))

    def __str__(self) -> str:
        return f"{self.limit} {self.name}" + ("" if self.lease == LEASE else f" for {self.lease} seconds")


def _running(level: Level | None, now: float) -> tuple[float, ...]:
    """Return the ends of the leases that are out."""
    if level is None:
        return ()
    assert isinstance(level, tuple)
    ends = level[0]
    assert not isinstance(ends, int)
    return tuple([end for end in ends if end > now])


def _without(ends: tuple[float, ...], end: float) -> tuple[float, ...]:
    if end not in ends:  # it ended by itself, or its account was forgotten
        return ends
    place = ends.index(end)
    return ends[:place] + ends[place + 1 :]
