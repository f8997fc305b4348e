"""Steps 9 and 10 of a check: draw on the limits of a key, wherever they are counted."""

from __future__ import annotations

from typing import Any

from secretsource.exceptions import StoreError
from secretsource.issuing._check.steps.weighing import over_limit
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.limiters.base import ImmediateLimiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.record_cache import Entry
    from secretsource.issuing._verdict import Verdict
    from secretsource.limiters.base import Draw, Plan


class Drawing:
    """A drawing on the limits of keys.

    Args:
        parts: The parts to work with.

    Attributes:
        is_at_hand: Whether limits are counted in this process.
        take: Takes a cost from limits that are at hand, as `ImmediateLimiter.take` does; else returns None.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.is_at_hand = isinstance(parts.limiter, ImmediateLimiter)
        self.take = parts.limiter.take if isinstance(parts.limiter, ImmediateLimiter) else _is_elsewhere

    def draw(self, entry: Entry, plan: Plan, cost: int, mono: float, wall: float) -> Flow[Verdict]:
        """Return the verdict for a key with limits.

        Args:
            entry: Its record.
            plan: Its limits.
            cost: The amount that the check takes.
            mono: The present, in monotonic seconds.
            wall: The same in seconds since 1970 UTC.
        """
        record, parts = entry.record, self._parts
        try:
            answer: Any = yield parts.limiter.draw(entry.limit_key, plan, cost, mono, wall)
            draw: Draw | None = answer
        except StoreError:
            draw = None
        if draw is None:
            if parts.on_limiter_error == "open":
                return Accepted(record)
            if parts.on_limiter_error == "closed":
                return Rejected(Reason.LIMITER_UNAVAILABLE, record)
            share = plan.share(parts.processes)
            draw = parts.fallback.draw(entry.limit_key, share, cost, mono, wall)
        return Accepted(record, draw) if draw.refused_by is None else over_limit(record, draw, plan)


def _is_elsewhere(*_: object) -> None:
    """Return None: the long way of a check asks the limiter."""
