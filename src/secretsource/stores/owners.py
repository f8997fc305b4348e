"""Owners and plans beside the keys: a store's records of an issuer's customers.

A **plan** is a named set of rules. An **owner** is a customer: it may have a plan, limits of its own, and be suspended.
Both are stored under their id in a `Register`, and every reading of a key returns its owner and that owner's plan as
`Terms`. So one write changes the terms of any number of keys.

A register must make the promises of a key store: a change is stored together with its event or not at all, and only if
no other writer was faster.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from secretsource._ground.clock import utc
from secretsource._ground.frozen import FrozenDict
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

__all__ = [
    "AsyncRegister",
    "Crowded",
    "OwnerEvent",
    "OwnerEventKind",
    "OwnerRecord",
    "OwnerStatus",
    "PlanRecord",
    "Refused",
    "Register",
    "Terms",
    "account_of",
]

_EMPTY: Mapping[str, Any] = FrozenDict()


class OwnerStatus(enum.StrEnum):
    """Whether an owner's keys are accepted; stored as the lower-case word."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class PlanRecord(NamedTuple):
    """A named set of rules for the keys of any number of owners; a field that is None does not narrow.

    Attributes:
        id: Its name; 1 to 255 characters.
        created: The time it was first stored, in seconds since 1970 UTC.
        rate_limit: Rules such as ``1000/minute``, which all keys of one owner share.
        quota: Rules such as ``100000/month``, which all keys of one owner share.
        max_keys: The greatest number of keys of an owner at a time, from 1; a rotating pair counts as one.
        max_life: The longest life of a new key, in seconds.
        scopes: The most that a key may do; further scopes of a key are not granted.
        environments: The environments that keys are issued for.
        revision: Grows with each change; 0 before it is stored.
        rotate_every: Seconds from the issue of a key until it is due for rotation.
    """

    id: str
    created: float
    rate_limit: str | None = None
    quota: str | None = None
    max_keys: int | None = None
    max_life: float | None = None
    scopes: frozenset[str] | None = None
    environments: frozenset[str] | None = None
    revision: int = 0
    rotate_every: float | None = None

    @property
    def created_at(self) -> datetime:
        """The time it was first stored, as aware UTC."""
        return utc(self.created)


class OwnerRecord(NamedTuple):
    """A customer of the issuer.

    Attributes:
        id: The ``owner`` of its keys; 1 to 255 characters.
        created: The time of registration, in seconds since 1970 UTC.
        name: Its name for people; up to 255 characters.
        plan: The id of its plan, or None.
        rate_limit: Rules such as ``100/minute``, which all its keys share; beside those of its plan.
        quota: Rules such as ``10000/month``, which all its keys share; beside those of its plan.
        status: Whether its keys are accepted.
        status_reason: The reason for this status; up to 255 characters.
        metadata: The issuer's own small JSON object, frozen to its depth.
        revision: Grows with each change; 0 before it is stored.
        credits: All credits that it was granted so far, which its keys share; None for an owner without.
    """

    id: str
    created: float
    name: str = ""
    plan: str | None = None
    rate_limit: str | None = None
    quota: str | None = None
    status: OwnerStatus = OwnerStatus.ACTIVE
    status_reason: str | None = None
    metadata: Mapping[str, Any] = _EMPTY
    revision: int = 0
    credits: int | None = None

    @property
    def created_at(self) -> datetime:
        """The time of registration, as aware UTC."""
        return utc(self.created)


class Terms(NamedTuple):
    """The terms of a key that come from its owner.

    Attributes:
        owner: The owner.
        plan: The owner's plan, or None.
    """

    owner: OwnerRecord
    plan: PlanRecord | None = None

    @property
    def are_limited(self) -> bool:
        """Whether the owner or its plan has a rate limit or a quota, or the owner has credits."""
        is_bound = any(each is not None and bool(each.rate_limit or each.quota) for each in self)
        return is_bound or self.owner.credits is not None

    @property
    def stamp(self) -> int:
        """A number that changes with every change of either."""
        return (0 if self.plan is None else self.plan.revision << 64) | self.owner.revision


def account_of(owner: str) -> str:
    """Return the name of the account that all keys of an owner share; no key has an id like it."""
    return f"owner:{owner}"


class OwnerEventKind(enum.StrEnum):
    """The kind of an event of an owner or a plan; stored as the lower-case word."""

    REGISTERED = "registered"
    CHANGED = "changed"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DELETED = "deleted"
    PURGED = "purged"
    SIGNED_OUT = "signed_out"


class OwnerEvent(NamedTuple):
    """One change of an owner or a plan: the kind, the time, the actor and the origin.

    Attributes:
        id: The owner or plan that changed.
        kind: The kind of change.
        time: The time, in seconds since 1970 UTC.
        fields: The names of the fields that changed, sorted.
        actor: The person or program that did it, in the application's words.
        origin: The place it came from: an address, a host name.
        reason: The reason; up to 255 characters.
        revision: The new revision; 0 before it is stored.
    """

    id: str
    kind: OwnerEventKind
    time: float
    fields: tuple[str, ...] = ()
    actor: str | None = None
    origin: str | None = None
    reason: str | None = None
    revision: int = 0

    @property
    def happened_at(self) -> datetime:
        """The time of the event, as aware UTC."""
        return utc(self.time)


class Refused(enum.Enum):
    """The reason why a register did not store a change."""

    OUTDATED = "outdated"
    """Another writer was faster: the record no longer has the revision that the change started from."""
    NO_PLAN = "no plan"
    """The owner's plan does not exist."""
    IN_USE = "in use"
    """Owners are still on the plan that was to be deleted."""


class Crowded(NamedTuple):
    """The reason why new keys were not stored: their owner would have too many.

    Attributes:
        owner: The owner of the keys.
        held: The number of its keys that have not ended; a rotating pair counts as one.
    """

    owner: str
    held: int


Kept = TypeVar("Kept", OwnerRecord, PlanRecord)


class Register(ABC, Generic[Kept]):
    """A store of owners, or of plans, for threads; every method raises `StoreError` when it cannot answer."""

    @abstractmethod
    def get(self, id: str) -> Kept | None:
        """Return the record under an id, or None.

        Args:
            id: The id of an owner or a plan, in its only spelling.
        """

    @abstractmethod
    def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Store a record and its event if no other writer was faster.

        Args:
            record: The changed record, with the revision that it started from: 0 for a new one.
            event: The event to write beside it.

        Returns:
            The record with its new revision, or the reason why nothing was stored.
        """

    @abstractmethod
    def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Delete a record, as it was read, if no other writer was faster; return the same as `put`."""

    @abstractmethod
    def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Return records in the order of their ids.

        Args:
            after: Only those whose id is greater, character by character.
            limit: The number of records, 1 to 1000.
            plan: Only owners on this plan; a register of plans ignores it.
        """

    @abstractmethod
    def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Return the events under an id, oldest first.

        Args:
            id: The owner or plan.
            after: Only events whose revision is greater.
            limit: The number of events, 1 to 1000.
        """


class AsyncRegister(ABC, Generic[Kept]):
    """The same contract as `Register`, for an event loop."""

    @abstractmethod
    async def get(self, id: str) -> Kept | None:
        """Do the same as `Register.get`."""

    @abstractmethod
    async def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Do the same as `Register.put`."""

    @abstractmethod
    async def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Do the same as `Register.delete`."""

    @abstractmethod
    async def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Do the same as `Register.list`."""

    @abstractmethod
    async def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Do the same as `Register.events`."""
