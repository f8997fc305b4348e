"""Credits as a rule beside rates and quotas: so many requests in all, which no time refills.

The store of the keys has the balance, so that no restart refills it; see `secretsource.stores.registers.credits`. This
rule shows it among the other limits.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.limiters._state import FOREVER, LimitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters._state import Level

__all__ = ["Credits"]


class Credits(NamedTuple):
    """A number of requests in all.

    Attributes:
        limit: All credits so far, those that are spent included; from 0.
        whose: ``owner`` for credits of the owner; empty for those of the key itself.
    """

    limit: int
    whose: str = ""

    @property
    def name(self) -> str:
        """The rule's name: ``credits`` or ``owner credits``."""
        return f"{self.whose} credits".lstrip()

    def level(self, spent: int) -> tuple[int, int]:
        """Return the level at which so many credits are spent."""
        return self.limit - spent, FOREVER

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:  # noqa: ARG002 - time changes nothing
        """Return the level after ``cost`` requests, or None when they do not fit."""
        left = self._left(level)
        return (left - cost, FOREVER) if cost <= left else None

    def wait(self, level: Level | None, cost: int, now: float) -> float | None:  # noqa: ARG002 - as above
        """Return 0.0 when ``cost`` requests fit, else None: waiting does not help."""
        return 0.0 if cost <= self._left(level) else None

    def state(self, level: Level | None, now: float) -> LimitState:  # noqa: ARG002 - as above
        """Return the state of this limit for its headers."""
        return LimitState(self.name, self.limit, None, max(0, self._left(level)), None)

    def written(self, level: Level) -> tuple[float, ...]:
        """Return a level for `read`: the credits that are spent."""
        return (self.limit - self._left(level),)

    def read(self, written: tuple[float, ...], now: float) -> Level:  # noqa: ARG002 - as above
        """Return the level at which as many credits are spent as was `written`."""
        return self.level(int(written[0]))

    def undone(self, level: Level, drawn: Level, by: Credits, cost: int, since: float, now: float) -> Level:  # noqa: ARG002 - as above
        """Return the level with ``cost`` requests refunded, and no more than there ever were."""
        return min(self.limit, self._left(level) + cost), FOREVER

    def of(self, whose: str) -> Credits:
        """Return the same as credits of an ``owner``."""
        return self._replace(whose=whose)

    def divided(self, processes: int) -> Credits:  # noqa: ARG002 - every process asks the store
        """Return the same: credits are never shared out."""
        return self

    def _left(self, level: Level | None) -> int:
        if level is None:
            return self.limit
        assert isinstance(level, tuple)
        assert isinstance(level[0], int)
        return level[0]

    def __str__(self) -> str:
        return f"{self.limit} {self.name}"
