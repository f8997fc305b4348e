"""Numbers, shares and times as a reader writes them. Pure; time is an argument."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from babel.dates import format_skeleton, format_timedelta
from babel.numbers import format_decimal, format_percent

if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Literal, TypeAlias

    from babel import Locale

    Unit: TypeAlias = Literal["year", "month", "day", "hour", "minute"]

__all__ = ["date", "machine_time", "moment", "number", "relative", "share"]

_MINUTE, _HOUR, _DAY, _MONTH, _YEAR = 60, 3600, 86400, 2629800, 31557600
_UNITS: tuple[tuple[float, int, Unit], ...] = (
    (_HOUR, _MINUTE, "minute"),
    (2 * _DAY, _HOUR, "hour"),
    (100 * _DAY, _DAY, "day"),
    (2 * _YEAR, _MONTH, "month"),
    (float("inf"), _YEAR, "year"),
)
"""For distances below the first number of seconds: the seconds of the unit that tells them, and its name."""


def number(value: float, locale: Locale) -> str:
    """Return a number with the separators of a locale.

    Args:
        value: The number.
        locale: The locale.
    """
    return format_decimal(value, locale=locale)


def share(part: float, whole: float, locale: Locale) -> str:
    """Return a share in percent, such as ``18%``; a part that is not all is ``>99%`` at most, and ``<1%`` at least.

    Args:
        part: The part, from 0 to ``whole``.
        whole: The whole; a share of nothing is 0 %.
        locale: The locale.
    """
    percent = 100 * part / whole if whole else 0.0
    sign, shown = "", round(percent)
    if 0 < percent < 1:
        sign, shown = "<", 1
    elif 99 < percent < 100:
        sign, shown = ">", 99
    return sign + _percent(shown, locale)


def relative(then: float, now: float, locale: Locale) -> str:
    """Return the distance of an instant in whole units, such as ``2 minutes ago`` or ``in 61 days``.

    Args:
        then: The instant, in seconds since 1970 UTC.
        now: The present, in seconds since 1970 UTC.
        locale: The locale.

    Returns:
        The distance; empty below a minute.
    """
    distance = abs(then - now)
    if distance < _MINUTE:
        return ""
    _, seconds, unit = next(each for each in _UNITS if distance < each[0])
    whole = int(distance // seconds) * seconds
    return _distance(whole if then > now else -whole, unit, locale)


def date(then: float, zone: tzinfo, locale: Locale) -> str:
    """Return the day of an instant, such as ``29 Nov 2026``.

    Args:
        then: The instant, in seconds since 1970 UTC.
        zone: The time zone of the reader.
        locale: The locale.
    """
    return _day(datetime.fromtimestamp(then, zone).toordinal(), locale)


def moment(then: float, zone: tzinfo, locale: Locale) -> str:
    """Return an instant to the minute, such as ``29 Nov 2026, 14:22 UTC``.

    Args:
        then: The instant, in seconds since 1970 UTC.
        zone: The time zone of the reader; only UTC is named.
        locale: The locale.
    """
    local = datetime.fromtimestamp(then, zone)
    return f"{_day(local.toordinal(), locale)}, {local:%H:%M}{' UTC' if zone is UTC else ''}"


def machine_time(then: float) -> str:
    """Return an instant for the attribute ``datetime``, such as ``2026-11-29T14:22:05Z``.

    Args:
        then: The instant, in seconds since 1970 UTC.
    """
    return f"{datetime.fromtimestamp(int(then), UTC):%Y-%m-%dT%H:%M:%SZ}"


# A page has the same days, distances and shares many times, and the rules of a locale take a tenth of a millisecond.


@lru_cache(maxsize=4096)
def _day(ordinal: int, locale: Locale) -> str:
    return format_skeleton("yMMMd", datetime.fromordinal(ordinal), locale=locale)


@lru_cache(maxsize=4096)
def _distance(seconds: int, unit: Unit, locale: Locale) -> str:
    whole = timedelta(seconds=seconds)
    return format_timedelta(whole, granularity=unit, threshold=float("inf"), add_direction=True, locale=locale)


@lru_cache(maxsize=1024)
def _percent(percent: int, locale: Locale) -> str:
    return format_percent(percent / 100, format=None, locale=locale)
