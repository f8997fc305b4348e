"""The fate of a secret before its ``nbf`` and after its ``exp``.

Key Vault returns such a secret like any other: the reader must check both dates.
https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from secretsource._ground.clock import utc

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["OnExpired", "Ruling", "Validity", "rule"]

OnExpired: TypeAlias = Literal["warn", "refuse", "ignore"]


class Validity(NamedTuple):
    """The dates of a version, in seconds since 1970 UTC; None for a missing date.

    Attributes:
        not_before: The start of its validity.
        expires: The end of its validity.
    """

    not_before: float | None = None
    expires: float | None = None

    @classmethod
    def between(cls, not_before: datetime | None, expires: datetime | None) -> Validity:
        """Return the dates as azure's client reports them."""
        return cls(*(None if date is None else date.timestamp() for date in (not_before, expires)))


class Ruling(NamedTuple):
    """The decision about a value.

    Attributes:
        flaw: The problem with its dates, as one clause, or None.
        refused: Whether the flaw forbids serving it.
        expires_at: The time when the cache must drop it.
        rotates_at: The time when the cache should ask again.
    """

    flaw: str | None = None
    refused: bool = False
    expires_at: float | None = None
    rotates_at: float | None = None


def rule(on_expired: OnExpired, validity: Validity, now: float) -> Ruling:
    """Return the policy's decision about a version.

    If the policy refuses an expired secret, its expiry also ends the value in the cache. If the policy serves it with a
    warning, the expiry is a moment to ask again, and ends nothing.

    Args:
        on_expired: The policy.
        validity: The dates of the version.
        now: Seconds since 1970 UTC.
    """
    if on_expired == "ignore":
        return Ruling()
    flaw = _flaw(validity, now)
    if on_expired == "refuse":
        return Ruling(flaw, refused=flaw is not None, expires_at=validity.expires)
    ahead = validity.expires is not None and validity.expires > now
    return Ruling(flaw, rotates_at=validity.expires if ahead else None)


def _flaw(validity: Validity, now: float) -> str | None:
    if validity.expires is not None and validity.expires <= now:
        return f"it expired at {utc(validity.expires):%Y-%m-%dT%H:%M:%SZ}"
    if validity.not_before is not None and now < validity.not_before:
        return f"it is not valid before {utc(validity.not_before):%Y-%m-%dT%H:%M:%SZ}"
    return None
