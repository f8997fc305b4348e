"""Whatever a provider says about the end of a value, its ages follow one another, and nothing lasts longer for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource._ground.clock import Instant
from secretsource._tuning import Tuning
from secretsource.providers.base import Failed, FailureCode, Found, Lease
from secretsource.resolver._walk.refresh import pause, schedule, schedule_absence

NOW = Instant(1000.0, 1_700_000_000.0)

seconds = st.floats(0, 1e6)
policies = st.builds(
    lambda ttl, revalidate, more, negative, jitter: Tuning(
        ttl, revalidate, ttl + more, negative_ttl=negative, jitter=jitter
    ),
    st.floats(0.1, 1e6), seconds, seconds, seconds, st.floats(0, 0.99),
)  # fmt: skip
luck = st.floats(0, 1, exclude_max=True)
instants = st.none() | st.floats(-1e6, 1e6).map(lambda offset: NOW.wall + offset)
founds = st.builds(
    Found,
    value=st.just("v"),
    expires_at=instants,
    rotates_at=instants,
    lease=st.none() | st.floats(-10, 1e6).map(Lease),
    max_age=st.none() | seconds,
)


@given(founds, policies, st.none() | seconds, luck)
def test_a_value(found: Found, policy: Tuning, max_age: float | None, lucky: float) -> None:
    """Refresh, fresh, revalidate, stale: in this order, and each no later than without the hints."""
    ages = schedule(found, policy, NOW, max_age, lucky)
    assert NOW.mono <= ages.refresh_at <= ages.fresh_until <= ages.revalidate_until <= ages.stale_until
    plain = schedule(Found("v"), policy, NOW, None, lucky)
    assert all(shorter <= longer + 1e-6 for shorter, longer in zip(ages, plain, strict=True))
    shortest = policy.ttl * (1 - policy.jitter)
    assert NOW.mono + shortest - 1e-6 <= plain.fresh_until <= NOW.mono + policy.ttl + 1e-6
    assert plain.stale_until <= NOW.mono + policy.max_stale + 1e-6


@given(founds, policies, luck)
def test_nothing_lasts_past_its_end(found: Found, policy: Tuning, lucky: float) -> None:
    """A value that ends by itself, or has ended, is served in no age past that moment: not for a second."""
    ages = schedule(found, policy, NOW, None, lucky)
    ends = [] if found.expires_at is None else [max(0.0, found.expires_at - NOW.wall)]
    ends += [] if found.lease is None else [max(0.0, found.lease.seconds)]
    assert all(ages.stale_until <= NOW.mono + end + 1e-6 for end in ends)


@given(policies, st.none() | seconds, luck)
def test_an_absence(policy: Tuning, max_age: float | None, lucky: float) -> None:
    """An absence is believed no longer than its ttl, nor than the provider's bound."""
    ages = schedule_absence(policy, NOW, max_age, lucky)
    assert ages.refresh_at == ages.fresh_until == ages.revalidate_until
    bound = policy.negative_ttl if max_age is None else min(policy.negative_ttl, max_age)
    assert NOW.mono <= ages.fresh_until <= NOW.mono + bound + 1e-6


@given(st.integers(1, 10_000), st.none() | seconds, luck)
def test_a_pause(failures: int, retry_after: float | None, lucky: float) -> None:
    """From three quarters of a second to ten, or to a minute when the service asks for it."""
    waited = pause(failures, Failed(FailureCode.THROTTLED, retry_after=retry_after), lucky)
    assert 0.75 <= waited <= max(10, min(retry_after or 0, 60))


DOWN = Failed(FailureCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("failures", "failed", "seconds"),
    [
        (1, DOWN, 1.0),
        (2, DOWN, 2.0),
        (4, DOWN, 8.0),
        (5, DOWN, 10.0),
        (2000, DOWN, 10.0),
        (1, DOWN._replace(retry_after=0.5), 1.0),
        (1, DOWN._replace(retry_after=1.5), 1.5),
        (1, DOWN._replace(retry_after=60.0), 60.0),
        (1, DOWN._replace(retry_after=61.0), 60.0),
    ],
)
def test_a_provider_that_fails_is_left_alone(failures: int, failed: Failed, seconds: float) -> None:
    """Twice as long each time up to ten seconds, or as it asks for up to a minute."""
    assert pause(failures, failed, 0.0) == seconds


def test_a_pause_is_shorter_by_luck() -> None:
    """By up to a quarter, so that not all processes come back at once; never shorter than was asked for."""
    assert pause(3, DOWN, 0.5) == 3.5
    assert pause(3, DOWN._replace(retry_after=3.75), 0.5) == 3.75
    assert pause(1, DOWN, 0.5) == pause(1, DOWN._replace(retry_after=0.0), 0.5) == 0.875


def test_a_value_that_has_ended_is_in_no_age() -> None:
    """Its schedule begins and ends now; one that ends now as well."""
    for left in (-5.0, 0.0):
        ages = schedule(Found("v", expires_at=NOW.wall + left), Tuning(), NOW, None, 0.0)
        assert tuple(ages) == (NOW.mono,) * 4


@pytest.mark.parametrize(("offset", "fresh"), [(-1.0, 300.0), (0.0, 300.0), (0.5, 0.5), (50.0, 50.0), (900.0, 300.0)])
def test_a_planned_rotation_is_looked_for_in_time(offset: float, fresh: float) -> None:
    """An overdue one, or one that is due now, says nothing."""
    ages = schedule(Found("v", rotates_at=NOW.wall + offset), Tuning(ttl=300.0), NOW, None, 0.0)
    assert ages.fresh_until == NOW.mono + fresh
