"""The limits of a key as headers: each limit, and how much of it is left. Pure; time is an argument.

Source: draft-ietf-httpapi-ratelimit-headers (``RateLimit-Policy``, ``RateLimit``). Every answer to a key with limits
has both headers, so all that stays the same from one answer to the next is written once.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters.base import Levels, Plan

__all__ = ["allowance", "quoted"]


def allowance(plan: Plan, levels: Levels, mono: float, wall: float) -> tuple[tuple[str, str], ...]:
    """``RateLimit-Policy`` and ``RateLimit``; ``t`` is in how many seconds all of a limit is there again.

    Args:
        plan: The limits.
        levels: What is left of them.
        mono: When, in monotonic seconds.
        wall: The same in seconds since 1970 UTC.
    """
    policy, names = _written(plan, wall // 86400)
    left = plan.left(levels, mono, wall)
    if len(names) == 1:
        (remaining, reset), (name,) = left[0], names
        return policy, ("RateLimit", f"{name}{remaining};t={ceil(reset)}")
    pairs = zip(names, left, strict=True)
    return policy, (
        "RateLimit",
        ", ".join([f"{name}{remaining};t={ceil(reset)}" for name, (remaining, reset) in pairs]),
    )


def quoted(text: str) -> str:
    """A text as a quoted string (RFC 9110, section 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(maxsize=4096)
def _written(plan: Plan, day: float) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The policy of a plan on a day, for months differ in length; and the beginning of what is left of each limit."""
    full = plan.states((None,) * len(plan.rules), 0.0, day * 86400)
    policy = ", ".join([f"{quoted(each.name)};q={each.limit};w={each.window}" for each in full])
    return ("RateLimit-Policy", policy), tuple([f"{quoted(each.name)};r=" for each in full])
