"""Rate limits and quotas: how often a key may be used.

A **rate** is "so many per second, minute, hour or day", refilled drop by drop: GCRA, the generic cell rate algorithm
(ITU-T I.371), one number per key. A **quota** is "so many per calendar day or month (UTC)", refilled at once. All rules
of a key are all or nothing: one that refuses leaves the others untouched, and a refused request costs nothing, so a
client that keeps knocking is let in as soon as there is room.

The rules are pure and take both clocks: rates run on the monotonic clock, calendars on the wall clock. `LocalLimiter`
keeps the levels in this process's memory; a shared limiter keeps the same levels elsewhere.
"""

from __future__ import annotations

import math
import re
import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from secretsource.exceptions import InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Literal, TypeAlias

    Level: TypeAlias = "float | tuple[int, int]"
    """What is kept per rule: the theoretical arrival time of a rate; balance and calendar period of a quota."""
    Rule: TypeAlias = "Rate | Quota"

__all__ = ["AsyncLimiter", "Draw", "LimitState", "Limiter", "LocalLimiter", "Plan", "Quota", "Rate"]

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LARGEST = 10**9
_RATE = re.compile(r"([0-9]{1,10}) ?/ ?(?:([0-9]{1,5}) ?)?(second|minute|hour|day)s?(?: burst ([0-9]{1,10}))?")
_QUOTA = re.compile(r"([0-9]{1,10}) ?/ ?(day|month)(?: (add)(?: up to ([0-9]{1,10}))?)?")


class LimitState(NamedTuple):
    """One limit after a check.

    Attributes:
        name: The rule's name, such as ``minute`` or ``month quota``.
        limit: Requests per window.
        window: Length of the window in seconds (a month counts its own days).
        remaining: Requests that could be made at once now.
        reset: Seconds until all of the limit is there again.
    """

    name: str
    limit: int
    window: int
    remaining: int
    reset: float


