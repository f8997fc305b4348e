"""The evidence about the uses of a key: who uses it, how often, and whether it may go. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from secretsource.issuing import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource.issuing import Count, KeyRecord, RotationStatus

__all__ = ["HOURS", "QUIET", "Rotation", "bars_of", "latest", "old_of", "rotation_of"]

HOURS = 48
"""The hours of the chart of a key."""
QUIET = 86400.0
"""Seconds without a use after which an old key may go."""
_HOUR = 3600
_DAY = 86400
_ACCEPTED = "accepted"


class Rotation(NamedTuple):
    """A rotation, as its page shows it.

    Attributes:
        old: The old key.
        new: The new key.
        ends: The end of the old key, in seconds since 1970 UTC.
        old_requests: Accepted requests of the old key in the last 24 hours.
        new_requests: Accepted requests of the new key in the last 24 hours.
        agents: The user agents that used the old key since the rotation began, at most a day ago.
        networks: The addresses that used the old key since then; the same.
        last_used: The last use of the old key, in seconds since 1970 UTC, or None.
        may_go: Whether nobody has used the old key for a day, or since the rotation began.
    """

    old: KeyRecord
    new: KeyRecord
    ends: float | None
    old_requests: int
    new_requests: int
    agents: tuple[str, ...]
    networks: tuple[str, ...]
    last_used: float | None
    may_go: bool


def old_of(record: KeyRecord, others: Mapping[str, KeyRecord], now: float) -> KeyRecord | None:
    """Return the old key of the rotating pair that a key belongs to; None if it belongs to none.

    Args:
        record: The key.
        others: Its predecessor and its successor, by ``key_id``.
        now: The present, in seconds since 1970 UTC.
    """
    for each in (record, others.get(record.predecessor or "")):
        if each is not None and each.status_at(now) is Status.ROTATING:
            return each
    return None


def rotation_of(status: RotationStatus, hours: Sequence[Count], now: float) -> Rotation:
    """Return a rotation with its evidence.

    Args:
        status: The state of the rotation.
        hours: Counted requests of both keys by hour.
        now: The present, in seconds since 1970 UTC.
    """
    old, new, usage = status.predecessor, status.successor, status.usage
    last = usage.last_used
    is_used = usage.requests > 0 and last is not None and now - last < QUIET
    return Rotation(
        old,
        new,
        status.ends,
        latest(hours, old.key_id, now)[_ACCEPTED],
        latest(hours, new.key_id, now)[_ACCEPTED],
        tuple(sorted(usage.agents)),
        tuple(sorted(usage.networks)),
        last,
        not is_used,
    )


def latest(hours: Iterable[Count], key_id: str, now: float) -> Counter[str]:
    """Return the requests of a key in the last 24 hours, by outcome.

    Args:
        hours: Counted requests by hour.
        key_id: The key.
        now: The present, in seconds since 1970 UTC.
    """
    found = Counter[str]()
    for count in hours:
        if count.key_id == key_id and count.start > now - _DAY - _HOUR:
            found[count.outcome] += count.requests
    return found


def bars_of(hours: Iterable[Count], key_ids: Iterable[str], now: float) -> list[tuple[int, Counter[str]]]:
    """Return the requests of some keys by hour and outcome, the oldest hour first, and no hour is left out.

    Args:
        hours: Counted requests by hour.
        key_ids: The keys.
        now: The present, in seconds since 1970 UTC.
    """
    last, wanted = int(now // _HOUR) * _HOUR, {*key_ids}
    found: dict[int, Counter[str]] = {
        start: Counter() for start in range(last - (HOURS - 1) * _HOUR, last + _HOUR, _HOUR)
    }
    for count in hours:
        if count.key_id in wanted and count.start in found:
            found[count.start][count.outcome] += count.requests
    return list(found.items())
