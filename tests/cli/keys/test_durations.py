"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secretsource.cli.keys._arguments.durations import length_of_time, shown_length

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta()),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2 weeks", timedelta(weeks=2)),
        ("1 day, 6 hours", timedelta(hours=30)),
        ("36 Hours", timedelta(hours=36)),
        ("P90D", timedelta(days=90)),
        ("PT15M", timedelta(minutes=15)),
        ("p1w", timedelta(weeks=1)),
        ("P1DT12H", timedelta(hours=36)),
        (" 7d ", timedelta(days=7)),
    ],
)
def test_a_length_of_days_and_less(written: str, length: timedelta) -> None:
    """It is as long whenever it begins."""
    assert length_of_time(written, NOW) == length


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("3 months", datetime(2027, 2, 28, 12, tzinfo=UTC)),
        ("3mo", datetime(2027, 2, 28, 12, tzinfo=UTC)),
        ("P3M", datetime(2027, 2, 28, 12, tzinfo=UTC)),
        ("1 year", datetime(2027, 11, 30, 12, tzinfo=UTC)),
        ("1y 1mo 1d", datetime(2027, 12, 31, 12, tzinfo=UTC)),
        ("P1Y2M3DT4H", datetime(2028, 2, 2, 16, tzinfo=UTC)),
        ("15 months", datetime(2028, 2, 29, 12, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(written: str, ends: datetime) -> None:
    """They end on the same day of the month, or on its last."""
    length = length_of_time(written, NOW)
    assert length is not None
    assert NOW + length == ends


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "d",
        "90",
        "-1d",
        "1.5h",
        "1 fortnight",
        "P",
        "PT",
        "P1",
        "1d!",
        "999999999w",
        "9999y",
        "P1DT",
        "1d  ,x",
    ],
)
def test_what_is_no_length_of_time(written: str) -> None:
    """It is refused, and so is one that ends past the calendar."""
    assert length_of_time(written, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(7_776_000.0, "90d"), (5400.0, "1h 30m"), (0.0, "0s"), (86_401.2, "1d 1s"), (59.6, "1m")],
)
def test_a_length_is_shown_as_it_may_be_written(seconds: float, shown: str) -> None:
    """In days and less, to the second."""
    assert shown_length(seconds) == shown
    assert length_of_time(shown, NOW) == timedelta(seconds=round(seconds))
