"""The duties of a key store that keeps claims of repeatable requests; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from secretsource.stores.base import Claim, OwnerEvent, OwnerEventKind, OwnerRecord, Refused
from secretsource.testing._stores.samples import changed, new

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

    def test_a_claim_is_stored_with_the_changes_of_keys(self, claiming: KeyStore) -> None:
        """Both or nothing: not if the token is claimed, and not if a record has moved on."""
        first, other = new(1), new(2)
        claiming.insert([first, other])
        change = changed(first.record, name="a")
        assert claims(claiming).find(FIRST, 0.0) is None
        assert claims(claiming).change_keys(FIRST, 0.0, [change])
        assert claims(claiming).find(REPEAT, 0.0) == FIRST
        assert not claims(claiming).change_keys(REPEAT, 0.0, [changed(change.record, name="b")])
        free = REPEAT._replace(token="3" * 64)
        assert not claims(claiming).change_keys(free, 0.0, [changed(other.record, name="b"), change])
        assert claims(claiming).find(free, 0.0) is None
        found = [claiming.get(each.record.key_id) for each in (first, other)]
        assert [each.name for each in found if each is not None] == ["a", other.record.name]
        assert len(claiming.events(first.record.key_id)) == 2

    def test_a_claim_is_stored_with_the_change_of_an_owner(self, claiming: KeyStore) -> None:
        """Both or nothing: not if the token is claimed, and not if the owner has moved on or its plan is missing."""
        if claiming.owners is None:
            pytest.skip("this store keeps no owners")
        happened = OwnerEvent("acme", OwnerEventKind.CHANGED, 1000.5)
        stored = claims(claiming).change_owner(FIRST, 0.0, OwnerRecord("acme", 1000.0), happened)
        assert isinstance(stored, OwnerRecord)
        assert claiming.owners.get("acme") == stored
        later = stored._replace(name="b")
        assert claims(claiming).change_owner(REPEAT, 0.0, later, happened) is Refused.OUTDATED
        free = REPEAT._replace(token="3" * 64)
        assert claims(claiming).change_owner(free, 0.0, later._replace(revision=0), happened) is Refused.OUTDATED
        assert claims(claiming).change_owner(free, 0.0, later._replace(plan="none"), happened) is Refused.NO_PLAN
        assert claims(claiming).find(free, 0.0) is None
        assert claiming.owners.get("acme") == stored
        assert len(claiming.owners.events("acme")) == 1

    def test_an_old_claim_does_not_hold_a_change_back(self, claiming: KeyStore) -> None:
        """From the given instant on, a claim counts."""
        first = new(1)
        claiming.insert([first])
        claims(claiming).take(FIRST, 0.0)
        assert claims(claiming).find(REPEAT, 1000.5) is None
        assert claims(claiming).change_keys(REPEAT, 1000.5, [changed(first.record, name="a")])

    def test_race_with_one_token_changes_once(self, claiming: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Simultaneous requests with one token change one record, though each has a record of its own."""
        stores = [claiming, *(another() for _ in range(RACERS - 1))]
        made = [new(number) for number in range(RACERS)]
        claiming.insert(made)
        start = Barrier(RACERS)

        def change(place: int) -> bool:
            start.wait(30)
            return claims(stores[place]).change_keys(FIRST, 0.0, [changed(made[place].record, name="a")])

        with ThreadPoolExecutor(RACERS) as pool:
            assert sum(pool.map(change, range(RACERS))) == 1
