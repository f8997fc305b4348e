"""The rules of limits: rates and quotas.

A **rate** is "so many per second, minute, hour or day", refilled drop by drop: GCRA, the generic cell rate algorithm
(ITU-T I.371), one number per key. A **quota** is "so many per calendar day or month (UTC)", refilled at once.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime

from secretsource._ground.namedtuple import NamedTuple
from secretsource.limiters._state import LimitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from secretsource.limiters._state import Level

    Written: TypeAlias = "tuple[float, ...]"
    """A level with what it was counted by, as numbers: a rule of the same name and any limit reads it."""

LONGEST_TOLERANCE = 0.001
"""Seconds by which a request of a slow rate may come early, because of rounding."""
MOST_PERIODS = 12_000
"""Refills that a request may wait for; more (32 years of days, a thousand years of months) count as never."""


class Rate(NamedTuple):
    """A number of requests per period, refilled evenly.

    Attributes:
        limit: Requests per period, 1 to 10**9.
        period: Length of the period, in seconds.
        burst: Requests that may come at once, 1 to 10**9.
        name: A name such as ``minute`` or ``10 seconds``.
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

        A thousandth of one request absorbs rounding, at most a millisecond: it never lets another request in.
        """
        return self.interval * self.burst + min(self.interval / 1000, LONGEST_TOLERANCE)

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:
        """Return the level after ``cost`` requests at ``now`` (monotonic seconds), or None when they do not fit."""
        assert not isinstance(level, tuple)
        start = now if level is None or level < now else level
        arrival = start + self.interval * cost
        return arrival if arrival - now <= self.lead else None

    def wait(self, level: Level | None, cost: int, now: float) -> float | None:
        """Return seconds until ``cost`` requests fit, or None when they never will."""
        return None if cost > self.burst else max(0.0, self._ahead(level, now) + self.interval * (cost - self.burst))

    def state(self, level: Level | None, now: float) -> LimitState:
        """Return the state of this limit for its headers."""
        ahead = self._ahead(level, now)
        remaining = int((self.lead - ahead) / self.interval)
        return LimitState(self.name, self.limit, self.period, max(0, remaining), ahead)

    def written(self, level: Level) -> Written:
        """Return a level for `read`: a time, and the seconds that one request takes of it."""
        assert not isinstance(level, tuple)
        return (level, self.interval)

    def read(self, written: Written, now: float) -> Level:
        """Return the level that a rule of this name has `written`: as many requests are used, at most the burst."""
        level, interval = written
        if interval == self.interval:
            return level
        return now + min(self._ahead(level, now) / interval, self.burst) * self.interval

    def undone(self, level: Level, drawn: Level, by: Rate, cost: int, since: float, now: float) -> Level:  # noqa: ARG002 - see `AtOnce`
        """Return the level without ``cost`` requests of an earlier draw, as far as time has not refilled them since.

        Args:
            level: The present level.
            drawn: The level that the draw left.
            by: The rule of the draw, of the same name.
            cost: The requests that it took.
            since: The time of the draw, as ``now``.
            now: Monotonic seconds.
        """
        assert not isinstance(level, tuple)
        assert not isinstance(drawn, tuple)
        return level - max(0.0, min(float(cost), (drawn - now) / by.interval)) * self.interval

    def _ahead(self, level: Level | None, now: float) -> float:
        assert not isinstance(level, tuple)
        return 0.0 if level is None else max(0.0, level - now)

    def of(self, whose: str) -> Rate:
        """Return the same as a limit of an ``owner`` or a ``plan``."""
        return self._replace(name=f"{whose} {self.name}")

    def divided(self, processes: int) -> Rate:
        """Return the share of one process."""
        return self._replace(limit=max(1, self.limit // processes), burst=max(1, self.burst // processes))

    def __str__(self) -> str:
        return f"{self.limit}/{self.name}" + (f" burst {self.burst}" if self.burst != self.limit else "")


class Quota(NamedTuple):
    """A number of requests per calendar period, in UTC.

    Attributes:
        limit: Requests per period, 1 to 10**9.
        period: ``day`` or ``month``.
        refill: ``replace`` the rest by the limit, or ``add`` the limit to it.
        ceiling: The most that ``add`` accumulates, or None for no bound.
        whose: ``owner`` or ``plan`` for a limit of theirs; empty for a limit of the key itself.
        on: The day of the month that a quota of months refills on, 1 to 31; the last day in a shorter month.
    """

    limit: int
    period: Literal["day", "month"]
    refill: Literal["replace", "add"] = "replace"
    ceiling: int | None = None
    whose: str = ""
    on: int = 1

    @property
    def name(self) -> str:
        """The rule's name, such as ``month quota`` or ``plan month quota``."""
        return f"{self.whose} {self.period} quota".lstrip()

    def take(self, level: Level | None, cost: int, now: float) -> Level | None:
        """Return the level after ``cost`` requests at ``now`` (seconds since 1970 UTC), or None if they do not fit."""
        balance, current = self._refilled(level, now)
        return (balance - cost, current) if cost <= balance or not cost else None

    def wait(self, level: Level | None, cost: int, now: float) -> float | None:
        """Return seconds until ``cost`` requests fit, or None when they never will."""
        balance, current = self._refilled(level, now)
        if cost <= balance:
            return 0.0
        if self._most is not None and cost > self._most:
            return None
        if cost - balance > self.limit * MOST_PERIODS:
            return None
        periods = 1 if self.refill == "replace" else math.ceil((cost - max(0, balance)) / self.limit)
        return _starts(self.period, current + periods, self.on) - now

    def state(self, level: Level | None, now: float) -> LimitState:
        """Return the state of this limit for its headers."""
        balance, current = self._refilled(level, now)
        start, end = _starts(self.period, current, self.on), _starts(self.period, current + 1, self.on)
        return LimitState(self.name, self.limit, int(end - start), max(0, balance), end - now)

    def written(self, level: Level) -> Written:
        """Return a level for `read`: the balance, the calendar period, and the limit."""
        return (*_counted(level), self.limit)

    def read(self, written: Written, now: float) -> Level:
        """Return the level that a quota of this name has `written`: in its period, as many requests are used.

        The balance is negative if more were used than this quota has.
        """
        balance, period, limit = map(int, written)
        if period >= _period(self.period, now, self.on):
            balance += self.limit - limit
        return (balance if self._most is None else min(balance, self._most)), period

    @property
    def _most(self) -> int | None:
        """The largest balance, or None for no bound."""
        return self.limit if self.refill == "replace" else self.ceiling

    def undone(self, level: Level, drawn: Level, by: Quota, cost: int, since: float, now: float) -> Level:  # noqa: ARG002 - see `Rate`
        """Return the level with ``cost`` requests of an earlier draw refunded; see `Rate.undone`.

        A refill that replaces the rest has refunded them already.
        """
        (balance, last), (_, spent_in) = _counted(level), _counted(drawn)
        if by.refill == "replace":
            return min(self.limit, balance + cost) if last == spent_in else balance, last
        return balance + cost if by.ceiling is None else max(balance, min(by.ceiling, balance + cost)), last

    def _refilled(self, level: Level | None, now: float) -> tuple[int, int]:
        current = _period(self.period, now, self.on)
        if level is None:
            return self.limit, current
        balance, last = _counted(level)
        if current <= last:  # the wall clock may step back: a period is never refilled twice
            return balance, last
        if self.refill == "replace":
            return self.limit, current
        filled = max(0, balance) + self.limit * (current - last)
        return filled if self.ceiling is None else min(filled, self.ceiling), current

    def of(self, whose: str) -> Quota:
        """Return the same as a limit of an ``owner`` or a ``plan``."""
        return self._replace(whose=whose)

    def divided(self, processes: int) -> Quota:
        """Return the share of one process."""
        ceiling = None if self.ceiling is None else max(1, self.ceiling // processes)
        return self._replace(limit=max(1, self.limit // processes), ceiling=ceiling)

    def __str__(self) -> str:
        ceiling = "" if self.ceiling is None else f" up to {self.ceiling}"
        period = f"{self.whose} {self.period}".lstrip() + (f" on {self.on}" if self.on > 1 else "")
        return f"{self.limit}/{period}" + (f" add{ceiling}" if self.refill == "add" else "")


def _counted(level: Level) -> tuple[int, int]:
    """Return the balance and the period of a quota."""
    assert isinstance(level, tuple)
    balance, period = level
    assert isinstance(balance, int)
    return balance, period


def _period(period: str, wall: float, on: int) -> int:
    day = int(wall // 86400)
    if period == "day":
        return day
    return month_of(day) if on == 1 or _has_come(day, on) else month_of(day) - 1


@lru_cache(maxsize=256)
def _has_come(day: int, on: int) -> bool:
    """Return whether a month has reached its refill on a day: on its last day at the latest."""
    return gmtime(day * 86400).tm_mday >= on or gmtime((day + 1) * 86400).tm_mday == 1


@lru_cache(maxsize=64)
def month_of(day: int) -> int:
    """Return the month of a day, both as running numbers."""
    date = gmtime(day * 86400)
    return date.tm_year * 12 + date.tm_mon - 1


@lru_cache(maxsize=256)
def _starts(period: str, number: int, on: int) -> float:
    if period == "day":
        return number * 86400.0
    first, following = (datetime(*_place(each), 1, tzinfo=UTC).timestamp() for each in (number, number + 1))
    return first if on == 1 else min(first + (on - 1) * 86400, following - 86400)


def _place(number: int) -> tuple[int, int]:
    """Return the year and the month of a running number."""
    year, month = divmod(number, 12)
    return year, month + 1
