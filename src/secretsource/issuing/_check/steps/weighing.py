"""Steps 6 to 8 of a check: does a record allow the demand, now and from an address? Time is an argument."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._check import policy
from secretsource.issuing._verdict import Reason, Rejected
from secretsource.limiters.base import AtOnce, Rate
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing._check.entry import Entry
    from secretsource.issuing._check.event import Asked
    from secretsource.issuing._check.policy import Kind
    from secretsource.limiters.base import Draw, Plan
    from secretsource.stores.base import KeyRecord

STATUS_REASONS: Mapping[Status, Reason | None] = {
    Status.ACTIVE: None,
    Status.ROTATING: None,
    Status.REVOKED: Reason.REVOKED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.DISABLED: Reason.DISABLED,
}
"""Why a key is refused by its status, if it is. A status that only a newer version knows counts as disabled."""
_LIMIT_REASONS: dict[type, Reason] = {Rate: Reason.RATE_LIMITED, AtOnce: Reason.TOO_MANY_AT_ONCE}
_ACTIVE = Status.ACTIVE
MOST_COST = 10**9
"""Requests that one check may take of a key's limits."""


def demand_of(asked: Asked) -> tuple[str, ...]:
    """Return the scopes that are all needed.

    Raises:
        InvalidRequest: The demand or the cost is wrong.
    """
    demanded = policy.check_demand(asked.scope)
    cost: object = asked.cost
    if not (isinstance(cost, int) and 0 <= cost <= MOST_COST):
        raise InvalidRequest(f"the cost of a check must be a whole number of requests, 0 to {MOST_COST}")
    return demanded


def weigh(
    entry: Entry, demanded: tuple[str, ...], ip: str | None, wall: float, kind: Kind | None = None
) -> Rejected | None:
    """Take steps 6 to 8: return why a record does not allow the demand, now and from an address, or None.

    Args:
        entry: The record, whose key was presented.
        demanded: The scopes that are all needed.
        ip: The address that the demand came from.
        wall: The present, in seconds since 1970 UTC.
        kind: The accepted kind of keys, or None for all keys of customers.
    """
    record = entry.record
    if (kind is not None or record.prefix == policy.RESERVED_PREFIX) and not (kind or policy.ANY_KIND).has(record):
        return Rejected(Reason.WRONG_KIND, record)
    if record.status is not _ACTIVE or (record.expires is not None and record.expires <= wall):
        reason = STATUS_REASONS.get(record.status_at(wall), Reason.DISABLED)
        if reason is not None:
            return Rejected(reason, record)
    if entry.refusal is not None:
        return Rejected(entry.refusal, record)
    if record.begins is not None and wall < record.begins:
        return Rejected(Reason.NOT_YET, record)
    if record.networks and not policy.is_within(policy.read_networks(record.networks), ip):
        return Rejected(Reason.WRONG_NETWORK, record)
    asked = demanded if kind is None else kind.demands(demanded)
    if not entry.granted.issuperset(asked):
        if not policy.grants(record.scopes, entry.wildcards, demanded):
            return Rejected(Reason.INSUFFICIENT_SCOPE, record, scopes=demanded)
        entry.remember(asked)
    return None


def over_limit(record: KeyRecord, draw: Draw, plan: Plan) -> Rejected:
    """Return why a draw was refused; a share of the plan, drawn on in an outage, cannot say that a cost never fits."""
    if draw.retry_after is None and draw.plan is plan:
        return Rejected(Reason.COST_TOO_HIGH, record, draw=draw)
    return Rejected(_LIMIT_REASONS.get(type(draw.refused_by), Reason.QUOTA_EXCEEDED), record, draw=draw)
