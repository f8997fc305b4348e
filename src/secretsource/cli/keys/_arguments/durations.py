"""Lengths of time as people write them: ``90d``, ``2 weeks``, ``3 months``, ``1y 6mo``, and ISO 8601 such as ``P90D``.

A month and a year are those of the calendar, counted from now: three months from 30 November end on 28 February.
"""

from __future__ import annotations

import calendar
import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = ["LENGTHS", "length_of_time", "shown_length"]

LENGTHS = frozenset({"max_life", "rotate_every"})
"""The fields of records that are a length of time, in seconds."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS = {"mo": 1, "y": 12}
_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "mo": ("mo", "mon", "month", "months"),
    "y": ("y", "yr", "yrs", "year", "years"),
}
_UNITS = {word: unit for unit, words in _WORDS.items() for word in words}
_PART = r"(?i)([0-9]{1,9}) ?([a-z]+)(?:,? |$|(?=[0-9]))"
_ISO = (
    r"(?i)P(?=[0-9T])(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?"
)
"""Not compiled here: most commands read no length of time."""
_ISO_UNITS = ("y", "mo", "w", "d", "h", "m", "s")


class _Length(NamedTuple):
    months: int = 0
    seconds: int = 0


def length_of_time(text: str, now: datetime) -> timedelta | None:
    """Read a length of time.

    Args:
        text: The text, such as ``1 month``.
        now: Its beginning, with its time zone.

    Returns:
        The length from now; None if the text is not a length of time, or if it ends past the year 9999.
    """
    length = _read(text.strip())
    if length is None:
        return None
    try:
        return _months_later(now, length.months) - now + timedelta(seconds=length.seconds)
    except (OverflowError, ValueError):
        return None


def shown_length(seconds: float) -> str:
    """Write a length of time as `length_of_time` reads it, such as ``90d`` or ``1h 30m``."""
    parts, left = list[str](), round(seconds)
    for unit in ("d", "h", "m", "s"):
        number, left = divmod(left, _SECONDS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts) or "0s"


def _read(text: str) -> _Length | None:
    iso = re.fullmatch(_ISO, text)
    if iso is not None:
        return _sum((int(number), unit) for number, unit in zip(iso.groups(), _ISO_UNITS, strict=True) if number)
    parts, place = list[tuple[int, str]](), 0
    while place < len(text):
        part = re.compile(_PART).match(text, place)
        unit = None if part is None else _UNITS.get(part[2].lower())
        if part is None or unit is None:
            return None
        parts.append((int(part[1]), unit))
        place = part.end()
    return _sum(parts) if parts else None


def _sum(parts: Iterable[tuple[int, str]]) -> _Length:
    months = seconds = 0
    for number, unit in parts:
        months += number * _MONTHS.get(unit, 0)
        seconds += number * _SECONDS.get(unit, 0)
    return _Length(months, seconds)


def _months_later(moment: datetime, months: int) -> datetime:
    """Go to the same day of a later month, or to its last day where it has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))
