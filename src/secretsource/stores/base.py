"""The contract between the issuing half and a key store: records go in, records come out.

This is the only page a store author reads. A store keeps three things: the `KeyRecord` of each key, the `KeyEvent`
that every change writes **in the same transaction**, and the `Use` of each key. It knows no cryptography and no
policy: what a record may become is decided before it gets here. What it promises:

* a change is stored together with its event, or not at all, whatever dies in between;
* a change is stored only if the record still has the revision it was made from (compare and set), so that no
  writer undoes another's work;
* `last_used` only moves forward;
* whatever stops it from answering is a `StoreError`, whose text and context hold nothing of a record.

Instants are seconds since 1970 UTC, as floats with at least microsecond resolution; the properties that end in
``_at`` show them to people. Values here are named tuples: a row of a database becomes a record without a copy.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from secretsource._clock import utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from typing import Any, Self

__all__ = [
    "AsyncKeyStore",
    "Change",
    "ChangeBus",
    "ChangeFeed",
    "EventKind",
    "KeyChange",
    "KeyEvent",
    "KeyQuery",
    "KeyRecord",
    "KeyStore",
    "Page",
    "Status",
    "Usage",
    "Use",
]

NO_METADATA: Mapping[str, Any] = MappingProxyType({})
MOST_WITNESSES = 32
"""How many distinct networks, and how many user agents, a store remembers of one key."""


class Status(enum.StrEnum):
    """Where in its life a key is; stored as the lower-case word."""

    ACTIVE = "active"
    ROTATING = "rotating"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"


class KeyRecord(NamedTuple):
    """What is kept of one API key; never the key itself.

    Attributes:
        key_id: The key's locator: 22 characters of ``0-9A-Za-z``; the primary key.
        hash: The keyed hash of the whole key: 32 bytes; empty for an imported key that was not used yet.
        pepper_version: Which pepper keyed the hash: 8 characters of ``0-9a-f``; empty for an imported key.
        display: The clear front and four characters of the locator, such as ``sk_live_7Qm2…``; up to 31 characters.
        owner: Whose key it is; 1 to 255 characters.
        prefix: The kind of key, such as ``sk``; 1 to 16 characters of ``a-z0-9``, a letter first.
        environment: Such as ``live`` or ``test``; 2 to 8 characters of ``a-z``.
        created: When it was issued, in seconds since 1970 UTC.
        name: What people call it; up to 255 characters.
        scopes: What it may do; each an exact scope or a wildcard such as ``invoices:*``.
        rate_limit: Rules such as ``100/minute, 10/second``, or None.
        quota: Rules such as ``10000/month``, or None.
        networks: CIDR blocks it may be used from; empty for any.
        begins: When it becomes good, in seconds since 1970 UTC, or None for at once.
        expires: When it ends by time, in seconds since 1970 UTC, or None.
        status: The stored status; what it amounts to at an instant is for the life cycle to say.
        status_reason: Why it has this status; up to 255 characters.
        predecessor: The key it was rotated from.
        successor: The key it was rotated to.
        root: The first key of its chain of rotations, whose limits all of them share; None for itself.
        overlap_ends: When a rotating key ends, in seconds since 1970 UTC.
        last_used: When it was last accepted, in seconds since 1970 UTC; behind by up to one flush.
        metadata: The issuer's own small JSON object.
        foreign: For a key imported from elsewhere, its hash in a self-describing form.
        lookup: For a key imported from elsewhere, what it is found by: 32 to 64 bytes, unique; None for ours.
        revision: Starts at 1 and grows by one with each change.
    """

    key_id: str
    hash: bytes
    pepper_version: str
    display: str
    owner: str
    prefix: str
    environment: str
    created: float
    name: str = ""
    scopes: frozenset[str] = frozenset()
    rate_limit: str | None = None
    quota: str | None = None
    networks: tuple[str, ...] = ()
    begins: float | None = None
    expires: float | None = None
    status: Status = Status.ACTIVE
    status_reason: str | None = None
    predecessor: str | None = None
    successor: str | None = None
    root: str | None = None
    overlap_ends: float | None = None
    last_used: float | None = None
    metadata: Mapping[str, Any] = NO_METADATA
    foreign: str | None = None
    lookup: bytes | None = None
    revision: int = 1

    @property
    def limit_key(self) -> str:
        """What its limits are counted under: a key and its successors share one account."""
        return self.root or self.key_id

    @property
    def created_at(self) -> datetime:
        """When it was issued, as aware UTC."""
        return utc(self.created)

    @property
    def not_before(self) -> datetime | None:
        """When it becomes good, as aware UTC, or None for at once."""
        return None if self.begins is None else utc(self.begins)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by time, as aware UTC, or None."""
        return None if self.expires is None else utc(self.expires)

    @property
    def overlap_ends_at(self) -> datetime | None:
        """When a rotating key ends, as aware UTC, or None."""
        return None if self.overlap_ends is None else utc(self.overlap_ends)

    @property
    def last_used_at(self) -> datetime | None:
        """When it was last accepted, as aware UTC, or None for never."""
        return None if self.last_used is None else utc(self.last_used)

    def __repr__(self) -> str:
        return (
            f"KeyRecord({self.display!r}, owner={self.owner!r}, status={self.status.value!r}, revision={self.revision})"
        )


