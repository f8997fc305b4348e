"""Rate limits and quotas of a key: how they are written, and a limiter in this process's memory.

The rules themselves are in `limiters.base`, where limiters that several processes share find them too.
"""

from __future__ import annotations

import re
import sys
import threading
from functools import lru_cache

from secretsource import _fork
from secretsource.exceptions import InvalidRequest
from secretsource.limiters.base import AsyncLimiter, Draw, Limiter, LimitState, Plan, Quota, Rate, states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from secretsource.limiters.base import Levels

    Held: TypeAlias = "tuple[Plan, Levels, float, float]"
    """What a granted `Draw` is made of: its plan, its levels, and when it was made on both clocks."""

__all__ = ["AsyncLimiter", "Draw", "LimitState", "Limiter", "LocalLimiter", "Plan", "Quota", "Rate", "parse"]

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LARGEST = 10**9
_HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether steps without a call are whole: Python changes threads, and runs a signal's handler, after a call, at a jump
back and at the start of a function. So a level that is read, raised and put back between two calls needs no lock."""
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
        self._lock = threading.RLock()
        self._max_accounts = max_accounts
        _fork.tell(self)

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``; see `Limiter.draw`."""
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        if plan.beside is not None:
            return self._draw_both(account, plan, plan.beside, cost, mono, wall)
        with account.lock:
            while True:
                held = account.held
                draw = plan.draw(_levels(held, plan), cost, mono, wall)
                if account.held is held:  # else a signal's handler, or a cached check, has drawn on it meanwhile
                    account.held = (plan, draw.levels, mono, wall)
                    return draw

    def take(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Held | None:
        """As `draw`, for who wants to know no more of a grant than what it left; every cached check passes here.

        Returns:
            What a `Draw` is made of; None when it is refused, and `draw` says by what.
        """
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        interval = plan.interval
        held = account.held
        if _HAS_GIL and interval is not None and held[0] is plan:  # one rate: as `Rate.take`, but in one step
            level: Any = held[1][0]
            arrival = (mono if level is None or level < mono else level) + interval * cost
            if arrival - mono > plan.lead:
                return None
            account.held = left = (plan, (arrival,), mono, wall)
            return left
        draw = self.draw(key, plan, cost, mono, wall)
        return (plan, draw.levels, mono, wall) if draw.refused_by is None else None

    def _draw_both(
        self, first: _Account, plan: Plan, beside: tuple[str, Plan], cost: int, mono: float, wall: float
    ) -> Draw:
        """Draw on a key's account and on its owner's; locks are taken in this order, so that no two draws get stuck."""
        key, shared = beside
        second = self._accounts.get(key) or self._open(key, shared, mono, wall)
        own = _own(plan)
        with first.lock, second.lock:
            while True:
                one, two = first.held, second.held
                draw = plan.draw(_levels(one, own) + _levels(two, shared), cost, mono, wall)
                left = (own, draw.levels[: plan.own], mono, wall)
                right = (shared, draw.levels[plan.own :], mono, wall)
                if first.held is one and second.held is two:  # else one of them has been drawn on meanwhile
                    first.held, second.held = left, right
                    return draw

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, key: str, plan: Plan, mono: float, wall: float) -> _Account:
        with self._lock:
            while len(self._accounts) >= self._max_accounts:
                self._make_room(mono, wall)
            return self._accounts.setdefault(key, _Account(plan, mono, wall))

    def _make_room(self, mono: float, wall: float) -> None:
        full = [key for key, account in [*self._accounts.items()] if _is_full(account.held, mono, wall)]
        least = max(1, self._max_accounts // 10)  # so that few of those who open an account look at all the others
        spare = full if len(full) >= least else [*dict.fromkeys([*full, *self._accounts])][:least]
        for key in spare:
            self._accounts.pop(key, None)

    def after_fork(self) -> None:
        """Begin with new locks in a forked child, where those that other threads held are never given back."""
        self._lock = threading.RLock()
        for account in self._accounts.values():
            account.lock = threading.RLock()


class _Account:
    """What is held of one key.

    Attributes:
        held: The plan of the last draw, the levels that it left, and when; replaced as a whole, because a signal may
            end a draw at any step.
        lock: Held by the thread that draws; a signal's handler may draw in the middle of it.
    """

    __slots__ = ("held", "lock")

    def __init__(self, plan: Plan, mono: float, wall: float) -> None:
        own = _own(plan)
        self.held: Held = (own, (None,) * own.own, mono, wall)
        self.lock = threading.RLock()


@lru_cache(maxsize=4096)
def _own(plan: Plan) -> Plan:
    """The limits of the account itself, without those beside it."""
    return plan if plan.beside is None else Plan(plan.rules[: plan.own])


def _levels(held: Held, plan: Plan) -> Levels:
    """The levels that a plan begins with; after a change of rules, one that stays keeps its level."""
    former, levels, *_ = held
    if former is plan:
        return levels
    kept = dict(zip(former.rules, levels, strict=True))
    return tuple(kept.get(rule) for rule in plan.rules)


def _is_full(held: Held, mono: float, wall: float) -> bool:
    plan, levels, *_ = held
    return all(
        state.remaining >= (rule.burst if isinstance(rule, Rate) else rule.limit)
        for rule, state in zip(plan.rules, states(plan, levels, mono, wall), strict=True)
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
