"""Receipts of what checks took from limits and credits, and the return of it: each part once.

A verdict that was reached the long way has its receipt. A verdict that was reached at a glance has its levels, and gets
a receipt when one is needed: for most verdicts, never.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from secretsource._ground import fork
from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing._check.terms import limits_of
from secretsource.issuing._verdict import Accepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._verdict import Verdict
    from secretsource.limiters.base import Draw
    from secretsource.stores.base import Purse

__all__ = ["Receipt", "Returns", "undo"]


class Receipt:
    """The receipt of one check: the parts that it took, and their places.

    Attributes:
        limiter: The limiter that granted the draw.
        account: The account that was drawn on.
        cost: The amount.
        draw: The draw on rates and quotas; None once it was refunded.
        lease: The draw whose leases are out; None once they were released.
        purses: The purses that the cost was paid from; none once it was refunded.
    """

    __slots__ = ("account", "cost", "draw", "lease", "limiter", "purses")

    def __init__(self, limiter: Any, account: str, draw: Draw | None, cost: int) -> None:
        self.limiter = limiter
        self.account = account
        self.cost = cost
        self.draw = draw if cost else None
        self.lease = None if self.draw is None or self.draw.plan.leases is None else self.draw
        self.purses: tuple[Purse, ...] = ()

    def take_purses(self) -> tuple[Purse, ...]:
        """Take the purses off the receipt, to be refunded: no later call gets them."""
        with _TURN:
            purses, self.purses = self.purses, ()
        return purses

    def take_draw(self) -> Draw | None:
        """Take the draw off the receipt, to be refunded: no later call gets it."""
        with _TURN:
            draw, self.draw = self.draw, None
        return draw

    def take_lease(self) -> Draw | None:
        """Take the leases that are out off the receipt: no later call gets them."""
        with _TURN:
            lease, self.lease = self.lease, None
        return lease

    def replace_lease(self, before: Draw, after: Draw) -> bool:
        """Replace the leases that are out, unless they were released meanwhile; return whether it did."""
        with _TURN:
            is_out = self.lease is before
            if is_out:
                self.lease = after
        return is_out


_TURN = fork.lock()


class Returns:
    """The flows that return what a check took.

    Args:
        parts: The parts to work with.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def refund(self, verdict: Verdict) -> Flow[bool]:
        """Refund everything that a verdict took, and return whether there was something."""
        receipt = self._receipt(verdict)
        if receipt is None:
            return False
        if receipt.draw is not None and not _refunds(receipt.limiter):
            raise ConfigurationError(
                f"a {type(receipt.limiter).__name__} takes nothing back: give it the ability RefundingLimiter"
            )
        return (yield from undo(self._parts, receipt))

    def release(self, verdict: Verdict) -> Flow[bool]:
        """Release the leases of a verdict, and return whether there were some."""
        receipt = self._receipt(verdict)
        lease = None if receipt is None else receipt.take_lease()
        if receipt is None or lease is None:
            return False
        yield from _return(self._parts, receipt, lease, 0)
        return True

    def renew(self, verdict: Verdict) -> Flow[bool]:
        """Let the leases of a verdict run from now on, and return whether they are out."""
        receipt = self._receipt(verdict)
        lease = None if receipt is None else receipt.lease
        if receipt is None or lease is None or not _refunds(receipt.limiter):
            return False
        now = self._parts.clock.now()
        renewed: Draw = yield receipt.limiter.renew(receipt.account, lease, now.mono, now.wall)
        if receipt.replace_lease(lease, renewed):
            return True
        yield from _return(self._parts, receipt, renewed, 0)
        return False

    def is_at_hand(self, verdict: Verdict) -> bool:
        """Return whether `release` has nothing to wait for."""
        receipt = getattr(verdict, "_receipt", None)
        return receipt is None or receipt.lease is None or hasattr(receipt.limiter, "take")

    def _receipt(self, verdict: Verdict) -> Receipt | None:
        """Return the receipt of a verdict, or None if it took nothing."""
        if not isinstance(verdict, Accepted):
            return None
        with _TURN:
            receipt: Receipt | None = getattr(verdict, "_receipt", None)
            draw = None if receipt is not None else verdict.draw
            if draw is not None and any(draw.levels):  # a verdict that was read from a document has none
                account, _ = limits_of(verdict.record)
                receipt = verdict._receipt = Receipt(self._parts.limiter, account, draw, getattr(verdict, "_cost", 1))
        return receipt


def undo(parts: Parts, receipt: Receipt) -> Flow[bool]:
    """Refund everything on a receipt, credits first; return whether there was something.

    Each part is taken when its turn comes: what an error leaves on the receipt is refunded by a repeat.
    """
    purses = receipt.take_purses()
    if purses:
        assert parts.store.credits is not None
        yield parts.store.credits.refund(purses, receipt.cost)
    draw = receipt.take_draw()
    if draw is not None:
        yield from _return(parts, receipt, draw, receipt.cost)
    lease = receipt.take_lease()
    if lease is not None:
        yield from _return(parts, receipt, lease, 0)
    return bool(purses) or draw is not None


def undo_quietly(parts: Parts, receipt: Receipt) -> Flow[None]:
    """Refund everything on a receipt, as far as the limiter can be asked: it was just drawn on."""
    with suppress(StoreError):
        yield from undo(parts, receipt)


def release_quietly(parts: Parts, receipt: Receipt) -> Flow[None]:
    """Release the leases on a receipt, as far as the limiter can be asked."""
    lease = receipt.take_lease()
    if lease is not None:
        with suppress(StoreError):
            yield from _return(parts, receipt, lease, 0)


def _return(parts: Parts, receipt: Receipt, drawn: Draw, cost: int) -> Flow[None]:
    if _refunds(receipt.limiter):
        now = parts.clock.now()
        yield receipt.limiter.refund(receipt.account, drawn, cost, now.mono, now.wall)


def _refunds(limiter: object) -> bool:
    return hasattr(limiter, "refund") and hasattr(limiter, "renew")
