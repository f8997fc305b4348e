"""Spent credits beside the keys: how many requests of an account were paid out of what it was granted.

The granted credits are a field of the key or of the owner, which top-ups raise. The spent ones are a number beside it,
which only checks change. So no top-up is lost to a check, and no check to a top-up. The store has both, because a
balance that was paid for must outlive the server of a limiter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_PURSES", "AsyncCreditStore", "CreditStore", "Purse", "Spending"]

MOST_PURSES = 500
"""Purses that a store is asked for at once."""


class Purse(NamedTuple):
    """The credits of one account.

    Attributes:
        account: The account: the first key of a chain of rotations, or ``owner:`` and an owner.
        granted: All credits so far, those that are spent included; from 0.
    """

    account: str
    granted: int


class Spending(NamedTuple):
    """The outcome of spending.

    Attributes:
        is_granted: Whether the cost was taken from every purse; else it was taken from none.
        spent: The credits spent so far, of each purse; after it.
    """

    is_granted: bool
    spent: tuple[int, ...]


class CreditStore(ABC):
    """A store of spent credits, for threads; every method raises `StoreError` when it cannot answer."""

    @abstractmethod
    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Take a cost from every purse, or from none; simultaneous calls must not take more than was granted.

        Args:
            purses: 1 to 500 purses of distinct accounts.
            cost: Credits to take, 0 to 10**9; 0 only looks, and is always granted.
        """

    @abstractmethod
    def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Refund what `spend` took; no account has spent less than nothing.

        Args:
            purses: The purses that it was taken from.
            cost: The credits that were taken from each.
        """


class AsyncCreditStore(ABC):
    """The same contract as `CreditStore`, for an event loop."""

    @abstractmethod
    async def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Do the same as `CreditStore.spend`."""

    @abstractmethod
    async def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Do the same as `CreditStore.refund`."""
