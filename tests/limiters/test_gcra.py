"""The script that runs inside Redis grants and refuses exactly what the rules in Python do."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from secretsource.issuing.limits import Plan, Rate, parse
from secretsource.limiters._gcra import DIGEST, SCRIPT, answered, question

if TYPE_CHECKING:
    from redis import Redis
    from tests.servers.valkey import Valkey

OWN_CLOCK = "redis.call('TIME')"
GIVEN_CLOCK = "{ARGV[2], ARGV[3]}"
YEAR_2000, YEAR_2100 = 946_684_800, 4_102_444_800

RATES = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["second", "minute", "7 seconds", "day"]), st.integers(1, 30)),
    max_size=3,
    unique_by=lambda rule: rule[1],
).map(lambda rules: ", ".join(f"{limit}/{period} burst {burst}" for limit, period, burst in rules))
QUOTAS = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["day", "month"]), st.sampled_from(["", " add", " add up to 30"])),
    max_size=2,
    unique_by=lambda rule: rule[1],
).map(lambda rules: ", ".join(f"{limit}/{period}{refill}" for limit, period, refill in rules))
WAITS = st.one_of(
    st.just(0), st.integers(0, 3_000_000), st.integers(0, 90_000_000), st.integers(0, 40 * 86_400_000_000)
)
"""Microseconds: none, moments, a minute, weeks."""
REQUESTS = st.lists(st.tuples(WAITS, st.integers(0, 6)), min_size=1, max_size=25)
CHANGES = st.sets(st.integers(0, 24), max_size=4)
"""Places in a sequence of requests at which the other limits are in force from then on."""


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.tuples(RATES, RATES), st.tuples(QUOTAS, QUOTAS), st.integers(YEAR_2000, YEAR_2100), REQUESTS, CHANGES)
@example(("", ""), ("3/month", ""), 951_782_400, [(0, 1), (86_400_000_000, 3), (86_400_000_000, 1)], set())  # leap day
@example(("", ""), ("1/day add", ""), YEAR_2000, [(0, 0), (86_400_000_000, 1)], set())
@example(("1/day burst 2", ""), ("", ""), YEAR_2000, [(0, 1)] * 3, set())
@example(
    ("7/day", "20/day"), ("7/day", "3/day add"), YEAR_2000, [(0, 5)] + [(0, 0), (90_000_000_000, 2)] * 2, {1, 2, 3}
)
def test_the_script_agrees_with_the_rules(
    running_server: Valkey,
    rates: tuple[str, str],
    quotas: tuple[str, str],
    begin: int,
    requests: list[tuple[int, int]],
    changes: set[int],
) -> None:
    """On any rules, at any time of the century, for any sequence of requests and changes of the rules."""
    plan, other = (parse(rate or None, quota or None) for rate, quota in zip(rates, quotas, strict=True))
    assume(plan is not None)
    assert plan is not None
    with running_server.client() as client:
        client.flushall()
        script = client.register_script(SCRIPT.replace(OWN_CLOCK, GIVEN_CLOCK))
        written: dict[str, tuple[float, ...]] = {}
        elapsed = 0
        for place, (wait, cost) in enumerate(requests):
            if place in changes and other is not None:
                plan, other = other, plan
            elapsed += wait
            mono, wall = elapsed / 1e6, begin + elapsed / 1e6
            levels = plan.read(written, mono, wall)
            if is_on_the_edge(plan, levels, cost, mono):
                return
            expected = plan.draw(levels, cost, mono, wall)
            if cost and expected:  # nothing else is stored in Redis
                written |= plan.written(expected.levels)
            drawn = draw(client, script, plan, cost, mono, begin * 10**6 + elapsed)
            assert bool(drawn) == bool(expected)
            assert drawn.refused_by == expected.refused_by
            assert [state[:4] for state in drawn.states] == [state[:4] for state in expected.states]
            for one, another in zip(drawn.states, expected.states, strict=True):
                assert abs(one.reset - another.reset) < 1e-3
            if expected.retry_after is not None:
                assert drawn.retry_after is not None
                assert abs(drawn.retry_after - expected.retry_after) < 1e-3
            else:
                assert drawn.retry_after is None


def draw(client: Redis, script: Any, plan: Plan, cost: int, mono: float, micros: int) -> Any:
    """A draw at a given time of the server; what expired by then is gone."""
    count, *words = question("test:", "a", plan, cost)
    keys, numbers = words[: int(count)], words[-1]
    return answered(plan, cost, mono, script(keys=keys, args=[numbers, micros // 10**6, micros % 10**6], client=client))


def is_on_the_edge(plan: Plan, levels: Any, cost: int, now: float) -> bool:
    """Whether rounding decides: the two keep their levels in different units."""
    for place, rule in enumerate(plan.rules):
        if isinstance(rule, Rate):
            held = levels[place]
            ahead = max(0.0, held - now) if held is not None else 0.0
            room = rule.lead - ahead - rule.interval * cost
            remaining = (rule.lead - ahead) / rule.interval
            if abs(room) < 1e-6 * rule.interval or abs(remaining - round(remaining)) < 1e-6:
                return True
    return False


def test_every_month_begins_when_it_does(server: Valkey) -> None:
    """From 1999 to 2101, leap years and centuries included: the last second of a month and the first of the next."""
    plan = parse(None, "1/month")
    assert plan is not None
    with server.client() as client:
        script = client.register_script(SCRIPT.replace(OWN_CLOCK, GIVEN_CLOCK))
        for number in range(1999 * 12, 2102 * 12):
            begin = int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp())
            for second, month in ((begin - 1, number - 1), (begin, number)):
                assert draw(client, script, plan, 0, 0.0, second * 10**6).levels == ((1, month),)


def test_the_script_reads_the_clock_of_the_server_once() -> None:
    """So that the test above can stand in for it, and so that no caller's clock counts."""
    assert SCRIPT.count(OWN_CLOCK) == 1
    assert hashlib.sha1(SCRIPT.encode()).hexdigest() == DIGEST


def test_the_keys_of_an_account_stay_together() -> None:
    """One hash tag, and one name per rule, whatever its numbers, so that a rule that changes goes on."""
    plan = parse("10/second burst 20, 5/30 seconds", "500/day add up to 2000")
    assert plan is not None
    assert question("p:", "abc", plan, 1)[:4] == (
        3, "p:{abc}:second", "p:{abc}:30 seconds", "p:{abc}:day quota",
    )  # fmt: skip
