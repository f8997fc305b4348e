"""The types in the contract of key stores.

Instants are seconds since 1970 UTC, as floats with at least microsecond resolution; the properties that end in ``_at``
show them to people. Types here are named tuples: a row of a database becomes a record without a copy.
"""

from __future__ import annotations

import enum

from secretsource._ground.clock import utc
from secretsource._ground.frozen import FrozenDict
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any, TypeVar

    from secretsource.stores.owners import Terms

    Word = TypeVar("Word", bound=enum.StrEnum)

__all__ = [
    "Change",
    "EventKind",
    "KeyEvent",
    "KeyRecord",
    "Status",
    "kept_word",
]

NO_METADATA: Mapping[str, Any] = FrozenDict()
LAST_REVISION = 2**31 - 1
"""No record is changed more often."""


def kept_word(words: type[Word], text: str) -> Word:
    """Return the member for a text that a store keeps.

    A newer version of this package may have written it. A text without a member gives a value of the same type, whose
    name is the text. No list of the enumeration has it, and nobody can ask for it.

    Args:
        words: The enumeration.
        text: The text in the row.
    """
    member = words._value2member_map_.get(text)
    if member is None:
        member = str.__new__(words, text)
        member._name_ = member._value_ = text
    return member  # type: ignore[return-value]  # its members are of its type


class Status(enum.StrEnum):
    """The status of a key in its life; stored as the lower-case word."""

    ACTIVE = "active"
    ROTATING = "rotating"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"


_ENDED = frozenset({Status.REVOKED, Status.EXPIRED})


