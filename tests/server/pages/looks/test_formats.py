"""Numbers, shares and times as a reader writes them."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from secretsource.server.pages.looks import formats
from secretsource.server.pages.looks.formats import date, machine_time, moment, number, relative, share

NOW = 1_796_000_000.0  # 2026-11-30 00:53:20 UTC
ENGLISH, GERMAN = Locale.parse("en_GB"), Locale.parse("de")
MINUTE, HOUR, DAY = 60, 3600, 86400
MONTH, YEAR = 365.25 / 12 * DAY, 365.25 * DAY


@pytest.mark.parametrize(
    ("distance", "english", "german"),
    [
        (0, "", ""),
        (-59, "", ""),
        (59, "", ""),
        (-60, "1 minute ago", "vor 1 Minute"),
        (-3599, "59 minutes ago", "vor 59 Minuten"),
        (-HOUR, "1 hour ago", "vor 1 Stunde"),
        (-2 * DAY + 1, "47 hours ago", "vor 47 Stunden"),
        (-2 * DAY, "2 days ago", "vor 2 Tagen"),
        (4 * DAY + 5 * HOUR, "in 4 days", "in 4 Tagen"),
        (61 * DAY, "in 61 days", "in 61 Tagen"),
        (100 * DAY - 1, "in 99 days", "in 99 Tagen"),
        (100 * DAY, "in 3 months", "in 3 Monaten"),
        (4 * MONTH - 1, "in 3 months", "in 3 Monaten"),
        (4 * MONTH, "in 4 months", "in 4 Monaten"),
        (2 * YEAR - 1, "in 23 months", "in 23 Monaten"),
        (2 * YEAR, "in 2 years", "in 2 Jahren"),
        (3 * YEAR - 1, "in 2 years", "in 2 Jahren"),
        (-3 * 366 * DAY, "3 years ago", "vor 3 Jahren"),
    ],
)
def test_a_distance_is_told_in_whole_units(distance: float, english: str, german: str) -> None:
    """A distance is never told as longer than it is, and below a minute it is not told at all."""
    assert relative(NOW + distance, NOW, ENGLISH) == english
    assert relative(NOW + distance, NOW, GERMAN) == german


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0%"),
        (0, 9, "0%"),
        (9, 9, "100%"),
        (18, 100, "18%"),
        (1, 9999, "<1%"),
        (9998, 9999, ">99%"),
        (1, 100, "1%"),
        (99, 100, "99%"),
    ],
)
def test_a_share_is_in_percent(part: int, whole: int, shown: str) -> None:
    """A share of nothing is 0 %."""
    assert share(part, whole, ENGLISH) == shown


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_only_all_is_everything(part: int, more: int) -> None:
    """A part that is not the whole is never told as 100 %, and a request is never told as 0 %."""
    shown = share(part, part + more, ENGLISH)
    assert shown != "100%"
    assert (shown == "0%") is (part == 0)


def test_numbers_have_the_separators_of_the_locale() -> None:
    """English has a comma, German a full stop, and Switzerland an apostrophe."""
    shown = [number(48213, Locale.parse(each)) for each in ("en_GB", "de", "de_CH")]
    assert shown == ["48,213", "48.213", "48'213"]


def test_an_instant_is_told_in_the_zone_of_the_reader() -> None:
    """Only UTC is named, because the reader knows the own zone."""
    assert moment(NOW, UTC, ENGLISH) == "30 Nov 2026, 00:53 UTC"
    assert moment(NOW, ZoneInfo("America/New_York"), ENGLISH) == "29 Nov 2026, 19:53"
    assert moment(NOW, ZoneInfo("Europe/Berlin"), GERMAN) == "30. Nov. 2026, 01:53"
    assert date(NOW, ZoneInfo("America/New_York"), ENGLISH) == "29 Nov 2026"


def test_what_a_page_repeats_is_kept() -> None:
    """A few thousand days and distances, and every share."""
    kept = [each.cache_parameters()["maxsize"] for each in (formats._day, formats._distance, formats._percent)]
    assert kept == [4096, 4096, 1024]


def test_programs_read_instants_to_the_second() -> None:
    """The attribute `datetime` holds UTC, however the reader sees the instant."""
    assert machine_time(NOW + 0.9) == "2026-11-30T00:53:20Z"
