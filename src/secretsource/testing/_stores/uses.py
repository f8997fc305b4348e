"""The rules for uses, peppers and seals of a key store; a part of `StoreConformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.stores.base import KeyQuery, KeyStore, Status, Usage, Use
from secretsource.stores.uses import MOST_WITNESSES, WITNESS_KEPT
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
        """Counts are summed, and each client has its last time; unknown keys and empty lists are skipped."""
        store.insert([new(1), new(2)])
        key_id = record(1).key_id
        store.record_uses([Use(key_id, 50.0, 2, _at(50.0, "192.0.2.1"), _at(49.0, "curl/8"))])
        store.record_uses([Use("stranger", 1.0, 1, _at(1.0, "192.0.2.9"))])
        store.record_uses([Use(key_id, 40.0, 1, _at(40.0, "192.0.2.1", "2001:db8::1"), _at(40.0, "Grüße/1 🦊"))])
        store.record_uses([])
        assert store.usage(key_id) == Usage(
            50.0, 3, {"192.0.2.1": 50.0, "2001:db8::1": 40.0}, {"curl/8": 49.0, "Grüße/1 🦊": 40.0}
        )
        assert store.usage("stranger") == Usage()
        assert store.usage(record(2).key_id) == Usage()

    def test_witnesses_are_bounded(self, store: KeyStore) -> None:
        """The first witnesses stay; beyond the limit, no witness is added."""
        store.insert([new(1)])
        store.record_uses([Use(record(1).key_id, 1.0, 1, _at(1.0, "first"), _at(1.0, "agent"))])
        store.record_uses([Use(record(1).key_id, 2.0, 1, _at(2.0, *(f"{number:03}" for number in range(100))))])
        usage = store.usage(record(1).key_id)
        assert "first" in usage.networks
        assert len(usage.networks) == MOST_WITNESSES
        assert usage.agents == {"agent": 1.0}

    def test_a_full_list_of_clients_still_renews_its_own(self, store: KeyStore) -> None:
        """A client that is listed gets its new time, although there is no room for others."""
        store.insert([new(1)])
        known = _at(1.0, *(f"{number:03}" for number in range(MOST_WITNESSES)))
        store.record_uses([Use(record(1).key_id, 1.0, 0, known, known)])
        store.record_uses([Use(record(1).key_id, 3.0, 0, _at(3.0, "000", "stranger"), _at(3.0, "001"))])
        store.record_uses([Use(record(1).key_id, 2.0, 0, _at(2.0, "000"), _at(2.0, "001"))])
        usage = store.usage(record(1).key_id)
        assert usage.networks == {**known, "000": 3.0}
        assert usage.agents == {**known, "001": 3.0}

    def test_old_clients_make_room(self, store: KeyStore) -> None:
        """A use with a client drops those of its key that are over `WITNESS_KEPT` seconds older, and no others."""
        store.insert([new(1), new(2)])
        mine, other, late = record(1).key_id, record(2).key_id, 10.0 + WITNESS_KEPT
        old = _at(10.0, *(f"{number:03}" for number in range(MOST_WITNESSES)))
        store.record_uses([Use(mine, 10.0, 0, old, _at(10.0, "kept")), Use(other, 10.0, 0, _at(10.0, "kept"))])
        store.record_uses([Use(mine, late, 0, {}, _at(late, "late"))])
        assert store.usage(mine).agents == {"kept": 10.0, "late": late}
        store.record_uses([Use(mine, late + 1, 0, _at(late + 1, "new"))])
        assert store.usage(mine).networks == {"new": late + 1}
        assert store.usage(mine).agents == {"late": late}
        assert store.usage(other).networks == {"kept": 10.0}

    def test_old_clients_are_forgotten(self, store: KeyStore) -> None:
        """`forget_clients` forgets what is old of every key, and leaves the rest, the counts and the last use."""
        store.insert([new(1), new(2)])
        store.record_uses([Use(record(1).key_id, 10.0, 2, _at(10.0, "192.0.2.1"), _at(10.0, "curl/8"))])
        store.record_uses([Use(record(2).key_id, 11.0, 0, _at(11.0, "192.0.2.2"), _at(11.0, "curl/8"))])
        store.forget_clients(10.0 + WITNESS_KEPT)
        assert store.usage(record(1).key_id) == Usage(10.0, 2, {"192.0.2.1": 10.0}, {"curl/8": 10.0})
        store.forget_clients(10.5 + WITNESS_KEPT)
        assert store.usage(record(1).key_id) == Usage(10.0, 2)
        assert store.usage(record(2).key_id) == Usage(11.0, 0, {"192.0.2.2": 11.0}, {"curl/8": 11.0})

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


def _at(instant: float, *seen: str) -> dict[str, float]:
    """Return clients that were all noted at one instant."""
    return dict.fromkeys(seen, instant)
