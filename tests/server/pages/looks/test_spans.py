"""Counted requests are summed up by time, by key and by outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.server.pages.looks.spans import SPANS, by_key, by_outcome, by_time
from secretsource.stores.base import Count

NOW = 1_796_000_000.0  # 2026-11-30 00:53:20 UTC
HOUR, DAY = 3600, 86400
THIS_HOUR = 1_795_996_800
COUNTS = [
    Count(THIS_HOUR - HOUR, "a", "accepted", 7),
    Count(THIS_HOUR, "a", "accepted", 1),
    Count(THIS_HOUR, "a", "rate_limited", 2),
    Count(THIS_HOUR, "b", "revoked", 4),
    Count(THIS_HOUR - 100 * DAY, "b", "revoked", 5),
]


@pytest.mark.parametrize(("name", "unit", "number"), [("48h", HOUR, 48), ("14d", DAY, 14), ("90d", DAY, 90)])
@given(now=st.floats(10**9, 10**10))
def test_a_span_ends_with_the_present_unit(name: str, unit: int, number: int, now: float) -> None:
    """Its units lie side by side, and the last one holds the present."""
    starts = SPANS[name].starts(now)
    assert len(starts) == number
    assert starts.step == unit
    assert starts[-1] % unit == 0
    assert starts[-1] <= now < starts[-1] + unit


def test_no_unit_is_left_out() -> None:
    """An hour without a request is there with zeros, and what is older than the span is left out."""
    hours = by_time(COUNTS, SPANS["48h"], NOW)
    nothing = {"accepted": 0, "limited": 0, "refused": 0}
    assert len(hours) == 48
    assert hours.pop(THIS_HOUR) == {"accepted": 1, "limited": 2, "refused": 4}
    assert hours.pop(THIS_HOUR - HOUR) == {**nothing, "accepted": 7}
    assert all(parts == nothing for parts in hours.values())


def test_keys_and_outcomes_are_summed_up() -> None:
    """Outcomes are in the order of their number, and those of one number in that of their names."""
    assert by_key(COUNTS) == {
        "a": {"accepted": 8, "limited": 2, "refused": 0},
        "b": {"accepted": 0, "limited": 0, "refused": 9},
    }
    assert list(by_outcome([*COUNTS, Count(0, "a", "expired", 9)]).items()) == [
        ("expired", 9), ("revoked", 9), ("accepted", 8), ("rate_limited", 2),
    ]  # fmt: skip
