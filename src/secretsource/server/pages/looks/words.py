"""The words of the pages for statuses, outcomes and events, in English; the catalogues have the others. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.issuing import EventKind, OwnerEventKind, OwnerStatus, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "EVENTS",
    "FIELDS",
    "LIMITS",
    "OUTCOMES",
    "PERIODS",
    "REFUSALS",
    "SERIES",
    "SHARED",
    "STATUSES",
    "SUBJECTS",
    "limit_parts",
    "mark",
    "mark_number",
    "series_of",
]


def mark(message: str) -> str:
    """Return a message; the extraction of messages finds it by this call."""
    return message


def mark_number(one: str, many: str) -> tuple[str, str]:
    """Return the messages for one and for other numbers; the extraction of messages finds them by this call."""
    return one, many


STATUSES: Mapping[str, str] = {
    Status.ACTIVE: mark("Active"),
    Status.ROTATING: mark("Rotating"),
    Status.REVOKED: mark("Revoked"),
    Status.EXPIRED: mark("Expired"),
    Status.DISABLED: mark("Disabled"),
    OwnerStatus.SUSPENDED: mark("Suspended"),
}
"""The words for the statuses of keys and of owners."""

OUTCOMES: Mapping[str, str] = {
    "accepted": mark("accepted"),
    Reason.MISSING.value: mark("no key"),
    Reason.AMBIGUOUS.value: mark("two keys"),
    Reason.MALFORMED.value: mark("not a key"),
    Reason.BAD_CHECKSUM.value: mark("mistyped"),
    Reason.NOT_OURS.value: mark("key of another service"),
    Reason.UNKNOWN.value: mark("unknown key"),
    Reason.WRONG_SECRET.value: mark("wrong key"),
    Reason.PEPPER_RETIRED.value: mark("retired pepper"),
    Reason.TOO_COSTLY.value: mark("too many unknown keys"),
    Reason.REVOKED.value: mark("key revoked"),
    Reason.EXPIRED.value: mark("key expired"),
    Reason.DISABLED.value: mark("key disabled"),
    Reason.OWNER_SUSPENDED.value: mark("customer suspended"),
    Reason.NOT_YET.value: mark("not valid yet"),
    Reason.WRONG_KIND.value: mark("wrong kind of key"),
    Reason.WRONG_NETWORK.value: mark("wrong network"),
    Reason.INSUFFICIENT_SCOPE.value: mark("scope missing"),
    Reason.RATE_LIMITED.value: mark("rate limit"),
    Reason.QUOTA_EXCEEDED.value: mark("quota used up"),
    Reason.CREDITS_EXHAUSTED.value: mark("credits used up"),
    Reason.TOO_MANY_AT_ONCE.value: mark("too many at once"),
    Reason.COST_TOO_HIGH.value: mark("cost over the limit"),
    Reason.LIMITER_UNAVAILABLE.value: mark("limiter unavailable"),
    Reason.STORE_UNAVAILABLE.value: mark("store unavailable"),
    Reason.OVERLOADED.value: mark("overloaded"),
    Reason.VERIFIER_BUSY.value: mark("busy"),
}
"""The words for the outcomes of checks."""

SERIES: Mapping[str, str] = {"accepted": mark("accepted"), "limited": mark("limited"), "refused": mark("refused")}
"""The three parts of a bar, the lowest first."""
_LIMITED = frozenset(
    reason.value
    for reason in (
        Reason.RATE_LIMITED,
        Reason.QUOTA_EXCEEDED,
        Reason.CREDITS_EXHAUSTED,
        Reason.TOO_MANY_AT_ONCE,
        Reason.COST_TOO_HIGH,
    )
)

EVENTS: Mapping[str, str] = {
    EventKind.ISSUED: mark("issued"),
    EventKind.IMPORTED: mark("imported"),
    EventKind.ROTATED: mark("rotated"),
    EventKind.ROTATION_FINISHED: mark("rotation finished"),
    EventKind.REVOKED: mark("revoked"),
    EventKind.EXPIRED: mark("expired"),
    EventKind.DISABLED: mark("disabled"),
    EventKind.ENABLED: mark("enabled"),
    EventKind.REHASHED: mark("stored under the new pepper"),
    EventKind.UPDATED: mark("edited"),
    EventKind.REUSED: mark("used after its rotation ended"),
    EventKind.ROTATION_DUE: mark("rotation due"),
    EventKind.EXPIRING: mark("expires soon"),
    EventKind.UNUSED: mark("unused for long"),
    EventKind.EXPOSED: mark("found in public"),
    OwnerEventKind.REGISTERED: mark("registered"),
    OwnerEventKind.CHANGED: mark("changed"),
    OwnerEventKind.SUSPENDED: mark("suspended"),
    OwnerEventKind.RESUMED: mark("resumed"),
    OwnerEventKind.DELETED: mark("deleted"),
    OwnerEventKind.PURGED: mark("purged"),
    OwnerEventKind.SIGNED_OUT: mark("signed out"),
}
"""The words for the events of keys, owners and plans."""

SUBJECTS: Mapping[str, str] = {"key": mark("Key"), "owner": mark("Customer"), "plan": mark("Plan")}
"""The words for the subjects of events."""

FIELDS: Mapping[str, str] = {
    "name": mark("name"),
    "scopes": mark("scopes"),
    "networks": mark("networks"),
    "expires_at": mark("end"),
    "begins_at": mark("beginning"),
    "rate_limit": mark("rate limit"),
    "quota": mark("quota"),
    "credits": mark("credits"),
    "metadata": mark("metadata"),
    "rotate_every": mark("rotation"),
    "plan": mark("plan"),
    "status": mark("status"),
    "status_reason": mark("reason"),
    "max_keys": mark("most keys"),
    "max_life": mark("longest life"),
    "environments": mark("environments"),
}
"""The words for the fields that an event changed; other fields are shown by their names."""

LIMITS: Mapping[str, str] = {
    "second": mark("second"),
    "minute": mark("minute"),
    "hour": mark("hour"),
    "day": mark("day"),
    "day quota": mark("day quota"),
    "month quota": mark("month quota"),
    "credits": mark("credits"),
    "at once": mark("at once"),
}
"""The words for the names of limits, without those that they are shared by."""

PERIODS: Mapping[str, tuple[str, str]] = {
    "seconds": mark_number("%(num)s second", "%(num)s seconds"),
    "minutes": mark_number("%(num)s minute", "%(num)s minutes"),
    "hours": mark_number("%(num)s hour", "%(num)s hours"),
    "days": mark_number("%(num)s day", "%(num)s days"),
}
"""The words for a limit of several units of time, such as ``10 minutes``."""

SHARED: Mapping[str, str] = {"owner": mark("all keys"), "plan": mark("plan"), "route": mark("route")}
"""The words for what a limit belongs to, if not to the key itself."""

REFUSALS: Mapping[str, str] = {
    "sign_in_unknown": mark("This browser did not begin this sign-in, or began it too long ago. Sign in again."),
    "sign_in_spent": mark("This sign-in was ended before. Sign in again."),
    "sign_in_refused": mark("The provider did not let you sign in. Ask its administrator."),
    "not_an_operator": mark("You are signed in at the provider, but you are not an operator of this service."),
    "code_refused": mark("The provider does not accept this sign-in any more. Sign in again."),
    "token_refused": mark("The provider gave no token that is accepted here. Sign in again."),
    "provider_unavailable": mark("The provider cannot be asked now. Try again later, or sign in by a root key."),
    "not_found": mark("Operators of this service sign in by a root key."),
}
"""The words for the refusals of a sign-in at the provider, by the codes of their problems."""


def limit_parts(name: str) -> tuple[str, int, str]:
    """Return the parts of a limit's name, such as ``plan 10 minutes``.

    Args:
        name: The name, as `secretsource.limiters.base.LimitState` has it.

    Returns:
        A word of `SHARED`, empty for a limit of the key itself; the number of units, 1 without one; and the rest. The
        rest is a word of `PERIODS` or of `LIMITS`, unless the name is from a later release.
    """
    shared, _, rest = name.partition(" ")
    if shared not in SHARED:
        shared, rest = "", name
    number, _, unit = rest.partition(" ")
    return (shared, int(number), unit) if number.isdecimal() and unit in PERIODS else (shared, 1, rest)


def series_of(outcome: str) -> str:
    """Return the part of a bar that an outcome belongs to.

    Args:
        outcome: ``accepted``, or the reason of a refusal.
    """
    return "accepted" if outcome == "accepted" else "limited" if outcome in _LIMITED else "refused"
