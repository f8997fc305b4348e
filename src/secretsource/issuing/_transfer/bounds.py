"""The bounds that the plan of an owner sets to keys from elsewhere. Pure; time is an argument.

A key that is imported must fit the plan as a new key must, or its row is rejected. Ended keys, and rows of an export,
come in whatever the plan says. A reason quotes nothing of the row.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource.exceptions import PlanExceeded
from secretsource.issuing._manage.registers.plans import admitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.issuing._transfer.intake import Candidate
    from secretsource.stores.base import Terms

__all__ = ["CROWDED", "bound", "most_keys", "room"]

CROWDED = "its owner has as many keys as its plan allows: revoke some, or choose a larger plan"
_ENVIRONMENT = "the plan of its owner does not have its environment"
_SCOPE = "the plan of its owner does not have all of its scopes: leave those out"
_LIFE = "it would live longer than the plan of its owner allows: give an earlier expires_at"
_OLD = "it is older than the plan of its owner lets a key become"


def bound(read: Candidate, terms: Terms | None, now: float) -> Candidate | str:
    """Return a key within the plan of its owner, or why its row is rejected.

    Args:
        read: The key; without an end of its own, it ends as late as the plan allows.
        terms: The terms of its owner, or None.
        now: The present, in seconds since 1970 UTC.
    """
    plan = None if terms is None else terms.plan
    if terms is None or plan is None or read.is_restored or read.record.has_ended(now):
        return read
    record = read.record
    for part, reason in (
        (plan._replace(scopes=None, max_life=None), _ENVIRONMENT),
        (plan._replace(max_life=None), _SCOPE),
        (plan, _LIFE),
    ):
        try:
            record = admitted(read.record._replace(terms=terms._replace(plan=part)))
        except PlanExceeded:
            return reason
    return _OLD if record.has_ended(now) else read._replace(record=record._replace(terms=None))


def most_keys(fit: Iterable[Candidate], terms: Mapping[str, Terms], now: float) -> dict[str, int]:
    """Return the most keys of each owner that has such a bound, and a key among these that the bound holds for."""
    most: dict[str, int] = {}
    for read in fit:
        of_owner = terms.get(read.record.owner)
        plan = None if of_owner is None else of_owner.plan
        if plan is not None and plan.max_keys is not None and not read.is_restored and not read.record.has_ended(now):
            most[read.record.owner] = plan.max_keys
    return most


def room(fit: Mapping[int, Candidate], owner: str, left: int, now: float) -> set[int]:
    """Return the numbers of the rows for which an owner has no room, if it has room for so many keys.

    Exported rows come in anyway, and take of the room.
    """
    living = [
        (number, read)
        for number, read in sorted(fit.items())
        if read.record.owner == owner and not read.record.has_ended(now)
    ]
    bound = [number for number, read in living if not read.is_restored]
    return set(bound[max(left - len(living) + len(bound), 0) :])
