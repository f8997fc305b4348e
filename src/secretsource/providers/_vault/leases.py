"""The leases that one provider holds, and what becomes of them (pure: takes the time, does no I/O).

A dynamic secret lives as long as its lease, and no longer than the token it was asked for with. It is renewed when it
is asked for again; a renewal that gives less than the full length is the sign that its greatest age is near, and a new
secret is taken while the old one still works. Leases that were replaced run out by themselves, or are revoked at the
end together with the others; one that was discarded is revoked as soon as there is another in its place.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from secretsource.providers.base import Found
from secretsource.providers.base import Lease as LeaseTerms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.providers._vault.token import Token
    from secretsource.providers.base import SecretRef

__all__ = ["HeldLease", "LeaseBook"]

SPENT = 2 / 3
"""Share of a lease after which one that cannot be renewed is replaced."""


class HeldLease:
    """A dynamic secret and its lease; masked.

    Args:
        ref: What was asked for.
        lease_id: Vault's identifier of the lease.
        value: The fields of the secret.
        seconds: Length of the lease.
        renewable: Whether Vault would prolong it.
        token: The token it was asked for with; it ends with that.
        now: Monotonic second from which the length counts.
    """

    __slots__ = ("_starts_at", "ends_at", "lease_id", "ref", "renewable", "seconds", "token", "value")

    def __init__(
        self,
        ref: SecretRef,
        lease_id: str,
        value: Mapping[str, Any],
        *,
        seconds: float,
        renewable: bool,
        token: Token,
        now: float,
    ) -> None:
        self.ref = ref
        self.lease_id = lease_id
        self.value = value
        self.seconds = seconds
        self.renewable = renewable
        self.token = token
        self._starts_at = now
        self.ends_at = now + seconds

    def __repr__(self) -> str:
        return f"<HeldLease of {self.ref.location!r}>"

    def left(self, now: float) -> float:
        """Seconds for which the secret still works."""
        return min(self.ends_at - now, self.token.left(now))

    def is_spent(self, now: float) -> bool:
        """Whether so much of it is over that one that cannot be renewed is to be replaced."""
        return now >= self._starts_at + SPENT * self.seconds

    def due_in(self, now: float) -> float:
        """Seconds after which to prolong it; 0 when that is due."""
        return max(0.0, self.left(now) - (1 - SPENT) * self.seconds)

    def extend(self, seconds: float, now: float) -> bool:
        """Vault says that it ends ``seconds`` from ``now``; False when that is less than its full length."""
        self.ends_at = now + seconds
        return seconds >= self.seconds

    def end(self) -> None:
        """Vault says that it has ended."""
        self.ends_at = float("-inf")

    def found(self, now: float) -> Found:
        """The secret, as an answer given at ``now``."""
        return Found(self.value, lease=LeaseTerms(max(0.0, self.left(now)), self.renewable))


class LeaseBook:
    """Every lease of one provider that has not ended; shared by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._current: dict[SecretRef, HeldLease] = {}
        self._former: list[HeldLease] = []
        self._discarded: list[HeldLease] = []

    def current(self, ref: SecretRef, token: Token, now: float) -> HeldLease | None:
        """The lease to go on with; None when there is none, or when it ended, by itself or with its token."""
        with self._lock:
            lease = self._current.get(ref)
        return lease if lease is not None and lease.token is token and lease.left(now) > 0 else None

    def keep(self, lease: HeldLease, now: float) -> None:
        """Go on with this lease, and let the one before it run out."""
        with self._lock:
            before = self._current.get(lease.ref)
            self._current[lease.ref] = lease
            self._former = _standing(self._former, now)
            if before is not None and before.ends_at > now:
                self._former.append(before)

    def discard(self, ref: SecretRef, now: float) -> None:
        """Go on with this lease no more."""
        with self._lock:
            lease = self._current.pop(ref, None)
            if lease is not None:
                self._discarded = _standing([*self._discarded, lease], now)

    def discarded(self, ref: SecretRef, now: float) -> list[HeldLease]:
        """The leases of a secret that were discarded and have not ended."""
        with self._lock:
            self._discarded = _standing(self._discarded, now)
            return [lease for lease in self._discarded if lease.ref == ref]

    def standing(self, now: float) -> list[HeldLease]:
        """The leases that are in use, also of secrets that were replaced, and have not ended."""
        with self._lock:
            return _standing([*self._current.values(), *self._former], now)

    def clear(self, now: float) -> list[HeldLease]:
        """Forget every lease; gives back those that have not ended, the newest first."""
        with self._lock:
            leases = [*reversed(self._current.values()), *reversed(self._former), *reversed(self._discarded)]
            self._current, self._former, self._discarded = {}, [], []
        return _standing(leases, now)


def _standing(leases: Iterable[HeldLease], now: float) -> list[HeldLease]:
    return [lease for lease in leases if lease.ends_at > now]
