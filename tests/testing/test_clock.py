"""The fake clock stands still, and moves only as it is told."""

from __future__ import annotations

import pytest

from secretsource.testing import FakeClock


def test_it_stands_still(fake_clock: FakeClock) -> None:
    """Two readings without a move between them are the same."""
    first, second = fake_clock.now(), fake_clock.now()
    assert (first.mono, first.wall) == (second.mono, second.wall)


def test_it_starts_where_it_is_told() -> None:
    """Both clocks can be set at the start."""
    now = FakeClock(mono=5, wall=7).now()
    assert (now.mono, now.wall) == (5, 7)


def test_advance_moves_both_clocks() -> None:
    """Time that passes, passes on both clocks, so that they do not drift apart."""
    clock = FakeClock(mono=0, wall=100)
    clock.advance(2.5)
    now = clock.now()
    assert (now.mono, now.wall, now.drift) == (2.5, 102.5, 100)


def test_sleep_passes_at_once_and_is_noted() -> None:
    """Sleeping moves the clock, and the test can see how long somebody wanted to wait."""
    clock = FakeClock(mono=0, wall=0)
    clock.sleep(3)
    clock.sleep(4)
    assert clock.now().mono == 7
    assert clock.slept == [3, 4]


def test_a_frozen_process_misses_monotonic_time() -> None:
    """While the process is frozen only the wall clock moves, which is how it finds out."""
    clock = FakeClock(mono=10, wall=100)
    before = clock.now().drift
    clock.freeze(600)
    assert clock.now().mono == 10
    assert clock.now().drift - before == 600


def test_the_wall_clock_can_be_set_back() -> None:
    """A time server may set the wall clock back."""
    clock = FakeClock(wall=100)
    clock.step_wall(-30)
    assert clock.now().wall == 70


@pytest.mark.parametrize("move", [FakeClock.advance, FakeClock.freeze])
def test_time_does_not_go_back(move: object) -> None:
    """Neither passing nor frozen time is negative."""
    clock = FakeClock()
    before = clock.now()
    with pytest.raises(ValueError, match="step_wall"):
        move(clock, -1)  # type: ignore[operator]
    assert (clock.now().mono, clock.now().wall) == (before.mono, before.wall)
