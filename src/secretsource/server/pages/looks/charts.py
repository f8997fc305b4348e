"""Charts as SVG: geometry in attributes and looks in classes, so that no style stands in the page. Pure.

Each chart has a title and a description for screen readers; `parts/charts.html` writes a table beside the large ones.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Bar", "shares", "sparkline", "stacked_bars", "top_of"]

_LINE_HEIGHT, _LINE_STEP, _LINE_BAR = 24, 7, 5
_HEIGHT, _HEAD, _FOOT = 168, 20, 22
_FILLED = 0.78
"""The part of its place that a bar fills."""


class Bar(NamedTuple):
    """One bar of a chart.

    Attributes:
        label: The words for the bar, such as ``29 Nov, 14:00: 12 accepted``.
        parts: The height of each part by its class, the lowest part first.
    """

    label: str
    parts: Mapping[str, int]

    @property
    def whole(self) -> int:
        """The height of the bar."""
        return sum(self.parts.values())


def sparkline(values: Sequence[int], title: str) -> Markup:
    """Draw one small bar for each value; a value of 0 is a dot on the line.

    Args:
        values: The values, from 0.
        title: The words for screen readers.
    """
    most = max(values, default=0)
    strokes: dict[bool, str] = {True: "", False: ""}
    for place, value in enumerate(values):
        height = max(2, round(value / most * _LINE_HEIGHT)) if value else 2
        strokes[value > 0] += f"M{place * _LINE_STEP + _LINE_BAR / 2:g} {_LINE_HEIGHT}v-{height}"
    width = max(len(values) * _LINE_STEP - (_LINE_STEP - _LINE_BAR), 1)
    return Markup(
        '<svg class="spark" role="img" width="{0}" height="{1}" viewBox="0 0 {0} {1}"><title>{2}</title>'
        '<path d="{3}"/><path class="zero" d="{4}"/></svg>'
    ).format(width, _LINE_HEIGHT, title, strokes[True], strokes[False])


def stacked_bars(bars: Sequence[Bar], title: str, description: str, ends: tuple[str, str], top: str) -> Markup:
    """Draw one bar for each span of time, with a part for each outcome.

    Args:
        bars: The bars, the oldest first, 1 to 400.
        title: The title for screen readers.
        description: The meaning of the chart, in a sentence.
        ends: The words below the first and the last bar.
        top: The words at the line on top, whose height is `top_of` the bars.
    """
    most, room, floor = top_of(bars), _HEIGHT - _HEAD - _FOOT, _HEIGHT - _FOOT
    drawn = Markup("").join(_bar(bar, place, len(bars), most, room, floor) for place, bar in enumerate(bars))
    return Markup(
        '<svg class="bars" role="img" width="100%" height="{height}"><title>{title}</title><desc>{description}</desc>'
        '<line class="grid" x1="0" x2="100%" y1="{head}" y2="{head}"/>'
        '<line class="grid" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>{drawn}'
        '<line class="axis" x1="0" x2="100%" y1="{floor}" y2="{floor}"/>'
        '<text class="tick" x="0" y="{over}">{top}</text>'
        '<text class="tick" x="0" y="{height}" dy="-5">{begin}</text>'
        '<text class="tick" x="100%" y="{height}" dy="-5" text-anchor="end">{end}</text></svg>'
    ).format(
        height=_HEIGHT,
        title=title,
        description=description,
        head=_HEAD,
        middle=_HEAD + room / 2,
        drawn=drawn,
        floor=floor,
        over=_HEAD - 6,
        top=top,
        begin=ends[0],
        end=ends[1],
    )


def top_of(bars: Sequence[Bar]) -> int:
    """Return the value of the line on top: one digit with zeros behind it, and no bar is higher.

    Args:
        bars: The bars.
    """
    most = max((bar.whole for bar in bars), default=1)
    step = 1
    while True:
        for digit in (1, 2, 3, 4, 5, 6, 8):
            if digit * step >= most:
                return digit * step
        step *= 10


def shares(parts: Mapping[str, float], title: str) -> Markup:
    """Draw one line that is divided into shares.

    Args:
        parts: The size of each part by its class; without any, the line is empty.
        title: The words for screen readers.
    """
    whole = sum(parts.values())
    drawn, place = Markup(""), 0.0
    for kind, size in parts.items():
        width = 100 * size / whole if whole else 0.0
        drawn += _rect(kind, f"{place:.4g}%", 0, f"{width:.4g}%", "100%") if width else ""
        place += width
    return Markup('<svg class="shares" role="img" width="100%" height="8"><title>{}</title>{}</svg>').format(
        title, drawn
    )


def _bar(bar: Bar, place: int, number: int, most: int, room: int, floor: int) -> Markup:
    """Draw the parts of one bar, each on top of the one before, and a field behind them that answers a pointer."""
    step = 100 / number
    left = f"{step * (place + (1 - _FILLED) / 2):.2f}%"
    inside = Markup("").join(
        _rect(kind, left, f"{top:.1f}", f"{step * _FILLED:.2f}%", f"{height:.1f}")
        for kind, top, height in _stacked(bar, room / most, floor)
    )
    field = _rect("field", f"{step * place:.2f}%", floor - room, f"{step:.2f}%", room)
    return Markup("<g><title>{}</title>{}{}</g>").format(bar.label, field, inside)


def _stacked(bar: Bar, scale: float, floor: float) -> Iterator[tuple[str, float, float]]:
    """Yield the class, the top and the height of each part; a part of few requests is still seen."""
    for kind, size in bar.parts.items():
        if size:
            height = max(size * scale, 1.5)
            floor -= height
            yield kind, floor, height


def _rect(kind: str, x: object, y: object, width: object, height: object) -> Markup:
    attribute = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<rect{} x="{}" y="{}" width="{}" height="{}"/>').format(attribute, x, y, width, height)
