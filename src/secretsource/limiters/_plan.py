"""All limits of one key as one plan, and the outcome of a draw on it. Pure; time is an argument.

All rules of a key, its owner and the owner's plan are all or nothing: a rule that refuses leaves the others untouched.
A refused request costs nothing, so a client that keeps knocking is let in as soon as there is room.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from secretsource.limiters._at_once import AtOnce
from secretsource.limiters._credits import Credits
from secretsource.limiters._rules import Quota, Rate, month_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from secretsource.limiters._state import Level, LimitState

    Today: TypeAlias = tuple[float, float, int, int]
    """A day: its beginning and end, in seconds since 1970 UTC, its number, and the number of its month."""

__all__ = ["Draw", "Grant", "Levels", "Plan", "Rule"]

Rule: TypeAlias = Rate | Quota | AtOnce | Credits
"""One limit."""

Levels: TypeAlias = "tuple[Level | None, ...]"
"""The stored state of an account: one level per rule."""
Grant: TypeAlias = "tuple[Plan, Levels, float, float]"
"""The arguments of a granted `Draw`: its plan, its levels, and its time on both clocks."""

_NEVER: Today = (0.0, 0.0, 0, 0)
_ALWAYS: Today = (float("-inf"), float("inf"), 0, 0)
"""The day of a plan without quotas, which no clock leaves."""


class Plan:
    """All limits of one key; pure.

    A key whose owner has limits draws on two accounts, its own and the owner's, all or nothing. On a route with a limit
    it draws on that account, too, before both. The rules of an account come before those beside it; `accounts` returns
    the account of each rule.

    Args:
        own: The limits of the account that is drawn on.
        beside: Another account that is drawn on with it, and its limits, which may have one beside them again.

    Attributes:
        rules: All rules; names are distinct.
        own: The number of rules of the account that is drawn on.
        beside: As given.
        interval: `Rate.interval` of the only rule, as most keys have it; None for any other plan.
        lead: `Rate.lead` of that rule.
        alone: The limits of the account itself as a plan; None where there is no other account.
        leases: The shortest lease of its rules on requests at once, in seconds; None without such a rule.
    """

    __slots__ = (
        "_months",
        "_rates",
        "_terms",
        "_today",
        "alone",
        "beside",
        "interval",
        "lead",
        "leases",
        "own",
        "rules",
    )

    def __init__(self, own: tuple[Rule, ...], beside: tuple[str, Plan] | None = None) -> None:
        self.own = len(own)
        self.beside = beside
        rules = own if beside is None else (*own, *beside[1].rules)
        self.rules: tuple[Rule, ...] = rules
        self._terms = tuple(map(_term, rules))
        self._rates, self._months = _pair(rules)
        self._today = _NEVER if any(isinstance(rule, Quota) for rule in rules) else _ALWAYS
        self.leases = min((rule.lease for rule in rules if isinstance(rule, AtOnce)), default=None)
        first = rules[0]
        self.interval = first.interval if len(rules) == 1 and isinstance(first, Rate) else None
        self.lead = first.lead if isinstance(first, Rate) else 0.0
        self.alone = None if beside is None else Plan(own)

    def take(self, levels: Levels, cost: int, mono: float, wall: float) -> Levels | None:
        """Take ``cost`` requests from every rule, or from none.

        Args:
            levels: The levels that an earlier draw left, one per rule; None for a rule that was not drawn on yet.
            cost: Requests to take, 0 or more; 0 only looks.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.

        Returns:
            The levels to store; None when a rule refuses.
        """
        both: Any = levels
        if self._rates is not None:  # two rates: as `Rate.take`, in one step
            interval, lead, other, most = self._rates
            one, two = both
            one = (mono if one is None or one < mono else one) + interval * cost
            two = (mono if two is None or two < mono else two) + other * cost
            return None if one - mono > lead or two - mono > most else (one, two)
        since, until, day, month = self._today
        if not since <= wall < until:
            since, until, day, month = self._today = _today(wall)
        if self._months is not None and None not in levels:  # two quotas within their periods: as `Quota.take`
            first, last = self._months
            (one, begun), (two, started) = both
            is_present = begun >= (month if first else day) and started >= (month if last else day)
            if is_present and cost <= one and cost <= two:
                return (one - cost, begun), (two - cost, started)
        return self._take_each(levels, cost, mono, wall, day, month)

    def _take_each(self, levels: Levels, cost: int, mono: float, wall: float, day: int, month: int) -> Levels | None:
        after: list[Level] = []
        for (rule, interval, lead), level in zip(self._terms, levels):  # noqa: B905 - a level per rule; `strict` costs
            left: Any = level
            if interval is not None:  # as `Rate.take`, without the call
                left = (mono if left is None or left < mono else left) + interval * cost
                if left - mono > lead:
                    return None
            elif left is not None and left[1] >= (month if lead else day) and cost <= left[0]:
                left = left[0] - cost, left[1]  # as `Quota.take` within its period, without the call
            else:
                left = rule.take(left, cost, _now(rule, mono, wall))
                if left is None:
                    return None
            after.append(left)
        return tuple(after)

    def draw(self, levels: Levels | None, cost: int, mono: float, wall: float) -> Draw:
        """Take as `take` does, and return the reason of a refusal.

        Args:
            levels: As for `take`; None for a key that was not used yet.
            cost: As for `take`.
            mono: As for `take`.
            wall: As for `take`.
        """
        before = levels or (None,) * len(self.rules)
        after = self.take(before, cost, mono, wall)
        if after is not None:
            return Draw(self, after, mono, wall)
        for rule, level in zip(self.rules, before, strict=True):
            if rule.take(level, cost, _now(rule, mono, wall)) is None:
                return self.refusal(rule, before, cost, mono, wall)
        raise AssertionError("a rule that refuses refuses again")

    def refusal(self, rule: Rule, levels: Levels, cost: int, mono: float, wall: float) -> Draw:
        """Return the outcome of a draw that a rule refuses; if a rule can never grant it, that rule is named instead.

        Args:
            rule: The first rule that refuses.
            levels: The levels before the draw, one per rule.
            cost: Requests that were to be taken.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        wait: float | None = None
        for other, level in zip(self.rules, levels, strict=True):
            longest = other.wait(level, cost, _now(other, mono, wall))
            if longest is None:
                return Draw(self, levels, mono, wall, other)
            if other is rule:
                wait = longest
        return Draw(self, levels, mono, wall, rule, wait)

    def written(self, levels: Levels) -> dict[str, tuple[float, ...]]:
        """Return levels as numbers, by the name of their rule, for a limiter that stores them; `read` reads them.

        Args:
            levels: The levels, one per rule; a rule that was not drawn on yet is left out.
        """
        pairs = zip(self.rules, levels, strict=True)
        return {rule.name: rule.written(level) for rule, level in pairs if level is not None}

    def read(self, written: Mapping[str, Sequence[float]], mono: float, wall: float) -> Levels:
        """Return the levels that a plan has `written`: of a limit that changed since then, as much is used as before.

        Args:
            written: Numbers by the name of a rule; rules that this plan does not have are passed over.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        found = ((rule, written.get(rule.name)) for rule in self.rules)
        return tuple(
            None if numbers is None else rule.read(tuple(numbers), _now(rule, mono, wall)) for rule, numbers in found
        )

    def accounts(self, key: str) -> tuple[str, ...]:
        """Return the account of each rule, in a draw on the account ``key``."""
        if self.beside is None:
            return (key,) * self.own
        account, plan = self.beside
        return (key,) * self.own + plan.accounts(account)

    def states(self, levels: Levels, mono: float, wall: float) -> list[LimitState]:
        """Return the state of each rule at these levels.

        Args:
            levels: The levels, one per rule; None for a rule that was not drawn on yet.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        pairs = zip(self.rules, levels, strict=True)
        return [rule.state(level, _now(rule, mono, wall)) for rule, level in pairs]

    def left(self, levels: Levels, mono: float, wall: float) -> list[tuple[int, float | None]]:
        """Return `LimitState.remaining` and `LimitState.reset` of each rule; every answer with limits needs them.

        Args:
            levels: As for `states`.
            mono: As for `states`.
            wall: As for `states`.
        """
        left: list[tuple[int, float | None]] = []
        for (rule, interval, lead), level in zip(self._terms, levels):  # noqa: B905 - a level per rule; `strict` costs
            if interval is None:
                state = rule.state(level, _now(rule, mono, wall))
                left.append((state.remaining, state.reset))
            else:  # as `Rate.state`, without the call
                # the level of a rate is a number
                ahead: Any = 0.0 if level is None or level <= mono else level - mono  # type: ignore[operator]
                remaining = int((lead - ahead) / interval)
                left.append((remaining if remaining > 0 else 0, ahead))
        return left

    def share(self, processes: int) -> Plan:
        """Return the part of these limits that one of so many processes may grant by itself; at least one request each.

        Args:
            processes: The number of processes that grant a part, from 1.
        """
        return self if processes == 1 else _divided(self, processes)

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules))


