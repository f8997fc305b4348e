"""Rates and quotas: never one request too many, never one too few for long, all rules or none."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forks import held_elsewhere, is_right_in_child, needs_fork

from secretsource.exceptions import InvalidRequest
from secretsource.issuing.limits import LocalLimiter, Plan, Quota, Rate, parse
from secretsource.limiters import memory

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
DAY = 86400.0


def plan(rate_limit: str | None = None, quota: str | None = None) -> Plan:
    """A plan that is there."""
    made = parse(rate_limit, quota)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("written", "rules", "canonical"),
    [
        ("100/minute", [Rate(100, 60, 100, "minute")], "100/minute"),
        ("1 / day", [Rate(1, 86400, 1, "day")], "1/day"),
        ("10/second burst 20", [Rate(10, 1, 20, "second")], "10/second burst 20"),
        ("5/30 seconds", [Rate(5, 30, 5, "30 seconds")], "5/30 seconds"),
        ("5/1 hours", [Rate(5, 3600, 5, "hour")], "5/hour"),
        ("5/3600 seconds", [Rate(5, 3600, 5, "hour")], "5/hour"),
        ("5/90 minutes", [Rate(5, 5400, 5, "90 minutes")], "5/90 minutes"),
        ("5/48 hours burst 2", [Rate(5, 172800, 2, "2 days")], "5/2 days burst 2"),
        ("9/60 minutes, 5/3600 seconds", [Rate(9, 3600, 9, "hour"), Rate(5, 3600, 5, "3600 seconds")],
         "9/hour, 5/3600 seconds"),
        ("9/60 minutes, 5/hour", [Rate(9, 3600, 9, "60 minutes"), Rate(5, 3600, 5, "hour")], "9/60 minutes, 5/hour"),
        ("10/second, 100/minute", [Rate(10, 1, 10, "second"), Rate(100, 60, 100, "minute")], "10/second, 100/minute"),
    ],
)  # fmt: skip
def test_rates_are_read(written: str, rules: list[Rate], canonical: str) -> None:
    """And written back in one form, which reads the same: one period has one name."""
    assert list(plan(written).rules) == rules
    assert str(plan(written)) == canonical
    assert plan(canonical).rules == plan(written).rules


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("10000/month", Quota(10000, "month")),
        ("500/day add", Quota(500, "day", "add")),
        ("500/day add up to 2000", Quota(500, "day", "add", 2000)),
    ],
)
def test_quotas_are_read(written: str, rule: Quota) -> None:
    """And written back as they were."""
    assert plan(None, written).rules == (rule,)
    assert str(plan(None, written)) == written


@pytest.mark.parametrize(
    "written",
    ["", "100", "100/", "/minute", "-1/minute", "0/minute", "1.5/minute", "100/week", "100/minute;", "100/minute,",
     "1000000001/minute", "١/minute", "100/minute burst 0", "5/0 seconds", "100/minute, 50/minute", "1/minute\n"],
)  # fmt: skip
def test_a_rate_that_cannot_be_is_refused(written: str) -> None:
    """Zero, negative, broken, of another alphabet, doubled."""
    with pytest.raises(InvalidRequest):
        parse(written, None)


@pytest.mark.parametrize(
    "written", ["", "5/hour", "0/day", "5/day add up to 0", "5/day add up to 4", "5/day up to 3", "1/day, 2/day"]
)
def test_a_quota_that_cannot_be_is_refused(written: str) -> None:
    """The same for quotas."""
    with pytest.raises(InvalidRequest):
        parse(None, written)


def test_no_rules_are_no_plan() -> None:
    """A key without limits costs nothing."""
    assert parse(None, None) is None


@given(
    st.integers(1, 50), st.integers(1, 100), st.integers(1, 60),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3)), max_size=60),
)  # fmt: skip
def test_a_rate_never_grants_more_than_burst_and_drip(
    limit: int, period: int, burst: int, requests: list[tuple[float, int]]
) -> None:
    """In every window, at most the burst and what has dripped in since; and a refusal is never without need."""
    rate = Rate(limit, period, burst, "x")
    level, now, granted = None, 1000.0, []
    for wait, cost in requests:
        now += wait
        after = rate.take(level, cost, now)
        if after is not None:
            level = after
            granted.append((now, cost))
        else:
            assert rate.wait(level, cost, now) is None or rate.wait(level, cost, now) > 0  # type: ignore[operator]
    for place, (since, _) in enumerate(granted):
        for until in range(place, len(granted)):
            total = sum(cost for _, cost in granted[place : until + 1])
            assert total <= burst + (granted[until][0] - since) * limit / period + 0.01


@given(st.integers(1, 1000), st.integers(1, 3600), st.floats(0, 1e7))
def test_a_full_rate_grants_its_whole_burst_at_once(limit: int, period: int, now: float) -> None:
    """Exactly the limit, whatever rounding the clock and the division bring."""
    rate = Rate(limit, period, limit, "x")
    level, granted = None, 0
    while (after := rate.take(level, 1, now)) is not None:
        level, granted = after, granted + 1
    assert granted == limit
    assert rate.state(level, now).remaining == 0


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 200), st.integers(0, 150))
def test_waiting_as_told_is_enough(limit: int, period: int, used: int, cost: int) -> None:
    """`retry_after` is the truth: then it fits, and a little earlier it does not."""
    rate = Rate(limit, period, 100, "x")
    level = rate.take(None, min(used, 100), 0.0)
    wait = rate.wait(level, cost, 0.0)
    if wait is None:
        assert cost > 100
    else:
        assert rate.take(level, cost, wait + 1e-6) is not None
        if wait > period / limit:
            assert rate.take(level, cost, wait - period / limit * 0.5) is None


def test_a_refused_request_costs_nothing() -> None:
    """A client that keeps knocking is let in as soon as there is room: the window does not slide with each try."""
    limiter, rules = LocalLimiter(), plan("1/minute")
    assert limiter.draw("k", rules, 1, 0.0, 0.0)
    for second in range(1, 60):
        assert not limiter.draw("k", rules, 1, float(second), 0.0)
    assert limiter.draw("k", rules, 1, 60.0, 0.0)


def test_several_limits_are_all_or_nothing() -> None:
    """The limit that would grant is not drawn on when another refuses, whichever comes first."""
    for written in ("10/minute, 2/hour", "2/hour, 10/minute"):
        limiter = LocalLimiter()
        draw = [limiter.draw("k", plan(written), 1, 0.0, 0.0) for _ in range(5)][-1]
        assert draw.refused_by is not None
        assert draw.refused_by.name == "hour"
        assert {state.name: state.remaining for state in draw.states} == {"minute": 8, "hour": 0}


def test_a_cost_beyond_the_burst_never_fits() -> None:
    """And says that waiting does not help."""
    draw = plan("10/minute").draw(None, 11, 0.0, 0.0)
    assert not draw
    assert draw.retry_after is None


RATES = st.builds(Rate, st.integers(1, 9), st.sampled_from([1, 60, 86400]), st.integers(1, 12), st.just("x"))
QUOTAS = st.one_of(
    st.builds(Quota, st.integers(1, 9), st.sampled_from(["day", "month"]), st.just("replace"), st.none()),
    st.builds(Quota, st.integers(1, 9), st.sampled_from(["day", "month"]), st.just("add"), st.sampled_from([None, 20])),
)
PLANS = st.one_of(
    st.lists(RATES | QUOTAS, min_size=1, max_size=4), st.lists(RATES, min_size=2, max_size=2),
    st.lists(QUOTAS, min_size=2, max_size=2),
)  # fmt: skip
STEPS = st.tuples(st.sampled_from([0.0, 0.3, 45.0, 7000.0, DAY, 20 * DAY]), st.integers(-90, 90), st.integers(0, 4))


@settings(max_examples=300)
@given(PLANS, st.floats(NEW_YEAR, NEW_YEAR + 90 * DAY), st.lists(STEPS, max_size=25))
def test_a_plan_takes_what_its_rules_take(
    rules: list[Rate | Quota], wall: float, steps: list[tuple[float, int, int]]
) -> None:
    """The quick pass over a plan leaves the very levels that each rule leaves by itself, also when the clock steps."""
    levels: tuple[Any, ...] = (None,) * len(rules)
    made, mono = Plan(tuple(rules)), 1000.0
    for wait, slip, cost in steps:
        mono, wall = mono + wait, wall + wait + slip
        alone = [
            rule.take(level, cost, mono if isinstance(rule, Rate) else wall)
            for rule, level in zip(rules, levels, strict=True)
        ]
        after = made.take(levels, cost, mono, wall)
        assert after == (None if None in alone else tuple(alone))
        levels = levels if after is None else after


def test_a_rule_that_never_grants_a_cost_has_the_last_word() -> None:
    """Also where another rule is asked first, and would only make the client wait."""
    rules = plan("10/minute, 5/hour", "3/day")
    levels = rules.draw(None, 3, 0.0, 0.0).levels
    for cost, name, wait in ((8, "hour", None), (4, "day quota", None), (3, "hour", 720.0)):
        draw = rules.draw(levels, cost, 0.0, 0.0)
        assert draw.refused_by is not None
        assert (draw.refused_by.name, draw.retry_after) == (name, wait)


@pytest.mark.parametrize("rate_limit", ["1/day", "5/30 seconds", "100/minute burst 20", "1/hour burst 3"])
def test_no_request_comes_early_by_more_than_rounding(rate_limit: str) -> None:
    """A millisecond before its time it is refused and not counted as left; at its time it is granted."""
    rules = plan(rate_limit)
    rate = rules.rules[0]
    assert isinstance(rate, Rate)
    levels = rules.draw(None, rate.burst, 1000.0, 0.0).levels
    for early in (rate.interval / 2, 0.0011):
        looked = rules.draw(levels, 0, 1000.0 + rate.interval - early, 0.0)
        assert not rules.draw(levels, 1, looked.mono, 0.0)
        assert looked.states[0].remaining == 0
    assert rules.draw(levels, 1, 1000.0 + rate.interval, 0.0)


def test_a_cost_of_nothing_only_looks() -> None:
    """The level stays, also when there is nothing left."""
    limiter, rules = LocalLimiter(), plan("2/minute", "2/day")
    for expected in (2, 2):
        assert [state.remaining for state in limiter.draw("k", rules, 0, 0.0, 0.0).states] == [expected] * 2
    limiter.draw("k", rules, 2, 0.0, 0.0)
    assert limiter.draw("k", rules, 0, 0.0, 0.0)


def test_a_quota_is_refilled_on_the_first_of_the_month() -> None:
    """What was left is replaced, not added to; a leap February has its own length."""
    quota = Quota(100, "month")
    level = quota.take(None, 40, NEW_YEAR)
    assert quota.state(level, NEW_YEAR)[2:] == (31 * 86400, 60, 31 * DAY)
    assert quota.take(level, 61, NEW_YEAR + 31 * DAY - 1) is None
    assert quota.state(level, NEW_YEAR + 31 * DAY).remaining == 100
    leap = datetime(2024, 2, 10, tzinfo=UTC).timestamp()
    assert quota.state(None, leap).window == 29 * 86400


def test_a_quota_that_adds_keeps_what_was_left() -> None:
    """Up to its ceiling, over as many periods as have passed."""
    quota = Quota(10, "day", "add", 35)
    level = quota.take(None, 4, NEW_YEAR)
    assert quota.state(level, NEW_YEAR + DAY).remaining == 16
    assert quota.state(level, NEW_YEAR + 9 * DAY).remaining == 35
    assert Quota(10, "day", "add").state(level, NEW_YEAR + 9 * DAY).remaining == 96


@pytest.mark.parametrize(
    ("quota", "cost", "wait"),
    [
        (Quota(10, "day"), 3, 0.0),
        (Quota(10, "day"), 8, DAY),
        (Quota(10, "day"), 11, None),
        (Quota(10, "day", "add"), 26, 2 * DAY),
        (Quota(10, "day", "add", 20), 21, None),
        (Quota(10, "day", "add"), 6 + 10 * 12_000, 12_000 * DAY),
        (Quota(10, "day", "add"), 6 + 10 * 12_000 + 1, None),
        (Quota(10, "month"), 8, 31 * DAY),
    ],
)
def test_a_quota_says_when_it_will_fit(quota: Quota, cost: int, wait: float | None) -> None:
    """At the next refill, after several, or never."""
    level = quota.take(None, 4, NEW_YEAR)
    assert quota.wait(level, cost, NEW_YEAR) == wait
    if wait is not None:
        assert quota.take(level, cost, NEW_YEAR + wait) is not None


def test_a_clock_set_back_refills_no_quota_twice() -> None:
    """A time server may correct the wall clock across midnight."""
    quota = Quota(10, "day")
    level = quota.take(None, 10, NEW_YEAR + DAY + 1)
    assert quota.take(level, 1, NEW_YEAR + DAY - 1) is None
    assert quota.take(level, 1, NEW_YEAR + DAY + 2) is None


def test_a_limit_is_shared_among_processes_that_count_for_themselves() -> None:
    """Their shares add up to the limit or less; a share is at least one request."""
    share = plan("100/minute burst 50", "10/day add up to 20").share(4)
    assert str(share) == "25/minute burst 12, 2/day add up to 5"
    assert str(plan("1/minute", "1/day").share(4)) == "1/minute, 1/day"
    assert plan("1/minute").share(1) is plan("1/minute")


def test_a_period_that_is_spelled_anew_keeps_what_was_used() -> None:
    """It is the same limit, so nothing is granted once more."""
    limiter = LocalLimiter()
    assert limiter.draw("k", plan("10/hour"), 10, 0.0, 0.0)
    for spelled in ("10/60 minutes", "10/3600 seconds", "10/1 hours"):
        assert not limiter.draw("k", plan(spelled), 1, 0.0, 0.0), spelled


def test_a_changed_plan_keeps_what_was_used() -> None:
    """As many requests are used of a limit with another number; a limit over another period begins unused."""
    limiter = LocalLimiter()
    limiter.draw("k", plan("10/minute, 100/hour"), 5, 0.0, 0.0)
    draw = limiter.draw("k", plan("20/minute, 100/hour, 4/second"), 0, 0.0, 0.0)
    assert [state.remaining for state in draw.states] == [15, 95, 4]


def test_a_smaller_rate_waits_no_longer_than_its_own_next_request() -> None:
    """Of a rate that shrinks below what was used, the whole burst is used, and no more."""
    limiter = LocalLimiter()
    limiter.draw("k", plan("100/minute"), 50, 0.0, 0.0)
    refused = limiter.draw("k", plan("2/minute"), 1, 0.0, 0.0)
    assert refused.retry_after == pytest.approx(30.0)
    assert limiter.draw("k", plan("2/minute"), 0, 0.0, 0.0)


def test_a_smaller_quota_remembers_what_was_used() -> None:
    """A quota below what was used has nothing left, grants a look, and owes the next period nothing."""
    limiter = LocalLimiter()
    limiter.draw("k", plan(None, "10/day, 10/month add"), 8, 0.0, NEW_YEAR)
    small = plan(None, "5/day, 5/month add")
    look = limiter.draw("k", small, 0, 0.0, NEW_YEAR)
    assert look
    assert [state.remaining for state in look.states] == [0, 0]
    assert limiter.draw("k", small, 1, 0.0, NEW_YEAR).retry_after == 86400.0
    again = limiter.draw("k", plan(None, "20/day, 12/month add"), 0, 0.0, NEW_YEAR)
    assert [state.remaining for state in again.states] == [12, 4]
    limiter.draw("k", small, 0, 0.0, NEW_YEAR)
    later = limiter.draw("k", small, 5, 0.0, NEW_YEAR + 31 * 86400)
    assert [state.remaining for state in later.states] == [0, 0]


def test_a_quota_that_changes_after_its_period_begins_with_its_own_number() -> None:
    """What is left of an earlier period stays as it is, up to the most that the new quota holds."""
    limiter, later = LocalLimiter(), NEW_YEAR + 31 * 86400
    limiter.draw("k", plan(None, "10/day, 10/month add"), 4, 0.0, NEW_YEAR)
    draw = limiter.draw("k", plan(None, "20/day, 3/month add up to 8"), 0, 0.0, later)
    assert [state.remaining for state in draw.states] == [20, 8]


def test_memory_is_bounded_and_the_used_accounts_stay() -> None:
    """Accounts that are full again are the first to go; then the oldest."""
    limiter = LocalLimiter(max_accounts=10)
    limiter.draw("busy", plan("1/hour"), 1, 0.0, 0.0)
    for number in range(100):
        limiter.draw(f"k{number}", plan("10/second"), 1, number * 10.0, 0.0)
    assert len(limiter) <= 10
    assert not limiter.draw("busy", plan("1/hour"), 1, 1000.0, 0.0)
    for number in range(100):
        limiter.draw(f"q{number}", plan(None, "5/day"), 1, 0.0, NEW_YEAR)
    assert len(limiter) <= 10


@pytest.mark.parametrize("has_gil", [True, False])
@pytest.mark.parametrize(
    "rules", [plan("400/day"), plan("400/day, 1000/hour"), plan(None, "400/day")], ids=["rate", "rates", "quota"]
)
def test_no_update_is_lost_between_threads(rules: Plan, has_gil: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads after 400 requests of one account, by either way, are granted exactly 400; also without a GIL."""
    monkeypatch.setattr(memory, "_HAS_GIL", has_gil and memory._HAS_GIL)
    limiter, granted = LocalLimiter(), list[Any]()

    def work(ask: Callable[..., object]) -> None:
        granted.extend(bool(ask("k", rules, 1, 0.0, 0.0)) for _ in range(100))

    threads = [threading.Thread(target=work, args=(ask,)) for ask in (limiter.draw, limiter.take) for _ in range(4)]
    pace = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(pace)
    assert sum(granted) == 400


