"""The statuses of an error or a refusal wherever it is reported: HTTP, problem code, gRPC, exit code. Pure.

Every edge reads this table, so that a client meets the same meaning in each of them.

    statuses = statuses_of(error)
    context.abort(getattr(grpc.StatusCode, statuses.grpc), str(error))
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import KeyRejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.exceptions import SecretSourceError
    from secretsource.issuing._verdict import Rejected

__all__ = ["Statuses", "statuses_of"]

MISSING, MISTAKE, UNAVAILABLE = 1, 2, 3
"""Exit codes: absent or not allowed; a retry does not help; a later retry may help."""


class Statuses(NamedTuple):
    """One meaning in the words of each protocol.

    Attributes:
        code: The ``code`` of a problem document (RFC 9457), stable, for machines.
        http: The HTTP status.
        grpc: The name of the gRPC status.
        exit: The exit code of a command.
    """

    code: str
    http: int
    grpc: str
    exit: int


_REFUSALS: Mapping[str, Statuses] = {
    each.code: each
    for each in (
        Statuses("missing_key", 401, "UNAUTHENTICATED", MISSING),
        Statuses("invalid_key", 401, "UNAUTHENTICATED", MISSING),
        Statuses("ambiguous_key", 400, "INVALID_ARGUMENT", MISSING),
        Statuses("insufficient_scope", 403, "PERMISSION_DENIED", MISSING),
        Statuses("rate_limited", 429, "RESOURCE_EXHAUSTED", MISSING),
        Statuses("quota_exceeded", 429, "RESOURCE_EXHAUSTED", MISSING),
        Statuses("credits_exhausted", 429, "RESOURCE_EXHAUSTED", MISSING),
        Statuses("too_many_at_once", 429, "RESOURCE_EXHAUSTED", MISSING),
        Statuses("cost_too_high", 429, "RESOURCE_EXHAUSTED", MISSING),
        Statuses("unavailable", 503, "UNAVAILABLE", UNAVAILABLE),
    )
}
"""By the public code of a refusal: the reason inside is never shown."""

_ERRORS: Mapping[str, Statuses] = {
    "SecretSourceError": Statuses("error", 500, "INTERNAL", MISSING),
    "ConfigurationError": Statuses("misconfigured", 500, "INTERNAL", MISTAKE),
    "InvalidReference": Statuses("invalid_reference", 400, "INVALID_ARGUMENT", MISTAKE),
    "SecretNotFound": Statuses("secret_not_found", 404, "NOT_FOUND", MISSING),
    "ProviderError": Statuses("provider_failed", 502, "INTERNAL", MISSING),
    "ProviderDenied": Statuses("provider_denied", 502, "FAILED_PRECONDITION", MISSING),
    "ProviderUnavailable": Statuses("provider_unavailable", 503, "UNAVAILABLE", UNAVAILABLE),
    "ProviderResponseError": Statuses("provider_response", 502, "INTERNAL", MISTAKE),
    "KeyRejected": _REFUSALS["invalid_key"],
    "StoreError": _REFUSALS["unavailable"],
    "InvalidRequest": Statuses("invalid_request", 400, "INVALID_ARGUMENT", MISTAKE),
    "PlanExceeded": Statuses("plan_exceeded", 409, "FAILED_PRECONDITION", MISTAKE),
    "RepeatDiffers": Statuses("idempotency_key_reused", 422, "INVALID_ARGUMENT", MISTAKE),
    "RepeatTooSoon": Statuses("idempotency_key_in_use", 409, "ABORTED", MISSING),
    "KeyNotFound": Statuses("key_not_found", 404, "NOT_FOUND", MISSING),
    "OwnerNotFound": Statuses("owner_not_found", 404, "NOT_FOUND", MISSING),
    "PlanNotFound": Statuses("plan_not_found", 404, "NOT_FOUND", MISSING),
    "InvalidTransition": Statuses("invalid_transition", 409, "FAILED_PRECONDITION", MISSING),
    "Conflict": Statuses("conflict", 412, "ABORTED", MISTAKE),
}
"""By the name of an error's class, or of the nearest class above it."""


def statuses_of(reported: SecretSourceError | Rejected) -> Statuses:
    """Return the statuses of an error of ours, or of a verdict that refuses a key.

    Args:
        reported: The error or the verdict. A `KeyRejected` has the statuses of the verdict behind it.
    """
    if isinstance(reported, KeyRejected):
        found = _REFUSALS.get(str(reported.reason))
        if found is not None:
            return found
    elif not isinstance(reported, Exception):
        return _REFUSALS[reported.answer.code]
    return next(_ERRORS[kind.__name__] for kind in type(reported).__mro__ if kind.__name__ in _ERRORS)
