"""The contract of limiters: they store the levels of each account, and draw on them by the rules of a `Plan`.

The rules are pure and take both clocks: rates run on the monotonic clock, calendars on the wall clock. A limiter that
several processes share reads its own server's clock instead, and says so in the `Draw`.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from secretsource.limiters._at_once import AtOnce
from secretsource.limiters._credits import Credits
from secretsource.limiters._plan import Draw, Grant, Levels, Plan, Rule
from secretsource.limiters._rules import Quota, Rate
from secretsource.limiters._state import LimitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = [
    "AsyncLimiter",
    "AsyncRefundingLimiter",
    "AtOnce",
    "Credits",
    "Draw",
    "Grant",
    "ImmediateLimiter",
    "Levels",
    "LimitState",
    "Limiter",
    "Plan",
    "Quota",
    "Rate",
    "RefundingLimiter",
    "Rule",
]


@runtime_checkable
class Limiter(Protocol):
    """The levels of accounts; a shared limiter may raise `StoreError` when its server cannot be asked."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Draw on the account ``key``, and on any that the plan has beside it; see `Plan.draw` and `Plan.accounts`.

        Args:
            key: The account.
            plan: Its limits.
            cost: Requests to take, 0 or more; 0 only looks.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.

        Raises:
            StoreError: The server of a shared limiter could not be asked.
        """
        ...


@runtime_checkable
class AsyncLimiter(Protocol):
    """A `Limiter` for an event loop."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Awaitable[Draw]:
        """Draw as `Limiter.draw` does."""
        ...


@runtime_checkable
class ImmediateLimiter(Limiter, Protocol):
    """An ability: a limiter that answers at once, so that a check from memory may draw on it.

    It stores its levels in this process: it never waits, never fails, and any thread may call it, also on an event
    loop.
    """

    def take(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Grant | None:
        """Draw as `draw` does, and return only the levels that are left.

        Args:
            key: As for `draw`.
            plan: As for `draw`.
            cost: As for `draw`.
            mono: As for `draw`.
            wall: As for `draw`.

        Returns:
            The arguments of a granted `Draw`; None when it is refused, and `draw` returns the rule that refused.
        """
        ...


@runtime_checkable
class RefundingLimiter(Protocol):
    """An ability: a limiter that refunds what a draw took, and releases the places of requests that are done.

    Without it, nothing is refunded, and a lease of a limit on requests at once lasts until it ends by itself.
    """

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        """Refund what a draw took from the account ``key``, and from any beside it; see `Draw.undone`.

        Args:
            key: The account that was drawn on.
            draw: The granted draw.
            cost: The requests to refund to rates and quotas; 0 releases the leases instead.
            mono: Monotonic seconds.
            wall: Seconds since 1970 UTC.

        Raises:
            StoreError: The server of a shared limiter could not be asked.
        """
        ...

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
        """Renew the leases of a draw; see `Draw.renewed`.

        Args:
            key: As for `refund`.
            draw: As for `refund`.
            mono: As for `refund`.
            wall: As for `refund`.

        Returns:
            The draw whose leases are out now.

        Raises:
            StoreError: The server of a shared limiter could not be asked.
        """
        ...


@runtime_checkable
class AsyncRefundingLimiter(Protocol):
    """A `RefundingLimiter` for an event loop."""

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> Awaitable[None]:
        """Refund as `RefundingLimiter.refund` does."""
        ...

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Awaitable[Draw]:
        """Renew as `RefundingLimiter.renew` does."""
        ...
