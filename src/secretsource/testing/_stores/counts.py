"""The duties of a key store that counts requests; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import Count, CountQuery, OwnerRecord, PlanRecord, Unit
from secretsource.testing._stores.owners import registers, stored
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import CountStore, KeyStore

__all__ = ["StoreCounts"]

DAY = 20_000 * 86400
ONE, TWO = record(1).key_id, record(2).key_id
ADDERS, ROUNDS = 2, 8


def count(key_id: str, start: int, requests: int = 1, outcome: str = "accepted") -> Count:
    """Make a count of requests in a minute that begins so many seconds after a midnight."""
    return Count(DAY + start, key_id, outcome, requests)


def counted(store: KeyStore, unit: Unit = Unit.MINUTE, **narrowing: Any) -> list[Count]:
    """Read the counts, with starts from the same midnight."""
    found = counts(store).read(CountQuery(unit, 0, 2 * DAY, **narrowing))
    return [one._replace(start=one.start - DAY) for one in found]


def counts(store: KeyStore) -> CountStore:
    """Return the counts of a store that has some."""
    assert store.counts is not None
    return store.counts


class StoreCounts:
    """The cases of counted requests; a store that counts none passes by saying so."""

    @pytest.fixture
    def counting(self, store: KeyStore) -> KeyStore:
        """Give the store under test, if it counts requests, with two keys of two owners."""
        if store.counts is None:
            pytest.skip("this store counts no requests")
        store.insert([new(1, owner="acme"), new(2, owner="other")])
        return store

    def test_counts_add_up_in_each_unit(self, counting: KeyStore) -> None:
        """By key and outcome, with the owner of the key; foreign texts have none."""
        counts(counting).add([count(ONE, 0, 2), count(ONE, 0, 1, "revoked"), count("", 60, 7, "unknown")])
        counts(counting).add([count(ONE, 60, 3), count(ONE, 0, 4), count(TWO, 3600), count("0" * 22, 0)])
        assert counted(counting) == [
            Count(0, ONE, "accepted", 6, "acme"),
            Count(0, ONE, "revoked", 1, "acme"),
            Count(60, "", "unknown", 7),
            Count(60, ONE, "accepted", 3, "acme"),
            Count(3600, TWO, "accepted", 1, "other"),
        ]
        assert [(one.start, one.key_id, one.requests) for one in counted(counting, Unit.HOUR, owner="acme")] == [
            (0, ONE, 9),
            (0, ONE, 1),
        ]
        assert sum(one.requests for one in counted(counting, Unit.DAY)) == 18

    def test_counts_of_several_keys(self, counting: KeyStore) -> None:
        """Those keys of an owner alone, from the first start to the last one that begins before the end."""
        third = record(3).key_id
        counting.insert([new(3, owner="acme"), new(4, owner="acme")])
        counts(counting).add([count(each, start) for each in (ONE, TWO, third, record(4).key_id) for start in (0, 60)])
        query = CountQuery(Unit.MINUTE, DAY - 0.5, DAY + 60, "acme", key_ids=(ONE, TWO, third))
        assert [(one.start - DAY, one.key_id) for one in counts(counting).read(query)] == [(0, ONE), (0, third)]
        until = query._replace(since=DAY + 0.5, until=DAY + 60.5, key_ids=(ONE,))
        assert [(one.start - DAY, one.key_id) for one in counts(counting).read(until)] == [(60, ONE)]
        assert counts(counting).read(query._replace(key_ids=())) == []

    def test_counts_are_narrowed(self, counting: KeyStore) -> None:
        """By owner, key, plan and time; and no more than were asked for."""
        owners, plans = registers(counting)
        stored(plans, PlanRecord("pro", 5.0))
        stored(owners, OwnerRecord("acme", 5.0, plan="pro"))
        counts(counting).add([count(ONE, 0), count(TWO, 0), count(ONE, 60), count("", 0)])
        assert [one.start for one in counted(counting, owner="acme")] == [0, 60]
        assert [one.key_id for one in counted(counting, owner="other", key_id=TWO)] == [TWO]
        assert counted(counting, owner="other", key_id=ONE) == []
        assert [one.key_id for one in counted(counting, plan="pro")] == [ONE, ONE]
        assert [one.key_id for one in counted(counting, limit=2)] == ["", ONE]
        late = counts(counting).read(CountQuery(Unit.MINUTE, DAY + 60, DAY + 61))
        assert [one.start for one in late] == [DAY + 60]
        assert not counts(counting).read(CountQuery(Unit.MINUTE, 0, DAY))

    def test_counts_of_an_owner_are_added_up(self, counting: KeyStore) -> None:
        """By start and outcome, for each owner; foreign texts stand apart, and the limit is that of the sums."""
        counting.insert([new(3, owner="acme")])
        third = record(3).key_id
        counts(counting).add([count(ONE, 0, 2), count(third, 0, 3), count(TWO, 0, 4), count("", 0, 5)])
        counts(counting).add([count(third, 0, 6, "revoked"), count(third, 60, 7)])
        assert counted(counting, per_key=False) == [
            Count(0, "", "accepted", 5),
            Count(0, "", "accepted", 5, "acme"),
            Count(0, "", "accepted", 4, "other"),
            Count(0, "", "revoked", 6, "acme"),
            Count(60, "", "accepted", 7, "acme"),
        ]
        assert [one.requests for one in counted(counting, Unit.DAY, owner="acme", per_key=False)] == [12, 6]
        assert [one.requests for one in counted(counting, owner="acme", per_key=False, limit=1)] == [5]

    def test_old_counts_are_forgotten(self, counting: KeyStore) -> None:
        """Each unit when its time is over, and nothing before."""
        counts(counting).add([count(ONE, 0)])
        for days, left in ((2, (1, 1, 1)), (2.1, (0, 1, 1)), (90.1, (0, 0, 1)), (731, (0, 0, 0))):
            counts(counting).forget(DAY + days * 86400)
            assert tuple(len(counted(counting, unit)) for unit in Unit) == left

    def test_adders_that_race_lose_nothing(self, counting: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Processes that count the same keys in another order wait for each other, and all is added."""
        stores = [another() for _ in range(ADDERS)]
        batch = [count(ONE, 0), count(TWO, 0), count("", 0, 1, "unknown")]

        def add(place: int) -> None:
            for _ in range(ROUNDS):
                counts(stores[place]).add(batch if place % 2 else batch[::-1])

        with ThreadPoolExecutor(ADDERS) as threads:
            list(threads.map(add, range(ADDERS)))
        assert [one.requests for one in counted(counting, Unit.DAY)] == [ADDERS * ROUNDS] * 3

    def test_fault_leaves_no_count(
        self, fault: str, counting: KeyStore, harness: Any, another: Callable[[], KeyStore]
    ) -> None:
        """A store that cannot write says so and keeps none of them, so that they may be added again."""
        many = [count(ONE, 60 * number, 1, f"{number:0200}") for number in range(1000)]
        getattr(harness, fault)()
        try:
            with pytest.raises(StoreError):
                counts(counting).add([count("", 0), *many])
        finally:
            harness.heal()
        after = another()
        assert counted(after) == []
        counts(after).add([count(ONE, 0)])
        assert len(counted(counting)) == 1