class EventKind(enum.StrEnum):
    """What happened to a key; stored as the lower-case word."""

    ISSUED = "issued"
    IMPORTED = "imported"
    ROTATED = "rotated"
    ROTATION_FINISHED = "rotation_finished"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"
    ENABLED = "enabled"
    REHASHED = "rehashed"


class KeyEvent(NamedTuple):
    """One change in the life of a key: what, when, who and from where; never a key.

    Attributes:
        key_id: The key it happened to.
        revision: The revision of the record it led to; with ``key_id``, it identifies the event.
        kind: What happened.
        time: When, in seconds since 1970 UTC.
        actor: Who did it, in the application's words.
        origin: Where from: an address, a host name.
        reason: Why; up to 255 characters.
    """

    key_id: str
    revision: int
    kind: EventKind
    time: float
    actor: str | None = None
    origin: str | None = None
    reason: str | None = None

    @property
    def happened_at(self) -> datetime:
        """When it happened, as aware UTC."""
        return utc(self.time)


class Change(NamedTuple):
    """A record as it shall be from now on, and the event that says so.

    Attributes:
        record: The new record; its revision is one more than that of the record it was made from.
        event: What to write beside it.
    """

    record: KeyRecord
    event: KeyEvent


class KeyQuery(NamedTuple):
    """Which records to list; what is None does not narrow.

    Attributes:
        owner: Exactly this owner.
        environment: Exactly this environment.
        prefix: Exactly this prefix.
        status: Exactly this stored status.
        pepper_version: Hashed with this pepper.
        expires_before: Those that end by time before this instant, in seconds since 1970 UTC.
        unused_since: Those not used since this instant, in seconds since 1970 UTC; never used counts by its creation.
        after: Start behind this cursor, taken from `Page.next`.
        limit: Records per page, 1 to 1000.
    """

    owner: str | None = None
    environment: str | None = None
    prefix: str | None = None
    status: Status | None = None
    pepper_version: str | None = None
    expires_before: float | None = None
    unused_since: float | None = None
    after: str | None = None
    limit: int = 100


class Page(NamedTuple):
    """Some records, oldest first (equal instants by ``key_id``), and where to go on.

    Attributes:
        records: The records of this page.
        next: What to give as `KeyQuery.after` for the next page; None at the end.
    """

    records: list[KeyRecord]
    next: str | None


class Use(NamedTuple):
    """What was seen of one key since the last flush.

    Attributes:
        key_id: Which key.
        last_used: When it was last accepted, in seconds since 1970 UTC.
        requests: How often it was accepted; 0 where that was not counted (only rotating keys are watched closely).
        networks: The addresses it came from.
        agents: The user agents it came with.
    """

    key_id: str
    last_used: float
    requests: int = 0
    networks: AbstractSet[str] = frozenset()
    agents: AbstractSet[str] = frozenset()


class Usage(NamedTuple):
    """What all flushed `Use` of one key adds up to.

    Attributes:
        last_used: When it was last accepted, in seconds since 1970 UTC, or None for never.
        requests: How often it was accepted while it was rotating; too many, never too few, after a lost answer.
        networks: The addresses it came from while it was rotating; at most `MOST_WITNESSES`.
        agents: The user agents it came with while it was rotating; at most `MOST_WITNESSES`.
    """

    last_used: float | None = None
    requests: int = 0
    networks: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()


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

    def revision(self, key_id: str) -> int | None:
        """The revision of a key's record, or None; the question of a check that has read the record before.

        A store that can answer it for less than the whole record overrides it.
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
    def count_by_pepper(self) -> Mapping[str, int]:
        """How many keys there are per ``pepper_version`` that are neither revoked nor expired."""

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
    async def count_by_pepper(self) -> Mapping[str, int]:
        """As `KeyStore.count_by_pepper`."""

    @abstractmethod
    async def seals(self) -> Mapping[str, bytes]:
        """As `KeyStore.seals`."""

    @abstractmethod
    async def keep_seal(self, version: str, key: bytes) -> None:
        """As `KeyStore.keep_seal`."""

    async def close(self) -> None:
        """As `KeyStore.close`."""


class KeyChange(NamedTuple):
    """News that a record changed, here or in another process.

    Attributes:
        key_id: Which key; None when news may have been missed, so that every cached record is in doubt.
        revision: The revision it has now, or 0 with None.
    """

    key_id: str | None
    revision: int


@runtime_checkable
class ChangeFeed(Protocol):
    """An ability: a store (or a bus beside it) that tells of changes as they are committed."""

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Call ``listener`` after each commit, in any thread; it returns at once and does not raise.

        Called on the first check, not before; it may start a thread or a task.

        Args:
            listener: What to call.

        Returns:
            What to call to end the subscription.
        """
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
