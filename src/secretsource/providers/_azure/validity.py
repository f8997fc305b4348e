"""What becomes of a secret before its ``nbf`` and after its ``exp``.

Key Vault gives out such a secret as any other: both dates are for the reader to mind.
https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from secretsource._clock import utc

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["OnExpired", "Ruling", "Validity", "rule"]

OnExpired: TypeAlias = Literal["warn", "refuse", "ignore"]


class Validity(NamedTuple):
    """The dates of a version, in seconds since 1970 UTC, or None where it has none.

    Attributes:
        not_before: When it begins to be valid.
        expires: When it ends to be valid.
    """

    not_before: float | None = None
    expires: float | None = None

    @classmethod
    def between(cls, not_before: datetime | None, expires: datetime | None) -> Validity:
        """The dates as azure's client gives them."""
        return cls(*(None if date is None else date.timestamp() for date in (not_before, expires)))


class Ruling(NamedTuple):
    """What to do with a value.

    Attributes:
        flaw: What is wrong with its dates, as one clause, or None.
        refused: Whether it may not be served for that.
        expires_at: When the cache must let it go.
        rotates_at: When the cache should ask again.
    """

    flaw: str | None = None
    refused: bool = False
    expires_at: float | None = None
    rotates_at: float | None = None


def rule(on_expired: OnExpired, validity: Validity, now: float) -> Ruling:
    """What the policy says of a version.

    Where an expired secret is refused, the date of expiry is the end of a value in the cache too. Where it is served
    with a warning, that date is when its owner meant to have replaced it: a moment to ask again, but no end.

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
