"""The needs of a key at an instant: a notice, an end, or to be deleted. Pure; time is an argument."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._key.rules import Rules
from secretsource.issuing._manage import field
from secretsource.issuing._manage.notices import notice
from secretsource.stores.base import EventKind, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Change, KeyRecord

__all__ = ["ChoreRules", "attend", "ended_since", "is_old", "read_rules"]

DAY = 86400.0


class ChoreRules(TypedDict, total=False):
    """The rules of the chores; without a rule, the chores only tell that rotations are due.

    Attributes:
        expiring_within: Tell of a key that ends by time within this, as a timedelta or in seconds; over 0.
        unused_for: Tell of a key that was not used for this long; over 0. A key that was never used counts from its
            issue, or from its beginning if that is later.
        end_unused: Revoke a key that was not used for this long; at least a day.
        keep_ended: Delete a key that ended this long ago, with its events; at least a day.
    """

    expiring_within: timedelta | float | None
    unused_for: timedelta | float | None
    end_unused: timedelta | float | None
    keep_ended: timedelta | float | None


_LEAST = {"expiring_within": 0.0, "unused_for": 0.0, "end_unused": DAY, "keep_ended": DAY}


def read_rules(given: Mapping[str, object]) -> Rules:
    """Check the rules of chores.

    Args:
        given: The rules; see `ChoreRules`.

    Raises:
        InvalidRequest: A rule is unknown, or is not a length of time in its range.
    """
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"chores must be a dictionary such as ChoreRules, not of type {type(given).__name__}")
    unknown = given.keys() - _LEAST.keys()
    if unknown:
        raise InvalidRequest(f"chores have no rule {', '.join(sorted(unknown))}: known are {', '.join(_LEAST)}")
    read: dict[str, float | None] = {}
    for name, value in given.items():
        length = None if value is None else field.seconds(value, name)
        if length is not None and (length <= 0 or length < _LEAST[name]):
            least = "at least a day" if _LEAST[name] else "over 0 seconds"
            raise InvalidRequest(f"{name} must be {least}, not {length:g} seconds", field=name)
        read[name] = length
    return Rules(**read)


def attend(record: KeyRecord, rules: Rules, now: float, by: By) -> Change | None:
    """Return the next change of a key that needs attention; ask again with the changed record.

    Args:
        record: The record as stored, with its terms.
        rules: The rules.
        now: The present, in seconds since 1970 UTC.
        by: The author of the change.

    Returns:
        A notice that was not told yet, or a revocation; None if it needs nothing, or has ended.
    """
    if record.has_ended(now) or record.status is Status.ROTATING:  # a rotating key has a successor, and an end
        return None
    idle = now - _last_use(record)
    if rules.end_unused is not None and idle >= rules.end_unused:
        reason = f"not used for {rules.end_unused / DAY:g} days"
        return lifecycle.move(record, Move.REVOKE, now, by._replace(reason=reason))
    abouts = {
        EventKind.ROTATION_DUE: _due(record, now),
        EventKind.EXPIRING: _soon(record.expires, rules.expiring_within, now),
        EventKind.UNUSED: _last_use(record) if rules.unused_for is not None and idle >= rules.unused_for else None,
    }
    for kind, about in abouts.items():
        if about is not None and record.notices.get(kind.value) != about:
            return notice(record, kind, about, now, by)
    return None


def ended_since(record: KeyRecord, now: float) -> float | None:
    """Return when a key ended, in seconds since 1970 UTC.

    Returns:
        None if it has not ended; 0 if it was revoked by an older version of this package, which did not note the time.
    """
    if not record.has_ended(now):
        return None
    if record.status is Status.REVOKED:
        return record.revoked or 0.0
    return record.end or 0.0


def is_old(since: float | None, rules: Rules, now: float) -> bool:
    """Return whether a key that ended at an instant is to be deleted."""
    return since is not None and rules.keep_ended is not None and since + rules.keep_ended <= now


def _last_use(record: KeyRecord) -> float:
    return max(record.last_used or 0.0, record.created, record.begins or 0.0)


def _due(record: KeyRecord, now: float) -> float | None:
    due = record.rotation_due
    return due if due is not None and due <= now and record.status is Status.ACTIVE else None


def _soon(expires: float | None, within: float | None, now: float) -> float | None:
    return expires if expires is not None and within is not None and expires < now + within else None
