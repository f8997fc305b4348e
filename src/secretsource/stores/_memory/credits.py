"""Spent credits in this process's memory."""

from __future__ import annotations

import threading

from secretsource.stores.registers.credits import CreditStore, Spending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from secretsource.stores.registers.credits import Purse

__all__ = ["MemoryCredits"]


class MemoryCredits(CreditStore):
    """Spent credits in a dictionary, replaced as a whole by each change: a signal's handler may spend in between."""

    def __init__(self) -> None:
        self._spent: Mapping[str, int] = {}
        self._lock = threading.RLock()

    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Take a cost from every purse or from none; see `CreditStore.spend`."""
        spending = Spending(True, ())

        def take(before: Mapping[str, int]) -> Mapping[str, int]:
            nonlocal spending
            sums = {account: before.get(account, 0) + cost for account, _ in purses}
            if cost and any(sums[account] > granted for account, granted in purses):
                spending = Spending(False, tuple(before.get(account, 0) for account, _ in purses))
                return before
            spending = Spending(True, tuple(sums.values()))
            return {**before, **sums}

        self._replace(take)
        return spending

    def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Refund what was taken; see `CreditStore.refund`."""
        self._replace(
            lambda before: {**before, **{account: max(0, before.get(account, 0) - cost) for account, _ in purses}}
        )

    def forget(self, accounts: AbstractSet[str]) -> bool:
        """Forget accounts whose owner, or whose last key, was deleted; return whether one of them had spent credits."""
        is_known = not accounts.isdisjoint(self._spent)
        self._replace(lambda before: {each: spent for each, spent in before.items() if each not in accounts})
        return is_known

    def _replace(self, change: Callable[[Mapping[str, int]], Mapping[str, int]]) -> None:
        with self._lock:
            while True:
                before = self._spent
                after = change(before)
                if self._spent is before:  # no call up to the assignment: no handler runs in between
                    self._spent = after
                    return
