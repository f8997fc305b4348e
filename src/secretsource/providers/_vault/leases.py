"""The leases of one provider, and their fate (pure: takes the time, does no I/O).

A dynamic secret lives as long as its lease, and no longer than the token that requested it. Asking for it again renews
the lease. A renewal of less than the full length shows that the greatest age is near; then a new secret is taken while
the old one still works. Replaced leases run out by themselves, or are revoked at the end. A discarded lease is revoked
as soon as its replacement exists.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from secretsource.providers.base import Found
from secretsource.providers.base import Lease as LeaseTerms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.providers._vault.token import Token
    from secretsource.providers.base import SecretRef

__all__ = ["HeldLease", "LeaseBook"]

SPENT = 2 / 3
"""Share of a lease after which a fixed one is replaced."""


class HeldLease:
    """A dynamic secret and its lease; masked.

    Args:
        ref: The reference of the secret.
        lease_id: Vault's identifier of the lease.
        value: The fields of the secret.
        seconds: Length of the lease.
        renewable: Whether Vault would renew it.
        token: The token that requested it; the lease ends with this token.
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
        """Return the seconds for which the secret still works."""
        return min(self.ends_at - now, self.token.left(now))

    def is_spent(self, now: float) -> bool:
        """Return whether a lease that cannot be renewed is old enough to be replaced."""
        return now >= self._starts_at + SPENT * self.seconds

    def due_in(self, now: float) -> float:
        """Return the seconds until the renewal is due; 0 if it is due now."""
        return max(0.0, self.left(now) - (1 - SPENT) * self.seconds)

    def extend(self, seconds: float, now: float) -> bool:
        """Note Vault's renewal to ``seconds`` from ``now``; return False if that is less than its full length."""
        self.ends_at = now + seconds
        return seconds >= self.seconds

    def end(self) -> None:
        """Note that Vault has ended it."""
        self.ends_at = float("-inf")

    def found(self, now: float) -> Found:
        """Return the secret, as an answer given at ``now``."""
        return Found(self.value, lease=LeaseTerms(max(0.0, self.left(now)), self.renewable))


class LeaseBook:
    """Every lease of one provider that has not ended; threads share it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._current: dict[SecretRef, HeldLease] = {}
        self._former: list[HeldLease] = []
        self._discarded: list[HeldLease] = []

    def current(self, ref: SecretRef, token: Token, now: float) -> HeldLease | None:
        """Return the lease in use; None if there is no lease, or if it ended, by itself or with its token."""
        with self._lock:
            lease = self._current.get(ref)
        return lease if lease is not None and lease.token is token and lease.left(now) > 0 else None

    def keep(self, lease: HeldLease, now: float) -> None:
        """Use this lease from now on, and let the one before it run out."""
        with self._lock:
            before = self._current.get(lease.ref)
            self._current[lease.ref] = lease
            self._former = _standing(self._former, now)
            if before is not None and before.ends_at > now:
                self._former.append(before)

    def discard(self, ref: SecretRef, now: float) -> None:
        """Stop using this lease."""
        with self._lock:
            lease = self._current.pop(ref, None)
            if lease is not None:
                self._discarded = _standing([*self._discarded, lease], now)

    def discarded(self, ref: SecretRef, now: float) -> list[HeldLease]:
        """Return the discarded leases of a secret that have not ended."""
        with self._lock:
            self._discarded = standing = _standing(self._discarded, now)
        return [lease for lease in standing if lease.ref == ref]

    def standing(self, now: float) -> list[HeldLease]:
        """Return the leases that have not ended, also those of replaced secrets."""
        with self._lock:
            return _standing([*self._current.values(), *self._former], now)

    def clear(self, now: float) -> list[HeldLease]:
        """Forget every lease, and return those that have not ended, the newest first."""
        with self._lock:
            leases = [*reversed(self._current.values()), *reversed(self._former), *reversed(self._discarded)]
            self._current, self._former, self._discarded = {}, [], []
        return _standing(leases, now)


def _standing(leases: Iterable[HeldLease], now: float) -> list[HeldLease]:
    return [lease for lease in leases if lease.ends_at > now]
