"""The reasons why a provider could not answer: the closed set of codes that drivers return and errors carry."""

from __future__ import annotations

import enum

__all__ = ["FailureCode"]


class FailureCode(enum.Enum):
    """The reason why a provider could not answer; a closed set."""

    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    DISABLED = "disabled"
    DELETED = "deleted"
    MALFORMED = "malformed"
    MISCONFIGURED = "misconfigured"

    @property
    def retryable(self) -> bool:
        """Whether the cause may pass by itself, so that an old value may be served meanwhile."""
        return self in _RETRYABLE


_RETRYABLE = frozenset({FailureCode.TIMEOUT, FailureCode.THROTTLED, FailureCode.UNAVAILABLE})
