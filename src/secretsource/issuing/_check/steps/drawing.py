"""Steps 9 and 10 of a check: draw on the limits of a key, wherever they are counted, and pay from its credits.

A limiter draws first, because it can refund. Credits are paid last, in the store: a process that dies in between has
taken a few requests from a rate, and no credit without a verdict.
"""

from __future__ import annotations

from typing import Any

from secretsource.exceptions import StoreError
from secretsource.issuing._check.purses import with_credits
from secretsource.issuing._check.receipts import Receipt, release_quietly, undo_quietly
from secretsource.issuing._check.route_limit import account_and_plan
from secretsource.issuing._check.steps.weighing import over_limit
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.limiters.base import Draw, ImmediateLimiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.entry import Entry
    from secretsource.issuing._check.event import Asked
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._verdict import Verdict
    from secretsource.limiters.base import Plan
    from secretsource.stores.base import KeyRecord, Spending


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

    def draw(self, entry: Entry, asked: Asked, mono: float, wall: float) -> Flow[Verdict]:
        """Return the verdict for a key with limits or credits, or for a route with a limit.

        Args:
            entry: Its record.
            asked: The question about the key.
            mono: The present, in monotonic seconds.
            wall: The same in seconds since 1970 UTC.
        """
        drawn: Draw | None = None
        limiter: Any = self._parts.limiter
        account, plan = account_and_plan(entry, asked.limit)
        if plan is not None:
            answer = yield from self._drawn(entry.record, account, plan, asked.cost, (mono, wall))
            if type(answer) is Rejected:
                return answer
            limiter, drawn = answer
        receipt = Receipt(limiter, account, drawn, asked.cost)
        verdict: Verdict = Accepted(entry.record, drawn)
        if entry.purses:
            verdict = yield from self._paid(entry, receipt, drawn, (mono, wall))
        if type(verdict) is Accepted:
            verdict._receipt = receipt
        return verdict

    def _drawn(
        self, record: KeyRecord, account: str, plan: Plan, cost: int, now: tuple[float, float]
    ) -> Flow[Rejected | tuple[Any, Draw | None]]:
        """Return the limiter that granted a draw, and the draw, if one was asked for; or why it was refused."""
        parts = self._parts
        limiter: Any = parts.limiter
        draw: Draw | None
        try:
            draw = yield limiter.draw(account, plan, cost, *now)
        except StoreError:
            draw = None
        if draw is None:
            if parts.on_limiter_error == "open":
                return limiter, None
            if parts.on_limiter_error == "closed":
                return Rejected(Reason.LIMITER_UNAVAILABLE, record)
            limiter = parts.fallback
            draw = parts.fallback.draw(account, plan.share(parts.processes), cost, *now)
        return (limiter, draw) if draw.refused_by is None else over_limit(record, draw, plan)

    def _paid(self, entry: Entry, receipt: Receipt, drawn: Draw | None, now: tuple[float, float]) -> Flow[Verdict]:
        """Pay the cost from every purse, or from none and refund what the limiter drew."""
        store, cost = self._parts.store.credits, receipt.cost
        assert store is not None  # else no key or owner has credits
        try:
            spending: Spending = yield store.spend(entry.purses, cost)
        except StoreError:
            yield from undo_quietly(self._parts, receipt)
            return Rejected(Reason.STORE_UNAVAILABLE, entry.record)
        except BaseException as error:  # a cancellation: the request is charged, and holds no place
            if not isinstance(error, GeneratorExit):
                yield from release_quietly(self._parts, receipt)
            raise
        if spending.is_granted:
            receipt.purses = entry.purses if cost else ()
            return Accepted(entry.record, with_credits(drawn, entry.purses, spending.spent, now))
        yield from undo_quietly(self._parts, receipt)
        left = None if drawn is None else _undone(drawn, cost)
        refused = with_credits(left, entry.purses, spending.spent, now, cost)
        return Rejected(Reason.CREDITS_EXHAUSTED, entry.record, draw=refused)


def _undone(drawn: Draw, cost: int) -> Draw:
    """Return the state of limits after a draw was refunded, at the time of the draw."""
    plan, levels, mono, wall = drawn.plan, drawn.levels, drawn.mono, drawn.wall
    for part in (cost, 0):
        levels = drawn.undone(plan, levels, part, mono, wall)
    return Draw(plan, levels, mono, wall)


def _is_elsewhere(*_: object) -> None:
    """Return None: the long way of a check asks the limiter."""
