"""Counted requests over a span of time, as the pages show them: by hour or day, by key, and by outcome. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretsource.server.pages.looks.words import SERIES, mark, series_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, TypeAlias

    from secretsource.issuing import Count

    Unit: TypeAlias = Literal["hour", "day"]

__all__ = ["SPANS", "Span", "by_key", "by_outcome", "by_time"]

_SECONDS = {"hour": 3600, "day": 86400}


class Span(NamedTuple):
    """A span of time up to now.

    Attributes:
        name: Its name in addresses.
        words: Its words, in English.
        unit: The unit that is counted by: ``hour`` or ``day``.
        number: How many units, with the present one.
    """

    name: str
    words: str
    unit: Unit
    number: int

    def starts(self, now: float) -> range:
        """Return the starts of the units, in seconds since 1970 UTC, the oldest first."""
        seconds = _SECONDS[self.unit]
        last = int(now) // seconds * seconds
        return range(last - (self.number - 1) * seconds, last + seconds, seconds)


SPANS: Mapping[str, Span] = {
    each.name: each
    for each in (
        Span("48h", mark("48 hours"), "hour", 48),
        Span("14d", mark("14 days"), "day", 14),
        Span("90d", mark("90 days"), "day", 90),
    )
}
"""The spans that a reader may choose from, by their names."""


def by_time(counts: Sequence[Count], span: Span, now: float) -> dict[int, dict[str, int]]:
    """Return the sums of counts by hour or day and series; one without a request is there, too.

    Args:
        counts: The counts, by the unit of the span.
        span: The span.
        now: The present, in seconds since 1970 UTC.

    Returns:
        The requests by series, by the start of the hour or day, the oldest first.
    """
    found = {start: dict.fromkeys(SERIES, 0) for start in span.starts(now)}
    for count in counts:
        if count.start in found:
            found[count.start][series_of(count.outcome)] += count.requests
    return found


def by_key(counts: Sequence[Count]) -> dict[str, dict[str, int]]:
    """Return the sums of counts by key and series.

    Args:
        counts: The counts.
    """
    found: dict[str, dict[str, int]] = {}
    for count in counts:
        found.setdefault(count.key_id, dict.fromkeys(SERIES, 0))[series_of(count.outcome)] += count.requests
    return found


def by_outcome(counts: Sequence[Count]) -> dict[str, int]:
    """Return the sums of counts by outcome, the most frequent first.

    Args:
        counts: The counts.
    """
    found: dict[str, int] = {}
    for count in counts:
        found[count.outcome] = found.get(count.outcome, 0) + count.requests
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))