class Draw:
    """The outcome of a draw; true if it was granted.

    Attributes:
        plan: The limits that were drawn on.
        levels: The levels that are left, one per rule.
        mono: Its time, in monotonic seconds.
        wall: Its time, in seconds since 1970 UTC.
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
        return self.plan.states(self.levels, self.mono, self.wall)

    def undone(self, plan: Plan, levels: Levels, cost: int, mono: float, wall: float) -> Levels:
        """Return the present levels of an account without what this draw took from its rates and quotas, or its leases.

        Args:
            plan: The present limits of the account.
            levels: The present levels, one per rule.
            cost: The requests to refund to rates and quotas; 0 releases the leases instead.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        drawn = {by.name: (by, left) for by, left in zip(self.plan.rules, self.levels, strict=True)}
        after: list[Level | None] = []
        for rule, level in zip(plan.rules, levels, strict=True):
            by, left = drawn.get(rule.name, (rule, None))
            if level is None or left is None or isinstance(rule, AtOnce) is bool(cost):
                after.append(level)
                continue
            undone: Any = rule.undone  # the rule of the same name is of the same kind
            after.append(undone(level, left, by, cost, _now(rule, self.mono, self.wall), _now(rule, mono, wall)))
        return tuple(after)

    def renewed(self, plan: Plan, levels: Levels, mono: float) -> Levels:
        """Return the present levels of an account with the leases of this draw running from now on.

        Args:
            plan: As for `undone`.
            levels: As for `undone`.
            mono: As for `undone`.
        """
        granted = {rule.name: rule for rule in self.plan.rules}
        after: list[Level | None] = []
        for rule, level in zip(plan.rules, levels, strict=True):
            by = granted.get(rule.name)
            if isinstance(rule, AtOnce) and isinstance(by, AtOnce):
                after.append(rule.renewed(level, by, self.mono, mono))
            else:
                after.append(level)
        return tuple(after)


