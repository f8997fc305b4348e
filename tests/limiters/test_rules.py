"""The rules of limits by themselves, at the ends of their ranges; time is an argument."""

from __future__ import annotations

from datetime import date

import pytest

from secretsource.limiters._rules import Quota, Rate, month_of

NOW = 1_800_000_000.0
RATE = Rate(2, 1, 3, "2/second")
EPOCH = date(1970, 1, 1)


def test_a_rate_lets_as_many_in_as_its_burst() -> None:
    """And no more; a request that was long ago does not matter."""
    for level in (None, NOW - 5):
        assert RATE.take(level, 3, NOW) == NOW + 1.5
        assert RATE.take(level, 4, NOW) is None
        assert RATE.wait(level, 3, NOW) == 0.0
        assert RATE.state(level, NOW)[3:] == (3, 0.0)
    assert RATE.wait(None, 4, NOW) is None
    assert RATE.wait(NOW + 1.0, 3, NOW) == 1.0


def test_the_tolerance_is_a_thousandth_of_one_request() -> None:
    """At most a millisecond."""
    assert Rate(10, 1, 1, "10/second").lead == 0.1 + 0.1 / 1000
    assert Rate(1, 3600, 1, "1/hour").lead == 3600.001


def test_a_rule_says_whose_it_is() -> None:
    """In its name."""
    assert RATE.of("owner").name == "owner 2/second"
    assert Quota(5, "day").of("plan").name == "plan day quota"


def test_a_quota_that_just_suffices_needs_no_waiting() -> None:
    """One request more waits for the next period, or for as many as it takes."""
    day = NOW - NOW % 86400
    assert Quota(5, "day").wait(None, 5, day) == 0.0
    assert Quota(5, "day").wait((0, int(day // 86400)), 1, day) == 86400
    assert Quota(5, "day", "add").wait((0, int(day // 86400)), 5, day) == 86400
    assert Quota(5, "day", "add").wait((0, int(day // 86400)), 6, day) == 2 * 86400


def test_the_share_of_one_process() -> None:
    """Rounded down, and at least one."""
    assert Quota(3, "day", "add", 3).divided(2) == Quota(1, "day", "add", 1)
    assert Quota(1, "day", "add", 1).divided(2) == Quota(1, "day", "add", 1)
    assert Rate(3, 1, 3, "r").divided(2)[:3] == (1, 1, 1)
    assert Rate(1, 1, 1, "r").divided(2)[:3] == (1, 1, 1)


@pytest.mark.parametrize(
    "day", [date(1970, 1, 1), date(2030, 1, 31), date(2030, 2, 1), date(9999, 12, 1), date(9999, 12, 31)]
)
def test_the_month_of_a_day(day: date) -> None:
    """From its first day to its last."""
    assert month_of((day - EPOCH).days) == day.year * 12 + day.month - 1
