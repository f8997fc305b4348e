"""The accent of the host on light and on dark, readable in both. Pure.

WCAG 2.2 asks for a contrast of 4.5 between text and its ground. An accent that has less is darkened or lightened.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Colour: TypeAlias = tuple[int, int, int]

__all__ = ["ACCENT", "contrast", "read_colour", "theme"]

ACCENT = "#2f5bd7"
"""The accent without a setting."""
LIGHT, DARK = (0xFB, 0xE9, 0xE7), (0x15, 0x30, 0x1F)
"""The grounds of the two themes that text in the accent stands on: the darkest light one, the lightest dark one."""
READABLE = 4.5
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FORM = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_STEPS = 64


def read_colour(written: str) -> Colour:
    """Return a colour that is written as ``#2f5bd7``.

    Args:
        written: The text.

    Raises:
        ValueError: It is not written so.
    """
    found = _FORM.fullmatch(written)
    if found is None:
        raise ValueError("a colour must be written as  #2f5bd7")
    red, green, blue = (int(part, 16) for part in found.groups())
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG 2.2 defines it.

    Args:
        one: A colour.
        other: The colour beside it.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def theme(accent: str = ACCENT) -> str:
    """Return the style sheet with the accent of the host.

    Args:
        accent: The accent, such as ``#2f5bd7``.

    Raises:
        ValueError: The accent is not written so.
    """
    colour = read_colour(accent)
    light, dark = _readable(colour, LIGHT, _BLACK), _readable(colour, DARK, _WHITE)
    return f":root{{{_variables(light)}}}\n@media(prefers-color-scheme:dark){{:root{{{_variables(dark)}}}}}\n"


def _variables(colour: Colour) -> str:
    ink = max((_BLACK, _WHITE), key=lambda each: contrast(each, colour))
    return f"--accent:{_written(colour)};--accent-ink:{_written(ink)}"


def _readable(colour: Colour, ground: Colour, end: Colour) -> Colour:
    """Return the colour, moved towards black or white only as far as it must be to be read on the ground."""
    return next(
        mixed
        for step in range(_STEPS + 1)
        for mixed in [_mixed(colour, end, step / _STEPS)]
        if contrast(mixed, ground) >= READABLE
    )


def _mixed(colour: Colour, end: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, end, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
