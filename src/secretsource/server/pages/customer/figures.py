"""The figures above the list of a customer's keys: the requests of today, and the keys that end soon. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from secretsource.server.pages.looks.words import series_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import Count, KeyRecord, LimitState

__all__ = ["SOON", "Figures", "figures_of"]

SOON = 14 * 86400.0
"""Seconds before its end in which a key needs attention."""


class Figures(NamedTuple):
    """The figures.

    Attributes:
        accepted: Accepted requests of today.
        limited: Requests of today that a limit refused.
        refused: Requests of today that were refused for another reason.
        quota: The quota of all keys of which the least is left; None without a quota.
        soon: Keys that end soon, the old keys of rotations among them; the soonest first.
        has_more: Whether more keys may end soon than are known.
    """

    accepted: int
    limited: int
    refused: int
    quota: LimitState | None
    soon: tuple[KeyRecord, ...]
    has_more: bool


def figures_of(
    counts: Iterable[Count], limits: Iterable[LimitState], ending: Iterable[KeyRecord], now: float, *, has_more: bool
) -> Figures:
    """Return the figures of all keys of a customer.

    Args:
        counts: Their counted requests of today.
        limits: The limits that they share.
        ending: Keys that have an end, each once or twice.
        now: The present, in seconds since 1970 UTC.
        has_more: Whether there are more keys that have an end.
    """
    sums = Counter[str]()
    for count in counts:
        sums[series_of(count.outcome)] += count.requests
    quotas = [limit for limit in limits if limit.name.endswith("quota")]
    quota = min(quotas, key=lambda limit: limit.remaining / limit.limit, default=None)
    known = {record.key_id: record for record in ending}
    ends = [(end, record) for record in known.values() if (end := record.end) is not None and now < end < now + SOON]
    soon = tuple(record for _, record in sorted(ends, key=lambda each: each[0]))
    return Figures(sums["accepted"], sums["limited"], sums["refused"], quota, soon, has_more)
