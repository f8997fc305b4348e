"""The duties of a key store that keeps claims of repeatable requests; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from secretsource.stores.base import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import ClaimStore, KeyStore

__all__ = ["StoreClaims"]

FIRST = Claim("a" * 22, "0" * 64, "1" * 64, "k" * 22, 1000.0)
REPEAT = FIRST._replace(request="2" * 64, key_id="l" * 22, made=1001.0)
RACERS = 4


def claims(store: KeyStore) -> ClaimStore:
    """Return the claims of a store that keeps some."""
    assert store.claims is not None
    return store.claims


class StoreClaims:
    """The cases of claims; a store that keeps none passes by saying so."""

    @pytest.fixture
    def claiming(self, store: KeyStore) -> KeyStore:
        """Give the store under test, if it keeps claims."""
        if store.claims is None:
            pytest.skip("this store keeps no claims")
        return store

    def test_the_first_claim_of_a_token_holds(self, claiming: KeyStore) -> None:
        """A repeat is given the first claim, as it was made; another token, or another caller, has its own."""
        assert claims(claiming).take(FIRST, 0.0) == FIRST
        assert claims(claiming).take(REPEAT, 0.0) == FIRST
        for other in (REPEAT._replace(token="3" * 64), REPEAT._replace(caller="b" * 22)):
            assert claims(claiming).take(other, 0.0) == other

    def test_an_old_claim_no_longer_counts(self, claiming: KeyStore) -> None:
        """From the given instant on, a claim counts; an earlier one makes room."""
        claims(claiming).take(FIRST, 0.0)
        assert claims(claiming).take(REPEAT, 1000.0) == FIRST
        assert claims(claiming).take(REPEAT, 1000.5) == REPEAT

    def test_a_claim_is_released_alone(self, claiming: KeyStore) -> None:
        """A claim that another request holds by now stays."""
        claims(claiming).take(FIRST, 0.0)
        claims(claiming).release(REPEAT)
        assert claims(claiming).take(REPEAT, 0.0) == FIRST
        claims(claiming).release(FIRST)
        assert claims(claiming).take(REPEAT, 0.0) == REPEAT

    def test_race_agrees_on_one_claim(self, claiming: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Simultaneous requests with one token are all given the same claim."""
        stores = [claiming, *(another() for _ in range(RACERS - 1))]
        start = Barrier(RACERS)

        def take(place: int) -> Claim:
            start.wait(30)
            return claims(stores[place]).take(FIRST._replace(key_id=f"{place:022}"), 0.0)

        with ThreadPoolExecutor(RACERS) as pool:
            assert len(set(pool.map(take, range(RACERS)))) == 1
