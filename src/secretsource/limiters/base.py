"""The contract of limiters: what is drawn on, what comes of it, and who keeps the levels.

All rules of a key, its owner and the owner's plan are all or nothing: one that refuses leaves the others untouched, and
a refused request costs nothing, so a client that keeps knocking is let in as soon as there is room.

The rules are pure and take both clocks: rates run on the monotonic clock, calendars on the wall clock. A limiter that
several processes share reads its own server's clock instead, and says so in the `Draw`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from secretsource.limiters._rules import LimitState, Quota, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeAlias

    from secretsource.limiters._rules import Level, Rule

    Levels: TypeAlias = "tuple[Level | None, ...]"
    """What is kept of an account: one level per rule."""

__all__ = ["AsyncLimiter", "Draw", "LimitState", "Limiter", "Plan", "Quota", "Rate"]


class Plan:
    """All limits of one key; pure.

    A key whose owner has limits draws on two accounts, its own and the owner's, all or nothing. The rules of its own
    come first then; `accounts` says which rule belongs where.

    Args:
        own: The limits of the account that is drawn on.
        beside: Another account that is drawn on with it, and its limits.

    Attributes:
        rules: All rules; names are distinct.
        own: How many of them belong to the account that is drawn on.
        beside: As given.
        interval: `Rate.interval` of the only rule, as most keys have it; None for any other plan.
        lead: `Rate.lead` of that rule.
    """

    __slots__ = ("beside", "interval", "lead", "own", "rules")

    def __init__(self, own: tuple[Rule, ...], beside: tuple[str, Plan] | None = None) -> None:
        self.own = len(own)
        self.beside = beside
        rules = own if beside is None else (*own, *beside[1].rules)
        self.rules: tuple[Rule, ...] = rules
        first = rules[0]
        self.interval = first.interval if len(rules) == 1 and isinstance(first, Rate) else None
        self.lead = first.lead if isinstance(first, Rate) else 0.0

    def draw(self, levels: Levels | None, cost: int, mono: float, wall: float) -> Draw:
        """Take ``cost`` requests from every rule, or from none.

        Args:
            levels: What an earlier draw left, one level per rule; None for a key that was not used yet.
            cost: Requests to take, 0 or more; 0 only looks.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        before = levels or (None,) * len(self.rules)
        after: list[Level | None] = []
        for place, rule in enumerate(self.rules):
            now = mono if rule.__class__ is Rate else wall
            level = rule.take(before[place], cost, now)
            if level is None:
                return self.refusal(rule, before, cost, mono, wall)
            after.append(level)
        return Draw(self, tuple(after), mono, wall)

    def refusal(self, rule: Rule, levels: Levels, cost: int, mono: float, wall: float) -> Draw:
        """What comes of a draw that a rule refuses; another rule that never grants it has the last word.

        Args:
            rule: The first rule that refuses.
            levels: What there is, one level per rule.
            cost: Requests that were to be taken.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        wait: float | None = None
        for other, level in zip(self.rules, levels, strict=True):
            longest = other.wait(level, cost, mono if isinstance(other, Rate) else wall)
            if longest is None:
                return Draw(self, levels, mono, wall, other)
            if other is rule:
                wait = longest
        return Draw(self, levels, mono, wall, rule, wait)

    def accounts(self, key: str) -> tuple[str, ...]:
        """The account of each rule, in a draw on the account ``key``."""
        if self.beside is None:
            return (key,) * self.own
        account, plan = self.beside
        return (key,) * self.own + plan.accounts(account)

    def share(self, processes: int) -> Plan:
        """The part of these limits that one of so many processes may grant by itself; at least one request each.

        Args:
            processes: How many grant a part, from 1.
        """
        if processes == 1:
            return self
        return _divided(self, processes)

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules))


class Draw:
    """What came of a draw; true when it was granted.

    Attributes:
        plan: The limits that were drawn on.
        levels: What is left, one level per rule.
        mono: When, in monotonic seconds.
        wall: When, in seconds since 1970 UTC.
        refused_by: The rule that refused, or None.
        retry_after: Seconds until the refused draw would fit, or None when it never will.
    """

    __slots__ = ("levels", "mono", "plan", "refused_by", "retry_after", "wall")

    def __init__(
        self,
        plan: Plan,
        levels: Levels,
        mono: float,
        wall: float,
        refused_by: Rule | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.plan = plan
        self.levels = levels
        self.mono = mono
        self.wall = wall
        self.refused_by = refused_by
        self.retry_after = retry_after

    def __bool__(self) -> bool:
        return self.refused_by is None

    @property
    def states(self) -> list[LimitState]:
        """The state of each limit."""
        return states(self.plan, self.levels, self.mono, self.wall)


class Limiter(Protocol):
    """Where levels are kept; a shared one may raise `StoreError` when it cannot be asked."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``, and on any that the plan has beside it; see `Plan.draw` and `Plan.accounts`."""
        ...


class AsyncLimiter(Protocol):
    """As `Limiter`, for an event loop."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Awaitable[Draw]:
        """As `Limiter.draw`."""
        ...


def states(plan: Plan, levels: Levels, mono: float, wall: float) -> list[LimitState]:
    """The state of each rule of a plan at these levels."""
    pairs = zip(plan.rules, levels, strict=True)
    return [rule.state(level, mono if isinstance(rule, Rate) else wall) for rule, level in pairs]


@lru_cache(maxsize=4096)
def _divided(plan: Plan, processes: int) -> Plan:
    own = tuple(rule.divided(processes) for rule in plan.rules[: plan.own])
    return Plan(own, plan.beside and (plan.beside[0], _divided(plan.beside[1], processes)))
