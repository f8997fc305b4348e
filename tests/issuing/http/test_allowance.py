"""The seconds that an answer tells: exact, whatever the clock of the machine shows."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from secretsource.issuing._http.allowance import allowance
from secretsource.issuing._http.answer import http_answer
from secretsource.issuing._verdict import Reason, Rejected
from secretsource.limiters.base import Draw, Plan, Quota, Rate

_CLOCKS = st.integers(0, 10**11).map(lambda parts: parts / 1009)
_RATES = st.builds(
    lambda limit, period: Rate(limit, period, limit, "x"),
    st.sampled_from([1, 2, 5, 60, 3600]) | st.integers(1, 1000), st.sampled_from([1, 7, 60, 3600, 86_400]),
)  # fmt: skip


def told(plan: Plan, levels: object, mono: float, wall: float = 0.0) -> int:
    """The seconds of the first limit in ``RateLimit``."""
    return int(dict(allowance(plan, levels, mono, wall))["RateLimit"].split(",")[0].partition(";t=")[2])  # type: ignore[arg-type]


@settings(max_examples=500)
@given(_RATES, _CLOCKS, st.data())
def test_a_limit_is_whole_again_after_what_was_taken(rate: Rate, mono: float, data: st.DataObject) -> None:
    """A limit of one a second that was used once says one second, and never two; alone and beside another limit."""
    cost = data.draw(st.integers(0, rate.burst))
    exact = math.ceil(Fraction(rate.period * cost, rate.limit))
    for plan in (Plan((rate,)), Plan((rate, Quota(10**6, "day")))):
        levels = plan.take((None,) * len(plan.rules), cost, mono, 0.0)
        assert levels is not None
        assert told(plan, levels, mono) == exact


@settings(max_examples=500)
@given(_RATES, _CLOCKS)
def test_a_client_waits_for_what_it_needs_and_no_second_more(rate: Rate, mono: float) -> None:
    """After a burst, one request fits again after its interval; the answer says so in whole seconds, at least one."""
    plan = Plan((rate,))
    levels = plan.take((None,), rate.burst, mono, 0.0)
    assert levels is not None
    draw = plan.refusal(rate, levels, 1, mono, 0.0)
    assert isinstance(draw, Draw)
    answer = http_answer(Rejected(Reason.RATE_LIMITED, draw=draw), realm="api", now=0.0)
    assert int(dict(answer.headers)["Retry-After"]) == max(1, math.ceil(Fraction(rate.period, rate.limit)))
