"""The bars of counted checks."""

from __future__ import annotations

from secretsource.issuing import Count
from secretsource.server.pages.looks.reader import reader_for
from secretsource.server.pages.operator.bars import bars_of

NOW = 1_800_000_000.0
HOUR, DAY = 3600, 86400


def test_each_hour_has_a_bar_and_each_outcome_its_part() -> None:
    """The last bar holds the present; counts outside are left out, and an empty hour has a bar of no height."""
    reader = reader_for("en", "UTC", now=NOW, settings_language="", settings_zone="")
    last = int(NOW) // HOUR * HOUR
    counts = [
        Count(last, "a", "accepted", 5), Count(last, "b", "accepted", 2), Count(last, "a", "rate_limited", 3),
        Count(last - 2 * HOUR, "a", "revoked", 1), Count(last - 3 * HOUR, "a", "accepted", 9),
        Count(last + HOUR, "a", "accepted", 9),
    ]  # fmt: skip
    found = bars_of(reader, counts, "hour", 3, NOW)
    assert list(found.begins) == [last - 2 * HOUR, last - HOUR, last]
    assert [each.whole for each in found.bars] == [1, 0, 10]
    assert found.bars[2].parts == {"accepted": 7, "limited": 3, "refused": 0}
    assert found.bars[2].label.endswith(": 7 accepted, 3 limited")
    assert found.bars[1].label.endswith(": no request")


def test_each_day_has_a_bar() -> None:
    """Counts of an hour are added to their day, and the label is a date."""
    reader = reader_for("en", "UTC", now=NOW, settings_language="", settings_zone="")
    last = int(NOW) // DAY * DAY
    found = bars_of(reader, [Count(last + HOUR, "a", "accepted", 4)], "day", 14, NOW)
    assert len(found.bars) == 14
    assert found.bars[-1].whole == 4
    assert ":" not in found.bars[-1].label.partition(": ")[0]
