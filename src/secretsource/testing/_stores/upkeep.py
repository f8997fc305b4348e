"""The cases of chores and deleting, for stores that have them; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import (
    HistoryQuery,
    KeyQuery,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    Pass,
    Purse,
    Status,
    Usage,
    Use,
    account_of,
)
from secretsource.testing._stores.counts import count, counted, counts
from secretsource.testing._stores.credits import credits
from secretsource.testing._stores.owners import registers, stored
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyRecord, KeyStore, Upkeep

__all__ = ["StoreUpkeep"]

TAKERS = 4
ROUNDS = 8
ONE, TWO, THREE = (record(number).key_id for number in (1, 2, 3))
OWNERS = tuple(account_of(owner) for owner in ("acme", "other"))
_HELD = (("link", "acme"), ("session", "acme"), ("session", "other"))


def upkeep(store: KeyStore) -> Upkeep:
    """Return the chores of a store that has some."""
    assert store.upkeep is not None
    return store.upkeep


def gone(id: str, kind: OwnerEventKind = OwnerEventKind.DELETED) -> OwnerEvent:
    """Return an event that stays."""
    return OwnerEvent(id, kind, 5000.0, (), "chores", "203.0.113.9", "old")


def has_spent(store: KeyStore, account: str) -> int:
    """Return the credits that an account has spent."""
    return credits(store).spend([Purse(account, 0)], 0).spent[0]


class StoreUpkeep:
    """The cases of `KeyStore.upkeep`; they are left out for a store that has none."""

    patience: ClassVar[float]

    @pytest.fixture
    def tended(self, store: KeyStore) -> KeyStore:
        """Return the store under test with three keys of two owners."""
        if store.upkeep is None:
            pytest.skip("this store deletes nothing")
        store.insert([new(1, owner="acme"), new(2, owner="acme"), new(3, owner="other")])
        return store

    # The turn

    def test_one_has_the_turn_until_it_ends(self, tended: KeyStore) -> None:
        """Another one takes it after that, or when it was left, and goes on at the same place."""
        chores = upkeep(tended)
        assert chores.take("a", 100.0, 160.0) == ""
        assert chores.take("b", 159.0, 300.0) is None
        assert not chores.leave("b", "stolen")
        assert chores.leave("a", "here")
        assert not chores.leave("a", "again")
        assert chores.take("b", 101.0, 160.0) == "here"
        assert chores.take("c", 160.0, 300.0) == "here"
        assert not chores.leave("b", "late")
        assert chores.leave("c", "")
        assert chores.take("d", 161.0, 300.0) == ""

    @pytest.mark.usefixtures("tended")
    def test_of_several_at_once_one_gets_the_turn(self, another: Callable[[], KeyStore]) -> None:
        """However they race, also for the first turn of all."""
        stores, start = [another() for _ in range(TAKERS)], Barrier(TAKERS)

        def take(place: int) -> str | None:
            start.wait(self.patience)
            return upkeep(stores[place]).take(f"t{place}", 100.0, 160.0)

        with ThreadPoolExecutor(TAKERS) as pool:
            assert sorted(map(str, pool.map(take, range(TAKERS), timeout=self.patience))) == ["", *["None"] * 3]

    # Deleting keys

    def test_a_deleted_key_leaves_its_event_alone(self, tended: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Its record, events, uses and witnesses are gone for every store; other keys are whole."""
        tended.record_uses([Use(ONE, 50.0, 2, {"192.0.2.1": 50.0}, {"curl/8": 50.0}), Use(TWO, 60.0, 1)])
        others = [tended.get(key_id) for key_id in (TWO, THREE)]
        assert upkeep(tended).delete([record(1, owner="acme")], [gone(ONE), gone(THREE)]) == {ONE}
        after = another()
        assert (after.get(ONE), after.revision(ONE), after.usage(ONE)) == (None, None, Usage())
        assert list(after.events(ONE)) == []
        assert [after.get(key_id) for key_id in (TWO, THREE)] == others
        assert after.usage(TWO).requests == 1
        assert [found.key_id for found in after.list(KeyQuery())] == [TWO, THREE]
        assert after.history is not None
        told = [(event.subject, event.id, event.kind.value) for event in after.history.read(HistoryQuery())]
        assert sorted(told) == [("key", ONE, "deleted"), ("key", TWO, "issued"), ("key", THREE, "issued")]

    def test_a_key_that_has_moved_on_stays(self, tended: KeyStore) -> None:
        """Each record is compared by itself; an unknown one is passed over."""
        assert tended.update(changed(record(1, owner="acme"), name="newer"))
        read = [record(1, owner="acme"), record(2, owner="acme"), record(9)]
        assert upkeep(tended).delete(read, []) == {TWO}
        assert tended.get(ONE) is not None
        assert len(tended.events(ONE)) == 2

    def test_a_key_may_come_back(self, tended: KeyStore) -> None:
        """After a restore it has the events that it is given, and no other."""
        upkeep(tended).delete([record(1, owner="acme")], [gone(ONE)])
        assert tended.insert([new(1, owner="acme")]) == frozenset()
        assert len(tended.events(ONE)) == 1
        assert tended.usage(ONE) == Usage()

    def test_a_successor_outlives_its_predecessor(self, tended: KeyStore) -> None:
        """Keys of one chain are deleted one by one."""
        old = record(3, owner="other")
        predecessor, successor = rotated(old, 4)
        assert tended.rotate(predecessor, successor)
        assert upkeep(tended).delete([predecessor.record], []) == {THREE}
        assert tended.get(successor.record.key_id) == successor.record

    def test_counts_outlive_their_key(self, tended: KeyStore) -> None:
        """An owner's usage of the past does not change."""
        if tended.counts is None:
            pytest.skip("this store counts no requests")
        counts(tended).add([count(ONE, 0, 5), count(THREE, 0, 1)])
        upkeep(tended).delete([record(1, owner="acme")], [])
        assert [(one.key_id, one.requests) for one in counted(tended, owner="acme")] == [(ONE, 5)]

    def test_no_position_is_given_twice(self, tended: KeyStore) -> None:
        """A reader that stands at an event that is deleted then misses none that comes later."""
        history = tended.history
        assert history is not None
        last = history.read(HistoryQuery())[-1]
        deleted = next(of for of in tended.list(KeyQuery()) if of.key_id == last.id)
        upkeep(tended).delete([deleted], [gone(last.id)])
        tended.insert([new(7)])
        tended.update(changed(record(7), name="later"))
        told = history.read(HistoryQuery(after=last.position))
        seventh = record(7).key_id
        assert sorted((event.id, event.kind.value) for event in told) == [
            (last.id, "deleted"), (seventh, "disabled"), (seventh, "issued"),
        ]  # fmt: skip
        assert all(event.position > last.position for event in told)

    # Purging an owner

    def test_an_owner_with_keys_is_not_purged(self, tended: KeyStore) -> None:
        """Not even if all of them have ended, and nothing is deleted then."""
        owners, _ = registers(tended)
        stored(owners, OwnerRecord("acme", 5.0))
        tended.update(changed(record(1, owner="acme"), status=Status.REVOKED))
        assert not upkeep(tended).purge("acme", gone("acme", OwnerEventKind.PURGED), always=True)
        assert owners.get("acme") is not None

    def test_a_purged_owner_leaves_one_event(self, tended: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Its record, events and counts are gone; another owner's are whole, and a repeat adds nothing."""
        owners, _ = registers(tended)
        for owner in ("acme", "other"):
            stored(owners, OwnerRecord(owner, 5.0, name="Ann"))
        if tended.counts is not None:
            counts(tended).add([count(ONE, 0, 5), count(THREE, 0, 1)])
        purged = gone("acme", OwnerEventKind.PURGED)
        upkeep(tended).delete([record(1, owner="acme"), record(2, owner="acme")], [])
        for _ in range(2):
            assert upkeep(tended).purge("acme", purged, always=False)
        after = another()
        others, _ = registers(after)
        assert others.get("acme") is None
        (left,) = others.events("acme")
        assert left._replace(revision=0) == purged
        assert len(others.events("other")) == 1
        if after.counts is not None:
            assert [one.key_id for one in counted(after)] == [THREE]
        assert after.history is not None
        told = [event.kind.value for event in after.history.read(HistoryQuery(owner="acme"))]
        assert told == ["purged"]

    def test_an_owner_may_come_back(self, tended: KeyStore) -> None:
        """It is a new record with a greater revision, and can be purged again."""
        owners, _ = registers(tended)
        first = stored(owners, OwnerRecord("gone", 5.0))
        purged = gone("gone", OwnerEventKind.PURGED)
        assert upkeep(tended).purge("gone", purged, always=False)
        again = stored(owners, OwnerRecord("gone", 9.0))
        assert again.revision > first.revision + 1
        assert upkeep(tended).purge("gone", purged, always=False)
        assert [event.kind.value for event in owners.events("gone")] == ["purged", "purged"]

    def test_a_purge_always_tells_when_asked(self, tended: KeyStore) -> None:
        """For an owner whose keys alone were there, and of which nothing else is left."""
        purged = gone("gone", OwnerEventKind.PURGED)
        owners, _ = registers(tended)
        for always, events in ((False, 1), (False, 1), (True, 2)):
            assert upkeep(tended).purge("gone", purged, always=always)
            assert len(owners.events("gone")) == events

    # Spent credits

    @pytest.fixture
    def spent(self, tended: KeyStore) -> KeyStore:
        """Return the store under test, where keys and owners have spent credits."""
        if tended.credits is None:
            pytest.skip("this store keeps no credits")
        assert all(tended.credits.spend([Purse(account, 9)], 9).is_granted for account in (ONE, TWO, THREE, *OWNERS))
        return tended

    def test_a_deleted_key_takes_its_spent_credits_along(self, spent: KeyStore) -> None:
        """A key that comes back has spent none; other keys and the owner have spent what they had."""
        upkeep(spent).delete([record(1, owner="acme")], [])
        assert [has_spent(spent, account) for account in (ONE, TWO, THREE, *OWNERS)] == [0, 9, 9, 9, 9]

    def test_the_last_key_of_a_chain_takes_its_spent_credits_along(self, spent: KeyStore) -> None:
        """And no other one, in whatever order they are deleted: the chain has one account."""
        for first, second in ((0, 1), (1, 0)):
            predecessor, successor = rotated(record(3, owner="other"), 4)
            chain = [predecessor.record, successor.record]
            assert spent.rotate(predecessor, successor)
            upkeep(spent).delete([chain[first]], [])
            assert has_spent(spent, THREE) == 9
            upkeep(spent).delete([chain[second]], [])
            assert has_spent(spent, THREE) == 0
            spent.insert([new(3, owner="other")])
            credits(spent).spend([Purse(THREE, 9)], 9)

    def test_a_chain_that_is_deleted_at_once_takes_its_spent_credits_along(self, spent: KeyStore) -> None:
        """As one that is deleted key by key."""
        predecessor, successor = rotated(record(3, owner="other"), 4)
        assert spent.rotate(predecessor, successor)
        upkeep(spent).delete([predecessor.record, successor.record], [])
        assert has_spent(spent, THREE) == 0

    def test_keys_of_a_chain_that_are_deleted_by_two_leave_no_spent_credits(
        self, spent: KeyStore, another: Callable[[], KeyStore]
    ) -> None:
        """Of two that delete one key each at the same time, the later one finds no other key and no account is left."""
        stores = (spent, another())
        predecessor, successor = rotated(record(3, owner="other"), 4)
        with ThreadPoolExecutor(2) as pool:
            for _ in range(ROUNDS):
                assert spent.rotate(predecessor, successor)
                start = Barrier(2)

                def delete(store: KeyStore, key: KeyRecord, start: Barrier = start) -> None:
                    start.wait(self.patience)
                    assert upkeep(store).delete([key], []) == {key.key_id}

                list(pool.map(delete, stores, (predecessor.record, successor.record)))
                assert has_spent(spent, THREE) == 0
                spent.insert([new(3, owner="other")])
                credits(spent).spend([Purse(THREE, 9)], 9)

    def test_a_purged_owner_leaves_no_spent_credits(self, spent: KeyStore) -> None:
        """Also an owner that is not registered; those of another owner stay."""
        upkeep(spent).delete([record(1, owner="acme"), record(2, owner="acme")], [])
        assert upkeep(spent).purge("acme", gone("acme", OwnerEventKind.PURGED), always=False)
        assert [has_spent(spent, account) for account in (ONE, TWO, THREE, *OWNERS)] == [0, 0, 9, 0, 9]

    def test_a_purged_owner_leaves_no_pass(self, tended: KeyStore) -> None:
        """Its links and sessions end, so that nobody acts for it any more; those of others stay."""
        if tended.passes is None:
            pytest.skip("this store keeps no links and sessions")
        held = [Pass(f"{place}" * 64, kind, owner, 1.0, 9.0, 1.0) for place, (kind, owner) in enumerate(_HELD)]
        for each in held:
            tended.passes.put(each)
        upkeep(tended).delete([record(1, owner="acme"), record(2, owner="acme")], [])
        assert upkeep(tended).purge("acme", gone("acme", OwnerEventKind.PURGED), always=False)
        assert [tended.passes.get(each.token) for each in held] == [None, None, held[2]]

    # Faults

    def test_fault_deletes_all_or_nothing(
        self, fault: str, tended: KeyStore, harness: Any, another: Callable[[], KeyStore]
    ) -> None:
        """A store that fails in the middle has the record with its event, or neither; and it goes on afterwards."""
        many = [new(number, owner="acme") for number in range(100, 400)]
        tended.insert(many)
        getattr(harness, fault)()
        try:
            upkeep(tended).delete([of for of, _ in many], [gone(of.key_id) for of, _ in many])
        except StoreError:
            pass
        finally:
            harness.heal()
        after = another()
        there = [after.get(of.key_id) is not None for of, _ in many]
        assert len(set(there)) == 1
        assert [len(after.events(of.key_id)) == 1 for of, _ in many] == there
        upkeep(after).delete([of for of, _ in many], [])
        assert len(after.list(KeyQuery(limit=1000))) == 3
