"""Clocks that are set while keys are checked: a key past its end is refused whatever they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import NO_SCOPE, ApiKeys, Reason, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock

TTL = 5.0
YEAR = 365 * 86400.0


def verdicts(keys: ApiKeys, text: str) -> list[Reason | None]:
    """What a check says, by the cache and past it."""
    asked = [keys.check(text, scope=NO_SCOPE, fresh=fresh) for fresh in (False, True, False)]
    return [verdict.reason if isinstance(verdict, Rejected) else None for verdict in asked]


@pytest.fixture
def text(keys: ApiKeys) -> str:
    """A key that ends in an hour, and is in the cache."""
    text = keys.issue(owner="acme", expires_in=3600).plaintext
    assert verdicts(keys, text) == [None] * 3
    return text


@pytest.mark.parametrize("seen", [True, False], ids=["seen expired", "not seen"])
@pytest.mark.parametrize("later", [0.0, TTL + 1, 100.0])
@pytest.mark.parametrize("back", [1.0, 3601.0, YEAR])
def test_an_expired_key_stays_expired_when_the_wall_clock_steps_back(
    back: float, later: float, seen: bool, keys: ApiKeys, text: str, clock: FakeClock
) -> None:
    """Also one that nobody used in between, and when its record is read anew."""
    clock.advance(3600)
    if seen:
        assert verdicts(keys, text) == [Reason.EXPIRED] * 3
    clock.step_wall(-back)
    clock.advance(later)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3


def test_a_step_back_gives_no_key_a_longer_life(keys: ApiKeys, text: str, clock: FakeClock) -> None:
    """An hour is an hour of the monotonic clock."""
    clock.step_wall(-YEAR)
    clock.advance(3599)
    assert verdicts(keys, text) == [None] * 3
    clock.advance(2)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3


def test_a_cached_key_ends_when_the_wall_clock_steps_forward(keys: ApiKeys, text: str, clock: FakeClock) -> None:
    """At the next check, not at the end of its ttl; a process that was frozen sees it so."""
    clock.advance(0.1)
    clock.step_wall(3600)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3


def test_a_cached_key_that_was_seen_expired_stays_so(keys: ApiKeys, text: str, clock: FakeClock) -> None:
    """The wall clock steps forward past its end and back again, and the record in the cache is still fresh."""
    clock.step_wall(3600)
    assert not keys.check(text, scope=NO_SCOPE)
    clock.step_wall(-3600)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3


def test_a_cached_key_ends_by_the_latest_time_that_was_seen(keys: ApiKeys, text: str, clock: FakeClock) -> None:
    """A check of another record saw the wall clock past its end, and the clock has stepped back since."""
    other = keys.issue(owner="acme").plaintext
    clock.step_wall(3600)
    assert keys.check(other, scope=NO_SCOPE)
    clock.step_wall(-3600)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3


@pytest.mark.parametrize("limits", [{}, {"rate_limit": "9/minute"}], ids=["plain", "limited"])
def test_each_cached_check_of_a_key_that_ends_looks_at_the_wall_clock(
    limits: dict[str, Any], make_keys: Callable[..., ApiKeys], clock: FakeClock
) -> None:
    """With limits and without; the store is not asked, and nothing is drawn."""
    keys = make_keys(ttl=1e9)
    text = keys.issue(owner="acme", expires_in=3600, **limits).plaintext
    assert keys.check(text, scope=NO_SCOPE)
    clock.step_wall(3599)
    assert keys.check(text, scope=NO_SCOPE)
    clock.step_wall(1)
    verdict = keys.check(text, scope=NO_SCOPE)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.EXPIRED


def test_a_rotated_key_stays_at_its_end(keys: ApiKeys, clock: FakeClock) -> None:
    """The end of an overlap is an end as well."""
    issued = keys.issue(owner="acme")
    keys.rotate(issued.record.key_id, overlap=60)
    assert verdicts(keys, issued.plaintext) == [None] * 3
    clock.advance(61)
    clock.step_wall(-YEAR)
    assert verdicts(keys, issued.plaintext) == [Reason.EXPIRED] * 3


def test_the_end_outlives_a_change_of_peppers(keys: ApiKeys, text: str, clock: FakeClock) -> None:
    """What is rebuilt then goes on from the same time."""
    clock.advance(3600)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3
    keys._adopt(keys._parts.renewed(keys._parts.peppers))
    clock.step_wall(-YEAR)
    assert verdicts(keys, text) == [Reason.EXPIRED] * 3
