"""The duties of a key store that keeps credits; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import OwnerRecord, Purse, Spending, account_of
from secretsource.testing._stores.owners import event, registers, stored
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import CreditStore, KeyStore

__all__ = ["StoreCredits"]

KEY, OWNER = record(1).key_id, account_of("acme")
SPENDERS, GRANTED = 4, 25


def credits(store: KeyStore) -> CreditStore:
    """Return the credits of a store that keeps some."""
    assert store.credits is not None
    return store.credits


class StoreCredits:
    """The cases of credits; a store that keeps none passes by saying so."""

    @pytest.fixture
    def crediting(self, store: KeyStore) -> KeyStore:
        """Return the store under test, if it keeps credits."""
        if store.credits is None:
            pytest.skip("this store keeps no credits")
        return store

    def test_credits_of_keys_and_owners_come_back_as_they_were_stored(self, crediting: KeyStore) -> None:
        """None and 0 are two things, and a number may be greater than 32 bits hold."""
        owners, _ = registers(crediting)
        for number, granted in enumerate((None, 0, 10**15)):
            crediting.insert([new(number, credits=granted)])
            found = crediting.get(record(number).key_id)
            assert found is not None
            assert found.credits == granted
            owner = stored(owners, OwnerRecord(f"owner {number}", 5.0, credits=granted))
            assert owners.get(owner.id) == owner
            assert owner.credits == granted

    def test_credits_are_spent_to_the_last_and_no_further(self, crediting: KeyStore) -> None:
        """A spending that does not fit takes nothing, one of 0 only looks, and a top-up is there at once."""
        purse, store = Purse(KEY, 10), credits(crediting)
        assert store.spend([purse], 0) == Spending(True, (0,))
        assert store.spend([purse], 11) == Spending(False, (0,))
        assert store.spend([purse], 7) == Spending(True, (7,))
        assert store.spend([purse], 4) == Spending(False, (7,))
        assert store.spend([purse], 3) == Spending(True, (10,))
        assert store.spend([purse], 1) == Spending(False, (10,))
        assert store.spend([purse], 0) == Spending(True, (10,))
        assert store.spend([purse._replace(granted=12)], 2) == Spending(True, (12,))
        assert store.spend([Purse("another", 1)], 1) == Spending(True, (1,))

    def test_two_purses_are_all_or_nothing(self, crediting: KeyStore) -> None:
        """A cost that one of them refuses is taken from neither, whichever comes first."""
        store = credits(crediting)
        for purses in ([Purse(KEY, 5), Purse(OWNER, 3)], [Purse(OWNER, 3), Purse(KEY, 5)]):
            assert store.spend(purses, 2).is_granted
            assert store.spend(purses, 2) == Spending(False, (2, 2))
            store.refund(purses, 2)
        assert store.spend([Purse(OWNER, 3)], 3).is_granted
        assert store.spend([Purse(KEY, 5), Purse(OWNER, 3)], 1) == Spending(False, (0, 3))

    def test_credits_are_refunded_and_never_more_than_were_spent(self, crediting: KeyStore) -> None:
        """A refund returns the spent credits; an account that has spent nothing stays as it is."""
        store, purse = credits(crediting), Purse(KEY, 5)
        store.refund([purse], 3)
        assert store.spend([purse], 5) == Spending(True, (5,))
        store.refund([purse], 2)
        assert store.spend([purse], 0) == Spending(True, (3,))
        store.refund([purse], 9)
        assert store.spend([purse], 0) == Spending(True, (0,))

    def test_an_owner_that_is_registered_anew_has_spent_nothing(self, crediting: KeyStore) -> None:
        """A deleted owner takes its spent credits along; its keys keep theirs."""
        owners, _ = registers(crediting)
        owner = stored(owners, OwnerRecord("acme", 5.0, credits=9))
        purses = [Purse(KEY, 9), Purse(OWNER, 9)]
        assert credits(crediting).spend(purses, 4).is_granted
        owners.delete(owner, event("acme"))
        assert credits(crediting).spend(purses, 0) == Spending(True, (4, 0))

    def test_spenders_that_race_spend_what_was_granted_and_no_more(
        self, crediting: KeyStore, another: Callable[[], KeyStore]
    ) -> None:
        """Processes that ask for twice as much as was granted get exactly that, and none waits for another forever."""
        stores = [another() for _ in range(SPENDERS)]
        purses = [Purse(KEY, GRANTED), Purse(OWNER, 2 * GRANTED)]

        def spend(place: int) -> int:
            asked = purses if place % 2 else purses[::-1]
            return sum(credits(stores[place]).spend(asked, 1).is_granted for _ in range(2 * GRANTED // SPENDERS))

        with ThreadPoolExecutor(SPENDERS) as threads:
            assert sum(threads.map(spend, range(SPENDERS))) == GRANTED
        assert credits(crediting).spend(purses, 0) == Spending(True, (GRANTED, GRANTED))

    def test_fault_spends_nothing(
        self, fault: str, crediting: KeyStore, harness: Any, another: Callable[[], KeyStore]
    ) -> None:
        """A store that cannot write says so, and takes nothing from either purse: not from the first one, either."""
        owner, made = Purse(OWNER, 10**6), 1
        credits(crediting).spend([owner], 1)

        def spend_all() -> None:
            nonlocal made
            for number in range(2000):  # a full disk may still have room for a few accounts
                credits(crediting).spend([owner, Purse(f"z{number:0255}", 1)], 1)
                made += 1

        getattr(harness, fault)()
        try:
            with pytest.raises(StoreError):
                spend_all()
        finally:
            harness.heal()
        after = credits(another())
        assert after.spend([owner], 0) == Spending(True, (made,))
        assert after.spend([owner], 1) == Spending(True, (made + 1,))
