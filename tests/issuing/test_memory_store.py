"""The memory store keeps the contract that every store keeps; a shipped conformance suite takes this over."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._key import lifecycle
from secretsource.stores import _registry
from secretsource.stores.base import (
    AsyncKeyStore,
    Change,
    ChangeFeed,
    KeyChange,
    KeyQuery,
    KeyRecord,
    KeyStore,
    Status,
    Usage,
    Use,
)
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.uses import MOST_WITNESSES

RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 100.0)


def new(number: int, **changes: Any) -> Change:
    """One of many new records."""
    return lifecycle.issue(RECORD._replace(key_id=f"{number:022}", created=float(number), **changes), 100.0)


def changed(record: KeyRecord, **changes: Any) -> Change:
    """The next revision of a record."""
    return lifecycle.issue(record._replace(revision=record.revision + 1, **changes), 200.0)


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


def test_an_insert_is_all_or_nothing(store: MemoryStore) -> None:
    """A taken key_id or look-up value is named, and nothing is stored."""
    assert store.insert([new(1, lookup=b"1" * 32)]) == frozenset()
    assert store.insert([new(2), new(1)]) == {new(1).record.key_id}
    assert store.insert([new(3), new(4, lookup=b"1" * 32)]) == {new(4).record.key_id}
    assert store.insert([new(5, lookup=b"2" * 32), new(6, lookup=b"2" * 32)]) == {new(6).record.key_id}
    assert store.get(new(2).record.key_id) is None
    assert store.events(new(2).record.key_id) == []
    assert [record.key_id for record in store.list(KeyQuery()).records] == [new(1).record.key_id]


def test_an_update_is_stored_once(store: MemoryStore) -> None:
    """Of two writers that read one revision, one is told that it was too slow."""
    store.insert([new(1)])
    record = new(1).record
    assert store.update(changed(record, name="first"))
    assert not store.update(changed(record, name="second"))
    assert not store.update(changed(new(2).record))
    stored = store.get(record.key_id)
    assert stored is not None
    assert (stored.name, stored.revision) == ("first", 2)
    assert [event.revision for event in store.events(record.key_id)] == [1, 2]
    assert [event.revision for event in store.events(record.key_id, after=1)] == [2]
    assert [event.revision for event in store.events(record.key_id, limit=1)] == [1]


def test_an_update_does_not_turn_last_used_back(store: MemoryStore) -> None:
    """It was recorded meanwhile, and the writer could not know."""
    store.insert([new(1)])
    store.record_uses([Use(new(1).record.key_id, 150.0)])
    assert store.update(changed(new(1).record, last_used=None))
    stored = store.get(new(1).record.key_id)
    assert stored is not None
    assert stored.last_used == 150.0


def test_a_rotation_is_stored_whole_or_not_at_all(store: MemoryStore) -> None:
    """Neither when the old key has moved on, nor when the new key_id is taken."""
    store.insert([new(1), new(2)])
    old = changed(new(1).record, successor=new(3).record.key_id, status=Status.ROTATING)
    assert not store.rotate(old, new(2))
    assert store.get(new(1).record.key_id) == new(1).record
    assert store.rotate(old, new(3))
    assert not store.rotate(old, new(4))
    assert store.get(new(4).record.key_id) is None
    assert [len(store.events(new(number).record.key_id)) for number in (1, 3)] == [2, 1]


def test_an_imported_record_is_found_by_what_it_is_known_by_now(store: MemoryStore) -> None:
    """By one of several values; after a rehash by the new one only."""
    store.insert([new(1, lookup=b"1" * 32)])
    assert store.find([b"0" * 32, b"1" * 32]) == store.get(new(1).record.key_id)
    assert store.find([b"0" * 32]) is None
    store.update(changed(new(1, lookup=b"1" * 32).record, lookup=b"2" * 32))
    assert store.find([b"1" * 32]) is None
    assert store.find([b"2" * 32]) is not None
    store.update(changed(new(1, lookup=b"2" * 32, revision=2).record, lookup=None))
    assert store.find([b"2" * 32]) is None


def test_uses_add_up_and_move_forward_only(store: MemoryStore) -> None:
    """Whatever order flushes of several processes arrive in; strangers are passed over; witnesses are bounded."""
    store.insert([new(1)])
    key_id = new(1).record.key_id
    store.record_uses([Use(key_id, 50.0, 2, {"a": 50.0}, {"x": 50.0}), Use("stranger", 1.0)])
    store.record_uses([Use(key_id, 40.0, 1, {"b": 40.0})])
    assert store.usage(key_id) == Usage(50.0, 3, {"a": 50.0, "b": 40.0}, {"x": 50.0})
    store.record_uses([Use(key_id, 60.0, 1, {f"{number}": 60.0 for number in range(100)})])
    assert len(store.usage(key_id).networks) == MOST_WITNESSES
    assert {"a", "b"} <= store.usage(key_id).networks.keys()
    assert store.usage("stranger") == Usage()
    stored = store.get(key_id)
    assert stored is not None
    assert (stored.last_used, stored.revision) == (60.0, 1)


def test_a_query_narrows_by_each_of_its_fields(store: MemoryStore) -> None:
    """And pages go on where the last one ended, also past keys of one instant."""
    store.insert(
        [
            new(1, owner="a"), new(2, environment="test"), new(3, prefix="pk"), new(4, status=Status.REVOKED),
            new(5, pepper_version="other000"), new(6, expires=500.0), new(7, last_used=900.0),
        ]
    )  # fmt: skip
    narrowed = {
        1: KeyQuery(owner="a"), 2: KeyQuery(environment="test"), 3: KeyQuery(prefix="pk"),
        4: KeyQuery(status=Status.REVOKED), 5: KeyQuery(pepper_version="other000"), 6: KeyQuery(expires_before=501.0),
    }  # fmt: skip
    for number, query in narrowed.items():
        assert [record.created for record in store.list(query).records] == [number]
    assert store.list(KeyQuery(expires_before=500.0)).records == []
    assert [record.created for record in store.list(KeyQuery(unused_since=7.0)).records] == [1, 2, 3, 4, 5, 6]
    seen, after = [], None
    while True:
        page = store.list(KeyQuery(after=after, limit=3))
        seen += [record.created for record in page.records]
        after = page.next
        if after is None:
            break
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(InvalidRequest, match="cursor"):
        store.list(KeyQuery(after="nonsense"))


def test_peppers_are_counted_for_keys_that_live(store: MemoryStore) -> None:
    """A revoked key does not keep a pepper."""
    store.insert([new(1), new(2), new(3, pepper_version="other000"), new(4, status=Status.REVOKED)])
    assert store.count_by_pepper(1000.0) == {"01234567": 2, "other000": 1}


def test_changes_are_told_after_they_are_stored(store: MemoryStore) -> None:
    """Each with the revision it led to; not to who has cancelled, and not for what was not stored."""
    told: list[KeyChange] = []
    cancel = store.subscribe(told.append)
    store.insert([new(1)])
    store.insert([new(1)])
    store.update(changed(new(1).record))
    store.update(changed(new(1).record))
    store.rotate(changed(new(1, revision=2).record), new(2))
    assert [change[:2] for change in told] == [
        (new(1).record.key_id, 1),
        (new(1).record.key_id, 2),
        (new(1).record.key_id, 3),
        (new(2).record.key_id, 1),
    ]
    cancel()
    cancel()
    store.insert([new(3)])
    assert len(told) == 4


async def test_the_asynchronous_store_is_the_same_store() -> None:
    """Every method of the contract goes through."""
    shared = MemoryStore()
    store = AsyncMemoryStore(shared)
    assert isinstance(store, ChangeFeed)
    assert await store.insert([new(1, lookup=b"1" * 32)]) == frozenset()
    assert await store.find([b"1" * 32]) == await store.get(new(1).record.key_id) == shared.get(new(1).record.key_id)
    assert await store.update(changed(new(1).record))
    assert await store.rotate(changed(new(1, revision=2).record), new(2))
    await store.record_uses([Use(new(1).record.key_id, 1.0)])
    assert (await store.usage(new(1).record.key_id)).last_used == 1.0
    assert len((await store.list(KeyQuery())).records) == 2
    assert len(await store.events(new(1).record.key_id)) == 3
    assert await store.count_by_pepper(1000.0) == {"01234567": 2}
    told: list[KeyChange] = []
    store.subscribe(told.append)()
    await store.insert([new(3)])
    assert told == []
    await store.close()


@pytest.mark.parametrize("contract", [KeyStore, AsyncKeyStore])
def test_a_store_that_has_no_url_says_so(contract: Any) -> None:
    """`open` is for stores that a URL can name."""
    with pytest.raises(NotImplementedError):
        contract.open("x://")


class Plugin(MemoryStore):
    """A store of another package."""

    @classmethod
    def open(cls, url: str) -> Plugin:
        """Take any URL."""
        return cls()


class Point:
    """An entry point, as `importlib.metadata` gives it."""

    def __init__(self, name: str, loaded: object) -> None:
        self.name = name
        self._loaded = loaded

    def load(self) -> object:
        """What it points at."""
        return self._loaded


def test_other_packages_may_bring_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """By entry point; one that is no store of the wanted kind is passed over."""
    points = [Point("mine", object()), Point("mine", Plugin)]
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda group, name=None: [point for point in points if name in (None, point.name)],
    )
    assert isinstance(_registry.open_store("mine+driver://host"), Plugin)
    with pytest.raises(ConfigurationError, match="known are memory, mine, postgresql, sqlite"):
        _registry.open_async_store("mine://host")


def test_a_record_shows_itself_to_people() -> None:
    """Instants as aware datetimes, and a text without the hash."""
    assert repr(RECORD) == "KeyRecord('sk_live_kkkk…', owner='acme', status='active', revision=1)"
    assert (RECORD.not_before, RECORD.expires_at, RECORD.overlap_ends_at, RECORD.last_used_at) == (None,) * 4
    full = RECORD._replace(begins=1.0, expires=2.0, overlap_ends=3.0, last_used=4.0)
    instants = (full.not_before, full.expires_at, full.overlap_ends_at, full.last_used_at)
    assert [instant.timestamp() for instant in instants if instant is not None] == [1.0, 2.0, 3.0, 4.0]
