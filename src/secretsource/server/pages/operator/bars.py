"""The bars of counted checks, one for each hour or day, with the empty ones between. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretsource.server.pages.looks.charts import Bar
from secretsource.server.pages.looks.words import SERIES, series_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsource.issuing import Count
    from secretsource.server.pages.looks.reader import Reader

__all__ = ["STEPS", "Bars", "bars_of"]

STEPS = {"hour": 3600, "day": 86400}
"""The seconds of a bar, by its unit."""


class Bars(NamedTuple):
    """The bars of a chart.

    Attributes:
        bars: The bars, the oldest first.
        begins: The instants at which they begin, in seconds since 1970 UTC.
    """

    bars: Sequence[Bar]
    begins: Sequence[int]


def bars_of(reader: Reader, counts: Iterable[Count], by: str, number: int, now: float) -> Bars:
    """Return the bars of some counts.

    Args:
        reader: The reader, for the words.
        counts: The counts.
        by: The unit of a bar: ``hour`` or ``day``.
        number: How many bars.
        now: The instant that the last bar holds, in seconds since 1970 UTC.
    """
    step = STEPS[by]
    last = int(now) // step * step
    begins = range(last - (number - 1) * step, last + step, step)
    heights = {begin: dict.fromkeys(SERIES, 0) for begin in begins}
    for count in counts:
        begin = count.start // step * step
        if begin in heights:
            heights[begin][series_of(count.outcome)] += count.requests
    told = reader.moment if by == "hour" else reader.date
    return Bars([Bar(_label(reader, told(begin), parts), parts) for begin, parts in heights.items()], list(begins))


def _label(reader: Reader, begin: str, parts: dict[str, int]) -> str:
    said = [f"{reader.number(height)} {reader.gettext(SERIES[kind])}" for kind, height in parts.items() if height]
    counted = ", ".join(said) or reader.gettext("no request")  # outside of f-strings, where messages are looked for
    return f"{begin}: {counted}"
