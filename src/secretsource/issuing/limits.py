"""Rate limits and quotas of a key: how they are written, and a limiter in this process's memory.

The rules themselves are in `limiters.base`, where limiters that several processes share find them too.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache

from secretsource import _fork
from secretsource.exceptions import InvalidRequest
from secretsource.limiters.base import AsyncLimiter, Draw, Limiter, LimitState, Plan, Quota, Rate, states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsource.limiters.base import Levels

__all__ = ["AsyncLimiter", "Draw", "LimitState", "Limiter", "LocalLimiter", "Plan", "Quota", "Rate", "parse"]

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LARGEST = 10**9
_RATE = re.compile(r"([0-9]{1,10}) ?/ ?(?:([0-9]{1,5}) ?)?(second|minute|hour|day)s?(?: burst ([0-9]{1,10}))?")
_QUOTA = re.compile(r"([0-9]{1,10}) ?/ ?(day|month)(?: (add)(?: up to ([0-9]{1,10}))?)?")


class LocalLimiter:
    """Levels in this process's memory, for any number of threads; gone when it ends, and not shared with others.

    Args:
        max_accounts: Accounts to keep; past it, those that are full again are dropped first, then the oldest.
    """

    __slots__ = ("__weakref__", "_accounts", "_lock", "_max_accounts")

    def __init__(self, *, max_accounts: int = 100_000) -> None:
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()
        self._max_accounts = max_accounts
        _fork.tell(self)

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``; see `Plan.draw`."""
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        account.acquire()
        try:
            return account.draw(plan, cost, mono, wall)
        finally:
            account.release()

    def take(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Levels | None:
        """As `draw`, for who wants to know no more of a grant than what it left; every cached check passes here.

        Returns:
            The levels, one per rule; None when it is refused, and `draw` says by what.
        """
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        account.acquire()
        try:
            if plan.interval is None or account.plan is not plan:
                draw = account.draw(plan, cost, mono, wall)
                return draw.levels if draw.refused_by is None else None
            level: Any = account.levels[0]  # of one rate: what `Rate.take` does, without the calls
            arrival = (mono if level is None or level < mono else level) + plan.interval * cost
            if arrival - mono > plan.lead:
                return None
            account.levels = levels = (arrival,)
            return levels
        finally:
            account.release()

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, key: str, plan: Plan, mono: float, wall: float) -> _Account:
        with self._lock:
            if len(self._accounts) >= self._max_accounts:
                self._make_room(mono, wall)
            return self._accounts.setdefault(key, _Account(plan))

    def _make_room(self, mono: float, wall: float) -> None:
        full = [key for key, account in self._accounts.items() if account.is_full(mono, wall)]
        least = max(1, self._max_accounts // 10)  # so that few of those who open an account look at all the others
        spare = full if len(full) >= least else [*dict.fromkeys([*full, *self._accounts])][:least]
        for key in spare:
            del self._accounts[key]

    def after_fork(self) -> None:
        """Begin with new locks in a forked child, where those that other threads held are never given back."""
        self._lock = threading.Lock()
        for account in self._accounts.values():
            account.renew_lock()


class _Account:
    __slots__ = ("acquire", "levels", "plan", "release")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.levels: Levels = (None,) * len(plan.rules)
        self.renew_lock()

    def renew_lock(self) -> None:
        lock = threading.Lock()
        self.acquire, self.release = lock.acquire, lock.release  # half the price of a `with`, on the hot path

    def draw(self, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw, by who has the lock."""
        if self.plan is not plan:
            self._change(plan)
        draw = plan.draw(self.levels, cost, mono, wall)
        self.levels = draw.levels
        return draw

    def _change(self, plan: Plan) -> None:
        """Go over to other rules; a rule that stays keeps its level."""
        kept = dict(zip(self.plan.rules, self.levels, strict=True))
        self.levels = tuple(kept.get(rule) for rule in plan.rules)
        self.plan = plan

    def is_full(self, mono: float, wall: float) -> bool:
        self.acquire()  # its plan and its levels belong together
        try:
            plan, levels = self.plan, self.levels
        finally:
            self.release()
        now = states(plan, levels, mono, wall)
        return all(
            state.remaining >= (rule.burst if isinstance(rule, Rate) else rule.limit)
            for rule, state in zip(plan.rules, now, strict=True)
        )


@lru_cache(maxsize=4096)
def parse(rate_limit: str | None, quota: str | None) -> Plan | None:
    """Read the limits of a key.

    Args:
        rate_limit: Rules with commas between them: ``100/minute``, ``10/second burst 20``, ``5/30 seconds``.
        quota: Rules with commas between them: ``10000/month``, ``500/day add``, ``500/day add up to 2000``.

    Returns:
        The plan, or None without any limit.

    Raises:
        InvalidRequest: A rule is not of this form, is zero or over 10**9, holds less than it is given, or two have
            one name.
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
    quota = Quota(
        _positive(limit, text),
        "day" if period == "day" else "month",
        "add" if add else "replace",
        _positive(ceiling, text) if ceiling else None,
    )
    if quota.ceiling is not None and quota.ceiling < quota.limit:
        raise InvalidRequest(f"quota {text!r} would never hold its {quota.limit}: raise what it adds up to")
    return quota


def _positive(digits: str, text: str) -> int:
    number = int(digits)
    if 1 <= number <= LARGEST:
        return number
    raise InvalidRequest(f"limit {text!r} is out of range: numbers are from 1 to 1000000000")
