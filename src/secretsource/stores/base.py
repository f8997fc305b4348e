"""The contract between the issuing half and a key store: records go in, records come out.

A store author reads this page first. A store stores three things: the `KeyRecord` of each key, the `KeyEvent` that
every change writes **in the same transaction**, and the `Use` of each key. It may store owners and plans as well: see
`secretsource.stores.owners`. It knows no cryptography and no policy: the caller decides each change. Its promises:

* a change must be stored together with its event, or not at all, even if a process dies in between;
* a change must be stored only if the record still has the revision that the change started from (compare and set), so
  that no writer undoes another's work;
* `last_used` must only move forward;
* a store that cannot answer must raise `StoreError`, whose text and context hold nothing of a record.

The types themselves are in `secretsource.stores.records` and the modules beside it; this module exports all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource.stores._async_base import AsyncKeyStore
from secretsource.stores.feeds import ChangeBus, ChangeFeed, FeedHealth, KeyChange, Subscription
from secretsource.stores.owners import (
    AsyncRegister,
    Crowded,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    OwnerStatus,
    PlanRecord,
    Refused,
    Register,
    Terms,
    account_of,
)
from secretsource.stores.queries import KeyQuery, Page
from secretsource.stores.records import Change, EventKind, KeyEvent, KeyRecord, Status
from secretsource.stores.registers.claims import AsyncClaimStore, Claim, ClaimStore
from secretsource.stores.registers.counts import AsyncCountStore, Count, CountQuery, CountStore, Unit
from secretsource.stores.registers.credits import MOST_PURSES, AsyncCreditStore, CreditStore, Purse, Spending
from secretsource.stores.registers.history import AsyncHistory, History, HistoryEvent, HistoryQuery
from secretsource.stores.registers.outbox import AsyncOutbox, Backlog, Message, Outbox
from secretsource.stores.registers.passes import AsyncPassStore, Pass, PassStore
from secretsource.stores.registers.upkeep import AsyncUpkeep, Upkeep
from secretsource.stores.uses import Usage, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from secretsource.stores._async_base import LookupHere as LookupHere  # noqa: PLC0414 - it is read from here

__all__ = [
    "MOST_PURSES",
    "AsyncClaimStore",
    "AsyncCountStore",
    "AsyncCreditStore",
    "AsyncHistory",
    "AsyncKeyStore",
    "AsyncOutbox",
    "AsyncPassStore",
    "AsyncRegister",
    "AsyncUpkeep",
    "Backlog",
    "Change",
    "ChangeBus",
    "ChangeFeed",
    "Claim",
    "ClaimStore",
    "Count",
    "CountQuery",
    "CountStore",
    "CreditStore",
    "Crowded",
    "EventKind",
    "FeedHealth",
    "History",
    "HistoryEvent",
    "HistoryQuery",
    "KeyChange",
    "KeyEvent",
    "KeyQuery",
    "KeyRecord",
    "KeyStore",
    "Message",
    "Outbox",
    "OwnerEvent",
    "OwnerEventKind",
    "OwnerRecord",
    "OwnerStatus",
    "Page",
    "Pass",
    "PassStore",
    "PlanRecord",
    "Purse",
    "Refused",
    "Register",
    "Spending",
    "Status",
    "Subscription",
    "Terms",
    "Unit",
    "Upkeep",
    "Usage",
    "Use",
    "account_of",
]


class KeyStore(ABC):
    """The store of records, for threads; subclass it, or `AsyncKeyStore`, and pass the conformance suite.

    Any thread may call every method, often several at once; a method must raise `StoreError` when it cannot answer.

    Attributes:
        owners: Where owners are kept; None for a store that keeps none. Then no record has terms.
        plans: Where plans are kept, beside the owners.
        counts: Where requests are counted; None for a store that counts none.
        credits: Where credits are spent; None for a store that keeps none. Then no key or owner has any.
        history: One feed of all events; None for a store that has none.
        claims: The tokens of repeatable requests; None for a store that keeps none.
        outbox: Messages that must arrive elsewhere, such as webhooks; None for a store that keeps none.
        passes: The links and sessions of people; None for a store that keeps none.
        upkeep: The ability to have chores done; None for a store that deletes nothing.
    """

    owners: Register[OwnerRecord] | None = None
    plans: Register[PlanRecord] | None = None
    counts: CountStore | None = None
    credits: CreditStore | None = None
    history: History | None = None
    claims: ClaimStore | None = None
    outbox: Outbox | None = None
    passes: PassStore | None = None
    upkeep: Upkeep | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the store that a URL names; no I/O before the first question.

        Args:
            url: The URL, such as ``sqlite:///keys.db``.

        Raises:
            ConfigurationError: The URL cannot work; it is not quoted, for it may hold a password.
        """
        raise NotImplementedError  # not abstract, since a store that no URL names is not opened by one

    @abstractmethod
    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Store new records and their events, all or none.

        Args:
            changes: New keys with distinct ``key_id``, 1 to 10,000.

        Returns:
            The ``key_id`` of those whose ``key_id`` or ``lookup`` is taken; empty if all were stored, else nothing was.
        """

    def insert_within(self, changes: Sequence[Change], most: Mapping[str, int], now: float) -> frozenset[str] | Crowded:
        """Do the same as `insert`, if no owner has too many keys then; simultaneous inserts must not exceed it either.

        Only a store that keeps owners is asked this.

        Args:
            changes: New keys with distinct ``key_id``, 1 to 10,000.
            most: The most keys of some owners that have not ended; a rotating pair counts as one.
            now: The instant at which a key has ended or not, in seconds since 1970 UTC.

        Returns:
            The same as `insert`; or the first owner, by name, that would have too many, and then nothing was stored.
        """
        raise NotImplementedError  # not abstract, since a store without owners is not asked

    @abstractmethod
    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key, by its primary key; checks ask this for a key without a cached record.

        Args:
            key_id: 22 characters of ``0-9A-Za-z``.

        Returns:
            The record, or None.
        """

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key for a check: from a replica, if the store has one and bounds its lag.

        Changes, and reads that must be fresh, use `get`.

        Args:
            key_id: 22 characters of ``0-9A-Za-z``.
        """
        return self.get(key_id)

    def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Return the records of several keys for their checks; a key that is not there is left out.

        Override it if your store can find them by one question.

        Args:
            key_ids: Up to 1000 distinct ones.
        """
        found = ((key_id, self.peek(key_id)) for key_id in key_ids)
        return {key_id: record for key_id, record in found if record is not None}

    def revision(self, key_id: str) -> int | None:
        """Return the stamp of a key's record, or None; checks ask this for a key with a cached record.

        It is the revision of the record, with that of its terms where it has some (`KeyRecord.stamp`). It may lag as
        `peek` does. Override it if your store can answer it for less than the whole record.
        """
        record = self.get(key_id)
        return None if record is None else record.stamp

    @abstractmethod
    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Return the imported record with one of these ``lookup`` values, or None.

        Args:
            lookups: 1 to 64 values of 32 to 64 bytes.
        """

    @abstractmethod
    def update(self, change: Change) -> bool:
        """Store a changed record and its event if no other writer was faster; ``last_used`` must stay as it is.

        Args:
            change: The new record, one revision further, and its event.

        Returns:
            False, with nothing stored, if the stored revision is not ``change.record.revision - 1``.
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
        """Store the changed predecessor and insert its successor, with both events, in one transaction.

        Args:
            predecessor: The changed old key.
            successor: The new key.

        Returns:
            False, with nothing stored, if the predecessor has moved on or the successor's ``key_id`` is taken.
        """

    @abstractmethod
    def list(self, query: KeyQuery) -> Page:
        """Return the records of a query, oldest first unless it asks for the newest.

        Args:
            query: The filters, the place to continue, and the number of records.

        Raises:
            InvalidRequest: Its cursor is not from this store.
        """

    @abstractmethod
    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return the events of a key, oldest first.

        Args:
            key_id: The key.
            after: Only events whose revision is greater.
            limit: 1 to 1000.
        """

    @abstractmethod
    def record_uses(self, uses: Sequence[Use]) -> None:
        """Add the uses seen: ``last_used`` moves forward only, counts add up, networks and agents are noted.

        The times of networks and user agents move forward only, too. When a use has some, drop those of the key that
        are more than `WITNESS_KEPT` seconds older than the use. Then add new ones, up to `MOST_WITNESSES` of each kind.

        It must write no event and change no revision; it must skip unknown keys. After a `StoreError` the caller
        repeats the call with the same uses: no use is lost, and a use is counted twice only if a commit lost its
        answer.

        Args:
            uses: Distinct keys, in any number; the store splits them to its transactions' size.
        """

    def forget_clients(self, now: float) -> None:
        """Forget the networks and user agents of all keys that were noted over `WITNESS_KEPT` seconds ago.

        Args:
            now: The present, in seconds since 1970 UTC.
        """

    @abstractmethod
    def usage(self, key_id: str) -> Usage:
        """Return the sum of all recorded uses of a key; an empty `Usage` for an unknown key.

        Args:
            key_id: 22 characters of ``0-9A-Za-z``.
        """

    @abstractmethod
    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Return the number of live keys per ``pepper_version``: neither revoked nor expired.

        Args:
            now: The instant, in seconds since 1970 UTC.
        """

    @abstractmethod
    def seals(self) -> Mapping[str, bytes]:
        """Return the locator keys that sealed keys here, 16 bytes each, by the version of their pepper.

        With them, a key of a dropped pepper can still be distinguished from an invented key. They hide a key's owner
        from a reader of keys without records; they cannot make a key, or make one acceptable.
        """

    @abstractmethod
    def keep_seal(self, version: str, key: bytes) -> None:
        """Store a locator key; the first one of a version stays.

        Args:
            version: A pepper's version: 8 characters of ``0-9a-f``.
            key: 16 bytes.
        """

    def close(self) -> None:
        """Release connections; called once or more."""
