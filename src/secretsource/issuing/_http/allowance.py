"""The limits of a key as headers: each limit, and its remainder. Pure; time is an argument.

Source: draft-ietf-httpapi-ratelimit-headers (``RateLimit-Policy``, ``RateLimit``). Every answer to a key with limits
has both headers, so the parts that stay the same between answers are written once.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from secretsource.limiters.base import AtOnce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsource.limiters.base import Levels, LimitState, Plan

__all__ = ["allowance", "quoted", "whole_seconds"]

ROUNDING = 1e-6
"""Seconds that a difference of two instants may be off: a microsecond, since servers of limits count in these."""


def allowance(plan: Plan, levels: Levels, mono: float, wall: float) -> tuple[tuple[str, str], ...]:
    """Return ``RateLimit-Policy`` and ``RateLimit``; ``t`` is the time in seconds until a limit is whole again.

    Args:
        plan: The limits.
        levels: Their levels.
        mono: The present, in monotonic seconds.
        wall: The present, in seconds since 1970 UTC.
    """
    if plan.interval is not None:  # one rate, as most keys have it: as `Plan.left`, without the call
        policy, (name,) = _written(plan, 0.0)
        level: Any = levels[0]
        ahead = 0.0 if level is None or level <= mono else level - mono
        remaining = int((plan.lead - ahead) / plan.interval)
        return policy, ("RateLimit", f"{name}{remaining if remaining > 0 else 0};t={ceil(ahead - ROUNDING)}")
    policy, names = _written(plan, wall // 86400)
    told = [
        f"{name}{remaining}" if reset is None else f"{name}{remaining};t={ceil(reset - ROUNDING)}"
        for name, (remaining, reset) in zip(names, plan.left(levels, mono, wall), strict=True)
    ]
    return policy, ("RateLimit", ", ".join(told))


def whole_seconds(seconds: float) -> int:
    """Return a time to wait in whole seconds, rounded up; what only rounding has added counts for nothing.

    Args:
        seconds: The difference of two instants, as numbers with a fraction.
    """
    return ceil(seconds - ROUNDING)


def quoted(text: str) -> str:
    """Return a text as a quoted string (RFC 9110, section 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(maxsize=4096)
def _written(plan: Plan, day: float) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Return the policy of a plan on a day (months differ in length), and the beginning of each limit's remainder."""
    full = plan.states((None,) * len(plan.rules), 0.0, day * 86400)
    policy = ", ".join([_policy(each, rule) for each, rule in zip(full, plan.rules, strict=True)])
    return ("RateLimit-Policy", policy), tuple([f"{quoted(each.name)};r=" for each in full])


def _policy(full: LimitState, rule: object) -> str:
    """Return one limit as ``RateLimit-Policy`` names it; credits, and requests at once, have no window."""
    window = "" if full.window is None else f";w={full.window}"
    unit = ';qu="concurrent-requests"' if isinstance(rule, AtOnce) else ""
    return f"{quoted(full.name)};q={full.limit}{unit}{window}"