class KeyRecord(NamedTuple):
    """The stored facts of one API key; never the key itself.

    Attributes:
        key_id: The key's locator: 22 characters of ``0-9A-Za-z``; the primary key.
        hash: The keyed hash of the whole key: 32 bytes; empty for an imported key before its first use.
        pepper_version: The version of the pepper that keyed the hash: 8 characters of ``0-9a-f``; empty for an imported
            key.
        display: The clear front and four characters of the locator, such as ``sk_live_7Qm2…``; up to 31 characters.
        owner: The owner of the key; 1 to 255 characters.
        prefix: The kind of key, such as ``sk``; 1 to 16 characters of ``a-z0-9``, a letter first.
        environment: Such as ``live`` or ``test``; 2 to 8 characters of ``a-z``.
        created: The time of issue, in seconds since 1970 UTC.
        name: Its name for people; up to 255 characters.
        scopes: Its permissions; each an exact scope or a wildcard such as ``invoices:*``.
        rate_limit: Rules such as ``100/minute, 10/second``, or None.
        quota: Rules such as ``10000/month``, or None.
        networks: CIDR blocks that it may be used from; empty for any.
        begins: The start of its validity, in seconds since 1970 UTC, or None for at once.
        expires: Its end by time, in seconds since 1970 UTC, or None.
        status: The stored status; `status_at` returns its effect at an instant.
        status_reason: The reason for this status; up to 255 characters.
        predecessor: The key it was rotated from.
        successor: The key it was rotated to.
        root: The first key of its chain of rotations, whose limits all of them share; None for itself.
        overlap_ends: The end of a rotating key, in seconds since 1970 UTC.
        last_used: The time it was last accepted, in seconds since 1970 UTC; behind by up to one flush.
        metadata: The issuer's own small JSON object, frozen to its depth.
        foreign: For an imported key, its hash in a self-describing form.
        lookup: For an imported key, the value that finds it: 32 to 64 bytes, unique; None for ours.
        revision: Starts at 1 and grows by one with each change.
        rotate_every: Seconds from its issue until it is due for rotation, or None; see `rotation_due`.
        revoked: The time of its revocation, in seconds since 1970 UTC; None if it is not revoked, or if an older
            version of this package revoked it.
        notices: The notices that were told, by kind, such as ``expiring``: the instant that each was about, in seconds
            since 1970 UTC.
        credits: All credits that it was granted so far, those that are spent included; None for a key without.
        terms: Its terms from its owner, as of this reading; None for an owner that is not registered.
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
    rotate_every: float | None = None
    revoked: float | None = None
    notices: Mapping[str, float] = NO_METADATA
    credits: int | None = None
    terms: Terms | None = None

    @property
    def stamp(self) -> int:
        """A number that changes with every change of the record and of its terms."""
        return self.revision if self.terms is None else self.terms.stamp << 32 | self.revision

    @property
    def end(self) -> float | None:
        """The end by time, in seconds since 1970 UTC: the earlier of its expiry and its overlap's end."""
        if self.overlap_ends is None or self.status is not Status.ROTATING:
            return self.expires
        return self.overlap_ends if self.expires is None else min(self.expires, self.overlap_ends)

    def status_at(self, now: float) -> Status:
        """Return the effective status at an instant.

        Args:
            now: The instant, in seconds since 1970 UTC.

        Returns:
            REVOKED if it was revoked; else EXPIRED from the exact instant of its end; else its stored status.
        """
        end = self.end
        if end is not None and end <= now and self.status is not Status.REVOKED:
            return Status.EXPIRED
        return self.status

    def has_ended(self, now: float) -> bool:
        """Return whether it was revoked or has expired by an instant, in seconds since 1970 UTC."""
        return self.status_at(now) in _ENDED

    @property
    def rotation_due(self) -> float | None:
        """The instant from which its rotation is due, in seconds since 1970 UTC; None if it has a successor.

        It follows from its own ``rotate_every`` or from that of its owner's plan, whichever is shorter.
        """
        plan = None if self.terms is None else self.terms.plan
        given = (self.rotate_every, None if plan is None else plan.rotate_every)
        lengths = [length for length in given if length is not None]
        return self.created + min(lengths) if lengths and self.successor is None else None

    @property
    def limit_key(self) -> str:
        """The account of its limits: a key and its successors share one."""
        return self.root or self.key_id

    @property
    def is_limited(self) -> bool:
        """Whether the key, its owner or the owner's plan has a rate limit, a quota or credits; spent ones count."""
        is_own = bool(self.rate_limit or self.quota) or self.credits is not None
        return is_own or (self.terms is not None and self.terms.are_limited)

    @property
    def created_at(self) -> datetime:
        """The time of issue, as aware UTC."""
        return utc(self.created)

    @property
    def not_before(self) -> datetime | None:
        """The start of its validity, as aware UTC, or None for at once."""
        return None if self.begins is None else utc(self.begins)

    @property
    def expires_at(self) -> datetime | None:
        """The end by time, as aware UTC, or None."""
        return None if self.expires is None else utc(self.expires)

    @property
    def overlap_ends_at(self) -> datetime | None:
        """The end of a rotating key, as aware UTC, or None."""
        return None if self.overlap_ends is None else utc(self.overlap_ends)

    @property
    def revoked_at(self) -> datetime | None:
        """The time of its revocation, as aware UTC, or None."""
        return None if self.revoked is None else utc(self.revoked)

    @property
    def rotation_due_at(self) -> datetime | None:
        """The instant from which its rotation is due, as aware UTC, or None."""
        return None if self.rotation_due is None else utc(self.rotation_due)

    @property
    def last_used_at(self) -> datetime | None:
        """The time it was last accepted, as aware UTC, or None for never."""
        return None if self.last_used is None else utc(self.last_used)

    def __repr__(self) -> str:
        return (
            f"KeyRecord({self.display!r}, owner={self.owner!r}, status={self.status.value!r}, revision={self.revision})"
        )


class EventKind(enum.StrEnum):
    """The kind of an event in the life of a key; stored as the lower-case word."""

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
    REUSED = "reused"
    ROTATION_DUE = "rotation_due"
    EXPIRING = "expiring"
    UNUSED = "unused"
    EXPOSED = "exposed"


class KeyEvent(NamedTuple):
    """One change in the life of a key: the kind, the time, the actor and the origin; never a key.

    Attributes:
        key_id: The key that changed.
        revision: The revision of the new record; with ``key_id``, it identifies the event.
        kind: The kind of change.
        time: The time, in seconds since 1970 UTC.
        actor: The person or program that did it, in the application's words.
        origin: The place it came from: an address, a host name.
        reason: The reason; up to 255 characters.
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
        """The time of the event, as aware UTC."""
        return utc(self.time)


class Change(NamedTuple):
    """A new record, and the event that reports the change.

    Attributes:
        record: The new record; its revision is one more than before.
        event: The event to write beside it.
    """

    record: KeyRecord
    event: KeyEvent
