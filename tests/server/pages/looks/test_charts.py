"""Charts hold geometry and words, and nothing that a strict policy refuses."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.server.pages.looks.charts import Bar, shares, sparkline, stacked_bars, top_of

HOSTILE = '<script>alert("1")</script>&'


def drawn(chart: str) -> ET.Element:
    """The chart, read as XML."""
    return ET.fromstring(chart)


def numbers(chart: ET.Element, attribute: str, kind: str | None = None) -> list[float]:
    found = chart.iter("rect")
    return [float(each.attrib[attribute].rstrip("%")) for each in found if kind is None or each.get("class") == kind]


def bars_of(bars: list[Bar]) -> ET.Element:
    return drawn(stacked_bars(bars, "Requests", "12 in all", ("yesterday", "now"), "top"))


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_a_spark_line_has_one_bar_for_each_value(values: list[int]) -> None:
    """The greatest value fills the height, each bar stays inside, and a value of 0 is a dot of its own class."""
    found: dict[float, tuple[bool, int]] = {}
    for path in drawn(sparkline(values, "14 days")).iter("path"):
        for x, height in re.findall(r"M([\d.]+) 24v-(\d+)", path.attrib["d"]):
            found[float(x)] = (path.get("class") == "zero", int(height))
    assert sorted(found) == [7 * place + 2.5 for place in range(len(values))]
    for (is_zero, height), value in zip((found[x] for x in sorted(found)), values, strict=True):
        assert is_zero is (value == 0)
        assert 2 <= height <= 24
        assert height == 24 or value == 0 or value < max(values)


def test_parts_of_a_bar_stand_on_each_other() -> None:
    """The first part stands on the floor, and heights are in the relation of the requests."""
    chart = bars_of(
        [Bar("14:00: 50", {"accepted": 30, "limited": 20, "refused": 0}), Bar("15:00: 100", {"accepted": 100})]
    )
    (low, full), (limited,) = numbers(chart, "height", "accepted"), numbers(chart, "height", "limited")
    assert full == pytest.approx(126, abs=0.1)
    assert (low, limited) == (pytest.approx(37.8), pytest.approx(25.2))
    assert numbers(chart, "y", "limited")[0] + limited == pytest.approx(numbers(chart, "y", "accepted")[0])
    assert not numbers(chart, "y", "refused")


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_bars_stay_within_the_chart(heights: list[int]) -> None:
    """No bar leaves the field at the side or above, and each has its words."""
    chart = bars_of([Bar(f"hour {place}", {"accepted": height}) for place, height in enumerate(heights)])
    right = zip(numbers(chart, "x"), numbers(chart, "width"), strict=True)
    assert all(x >= 0 and x + width <= 100.1 for x, width in right)
    assert all(y >= 18 for y in numbers(chart, "y"))
    assert [each.findtext("title") for each in chart.iter("g")] == [f"hour {place}" for place in range(len(heights))]


def test_a_chart_has_its_measures() -> None:
    """The field, the lines and the words each have their place; a bar fills 78 hundredths of its own."""
    bars = [Bar("one", {"accepted": 30, "limited": 20, "refused": 0}), Bar("two", {"accepted": 8})]
    assert stacked_bars(bars, "T", "D", ("then", "now"), "50") == (
        '<svg class="bars" role="img" width="100%" height="168"><title>T</title><desc>D</desc>'
        '<line class="grid" x1="0" x2="100%" y1="20" y2="20"/><line class="grid" x1="0" x2="100%" y1="83.0" y2="83.0"/>'
        '<g><title>one</title><rect class="field" x="0.00%" y="20" width="50.00%" height="126"/>'
        '<rect class="accepted" x="5.50%" y="70.4" width="39.00%" height="75.6"/>'
        '<rect class="limited" x="5.50%" y="20.0" width="39.00%" height="50.4"/></g>'
        '<g><title>two</title><rect class="field" x="50.00%" y="20" width="50.00%" height="126"/>'
        '<rect class="accepted" x="55.50%" y="125.8" width="39.00%" height="20.2"/></g>'
        '<line class="axis" x1="0" x2="100%" y1="146" y2="146"/><text class="tick" x="0" y="14">50</text>'
        '<text class="tick" x="0" y="168" dy="-5">then</text>'
        '<text class="tick" x="100%" y="168" dy="-5" text-anchor="end">now</text></svg>'
    )
    assert 'width="19" height="24" viewBox="0 0 19 24"' in sparkline([0, 3, 12], "")
    assert 'd="M9.5 24v-6M16.5 24v-24"' in sparkline([0, 3, 12], "")
    assert '<path d="M9.5 24v-2M16.5 24v-24"/><path class="zero" d="M2.5 24v-2"/>' in sparkline([0, 1, 1000], "")
    assert 'width="1" height="24"' in sparkline([], "")
    assert shares({"old": 1, "none": 0, "new": 2}, "t") == (
        '<svg class="shares" role="img" width="100%" height="8"><title>t</title>'
        '<rect class="old" x="0%" y="0" width="33.33%" height="100%"/>'
        '<rect class="new" x="33.33%" y="0" width="66.67%" height="100%"/></svg>'
    )


def test_one_request_is_seen_beside_a_million() -> None:
    """A part is never too thin to be seen."""
    chart = bars_of([Bar("", {"accepted": 10**6, "refused": 1})])
    assert numbers(chart, "height", "refused") == [1.5]


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (1, 1), (2, 2), (4, 4), (7, 8), (9, 10), (10, 10), (11, 20), (22_000, 30_000), (999, 1000)],
)
def test_the_line_on_top_has_a_round_value(most: int, top: int) -> None:
    """It is one digit with zeros behind it, and not far above the highest bar."""
    assert top_of([Bar("", {"accepted": most})]) == top


def test_without_a_bar_the_line_on_top_is_one() -> None:
    """An empty chart divides by nothing."""
    assert top_of([]) == 1


def test_shares_fill_the_line() -> None:
    """Each share begins where the one before ends; a share of nothing is not drawn."""
    chart = drawn(shares({"old": 18, "none": 0, "new": 82}, "82%"))
    assert numbers(chart, "x") == [0, 18]
    assert numbers(chart, "width") == [18, 82]
    assert not list(drawn(shares({"old": 0, "new": 0}, "")).iter("rect"))


@pytest.mark.parametrize(
    "chart",
    [
        sparkline([1, 0], HOSTILE),
        shares({"old": 1}, HOSTILE),
        stacked_bars([Bar(HOSTILE, {"accepted": 1})], HOSTILE, HOSTILE, (HOSTILE, HOSTILE), HOSTILE),
    ],
)
def test_a_chart_is_safe_and_has_a_name(chart: str) -> None:
    """Words are escaped, nothing has a style, and a screen reader finds a title."""
    root = drawn(chart)
    assert root.findtext("title") == HOSTILE
    assert root.get("role") == "img"
    assert not re.search(r"\bstyle=|<script|\bon\w+=", chart)
