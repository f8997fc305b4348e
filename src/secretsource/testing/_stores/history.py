"""The cases of the feed of all events, for stores that have one; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.stores.base import (
    EventKind,
    History,
    HistoryEvent,
    HistoryQuery,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    PlanRecord,
)
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyStore

__all__ = ["StoreHistory"]

READERS = 4


class StoreHistory:
    """The cases of `KeyStore.history`; they are left out for a store that has none."""

    patience: ClassVar[float]

    @pytest.fixture
    def feed(self, store: KeyStore) -> History:
        """Return the feed of the store under test."""
        if store.history is None:
            pytest.skip("the store has no history of all keys")
        return store.history

    def test_history_has_keys_owners_and_plans(self, store: KeyStore, feed: History) -> None:
        """Each event is in it once, whole, with the owner that it is about."""
        store.insert([new(1, owner="acme")])
        assert store.owners is not None
        assert store.plans is not None
        about = (("name",), "ann", "203.0.113.9", "why")
        store.plans.put(PlanRecord("pro", 5.0), OwnerEvent("pro", OwnerEventKind.REGISTERED, 2000.0, *about))
        store.owners.put(OwnerRecord("acme", 5.0), OwnerEvent("acme", OwnerEventKind.REGISTERED, 3000.0, *about))
        found = feed.read(HistoryQuery())
        assert [(event.subject, event.id, event.owner) for event in found] == [
            ("key", record(1).key_id, "acme"), ("plan", "pro", None), ("owner", "acme", "acme"),
        ]  # fmt: skip
        assert found[0][1:10] == (
            "key",
            record(1).key_id,
            1,
            EventKind.ISSUED,
            1001.5,
            "someone",
            "203.0.113.9",
            "why",
            (),
        )
        assert found[2][4:10] == (OwnerEventKind.REGISTERED, 3000.0, "ann", "203.0.113.9", "why", ("name",))

    def test_history_of_one_instant_has_causes_first(self, store: KeyStore, feed: History) -> None:
        """Owners and plans come before keys, and a new key before a change, whatever the ids are."""
        store.insert([new(3)])
        made, older = new(9), record(3)
        rotation = changed(older, name="rotated")
        now = 4000.0
        store.rotate(
            rotation._replace(event=rotation.event._replace(time=now)),
            made._replace(event=made.event._replace(time=now)),
        )
        assert store.plans is not None
        store.plans.put(PlanRecord("zz", 5.0), OwnerEvent("zz", OwnerEventKind.REGISTERED, now))
        assert [(event.subject, event.id, event.kind) for event in feed.read(HistoryQuery())] == [
            ("key", older.key_id, EventKind.ISSUED),
            ("plan", "zz", OwnerEventKind.REGISTERED),
            ("key", made.record.key_id, EventKind.ISSUED),
            ("key", older.key_id, rotation.event.kind),
        ]

    def test_history_goes_on_behind_a_position(self, store: KeyStore, feed: History) -> None:
        """Page by page, each event comes once, and its position stays, whatever is written between."""
        store.insert([new(number) for number in range(1, 6)])
        met: list[HistoryEvent] = []
        for number in range(6, 9):
            met += feed.read(HistoryQuery(after=met[-1].position if met else 0, limit=3))
            store.insert([new(number)])  # its event is as old as the others
        while more := feed.read(HistoryQuery(after=met[-1].position, limit=3)):
            met += more
        assert sorted(event.id for event in met) == [record(number).key_id for number in range(1, 9)]
        assert list(feed.read(HistoryQuery(limit=1000))) == met

    def test_history_can_have_the_newest_events_first(self, store: KeyStore, feed: History) -> None:
        """Each filter has the same events in both orders, and pages go on behind the smallest position so far."""
        store.insert([new(number, owner="ab"[number % 2]) for number in range(1, 8)])
        store.update(changed(record(1, owner="b"), name="other"))
        met: list[HistoryEvent] = []
        while more := feed.read(HistoryQuery(after=met[-1].position if met else 0, limit=3, newest=True)):
            met += more
            store.insert([new(100 + len(met))])  # a new event does not come into pages that go on
        first = feed.read(HistoryQuery(limit=8))
        assert met == list(reversed(first))
        every: list[dict[str, Any]] = [{"owner": "a"}, {"kind": "issued"}, {"actor": "someone"}, {"kind": "reused"}]
        for filters in every:
            forwards = feed.read(HistoryQuery(limit=1000, **filters))
            assert list(feed.read(HistoryQuery(limit=1000, newest=True, **filters))) == list(reversed(forwards))
        assert list(feed.read(HistoryQuery(owner="b", after=first[3].position, newest=True))) == [
            event for event in reversed(first[:3]) if event.owner == "b"
        ]

    def test_history_is_narrowed(self, store: KeyStore, feed: History) -> None:
        """Each filter works alone and with the others, and with the place to go on from."""
        store.insert([new(1, owner="a"), new(2, owner="b")])
        store.update(changed(record(1, owner="a"), name="other"))
        quiet = new(3, owner="b")
        store.insert([quiet._replace(event=quiet.event._replace(actor="ann"))])
        everything = feed.read(HistoryQuery())
        narrowed: list[tuple[dict[str, Any], list[int]]] = [
            ({"owner": "a"}, [1, 1]), ({"owner": "b"}, [2, 3]), ({"kind": "issued"}, [1, 2, 3]),
            ({"kind": "disabled"}, [1]), ({"actor": "ann"}, [3]), ({"actor": "ann", "owner": "a"}, []),
            ({"owner": "a", "kind": "issued", "actor": "someone"}, [1]), ({"owner": "a", "limit": 1}, [1]),
        ]  # fmt: skip
        for filters, numbers in narrowed:
            assert [int(event.id) for event in feed.read(HistoryQuery(**filters))] == numbers
        assert feed.read(HistoryQuery(after=everything[-1].position)) == []

    def test_history_is_one_for_all_readers(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Several that read at once give each event one position, and no position twice."""
        if store.history is None:
            pytest.skip("the store has no history of all keys")
        store.insert([new(number) for number in range(1, 60)])
        readers, start = [another() for _ in range(READERS)], Barrier(READERS)

        def read(number: int) -> list[HistoryEvent]:
            history = readers[number].history
            assert history is not None
            start.wait(self.patience)
            return list(history.read(HistoryQuery(limit=1000)))

        with ThreadPoolExecutor(READERS) as pool:
            read_by = list(pool.map(read, range(READERS), timeout=self.patience))
        assert len({event.position for event in read_by[0]}) == 59
        assert all(found == read_by[0] for found in read_by)
