"""The rules for updates of several records, and for the names in their events; a part of `StoreConformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.stores.base import EventKind
from secretsource.testing._stores.samples import changed, new, record

if TYPE_CHECKING:
    from secretsource.stores.base import KeyStore

__all__ = ["StoreUpdates"]


class StoreUpdates:
    """The cases of updates; `StoreConformance` has them."""

    def test_update_all_changes_all(self, store: KeyStore) -> None:
        """Several records and their events are stored in one transaction."""
        store.insert([new(1), new(2), new(3)])
        changes = [changed(record(number), name=f"n{number}") for number in (3, 1)]
        assert store.update_all(changes)
        # a record that is missing fails here, too
        assert [store.get(record(number).key_id).name for number in (1, 2, 3)] == ["n1", "", "n3"]  # type: ignore[union-attr]
        assert [event.revision for event in store.events(record(3).key_id)] == [1, 2]

    def test_update_all_changes_none(self, store: KeyStore) -> None:
        """If one record has moved on, the others are unchanged, and no event is written."""
        store.insert([new(1), new(2)])
        assert store.update(changed(record(2), name="quicker"))
        assert not store.update_all([changed(record(1), name="a"), changed(record(2), name="b")])
        assert store.get(record(1).key_id) == record(1)
        assert len(store.events(record(1).key_id)) == 1
        assert not store.update_all([changed(record(1), name="a"), changed(record(9), name="b")])
        assert store.get(record(1).key_id) == record(1)

    def test_event_keeps_the_names_of_fields(self, store: KeyStore) -> None:
        """An event names the fields that an update changed."""
        store.insert([new(1)])
        change = changed(record(1), name="other")
        told_of = change._replace(event=change.event._replace(kind=EventKind.UPDATED, fields=("name", "scopes")))
        assert store.update(told_of)
        assert store.events(record(1).key_id, after=1) == [told_of.event]
