"""Limits in this process's memory: exact for any number of threads, gone with the process, not shared with others.

No draw waits for a lock. A draw reads the state of an account, works out the new state, and stores it only if no other
state was stored meanwhile; else it starts again. So threads that draw on one account do not queue, and a signal's
handler may draw in the middle of another draw.
"""

from __future__ import annotations

import sys
import threading

from secretsource._ground import fork
from secretsource.limiters.base import Draw, Grant, Plan, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from secretsource.limiters.base import Levels

__all__ = ["LocalLimiter"]

_HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether steps without a call are atomic: Python changes threads, and runs a signal's handler, after a call, at a jump
back and at the start of a function. So a comparison and the assignment behind it need no lock."""


class LocalLimiter:
    """Levels in this process's memory, for any number of threads; gone when it ends, and not shared with others.

    Args:
        max_accounts: Accounts to store; past it, those that are full again are dropped first, then the oldest.
    """

    __slots__ = ("__weakref__", "_accounts", "_lock", "_max_accounts")

    def __init__(self, *, max_accounts: int = 100_000) -> None:
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.RLock()
        self._max_accounts = max_accounts
        fork.tell(self)

    @classmethod
    def open(cls, url: str) -> Self:  # noqa: ARG003 - ``memory://`` says all there is to say
        """Return a limiter by its URL, ``memory://``."""
        return cls()

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``; see `Limiter.draw`."""
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        if plan.beside is not None:
            return self._draw_several(account, plan, cost, mono, wall)
        while True:
            held = account.held
            draw = plan.draw(_levels(held, plan, mono, wall), cost, mono, wall)
            if draw.refused_by is not None or account.put(held, (plan, draw.levels, mono, wall)):
                return draw

    def take(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Grant | None:
        """Draw as `draw` does, and return only the levels that are left; cached checks call it.

        Returns:
            The arguments of a granted `Draw`; None when it is refused, and `draw` returns the rule that refused.
        """
        account = self._accounts.get(key) or self._open(key, plan, mono, wall)
        interval = plan.interval
        held = account.held
        left: Grant
        if _HAS_GIL and interval is not None and held[0] is plan:  # one rate: as `Rate.take`, in one step
            level: Any = held[1][0]
            arrival = (mono if level is None or level < mono else level) + interval * cost
            if arrival - mono > plan.lead:
                return None
            account.held = left = (plan, (arrival,), mono, wall)
            return left
        if plan.beside is not None:
            return self._take_both(account, plan, plan.beside, cost, mono, wall)
        while True:
            levels = held[1] if held[0] is plan else _levels(held, plan, mono, wall)
            after = plan.take(levels, cost, mono, wall)
            if after is None:
                return None
            left = (plan, after, mono, wall)
            if _HAS_GIL and account.held is held:  # one step with the assignment, as in `_Account.put`
                account.held = left
                return left
            if account.put(held, left):
                return left
            held = account.held

    def _take_both(
        self, first: _Account, plan: Plan, beside: tuple[str, Plan], cost: int, mono: float, wall: float
    ) -> Grant | None:
        """Take as `take` does, from the account of a key and from that of its owner."""
        own, (account, shared) = _own(plan), beside
        second = self._accounts.get(account)
        interval, other = own.interval, shared.interval
        if _HAS_GIL and interval is not None and other is not None and second is not None:
            one, two = first.held, second.held
            if one[0] is own and two[0] is shared:  # one rate each: as `Rate.take`, in one step
                level: Any = one[1][0]
                left = (mono if level is None or level < mono else level) + interval * cost
                level = two[1][0]
                right = (mono if level is None or level < mono else level) + other * cost
                if left - mono > own.lead or right - mono > shared.lead:
                    return None
                first.held = (own, (left,), mono, wall)
                second.held = (shared, (right,), mono, wall)
                return plan, (left, right), mono, wall
        draw = self._draw_several(first, plan, cost, mono, wall)
        return (plan, draw.levels, mono, wall) if draw.refused_by is None else None

    def _draw_several(self, first: _Account, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on an account and on those beside it, all or nothing."""
        accounts, plans, beside = [first], [_own(plan)], plan.beside
        while beside is not None:
            key, shared = beside
            accounts.append(self._accounts.get(key) or self._open(key, shared, mono, wall))
            plans.append(_own(shared))
            beside = shared.beside
        while True:
            held = [account.held for account in accounts]
            levels: Levels = ()
            for one, own in zip(held, plans, strict=True):
                levels += _levels(one, own, mono, wall)
            draw = plan.draw(levels, cost, mono, wall)
            if draw.refused_by is not None or _put_several(accounts, held, _parted(draw, plans)):
                return draw

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        """Refund what a draw took; see `RefundingLimiter.refund`."""
        self._rewrite(key, draw, lambda plan, levels: draw.undone(plan, levels, cost, mono, wall))

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
        """Renew leases; see `RefundingLimiter.renew`."""
        self._rewrite(key, draw, lambda plan, levels: draw.renewed(plan, levels, mono))
        return Draw(draw.plan, draw.levels, mono, wall)

    def _rewrite(self, key: str, draw: Draw, change: Callable[[Plan, Levels], Levels]) -> None:
        """Change the levels of each account of a draw; one that was dropped meanwhile is full again."""
        for name in dict.fromkeys(draw.plan.accounts(key)):
            account = self._accounts.get(name)
            while account is not None:
                held = account.held
                plan, levels, mono, wall = held
                if account.put(held, (plan, change(plan, levels), mono, wall)):
                    break

    def close(self) -> None:
        """Do nothing; for callers that close any limiter."""

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, key: str, plan: Plan, mono: float, wall: float) -> _Account:
        with self._lock:
            self._make_room(mono, wall)
            return self._accounts.setdefault(key, _Account(plan, mono, wall))

    def _make_room(self, mono: float, wall: float) -> None:
        least = max(1, self._max_accounts // 10)  # so that few of the calls that open an account look at all others
        while len(self._accounts) >= self._max_accounts:
            full = [key for key, account in self._accounts.copy().items() if _is_full(account.held, mono, wall)]
            spare = full if len(full) >= least else [*dict.fromkeys([*full, *self._accounts])][:least]
            for key in spare:
                self._accounts.pop(key, None)

    def after_fork(self) -> None:
        """Start with new locks in a forked child, where no thread releases the locks of other threads."""
        self._lock = threading.RLock()
        for account in self._accounts.values():
            account.lock = threading.RLock()


class _Account:
    """The levels of one key.

    Attributes:
        held: The plan of the last draw, its levels and its time; replaced as a whole, because a signal may end a draw
            at any step.
        lock: Held while a draw is stored, by a Python without a GIL.
    """

    __slots__ = ("held", "lock")

    def __init__(self, plan: Plan, mono: float, wall: float) -> None:
        own = _own(plan)
        self.held: Grant = (own, (None,) * own.own, mono, wall)
        self.lock = threading.RLock()

    def put(self, held: Grant, left: Grant) -> bool:
        """Replace the state if it is still ``held``, and return whether it was."""
        if _HAS_GIL:
            if self.held is held:  # one step with the assignment: there is no call in between
                self.held = left
                return True
            return False
        with self.lock:
            is_held = self.held is held
            if is_held:
                self.held = left
        return is_held


def _parted(draw: Draw, plans: list[Plan]) -> list[Grant]:
    """Return the state of each account after a draw."""
    left: list[Grant] = []
    start = 0
    for own in plans:
        left.append((own, draw.levels[start : start + own.own], draw.mono, draw.wall))
        start += own.own
    return left


def _put_several(accounts: list[_Account], held: list[Grant], left: list[Grant]) -> bool:
    """Replace the state of two or three accounts if it is still ``held``, and return whether it was.

    They are those of a route, of a key and of its owner, always in this order, so no two draws wait for each other. A
    draw without a route has the owner's twice.
    """
    first, second, third = accounts[0], accounts[1], accounts[-1]
    (one, two, three), (mine, yours, theirs) = (held[0], held[1], held[-1]), (left[0], left[1], left[-1])
    if _HAS_GIL:
        if first.held is one and second.held is two and third.held is three:  # one step with the assignments, as above
            first.held = mine
            second.held = yours
            third.held = theirs
            return True
        return False
    with first.lock, second.lock, third.lock:
        are_held = first.held is one and second.held is two and third.held is three
        if are_held:
            first.held, second.held, third.held = mine, yours, theirs
    return are_held


def _own(plan: Plan) -> Plan:
    """Return the limits of the account itself, without those beside it."""
    return plan.alone or plan


def _levels(held: Grant, plan: Plan, mono: float, wall: float) -> Levels:
    """Return the levels that a plan starts with; a limit that changed has used as much as before."""
    former, levels, *_ = held
    return levels if former is plan else plan.read(former.written(levels), mono, wall)


def _is_full(held: Grant, mono: float, wall: float) -> bool:
    plan, levels, *_ = held
    return all(
        state.remaining >= (rule.burst if isinstance(rule, Rate) else rule.limit)
        for rule, state in zip(plan.rules, plan.states(levels, mono, wall), strict=True)
    )
