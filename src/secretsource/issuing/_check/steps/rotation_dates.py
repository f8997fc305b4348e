"""The dates of rotations: the record of a rotated key does not have it, but that of its successor does."""

from __future__ import annotations

from secretsource.exceptions import StoreError
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.stores.base import AsyncKeyStore, KeyRecord, KeyStore

MOST_KEPT = 10_000


class RotationDates:
    """The dates of rotations, which never change, by the ``key_id`` of the old key.

    Args:
        store: The store that is asked for a date, once.
    """

    __slots__ = ("_dates", "_store", "get")

    def __init__(self, store: KeyStore | AsyncKeyStore) -> None:
        self._store = store
        self._dates: dict[str, float] = {}
        self.get = self._dates.get
        """The time of a key's rotation, in seconds since 1970 UTC; None if unknown."""

    def learn(self, record: KeyRecord) -> Flow[None]:
        """Ask for the date of a key that is being rotated, unless it is known; nothing depends on an answer."""
        if record.status is not Status.ROTATING or record.successor is None or record.key_id in self._dates:
            return
        try:
            successor: KeyRecord | None = yield self._store.get(record.successor)
        except StoreError:
            return
        if successor is not None:
            if len(self._dates) >= MOST_KEPT:
                self._dates.clear()
            self._dates[record.key_id] = successor.created
