"""The rules for uses, peppers and seals of a key store; a part of `StoreConformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.stores.base import KeyQuery, KeyStore, Status, Usage, Use
from secretsource.stores.records import MOST_WITNESSES
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StoreUses"]


class StoreUses:
    """The cases of uses, peppers and seals; their store is the fixture ``store`` of the class that inherits them."""

    def test_last_used_moves_forward_only(self, store: KeyStore) -> None:
        """``last_used`` is the latest time, in every order of flushes, and the record does not change."""
        store.insert([new(1), new(2, last_used=70.0)])
        for last_used in (50.0, 40.0, 60.5, 60.25):
            store.record_uses([Use(record(1).key_id, last_used), Use(record(2).key_id, last_used)])
        assert store.usage(record(1).key_id).last_used == 60.5
        assert store.get(record(1).key_id) == record(1, last_used=60.5)
        assert store.get(record(2).key_id) == record(2, last_used=70.0)
        assert len(store.events(record(1).key_id)) == 1

    def test_uses_add_up(self, store: KeyStore) -> None:
        """Counts are summed, networks and agents united; unknown keys and empty lists are skipped."""
        store.insert([new(1), new(2)])
        key_id = record(1).key_id
        store.record_uses([Use(key_id, 50.0, 2, {"192.0.2.1"}, {"curl/8"}), Use("stranger", 1.0, 1, {"192.0.2.9"})])
        store.record_uses([Use(key_id, 40.0, 1, {"192.0.2.1", "2001:db8::1"}, {"Grüße/1 🦊"})])
        store.record_uses([])
        assert store.usage(key_id) == Usage(
            50.0, 3, frozenset({"192.0.2.1", "2001:db8::1"}), frozenset({"curl/8", "Grüße/1 🦊"})
        )
        assert store.usage("stranger") == Usage()
        assert store.usage(record(2).key_id) == Usage()

    def test_witnesses_are_bounded(self, store: KeyStore) -> None:
        """The first witnesses stay; beyond the limit, no witness is added."""
        store.insert([new(1)])
        store.record_uses([Use(record(1).key_id, 1.0, 1, {"first"}, {"agent"})])
        store.record_uses([Use(record(1).key_id, 2.0, 1, {f"{number:03}" for number in range(100)})])
        usage = store.usage(record(1).key_id)
        assert "first" in usage.networks
        assert len(usage.networks) == MOST_WITNESSES
        assert usage.agents == {"agent"}

    def test_uses_of_many_keys(self, store: KeyStore) -> None:
        """More uses than one transaction takes are all stored."""
        store.insert([new(number) for number in range(3000)])
        store.record_uses([Use(record(number).key_id, 5000.0 + number) for number in range(3000)])
        assert store.usage(record(2999).key_id).last_used == 7999.0
        assert store.list(KeyQuery(unused_since=5001.0)).records == [record(0, last_used=5000.0)]

    def test_peppers_are_counted_for_keys_that_live(self, store: KeyStore) -> None:
        """A revoked or expired key does not need its pepper; a disabled or rotating key does."""
        store.insert([new(number, status=status) for number, status in enumerate(Status)])
        store.insert(
            [
                new(9, pepper_version="other000", expires=900.0),
                new(10, pepper_version="dead0000", status=Status.REVOKED),
            ]
        )
        assert store.count_by_pepper(899.0) == {"01234567": 3, "other000": 1}
        assert store.count_by_pepper(900.0) == {"01234567": 3}

    def test_seals_stay(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Every store over the same records knows the locator keys; the first one of a version stays."""
        assert store.seals() == {}
        store.keep_seal("01234567", b"0" * 16)
        store.keep_seal("89abcdef", bytes(16))
        store.keep_seal("01234567", b"1" * 16)
        assert store.seals() == another().seals() == {"01234567": b"0" * 16, "89abcdef": bytes(16)}
