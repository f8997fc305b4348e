"""A record as checks use it: with the values that the hot path needs, worked out once. Pure; time is an argument.

The collector looks at each attribute of each cached record. So what few checks need is worked out when it is
asked for.
"""

from __future__ import annotations

from functools import lru_cache

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._check import policy
from secretsource.issuing._check.policy import RESERVED_PREFIX
from secretsource.issuing._check.purses import purses_of
from secretsource.issuing._check.terms import limits_of, narrowed
from secretsource.issuing._verdict import Reason
from secretsource.stores.base import OwnerStatus, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from secretsource.issuing._verdict import Accepted
    from secretsource.stores.base import KeyRecord

_ACTIVE = Status.ACTIVE
_NEVER = float("-inf")
NO_CLIENTS: Container[object] = range(0)
"""The addresses of a record that was not used since the last flush; a range, at which the collector does not look."""
_MOST_GRANTED = 256
_NOTHING: frozenset[object] = frozenset()


class Entry:
    """A record with the values that the hot path needs, worked out once.

    Attributes:
        record: The record, narrowed to what its owner's plan allows.
        until: Monotonic seconds until which it is fresh, active and within its time; minus infinity for a key that
            needs the long way, such as a rotating, suspended or metered one.
        fresh_until: Monotonic seconds until which the record need not be read again.
        hashed: The hash that finds it.
        is_plain: Whether its record alone decides: its key is active, and takes no leases or credits.
        expires: The end of its key by the wall clock, or None.
        granted: Demands that it meets, as they are written: its exact scopes, `NO_SCOPE`, and earlier granted demands;
            each demand on one kind of keys stands there with its kind. A key of the reserved prefix meets no others.
        clients: The addresses that it was accepted from since the last flush; see `Clients`.
        plan: Its limits, with those of its owner and the owner's plan, or None.
        purses: The credits that it spends.
        limit_key: The account of its limits.
        drift: Wall seconds minus monotonic seconds, at its reading.
        whole: Monotonic seconds of the last reading of the whole record; minus infinity if only that may renew it.
        noting: Monotonic seconds until which it notes its own uses; see `UseLog`.
        refusal: Why it is refused whatever is asked: a suspended owner, or limits of a newer version; or None.
        accepted: The verdict of the checks in memory of a key without limits, once there was one.
        requests: Accepted checks that it has noted.
        seen: Monotonic seconds of the last of them.
    """

    __slots__ = (
        "accepted",
        "clients",
        "drift",
        "expires",
        "fresh_until",
        "granted",
        "hashed",
        "is_plain",
        "limit_key",
        "noting",
        "plan",
        "purses",
        "record",
        "refusal",
        "requests",
        "seen",
        "until",
        "whole",
    )

    def __init__(
        self, hashed: bytes, record: KeyRecord, mono: float, wall: float, ttl: float, whole: float | None = None
    ) -> None:
        self.hashed = hashed
        if record.terms is not None:
            record = narrowed(record)
        self.record = record
        self.whole = mono if whole is None else whole
        self.granted = _NOTHING if record.prefix == RESERVED_PREFIX else _granted(record.scopes)
        self.expires = record.expires
        terms = record.terms
        is_open = terms is None or terms.owner.status is OwnerStatus.ACTIVE
        self.refusal = None if is_open else Reason.OWNER_SUSPENDED
        try:
            self.limit_key, self.plan = limits_of(record)
        except InvalidRequest:  # nobody can write such rules here: they cannot be counted
            self.limit_key, self.plan = record.limit_key, None
            self.refusal = self.refusal or Reason.LIMITER_UNAVAILABLE
        self.purses = () if terms is None and record.credits is None else purses_of(record)
        takes_receipts = self.purses or (self.plan is not None and self.plan.leases is not None)
        self.is_plain = record.status is _ACTIVE and self.refusal is None and not takes_receipts
        self.clients = NO_CLIENTS
        self.noting = self.seen = _NEVER
        self.requests = 0
        self.accepted: Accepted | None = None
        self.drift, self.fresh_until, self.until = self.times(mono, wall, ttl)

    def times(self, mono: float, wall: float, ttl: float) -> tuple[float, float, float]:
        """Return `drift`, `fresh_until` and `until` for a record that was good at an instant, given on both clocks."""
        drift, until, begins = wall - mono, mono + ttl, self.record.begins
        fresh_until, expires = until, self.expires
        if ttl <= 0:  # it is read anew for each check
            fresh_until = until = _NEVER
        elif not self.is_plain or (begins is not None and begins > wall):
            until = _NEVER
        elif expires is not None and expires - drift < until:
            until = expires - drift
        return drift, fresh_until, until

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The beginnings that its wildcards cover."""
        return policy.wildcards(self.record.scopes)

    @property
    def is_counted(self) -> bool:
        """Whether its checks are counted against limits or credits."""
        return self.plan is not None or bool(self.purses)

    def is_of(self, record: KeyRecord) -> bool:
        """Return whether a record that was read now is equal to its own, so that all that it says is still so."""
        mine = self.record
        return record is mine or (record if record.terms is None else narrowed(record)) == mine

    def is_open(self, wall: float) -> bool:
        """Return whether its key is active and not before its time, at an instant in seconds since 1970 UTC."""
        return self.is_plain and ((begins := self.record.begins) is None or begins <= wall)

    def is_under(self, owner: str | None, plan: str | None) -> bool:
        """Return whether its key belongs to this owner, or to an owner with this plan."""
        terms = self.record.terms
        return self.record.owner == owner or (plan is not None and terms is not None and terms.owner.plan == plan)

    def end(self) -> None:
        """End its freshness, also for a reader that holds it already."""
        self.until = self.fresh_until = _NEVER

    def remember(self, demanded: Iterable[object]) -> None:
        """Note demands that it met, so that the next check finds them: of its wildcards, or on its kind."""
        if len(self.granted) < _MOST_GRANTED:
            self.granted = self.granted.union(demanded)


@lru_cache(maxsize=4096)
def _granted(scopes: frozenset[str]) -> frozenset[object]:
    """Return the demands that scopes meet as they are written."""
    return frozenset({policy.NO_SCOPE, *(scope for scope in scopes if not scope.endswith("*"))})
