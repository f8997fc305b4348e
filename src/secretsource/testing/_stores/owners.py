"""The rules for every key store that keeps owners and plans; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import (
    Crowded,
    KeyQuery,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    OwnerStatus,
    PlanRecord,
    Refused,
    Status,
    Terms,
)
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyStore, Register

__all__ = ["StoreOwners"]

ISSUERS = 8
FULL_PLAN = PlanRecord(
    "größer",
    1_700_000_000.123457,
    "1000/minute",
    "100000/month",
    10,
    86400.5,
    frozenset({"invoices:*", "users:read"}),
    frozenset({"live", "test"}),
)
FULL_OWNER = OwnerRecord(
    "Müller & Söhne 株式会社 🔑",
    1_700_000_000.123457,
    "a name with 'quotes'",
    "größer",
    "100/minute",
    "1000/day",
    OwnerStatus.SUSPENDED,
    "unpaid",
    {"seats": 3, "nested": {"é": [1.5, None]}},
)


def event(id: str, kind: OwnerEventKind = OwnerEventKind.CHANGED) -> OwnerEvent:
    """Return an event with a value in every field."""
    return OwnerEvent(id, kind, 1000.5, ("name", "plan"), "someone", "203.0.113.9", "why")


def registers(store: KeyStore) -> tuple[Register[OwnerRecord], Register[PlanRecord]]:
    """Return the registers of a store that keeps owners."""
    assert store.owners is not None
    assert store.plans is not None
    return store.owners, store.plans


def stored(register: Register[Any], given: Any) -> Any:
    """Put a record that must be accepted."""
    answer = register.put(given, event(given.id))
    assert not isinstance(answer, Refused), answer
    return answer


def fill(owners: Register[OwnerRecord]) -> None:
    """Put large owners until one is refused; a full disk may still have room for a few."""
    for number in range(200):
        owners.put(OwnerRecord(f"{number:03}", 5.0, "n" * 255, metadata={"m": "x" * 4000}), event("a"))


class StoreOwners:
    """The cases of owners and plans; a store without them passes by saying so."""

    impossible: ClassVar[Any]

    @pytest.fixture
    def keeping(self, store: KeyStore) -> KeyStore:
        """Return the store under test, if it keeps owners."""
        if store.owners is None:
            pytest.skip("this store keeps no owners")
        return store

    def test_owner_and_plan_come_back_as_they_were_stored(self, keeping: KeyStore) -> None:
        """Every field keeps its value and its type, and the revision is the one that `put` returned."""
        owners, plans = registers(keeping)
        assert owners.get("acme") is None
        assert plans.get("pro") is None
        plan = stored(plans, FULL_PLAN)
        owner = stored(owners, FULL_OWNER)
        assert plan.revision > 0
        assert owner.revision > 0
        assert plans.get(plan.id) == plan == FULL_PLAN._replace(revision=plan.revision)
        found = owners.get(owner.id)
        assert found == owner == FULL_OWNER._replace(revision=owner.revision)
        assert found is not None
        assert type(found.status) is OwnerStatus

    def test_only_the_newest_record_is_changed(self, keeping: KeyStore) -> None:
        """A record read before another change is neither stored nor deleted, and a new one never overwrites."""
        owners, _ = registers(keeping)
        first = stored(owners, OwnerRecord("acme", 5.0))
        second = stored(owners, first._replace(name="Acme"))
        assert second.revision > first.revision
        assert owners.put(OwnerRecord("acme", 5.0), event("acme")) is Refused.OUTDATED
        assert owners.put(first, event("acme")) is Refused.OUTDATED
        assert owners.delete(first, event("acme")) is Refused.OUTDATED
        assert owners.get("acme") == second
        assert len(owners.events("acme")) == 2

    def test_each_change_has_its_event(self, keeping: KeyStore) -> None:
        """Events are numbered as the records are, per owner or plan, and outlive a deletion."""
        owners, plans = registers(keeping)
        stored(plans, PlanRecord("acme", 5.0))
        owner = stored(owners, OwnerRecord("acme", 5.0))
        gone = owners.delete(owner, event("acme", OwnerEventKind.DELETED))
        assert isinstance(gone, OwnerRecord)
        assert owners.get("acme") is None
        assert list(owners.events("acme")) == [
            event("acme")._replace(revision=owner.revision),
            event("acme", OwnerEventKind.DELETED)._replace(revision=gone.revision),
        ]
        assert [one.revision for one in owners.events("acme", after=owner.revision)] == [gone.revision]
        assert len(owners.events("acme", limit=1)) == len(plans.events("acme")) == 1
        again = stored(owners, OwnerRecord("acme", 6.0))
        assert again.revision > gone.revision

    def test_an_owner_has_a_plan_that_is_there(self, keeping: KeyStore) -> None:
        """An unknown plan is refused, and so is deleting a plan that an owner is on."""
        owners, plans = registers(keeping)
        lost = OwnerRecord("acme", 5.0, plan="pro")
        assert owners.put(lost, event("acme")) is Refused.NO_PLAN
        assert owners.get("acme") is None
        assert not owners.events("acme")
        plan = stored(plans, PlanRecord("pro", 5.0))
        owner = stored(owners, lost)
        assert plans.delete(plan, event("pro")) is Refused.IN_USE
        assert len(plans.events("pro")) == 1
        stored(owners, owner._replace(plan=None))
        assert isinstance(plans.delete(plan, event("pro")), PlanRecord)

    def test_lists_are_in_the_order_of_ids(self, keeping: KeyStore) -> None:
        """Records are listed by character, a page at a time, and narrowed to a plan."""
        owners, plans = registers(keeping)
        stored(plans, PlanRecord("pro", 5.0))
        for number, id in enumerate(["b", "ä", "B", "a"]):
            stored(owners, OwnerRecord(id, 5.0, plan="pro" if number % 2 else None))
        assert [owner.id for owner in owners.list()] == ["B", "a", "b", "ä"]
        assert [owner.id for owner in owners.list(after="B", limit=2)] == ["a", "b"]
        assert [owner.id for owner in owners.list(plan="pro")] == ["a", "ä"]
        assert [plan.id for plan in plans.list()] == ["pro"]

    def test_terms_come_with_every_reading(self, keeping: KeyStore) -> None:
        """A key is read with its present owner and plan, and its stamp changes with each of the three."""
        owners, plans = registers(keeping)
        keeping.insert([new(1, owner="acme", lookup=bytes(32)), new(2, owner="other")])
        key_id, stamps = record(1).key_id, [keeping.revision(record(1).key_id)]

        def read() -> Terms | None:
            found = keeping.get(key_id)
            assert found is not None
            assert keeping.peek(key_id) == keeping.find([bytes(32)]) == found == keeping.list(KeyQuery()).records[0]
            assert keeping.revision(key_id) == found.stamp not in stamps
            stamps.append(found.stamp)
            return found.terms

        assert keeping.get(key_id) == record(1, owner="acme", lookup=bytes(32))
        owner = stored(owners, OwnerRecord("acme", 5.0))
        assert read() == Terms(owner)
        plan = stored(plans, PlanRecord("pro", 5.0))
        owner = stored(owners, owner._replace(plan="pro"))
        assert read() == Terms(owner, plan)
        plan = stored(plans, plan._replace(max_keys=3))
        assert read() == Terms(owner, plan)
        found = keeping.get(key_id)
        assert found is not None
        assert keeping.update(changed(found))
        assert read() == Terms(owner, plan)
        gone = owners.delete(owner, event("acme"))
        assert isinstance(gone, OwnerRecord)
        assert keeping.get(key_id) == found._replace(revision=2, terms=None)
        stored(owners, OwnerRecord("acme", 5.0))
        assert read() is not None
        other = keeping.get(record(2).key_id)
        assert other is not None
        assert other.terms is None

    def test_an_owner_has_no_more_keys_than_its_most(self, keeping: KeyStore) -> None:
        """Ended keys do not count, a rotating pair counts as one, and a batch is stored whole or not at all."""
        owners, _ = registers(keeping)
        stored(owners, OwnerRecord("acme", 5.0))
        keeping.insert([new(1), new(2, expires=50.0), new(3, status=Status.REVOKED), new(4, owner="other")])
        keeping.rotate(*rotated(record(1), 5))
        assert keeping.insert_within([new(6), new(7)], {"acme": 2}, 100.0) == Crowded("acme", 1)
        assert keeping.insert_within([new(6), new(4, owner="other")], {"acme": 2}, 100.0) == frozenset(
            {record(4).key_id}
        )
        assert keeping.get(record(6).key_id) is None
        assert keeping.insert_within([new(6), new(7, owner="other")], {"acme": 2}, 100.0) == frozenset()
        assert keeping.insert_within([new(8)], {"acme": 2}, 100.0) == Crowded("acme", 2)
        assert keeping.insert_within([new(8)], {"acme": 2}, 40.0) == Crowded("acme", 3)

    def test_issuers_that_race_make_no_key_too_many(self, keeping: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Of eight that insert at once with room for three, exactly three succeed."""
        owners, _ = registers(keeping)
        stored(owners, OwnerRecord("acme", 5.0))
        stores, start = [another() for _ in range(ISSUERS)], Barrier(ISSUERS)

        def issue(place: int) -> Any:
            start.wait(20)
            return stores[place].insert_within([new(10 + place)], {"acme": 3}, 100.0)

        with ThreadPoolExecutor(ISSUERS) as threads:
            answers = list(threads.map(issue, range(ISSUERS)))
        assert sum(answer == frozenset() for answer in answers) == 3
        assert sum(answer == Crowded("acme", 3) for answer in answers) == ISSUERS - 3
        assert len(keeping.list(KeyQuery(owner="acme"))) == 3

    def test_fault_leaves_neither_an_owner_nor_its_event(
        self, fault: str, keeping: KeyStore, harness: Any, another: Callable[[], KeyStore]
    ) -> None:
        """A register that cannot write says so, stores nothing of the change, and accepts it after the fault."""
        owners, _ = registers(keeping)
        getattr(harness, fault)()
        try:
            with pytest.raises(StoreError):
                fill(owners)
        finally:
            harness.heal()
        after = another()
        others, _ = registers(after)
        assert len(others.list(limit=1000)) == len(others.events("a", limit=1000))
        stored(others, OwnerRecord("acme", 5.0))
        stored(owners, OwnerRecord("other", 5.0))
