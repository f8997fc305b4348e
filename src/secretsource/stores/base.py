"""The contract between the issuing half and a key store: records go in, records come out.

This is the only page a store author reads. A store keeps three things: the `KeyRecord` of each key, the `KeyEvent`
that every change writes **in the same transaction**, and the `Use` of each key. It knows no cryptography and no
policy: what a record may become is decided before it gets here. What it promises:

* a change is stored together with its event, or not at all, whatever dies in between;
* a change is stored only if the record still has the revision it was made from (compare and set), so that no
  writer undoes another's work;
* `last_used` only moves forward;
* whatever stops it from answering is a `StoreError`, whose text and context hold nothing of a record.

The words themselves are in `secretsource.stores.records`, and can all be had from here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from secretsource.stores.records import (
    Change,
    EventKind,
    FeedHealth,
    KeyChange,
    KeyEvent,
    KeyQuery,
    KeyRecord,
    Page,
    Status,
    Usage,
    Use,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

__all__ = [
    "AsyncKeyStore",
    "Change",
    "ChangeBus",
    "ChangeFeed",
    "EventKind",
    "FeedHealth",
    "KeyChange",
    "KeyEvent",
    "KeyQuery",
    "KeyRecord",
    "KeyStore",
    "Page",
    "Status",
    "Subscription",
    "Usage",
    "Use",
]


class KeyStore(ABC):
    """Where records are kept, for threads; subclass it, or `AsyncKeyStore`, and pass the conformance suite.

    Every method may be called from any thread, often several at once, and raises `StoreError` when it cannot answer.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """The store that a URL names; no I/O before the first question.

        Raises:
            ConfigurationError: The URL cannot work; it is not quoted, for it may hold a password.
        """
        raise NotImplementedError

    @abstractmethod
    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records and their events, all or none.

        Args:
            changes: New keys with distinct ``key_id``, 1 to 10,000.

        Returns:
            Those ``key_id`` whose ``key_id`` or ``lookup`` is taken; empty when all were stored, else nothing was.
        """

    @abstractmethod
    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key, by its primary key; the question of a check whose key is not known here yet.

        Args:
            key_id: 22 characters of ``0-9A-Za-z``.

        Returns:
            The record, or None when there is none.
        """

    def peek(self, key_id: str) -> KeyRecord | None:
        """The record of a key as a check may see it: from a replica, where the store has one and says how late it is.

        What is changed, and what has to be fresh, is read by `get`.
        """
        return self.get(key_id)

    def revision(self, key_id: str) -> int | None:
        """The revision of a key's record, or None; the question of a check that has read the record before.

        It may be as late as `peek`. A store that can answer it for less than the whole record overrides it.
        """
        record = self.get(key_id)
        return None if record is None else record.revision

    @abstractmethod
    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """The imported record with one of these ``lookup`` values, or None.

        Args:
            lookups: 1 to 64 values of 32 to 64 bytes.
        """

    @abstractmethod
    def update(self, change: Change) -> bool:
        """Store a changed record and its event if nobody was quicker; ``last_used`` is left as it is.

        Args:
            change: The record as it shall be, one revision further, and its event.

        Returns:
            False, with nothing stored, when the stored revision is not ``change.record.revision - 1``.
        """

    @abstractmethod
    def update_all(self, changes: Sequence[Change]) -> bool:
        """Store several changed records and their events, all or none; each as `update` does.

        Args:
            changes: The records as they shall be, each one revision further, with distinct ``key_id``; 1 to 1,000.

        Returns:
            False, with nothing stored, when one of them has moved on.
        """

    @abstractmethod
    def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Store the predecessor as changed and insert its successor, with both events, in one transaction.

        Args:
            predecessor: The old key as it shall be.
            successor: The new key.

        Returns:
            False, with nothing stored, when the predecessor has moved on or the successor's ``key_id`` is taken.
        """

    @abstractmethod
    def list(self, query: KeyQuery) -> Page:
        """The records that a query picks, oldest first.

        Args:
            query: What narrows, where to go on, and how many.

        Raises:
            InvalidRequest: Its cursor is not one of this store's.
        """

    @abstractmethod
    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """What happened to a key, oldest first.

        Args:
            key_id: Which key.
            after: Only events whose revision is greater.
            limit: 1 to 1000.
        """

    @abstractmethod
    def record_uses(self, uses: Sequence[Use]) -> None:
        """Add what was seen: ``last_used`` moves forward only, counts add up, networks and agents are united.

        No event is written and no revision changes; keys that are not there are passed over. Who hears a `StoreError`
        calls again with the same uses: none is lost, and one is counted twice only if its commit lost its answer.

        Args:
            uses: Distinct keys, in any number; the store splits them to its transactions' size.
        """

    @abstractmethod
    def usage(self, key_id: str) -> Usage:
        """What all recorded uses of a key add up to; an empty `Usage` for a key that is not there."""

    @abstractmethod
    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """How many keys there are per ``pepper_version`` that live: neither revoked nor expired.

        Args:
            now: When, in seconds since 1970 UTC.
        """

    @abstractmethod
    def seals(self) -> Mapping[str, bytes]:
        """The locator keys that keys here were sealed with, 16 bytes each, by the version of their pepper.

        With them, a key whose pepper was dropped is still told from one that somebody made up. They hide whose a key is
        from those who see keys and not the records beside them; no key can be made or accepted with them.
        """

    @abstractmethod
    def keep_seal(self, version: str, key: bytes) -> None:
        """Remember a locator key; where the version has one already, that one stays.

        Args:
            version: A pepper's version: 8 characters of ``0-9a-f``.
            key: 16 bytes.
        """

    def close(self) -> None:
        """Give back connections; called once or more."""


class AsyncKeyStore(ABC):
    """As `KeyStore`, word for word, for an event loop; nothing here blocks it, and any call may be cancelled."""

    @classmethod
    def open(cls, url: str) -> Self:
        """As `KeyStore.open`."""
        raise NotImplementedError

    @abstractmethod
    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """As `KeyStore.insert`."""

    @abstractmethod
    async def get(self, key_id: str) -> KeyRecord | None:
        """As `KeyStore.get`."""

    async def peek(self, key_id: str) -> KeyRecord | None:
        """As `KeyStore.peek`."""
        return await self.get(key_id)

    async def revision(self, key_id: str) -> int | None:
        """As `KeyStore.revision`."""
        record = await self.get(key_id)
        return None if record is None else record.revision

    @abstractmethod
    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """As `KeyStore.find`."""

    @abstractmethod
    async def update(self, change: Change) -> bool:
        """As `KeyStore.update`."""

    @abstractmethod
    async def update_all(self, changes: Sequence[Change]) -> bool:
        """As `KeyStore.update_all`."""

    @abstractmethod
    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        """As `KeyStore.rotate`."""

    @abstractmethod
    async def list(self, query: KeyQuery) -> Page:
        """As `KeyStore.list`."""

    @abstractmethod
    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """As `KeyStore.events`."""

    @abstractmethod
    async def record_uses(self, uses: Sequence[Use]) -> None:
        """As `KeyStore.record_uses`."""

    @abstractmethod
    async def usage(self, key_id: str) -> Usage:
        """As `KeyStore.usage`."""

    @abstractmethod
    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """As `KeyStore.count_by_pepper`."""

    @abstractmethod
    async def seals(self) -> Mapping[str, bytes]:
        """As `KeyStore.seals`."""

    @abstractmethod
    async def keep_seal(self, version: str, key: bytes) -> None:
        """As `KeyStore.keep_seal`."""

    async def close(self) -> None:
        """As `KeyStore.close`."""


@runtime_checkable
class ChangeFeed(Protocol):
    """An ability: a store (or a bus beside it) that tells of changes as they are committed."""

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Call ``listener`` after each commit, in any thread; it returns at once and does not raise.

        Called on the first check, not before; it may start a thread or a task.

        Args:
            listener: What to call.

        Returns:
            What to call to end the subscription; a `Subscription` where it can say whether it hears.
        """
        ...


@runtime_checkable
class Subscription(Protocol):
    """What `ChangeFeed.subscribe` returns, where it can say whether news arrives."""

    def __call__(self) -> None:
        """End it."""
        ...

    def health(self) -> FeedHealth:
        """Whether news arrives, as of now; from any thread, at once."""
        ...


@runtime_checkable
class ChangeBus(ChangeFeed, Protocol):
    """A `ChangeFeed` that has to be told: a bus beside a store that has no news of its own."""

    def publish(self, changes: Sequence[KeyChange]) -> object:
        """Tell every listener of changes that have been committed, in this process and in others.

        It does not raise: what it tells of has happened, and a listener that misses it learns of the gap, or has its
        ttl. A bus for an event loop answers with an awaitable.

        Args:
            changes: 1 to 10,000.
        """
        ...