class Rate(NamedTuple):
    """So many requests per period, refilled evenly.

    Attributes:
        limit: Requests per period, 1 to 10**9.
        period: Length of the period, in seconds.
        burst: Requests that may come at once, 1 to 10**9.
        name: Such as ``minute`` or ``10 seconds``.
    """

    limit: int
    period: int
    burst: int
    name: str

    @property
    def interval(self) -> float:
        """Seconds between two requests at this rate."""
        return self.period / self.limit

    @property
    def lead(self) -> float:
        """Seconds by which requests may run ahead of the rate.

        A thousandth of one request absorbs rounding, and can never let another one in.
        """
        return self.interval * (self.burst + 0.001)

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:
        """The level after ``cost`` requests at ``now`` (monotonic seconds), or None when they do not fit."""
        start = now if level is None or level < now else level  # type: ignore[operator]
        arrival: float = start + self.interval * cost  # type: ignore[operator]
        return arrival if arrival - now <= self.lead else None

    def wait(self, level: Level | None, cost: int, now: float) -> float | None:
        """Seconds until ``cost`` requests fit, or None when they never will."""
        return None if cost > self.burst else max(0.0, self._ahead(level, now) + self.interval * (cost - self.burst))

    def state(self, level: Level | None, now: float) -> LimitState:
        """What to tell of this limit."""
        ahead = self._ahead(level, now)
        remaining = int(self.burst + 0.001 - ahead * self.limit / self.period)
        return LimitState(self.name, self.limit, self.period, max(0, remaining), ahead)

    def _ahead(self, level: Level | None, now: float) -> float:
        return 0.0 if level is None else max(0.0, level - now)  # type: ignore[operator]

    def divided(self, processes: int) -> Rate:
        """The share of one process."""
        return self._replace(limit=max(1, self.limit // processes), burst=max(1, self.burst // processes))

    def __str__(self) -> str:
        return f"{self.limit}/{self.name}" + (f" burst {self.burst}" if self.burst != self.limit else "")


class Quota(NamedTuple):
    """So many requests per calendar period, in UTC.

    Attributes:
        limit: Requests per period, 1 to 10**9.
        period: ``day`` or ``month``.
        refill: ``replace`` what is left by the limit, or ``add`` the limit to it.
        ceiling: The most that ``add`` lets pile up, or None for no bound.
    """

    limit: int
    period: Literal["day", "month"]
    refill: Literal["replace", "add"] = "replace"
    ceiling: int | None = None

    @property
    def name(self) -> str:
        """Such as ``month quota``."""
        return f"{self.period} quota"

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:
        """The level after ``cost`` requests at ``now`` (seconds since 1970 UTC), or None when they do not fit."""
        balance, current = self._refilled(level, now)
        return (balance - cost, current) if cost <= balance else None

    def wait(self, level: Level | None, cost: int, now: float) -> float | None:
        """Seconds until ``cost`` requests fit, or None when they never will."""
        balance, current = self._refilled(level, now)
        if cost <= balance:
            return 0.0
        most = self.limit if self.refill == "replace" else self.ceiling
        if most is not None and cost > most:
            return None
        periods = 1 if self.refill == "replace" else math.ceil((cost - balance) / self.limit)
        return _starts(self.period, current + periods) - now

    def state(self, level: Level | None, now: float) -> LimitState:
        """What to tell of this limit."""
        balance, current = self._refilled(level, now)
        start, end = _starts(self.period, current), _starts(self.period, current + 1)
        return LimitState(self.name, self.limit, int(end - start), balance, end - now)

    def _refilled(self, level: Level | None, now: float) -> tuple[int, int]:
        current = _period(self.period, now)
        if level is None:
            return self.limit, current
        balance, last = level  # type: ignore[misc]
        if current <= last:  # the wall clock may step back: a period is never refilled twice
            return balance, last
        if self.refill == "replace":
            return self.limit, current
        filled = balance + self.limit * (current - last)
        return filled if self.ceiling is None else min(filled, self.ceiling), current

    def divided(self, processes: int) -> Quota:
        """The share of one process."""
        ceiling = None if self.ceiling is None else max(1, self.ceiling // processes)
        return self._replace(limit=max(1, self.limit // processes), ceiling=ceiling)

    def __str__(self) -> str:
        ceiling = "" if self.ceiling is None else f" up to {self.ceiling}"
        return f"{self.limit}/{self.period}" + (f" add{ceiling}" if self.refill == "add" else "")


class Plan:
    """All limits of one key; pure.

    Attributes:
        rules: Rates first, then quotas; names are distinct.
    """

    __slots__ = ("_interval", "_lead", "rules")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        # Most keys have one rate and nothing else: its two numbers are worked out once, for the hot path.
        first = rules[0]
        self._interval = first.interval if len(rules) == 1 and isinstance(first, Rate) else None
        self._lead = first.lead if isinstance(first, Rate) else 0.0

    def draw(self, levels: tuple[Level | None, ...] | None, cost: int, mono: float, wall: float) -> Draw:
        """Take ``cost`` requests from every rule, or from none.

        Args:
            levels: What an earlier draw left, one level per rule; None for a key that was not used yet.
            cost: Requests to take, 0 or more; 0 only looks.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.
        """
        if self._interval is not None and levels:
            level = levels[0]
            start = mono if level is None or level < mono else level  # type: ignore[operator]
            arrival: float = start + self._interval * cost  # type: ignore[operator]
            if arrival - mono <= self._lead:
                return Draw(self, (arrival,), mono, wall)
        before = levels or (None,) * len(self.rules)
        after: list[Level | None] = []
        for place, rule in enumerate(self.rules):
            now = mono if rule.__class__ is Rate else wall
            level = rule.take(before[place], cost, now)
            if level is None:
                return Draw(self, before, mono, wall, rule, rule.wait(before[place], cost, now))
            after.append(level)
        return Draw(self, tuple(after), mono, wall)

    def share(self, processes: int) -> Plan:
        """The part of these limits that one of so many processes may grant by itself; at least one request each."""
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
        levels: tuple[Level | None, ...],
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
        return _states(self.plan, self.levels, self.mono, self.wall)


class Limiter(Protocol):
    """Where levels are kept; a shared one may raise `StoreError` when it cannot be asked."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``; see `Plan.draw`."""
        ...


class AsyncLimiter(Protocol):
    """As `Limiter`, for an event loop."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Awaitable[Draw]:
        """Draw on the account ``key``; see `Plan.draw`."""
        ...


class LocalLimiter:
    """Levels in this process's memory, for any number of threads; gone when it ends, and not shared with others.

    Args:
        max_accounts: Accounts to keep; past it, those that are full again are dropped first, then the oldest.
    """

    __slots__ = ("_accounts", "_lock", "_max_accounts")

    def __init__(self, *, max_accounts: int = 100_000) -> None:
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()
        self._max_accounts = max_accounts

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``; see `Plan.draw`."""
        account = self._accounts.get(key)
        if account is None:
            account = self._open(key, plan, mono, wall)
        account.acquire()
        try:
            if account.plan is not plan:
                account.change(plan)
            draw = plan.draw(account.levels, cost, mono, wall)
            account.levels = draw.levels
        finally:
            account.release()
        return draw

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, key: str, plan: Plan, mono: float, wall: float) -> _Account:
        with self._lock:
            if len(self._accounts) >= self._max_accounts:
                self._make_room(mono, wall)
            return self._accounts.setdefault(key, _Account(plan))

    def _make_room(self, mono: float, wall: float) -> None:
        full = [key for key, account in self._accounts.items() if account.is_full(mono, wall)]
        spare = full or list(self._accounts)[: max(1, self._max_accounts // 10)]
        for key in spare:
            del self._accounts[key]


class _Account:
    __slots__ = ("acquire", "levels", "plan", "release")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.levels: tuple[Level | None, ...] = (None,) * len(plan.rules)
        lock = threading.Lock()
        self.acquire, self.release = lock.acquire, lock.release  # half the price of a `with`, on the hot path

    def change(self, plan: Plan) -> None:
        """Go over to other rules; a rule that stays keeps its level."""
        kept = dict(zip(self.plan.rules, self.levels, strict=True))
        self.levels = tuple(kept.get(rule) for rule in plan.rules)
        self.plan = plan

    def is_full(self, mono: float, wall: float) -> bool:
        states = _states(self.plan, self.levels, mono, wall)
        return all(
            state.remaining >= (rule.burst if isinstance(rule, Rate) else rule.limit)
            for rule, state in zip(self.plan.rules, states, strict=True)
        )


def _states(plan: Plan, levels: tuple[Level | None, ...], mono: float, wall: float) -> list[LimitState]:
    pairs = zip(plan.rules, levels, strict=True)
    return [rule.state(level, mono if isinstance(rule, Rate) else wall) for rule, level in pairs]


@lru_cache(maxsize=4096)
def _divided(plan: Plan, processes: int) -> Plan:
    return Plan(tuple(rule.divided(processes) for rule in plan.rules))


@lru_cache(maxsize=4096)
def parse(rate_limit: str | None, quota: str | None) -> Plan | None:
    """Read the limits of a key.

    Args:
        rate_limit: Rules with commas between them: ``100/minute``, ``10/second burst 20``, ``5/30 seconds``.
        quota: Rules with commas between them: ``10000/month``, ``500/day add``, ``500/day add up to 2000``.

    Returns:
        The plan, or None without any limit.

    Raises:
        InvalidRequest: A rule is not of this form, is zero or over 10**9, or two have one name.
    """
    rules = [_rate(text) for text in _split(rate_limit)] + [_quota(text) for text in _split(quota)]
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise InvalidRequest(f"two limits cover the same period ({', '.join(names)}): keep the tighter one")
    return Plan(tuple(rules)) if rules else None


def _split(text: str | None) -> list[str]:
    return [] if text is None else [part.strip(" ") for part in text.split(",")]


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"rate limit {text[:80]!r} is not of the form  100/minute  or  10/second burst 20")
    limit, count, unit, burst = match.groups()
    name = f"{int(count)} {unit}s" if count and int(count) != 1 else unit
    return Rate(
        _positive(limit, text), _positive(count or "1", text) * SECONDS[unit], _positive(burst or limit, text), name
    )


def _quota(text: str) -> Quota:
    match = _QUOTA.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"quota {text[:80]!r} is not of the form  10000/month  or  500/day add up to 2000")
    limit, period, add, ceiling = match.groups()
    return Quota(
        _positive(limit, text),
        "day" if period == "day" else "month",
        "add" if add else "replace",
        _positive(ceiling, text) if ceiling else None,
    )


def _positive(digits: str, text: str) -> int:
    number = int(digits)
    if 1 <= number <= LARGEST:
        return number
    raise InvalidRequest(f"limit {text!r} is out of range: numbers are from 1 to 1000000000")


def _period(period: str, wall: float) -> int:
    if period == "day":
        return int(wall // 86400)
    moment = time.gmtime(wall)
    return moment.tm_year * 12 + moment.tm_mon - 1


def _starts(period: str, number: int) -> float:
    if period == "day":
        return number * 86400.0
    year, month = divmod(number, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
