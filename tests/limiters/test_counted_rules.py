"""Credits and requests at once as rules, by themselves: levels, waits, refunds and what is stored of them."""

from __future__ import annotations

import pytest

from secretsource.limiters._at_once import AtOnce
from secretsource.limiters._credits import Credits
from secretsource.limiters._rules import Quota, Rate
from secretsource.limiters._state import FOREVER, NEVER

NOW = 1000.0


def test_the_periods_of_what_no_time_refills() -> None:
    """Stored levels have these numbers, so that they stay as they are."""
    assert (FOREVER, NEVER) == (9007199254740992, -1)


def test_credits_are_refunded_up_to_what_there_ever_were() -> None:
    """And are read back as so many spent."""
    rule = Credits(5)
    level = rule.take(None, 3, NOW)
    assert level is not None
    assert level == (2, FOREVER)
    assert rule.undone(level, level, rule, 2, NOW, NOW) == (4, FOREVER)
    assert rule.undone(level, level, rule, 9, NOW, NOW) == (5, FOREVER)
    assert rule.written(level) == (3,)
    assert rule.read((3.0,), NOW) == level
    assert Credits(9).read(rule.written(level), NOW) == (6, FOREVER)


@pytest.mark.parametrize(
    ("ends", "cost", "wait"),
    [
        ((), 1, 0.0),
        ((NOW + 5.0,), 1, 0.0),
        ((NOW + 5.0, NOW + 9.0), 0, 0.0),
        ((NOW + 5.0, NOW + 9.0), 1, 1.0),
        ((NOW + 0.25, NOW + 9.0), 1, 0.25),
        ((NOW + 9.0, NOW + 0.25), 1, 0.25),
        ((NOW, NOW + 9.0), 1, 0.0),
    ],
)
def test_a_full_house_waits_for_the_next_end_or_a_second(ends: tuple[float, ...], cost: int, wait: float) -> None:
    """A lease that ends now is over; a look waits for nothing."""
    rule = AtOnce(2)
    assert rule.wait((ends, NEVER), cost, NOW) == wait
    assert (rule.take((ends, NEVER), cost, NOW) is None) is (wait > 0)


def test_leases_are_stored_as_they_are() -> None:
    """A rule of the same name reads what another has written."""
    level = AtOnce(2).take(None, 1, NOW)
    assert level is not None
    assert level == ((NOW + 60,), NEVER)
    assert AtOnce(2).written(level) == (NOW + 60,)
    assert AtOnce(9, 5).read((NOW + 60,), NOW) == level


@pytest.mark.parametrize(("limit", "processes", "share"), [(5, 2, 2), (4, 2, 2), (1, 4, 1), (3, 4, 1), (8, 4, 2)])
def test_the_share_of_a_process_is_at_least_one(limit: int, processes: int, share: int) -> None:
    """Rounded down; credits are never shared out."""
    assert AtOnce(limit).divided(processes) == AtOnce(share)
    assert Credits(limit).divided(processes) == Credits(limit)


def test_an_undone_draw_counts_as_much_as_time_has_left_of_it() -> None:
    """In requests of the rule that drew, which may since have another length."""
    half, whole = Rate(2, 1, 10, "2/second"), Rate(1, 1, 10, "1/second")
    drawn = half.take(None, 4, NOW)
    assert drawn is not None
    assert drawn == NOW + 2.0
    assert half.undone(drawn, drawn, half, 4, NOW, NOW) == NOW
    assert half.undone(drawn, drawn, half, 4, NOW, NOW + 1.0) == NOW + 1.0
    assert whole.undone(NOW + 4.0, drawn, half, 4, NOW, NOW + 1.0) == NOW + 2.0


def test_a_draw_fits_up_to_the_end_of_the_tolerance() -> None:
    """And not past it."""
    rate = Rate(2, 1, 1, "2/second")
    assert rate.take(rate.lead - 0.5, 1, 0.0) == rate.lead
    assert rate.take(rate.lead - 0.499, 1, 0.0) is None


@pytest.mark.parametrize(
    ("quota", "written"),
    [
        (Quota(5, "day"), "5/day"),
        (Quota(5, "month", on=1), "5/month"),
        (Quota(5, "month", on=2), "5/month on 2"),
        (Quota(5, "month", "add", 9, on=15), "5/month on 15 add up to 9"),
    ],
)
def test_a_quota_is_written_with_the_day_that_differs(quota: Quota, written: str) -> None:
    """The first of the month goes without saying."""
    assert str(quota) == written
