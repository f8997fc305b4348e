"""The rules for every key store, as a pytest class to subclass.

    class CellarHarness(StoreHarness):                          # opens the store, and breaks what is behind it
        def __init__(self, url):
            self.url = url
        def open(self): return CellarStore.open(self.url)
        def forbid(self): ...                                   # and lose, deadlock, conflict, fill, interrupt, heal

    class TestCellar(StoreConformance):
        impossible = {"conflict": "Cellar has one writer at a time"}

        @pytest.fixture
        def harness(self, cellar_url):
            return CellarHarness(cellar_url)

Each test starts without records. A fault declared impossible is not tested; a fault that is neither written nor
declared fails its tests. Test an `AsyncKeyStore` with `AsyncStoreConformance`.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import EventKind, KeyQuery, KeyRecord, KeyStore, Page, Usage, Use
from secretsource.testing._stores.claims import StoreClaims
from secretsource.testing._stores.counts import StoreCounts
from secretsource.testing._stores.credits import StoreCredits
from secretsource.testing._stores.history import StoreHistory
from secretsource.testing._stores.listing import StoreListing
from secretsource.testing._stores.outbox import StoreOutbox
from secretsource.testing._stores.owners import StoreOwners
from secretsource.testing._stores.passes import StorePasses
from secretsource.testing._stores.races import StoreRaces
from secretsource.testing._stores.samples import CANARY, FULL, changed, new, record, rotated, told, writes
from secretsource.testing._stores.updates import StoreUpdates
from secretsource.testing._stores.upkeep import StoreUpkeep
from secretsource.testing._stores.uses import StoreUses
from secretsource.testing.store_harness import STORE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretsource.testing.store_harness import StoreHarness

__all__ = ["StoreConformance"]


class StoreConformance(
    StoreHistory,
    StoreListing,
    StoreOutbox,
    StoreOwners,
    StoreRaces,
    StoreClaims,
    StorePasses,
    StoreCounts,
    StoreCredits,
    StoreUpdates,
    StoreUpkeep,
    StoreUses,
):
    """The cases of every `KeyStore`; subclass it and override the ``harness`` fixture.

    Attributes:
        impossible: Faults that the database cannot have (of `store_harness.STORE_FAULTS`), each with the reason.
    """

    impossible: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for fault, reason in cls.impossible.items():
            if fault not in STORE_FAULTS or not reason:
                raise TypeError(f"{cls.__name__}.impossible: {fault!r} is not a fault, or lacks a reason")
        if cls.impossible.keys() >= set(STORE_FAULTS):
            for test in [name for name in dir(cls) if name.startswith("test_fault")]:
                setattr(cls, test, None)  # tells pytest that an inherited test is not collected

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests that take a ``fault`` once for each possible fault."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", [fault for fault in STORE_FAULTS if fault not in self.impossible])

    @pytest.fixture
    def harness(self) -> Any:
        """Return the harness of the store under test; every subclass overrides it."""
        raise NotImplementedError("override the fixture `harness` so that it returns your StoreHarness")

    def opened(self, harness: StoreHarness) -> KeyStore:
        """Return a store of the harness, in the form for the cases."""
        return harness.open()

    @pytest.fixture
    def another(self, harness: StoreHarness) -> Iterator[Callable[[], KeyStore]]:
        """Return a function that opens further stores over the same records; each is closed after the test."""
        made: list[KeyStore] = []

        def make() -> KeyStore:
            made.append(self.opened(harness))
            return made[-1]

        yield make
        for store in made:
            store.close()

    @pytest.fixture
    def store(self, another: Callable[[], KeyStore]) -> KeyStore:
        """Return the store under test, without records."""
        return another()

    # Records

    def test_absent_is_none(self, store: KeyStore) -> None:
        """A missing key is None, with no events and no usage."""
        assert store.get("0" * 22) is None
        assert store.revision("0" * 22) is None
        assert store.find([bytes(32), bytes(64)]) is None
        assert list(store.events("0" * 22)) == []
        assert store.usage("0" * 22) == Usage()
        assert store.list(KeyQuery()) == Page([], None)
        assert store.count_by_pepper(1000.0) == {}

    @pytest.mark.parametrize("stored", [record(1), FULL], ids=["least", "most"])
    def test_record_comes_back_as_it_was_stored(self, store: KeyStore, stored: KeyRecord) -> None:
        """Every field keeps its value and its type: instants to the microsecond, bytes, texts, sets and JSON."""
        assert store.insert([told(stored, EventKind.ISSUED)]) == frozenset()
        found = store.get(stored.key_id)
        assert found == stored
        assert found is not None
        plain = found._replace(metadata={}, notices={}), stored._replace(metadata={}, notices={})
        assert [type(value) for value in plain[0]] == [type(value) for value in plain[1]]

    def test_several_records_are_found_at_once(self, store: KeyStore) -> None:
        """Those that are there come back whole, by their identifiers; the others are left out."""
        store.insert([told(FULL, EventKind.ISSUED), new(2), new(3)])
        wanted = [FULL.key_id, record(2).key_id, "0" * 22]
        assert store.peek_many(wanted) == {FULL.key_id: FULL, record(2).key_id: record(2)}
        assert store.peek_many([]) == {}

    def test_long_texts_are_kept_whole(self, store: KeyStore) -> None:
        """Names of 255 characters, a hundred scopes and networks, and 4 KiB of metadata fit."""
        big = record(
            1,
            owner="ö" * 255,
            name="n" * 255,
            status_reason="r" * 255,
            scopes=frozenset(f"scope:{number}" for number in range(100)),
            networks=tuple(f"10.0.{number}.0/24" for number in range(100)),
            metadata={"note": "m" * 4000},
        )
        store.insert([told(big, EventKind.ISSUED)])
        assert store.get(big.key_id) == big

    # Insert

    def test_insert_is_all_or_none(self, store: KeyStore) -> None:
        """A taken ``key_id`` is named, and no record or event of the batch is stored."""
        store.insert([new(1)])
        assert store.insert([new(2), new(1), new(3)]) == {record(1).key_id}
        assert store.get(record(2).key_id) is None
        assert list(store.events(record(3).key_id)) == []
        assert store.get(record(1).key_id) == record(1)
        assert len(store.events(record(1).key_id)) == 1

    def test_insert_names_a_taken_lookup(self, store: KeyStore) -> None:
        """A taken ``lookup`` is named by its ``key_id``, whether it is stored already or twice in one batch."""
        store.insert([new(1, lookup=b"1" * 32)])
        assert store.insert([new(2), new(3, lookup=b"1" * 32)]) == {record(3).key_id}
        assert store.insert([new(4, lookup=b"2" * 64), new(5, lookup=b"2" * 64)]) == {record(5).key_id}
        assert [found.key_id for found in store.list(KeyQuery()).records] == [record(1).key_id]

    def test_insert_takes_ten_thousand(self, store: KeyStore) -> None:
        """Ten thousand records are inserted in one call, and not one of them if one identifier is taken."""
        store.insert([new(9_999)])
        assert store.insert([new(number) for number in range(10_000)]) == {record(9_999).key_id}
        assert store.count_by_pepper(1000.0) == {"01234567": 1}
        assert store.insert([new(number) for number in range(10_000, 20_000)]) == frozenset()
        assert store.count_by_pepper(1000.0) == {"01234567": 10_001}

    # Find

    def test_find_follows_the_lookup(self, store: KeyStore) -> None:
        """An imported record is found by one of several values; after a rehash by the new value, or by no value."""
        store.insert([new(1, lookup=b"1" * 32), new(2)])
        imported = store.get(record(1).key_id)
        assert store.find([b"0" * 32, b"1" * 32]) == imported
        assert store.find([b"0" * 32]) is None
        assert imported is not None
        store.update(changed(imported, lookup=b"2" * 64))
        assert store.find([b"1" * 32]) is None
        rehashed = store.find([b"2" * 64])
        assert rehashed is not None
        store.update(changed(rehashed, lookup=None))
        assert store.find([b"2" * 64]) is None

    # Update

    def test_update_replaces_every_field(self, store: KeyStore) -> None:
        """Every field of a record can change except its identifier and ``last_used``; the event is stored with it."""
        store.insert([new(1)])
        after = FULL._replace(revision=2, created=1.0, last_used=None)
        assert store.update(told(after, EventKind.REHASHED))
        assert store.get(record(1).key_id) == after
        assert [event.kind for event in store.events(after.key_id)] == [EventKind.ISSUED, EventKind.REHASHED]

    def test_update_compares_and_sets(self, store: KeyStore) -> None:
        """If two writers read one revision, one of them is too slow, and writes nothing."""
        store.insert([new(1)])
        assert store.update(changed(record(1), name="first"))
        assert not store.update(changed(record(1), name="second"))
        assert not store.update(changed(record(2)))
        stored = store.get(record(1).key_id)
        assert stored is not None
        assert (stored.name, stored.revision) == ("first", 2)
        assert store.revision(record(1).key_id) == 2
        assert [event.revision for event in store.events(record(1).key_id)] == [1, 2]
        assert list(store.events(record(2).key_id)) == []

    def test_update_leaves_last_used(self, store: KeyStore) -> None:
        """An update does not change ``last_used``, which may have moved since the writer read the record."""
        store.insert([new(1)])
        store.record_uses([Use(record(1).key_id, 150.0)])
        assert store.update(changed(record(1), last_used=None))
        assert store.update(changed(record(1, revision=2), last_used=99.0))
        stored = store.get(record(1).key_id)
        assert stored is not None
        assert stored.last_used == 150.0

    # Rotate

    def test_rotate_changes_both(self, store: KeyStore) -> None:
        """A rotation stores the old key and the new one, with an event each."""
        store.insert([new(1)])
        predecessor, successor = rotated(record(1), 2)
        assert store.rotate(predecessor, successor)
        assert store.get(record(1).key_id) == predecessor.record
        assert store.get(record(2).key_id) == successor.record
        assert list(store.events(record(1).key_id, after=1)) == [predecessor.event]
        assert list(store.events(record(2).key_id)) == [successor.event]

    def test_rotate_twice_makes_one_successor(self, store: KeyStore) -> None:
        """A retry, and a rival that read the same revision, are too slow, and write nothing."""
        store.insert([new(1)])
        predecessor, successor = rotated(record(1), 2)
        assert store.rotate(predecessor, successor)
        assert not store.rotate(predecessor, successor)
        assert not store.rotate(*rotated(record(1), 3))
        assert store.get(record(3).key_id) is None
        assert [len(store.events(record(number).key_id)) for number in (1, 2, 3)] == [2, 1, 0]

    def test_rotate_to_a_taken_identifier_changes_nothing(self, store: KeyStore) -> None:
        """If the successor's identifier is taken, the old key and the other key are unchanged."""
        store.insert([new(1), new(2)])
        assert not store.rotate(*rotated(record(1), 2))
        assert not store.rotate(*rotated(record(4), 5))
        assert [store.get(record(number).key_id) for number in (1, 2, 5)] == [record(1), record(2), None]
        assert [len(store.events(record(number).key_id)) for number in (1, 2, 5)] == [1, 1, 0]

    # Events

    def test_events_come_whole_and_in_order(self, store: KeyStore) -> None:
        """Events have every field, start after a revision, and end at a limit."""
        first = new(1)
        store.insert([first, new(2)])
        changes = [changed(record(1, revision=revision)) for revision in range(1, 6)]
        assert all(store.update(change) for change in changes)
        assert list(store.events(record(1).key_id)) == [first.event, *(change.event for change in changes)]
        assert [event.revision for event in store.events(record(1).key_id, after=2, limit=3)] == [3, 4, 5]
        bare = told(record(3), EventKind.IMPORTED)
        store.insert([bare._replace(event=bare.event._replace(actor=None, origin=None, reason=None))])
        event = store.events(record(3).key_id)[0]
        assert (event.actor, event.origin, event.reason) == (None, None, None)

    # Several at once

    def test_another_store_sees_what_is_stored(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Another store sees a change at once: there is no cache below the contract."""
        other = another()
        store.insert([new(1)])
        assert other.get(record(1).key_id) == record(1)
        assert other.update(changed(record(1), name="there"))
        found = store.get(record(1).key_id)
        assert found is not None
        assert found.name == "there"

    # Faults

    def test_fault_leaves_nothing_half_made(self, fault: str, harness: StoreHarness, store: KeyStore) -> None:
        """Under a fault, every change is stored whole or not at all; after it, the same store works."""
        store.insert([new(1), new(3)])
        getattr(harness, fault)()
        for ask in writes(store):
            with pytest.raises(StoreError):
                ask()
        harness.heal()
        assert [found.key_id for found in store.list(KeyQuery()).records] == [record(1).key_id, record(3).key_id]
        assert [store.get(record(number).key_id) for number in (1, 2)] == [record(1), None]
        assert [len(store.events(record(number).key_id)) for number in (1, 2)] == [1, 0]
        assert store.usage(record(1).key_id).requests == 0
        for ask in writes(store):
            ask()
        assert store.usage(record(3).key_id).requests == 1

    def test_fault_shows_nothing(
        self, fault: str, harness: StoreHarness, store: KeyStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No error, no exception behind it, no log record and no repr shows a record or a password."""
        caplog.set_level(logging.DEBUG)
        store.insert([new(1), new(3)])
        caplog.clear()
        getattr(harness, fault)()
        for ask in writes(store):
            with pytest.raises(StoreError) as caught:
                ask()
            assert caught.value.__context__ is None
            assert caught.value.__cause__ is None
            said = [*traceback.format_exception(caught.value), repr(caught.value), repr(store), caplog.text]
            for text in (*said, *(repr(vars(noted)) for noted in caplog.records)):
                assert CANARY not in text
                assert not any(hidden in text for hidden in harness.hidden)
        harness.heal()

    # Life

    def test_closed_twice(self, harness: StoreHarness) -> None:
        """Closing again, with or without having been used, does nothing."""
        unused, used = self.opened(harness), self.opened(harness)
        used.insert([new(1)])
        for store in (unused, used):
            store.close()
            store.close()

    def test_used_from_threads_that_end(self, store: KeyStore) -> None:
        """A thread that asked the store may end; the next thread can ask too."""
        store.insert([new(1)])
        for _ in range(3):
            assert self.race([lambda: store.get(record(1).key_id)] * 4) == [record(1)] * 4
