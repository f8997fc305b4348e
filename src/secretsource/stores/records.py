"""The words of the contract of key stores: what goes in and comes out of one.

Instants are seconds since 1970 UTC, as floats with at least microsecond resolution; the properties that end in
``_at`` show them to people. Values here are named tuples: a row of a database becomes a record without a copy.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from secretsource._clock import utc
from secretsource._frozen import FrozenDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from typing import Any

__all__ = [
    "Change",
    "EventKind",
    "FeedHealth",
    "KeyChange",
    "KeyEvent",
    "KeyQuery",
    "KeyRecord",
    "Page",
    "Status",
    "Usage",
    "Use",
]

NO_METADATA: Mapping[str, Any] = FrozenDict()
MOST_WITNESSES = 32
"""How many distinct networks, and how many user agents, a store remembers of one key."""
LAST_REVISION = 2**31 - 1
"""No record is changed more often."""


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
        status: The stored status; `status_at` says what it amounts to at an instant.
        status_reason: Why it has this status; up to 255 characters.
        predecessor: The key it was rotated from.
        successor: The key it was rotated to.
        root: The first key of its chain of rotations, whose limits all of them share; None for itself.
        overlap_ends: When a rotating key ends, in seconds since 1970 UTC.
        last_used: When it was last accepted, in seconds since 1970 UTC; behind by up to one flush.
        metadata: The issuer's own small JSON object, frozen to its depth.
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
    def end(self) -> float | None:
        """When it ends by time, in seconds since 1970 UTC: the earlier of its expiry and its overlap's end."""
        if self.overlap_ends is None or self.status is not Status.ROTATING:
            return self.expires
        return self.overlap_ends if self.expires is None else min(self.expires, self.overlap_ends)

    def status_at(self, now: float) -> Status:
        """What its status amounts to at an instant.

        Args:
            now: The instant, in seconds since 1970 UTC.

        Returns:
            REVOKED if it was revoked; else EXPIRED from the very instant it ends; else its stored status.
        """
        end = self.end
        if end is not None and end <= now and self.status is not Status.REVOKED:
            return Status.EXPIRED
        return self.status

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
    UPDATED = "updated"


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
        fields: The names of what an update changed, sorted, such as ``("expires_at", "scopes")``; never the values.
    """

    key_id: str
    revision: int
    kind: EventKind
    time: float
    actor: str | None = None
    origin: str | None = None
    reason: str | None = None
    fields: tuple[str, ...] = ()

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
        status: Exactly this status, as it is stored; with ``now``, as it amounts to then (`KeyRecord.status_at`).
        pepper_version: Hashed with this pepper.
        expires_before: Those that end by time before this instant, in seconds since 1970 UTC.
        unused_since: Those not used since this instant, in seconds since 1970 UTC; never used counts by its creation.
        after: Start behind this cursor, taken from `Page.next`.
        limit: Records per page, 1 to 1000.
        now: The instant that ``status`` is about, in seconds since 1970 UTC.
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
    now: float | None = None


class Page:
    """Some records, oldest first (equal instants by ``key_id``), and where to go on; iterates over its records.

    Attributes:
        records: The records of this page.
        next: What to give as `KeyQuery.after` for the next page; None at the end.
    """

    __slots__ = ("next", "records")

    def __init__(self, records: list[KeyRecord], next: str | None) -> None:
        self.records = records
        self.next = next

    def __iter__(self) -> Iterator[KeyRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Page) and (self.records, self.next) == (other.records, other.next)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Page({self.records!r}, {self.next!r})"


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


class KeyChange(NamedTuple):
    """News that a record changed, here or in another process.

    Attributes:
        key_id: Which key; None when news may have been missed, so that every cached record is in doubt.
        revision: The revision it has now, or 0 with None.
    """

    key_id: str | None
    revision: int


class FeedHealth(NamedTuple):
    """Whether news of changes arrives; it has no secret in it.

    Attributes:
        name: What is listened to, without user and password.
        listening: Whether news arrives; None where the feed cannot say.
        since: Since when that is so, in seconds since 1970 UTC; None where the feed cannot say.
        heard: When something was last heard, in seconds since 1970 UTC, or None for never.
        trouble: Why no news arrives, and what to do; empty while it does.
    """

    name: str
    listening: bool | None
    since: float | None = None
    heard: float | None = None
    trouble: str = ""

    @property
    def since_at(self) -> datetime | None:
        """Since when it is so, as aware UTC."""
        return None if self.since is None else utc(self.since)

    @property
    def heard_at(self) -> datetime | None:
        """When something was last heard, as aware UTC, or None for never."""
        return None if self.heard is None else utc(self.heard)