def test_accounts_are_looked_through_once_for_many_that_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one account of a hundred is full again, a tenth goes, so that not each new one looks at all of them."""
    limiter, plan, looks = LocalLimiter(max_accounts=100), parse("1/hour", None), list[object]()
    assert plan is not None
    is_full = memory._is_full

    def look(held: Any, *when: float) -> bool:
        looks.append(held)
        return is_full(held, *when)

    monkeypatch.setattr(memory, "_is_full", look)
    for number in range(100):
        limiter.draw(f"k{number}", plan, 1 if number else 0, 0.0, 0.0)
    limiter.draw("one more", plan, 1, 0.0, 0.0)
    assert (len(looks), len(limiter)) == (100, 91)
    assert "k0" not in limiter._accounts
    assert "k99" in limiter._accounts


def test_an_account_is_seen_without_waiting_for_who_draws_on_it() -> None:
    """Its rules and its levels are replaced together, so one look sees both of one draw."""
    limiter, hourly, both = LocalLimiter(max_accounts=1), plan("1/hour"), plan("1/hour, 5/day")
    limiter.draw("k", hourly, 1, 0.0, 0.0)
    limiter.draw("k", both, 0, 0.0, 0.0)
    account = limiter._accounts["k"]
    with held_elsewhere(account.lock):
        assert limiter.draw("another", hourly, 1, 0.0, 0.0)
    assert account.held[0] is both
    assert len(account.held[1]) == 2


@needs_fork
def test_a_forked_child_waits_for_no_lock_of_its_parent() -> None:
    """Each lock was held by another thread when the process forked; what was drawn is still drawn."""
    limiter, plan = LocalLimiter(), parse("1/hour", None)
    assert plan is not None
    assert limiter.draw("k", plan, 1, 0.0, 0.0)

    def act() -> bool:
        refused = not limiter.draw("k", plan, 1, 0.0, 0.0)
        return refused and bool(limiter.draw("other", plan, 1, 0.0, 0.0))

    with held_elsewhere(limiter._lock), held_elsewhere(limiter._accounts["k"].lock):
        assert is_right_in_child(act)