def _term(rule: Rule) -> tuple[Rule, float | None, float]:
    """Return a rule, worked out once: `Rate.interval` and `Rate.lead`; for a quota, None, and 1 if it is for months.

    A month that began before its refill belongs to the month before. So a balance of the calendar's month is of the
    present period at any rate, as `Plan.take` supposes.
    """
    if isinstance(rule, Rate):
        return rule, rule.interval, rule.lead
    return rule, None, float(isinstance(rule, Quota) and rule.period == "month")


def _pair(rules: Sequence[Rule]) -> tuple[tuple[float, float, float, float] | None, tuple[bool, bool] | None]:
    """Return two rules of one kind, as keys with several mostly have them, worked out once.

    Returns:
        Interval and lead of two rates, or None. For two quotas whether each is for months, or None.
    """
    if len(rules) == 2:
        first, last = rules
        if isinstance(first, Rate) and isinstance(last, Rate):
            return (first.interval, first.lead, last.interval, last.lead), None
        if isinstance(first, Quota) and isinstance(last, Quota):
            return None, (first.period == "month", last.period == "month")
    return None, None


def _now(rule: Rule, mono: float, wall: float) -> float:
    """Return the time by the clock that a rule runs on: a calendar needs the wall clock."""
    return wall if isinstance(rule, Quota) else mono


def _today(wall: float) -> Today:
    day = int(wall // 86400)
    return day * 86400.0, day * 86400.0 + 86400.0, day, month_of(day)


@lru_cache(maxsize=4096)
def _divided(plan: Plan, processes: int) -> Plan:
    own = tuple(rule.divided(processes) for rule in plan.rules[: plan.own])
    return Plan(own, plan.beside and (plan.beside[0], _divided(plan.beside[1], processes)))
