"""The duties of a limiter that refunds what it granted; a part of `LimiterConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from secretsource.limiters.base import AtOnce, Draw, Limiter, Plan, Quota, Rate, RefundingLimiter
from secretsource.testing._cases import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.limiter_harness import LimiterHarness

    Ask = Callable[..., Draw]

__all__ = ["LimiterRefunds"]

HOUR, DAY, MONTH = Rate(6, 3600, 6, "hour"), Quota(5, "day"), Quota(3, "month", "add", 9)
TWO, SHORT, LONGER = AtOnce(2), AtOnce(2, 1), AtOnce(2, 2)
OWNER = ("owner:acme", Plan((AtOnce(3, whose="owner"), Rate(9, 3600, 9, "owner hour"))))
PLACES, THREADS = 3, 8


def refunding(limiter: Limiter) -> RefundingLimiter:
    """Return the limiter under test, which has the ability."""
    assert isinstance(limiter, RefundingLimiter)
    return limiter


def rest(harness: LimiterHarness, seconds: float) -> None:
    """Let more time pass than a harness does at once."""
    for _ in range(round(seconds / 0.1)):
        harness.wait(0.1)


def left(draw: Draw) -> list[int]:
    """Return what is left of each limit."""
    return [state.remaining for state in draw.states]


class LimiterRefunds:
    """The cases of requests at once, and of refunds."""

    def test_a_lease_ends_by_itself(self, harness: LimiterHarness, ask: Ask) -> None:
        """A request that is never reported as done holds its place for as long as its lease, and no longer."""
        plan = Plan((SHORT,))
        assert [bool(ask(plan)) for _ in range(3)] == [True, True, False]
        rest(harness, 1.1)
        assert left(ask(plan, 0)) == [2]
        assert [bool(ask(plan)) for _ in range(3)] == [True, True, False]

    def test_a_lease_is_one_at_any_cost(self, ask: Ask) -> None:
        """A cost of 0 takes none, and any other one; a refusal by another limit takes none, either."""
        plan = Plan((Rate(4, 3600, 4, "hour"), TWO))
        assert left(ask(plan, 0)) == [4, 2]
        assert left(ask(plan, 3)) == [1, 1]
        refused = ask(plan, 2)
        assert (refused.refused_by, left(refused)) == (plan.rules[0], [1, 1])
        assert left(ask(plan, 1)) == [0, 0]

    @needs("refund")
    def test_a_refund_returns_the_cost(self, limiter: Limiter, harness: LimiterHarness, ask: Ask) -> None:
        """Each rate and quota has as much as before the draw, and no other draw is touched; the lease stays out."""
        plan = Plan((HOUR, DAY, MONTH, TWO))
        assert left(ask(plan, 1)) == [5, 4, 2, 1]
        draw = ask(plan, 2)
        assert left(draw) == [3, 2, 0, 0]
        refunding(limiter).refund("account", draw, 2, *harness.now())
        assert left(ask(plan, 0)) == [5, 4, 2, 0]

    @needs("refund")
    def test_a_refund_fills_no_limit_above_its_ceiling(
        self, limiter: Limiter, harness: LimiterHarness, ask: Ask
    ) -> None:
        """Neither an account that was drawn on, nor a new one."""
        plan = Plan((HOUR, DAY, Quota(8, "month", "add", 9)))
        draw = ask(plan, 2)
        for _ in range(3):
            refunding(limiter).refund("account", draw, 2, *harness.now())
            refunding(limiter).refund("another", draw, 2, *harness.now())
        assert left(ask(plan, 0)) == [6, 5, 9]
        assert left(ask(plan, 0, key="another")) == [6, 5, 8]

    @needs("refund")
    def test_a_changed_limit_keeps_its_level_when_another_is_refunded(
        self, limiter: Limiter, harness: LimiterHarness, ask: Ask
    ) -> None:
        """Rules that came since the draw stay as they are."""
        draw = ask(Plan((HOUR, DAY)), 2)
        assert left(ask(Plan((HOUR, MONTH)), 2)) == [2, 1]
        refunding(limiter).refund("account", draw, 2, *harness.now())
        assert left(ask(Plan((HOUR, MONTH)), 0)) == [4, 1]

    @needs("refund")
    def test_a_release_frees_the_place_alone(self, limiter: Limiter, harness: LimiterHarness, ask: Ask) -> None:
        """On the account of the key and on that of its owner; rates are not refunded."""
        plan = Plan((TWO, HOUR), OWNER)
        first, second, third = (ask(plan) for _ in range(3))
        assert (bool(first), bool(second), third.refused_by) == (True, True, TWO)
        assert left(ask(plan, 0)) == [0, 4, 1, 7]
        refunding(limiter).refund("account", first, 0, *harness.now())
        assert left(ask(plan, 0)) == [1, 4, 2, 7]
        assert ask(plan)
        assert not ask(plan)

    @needs("refund")
    def test_a_renewed_lease_lasts_as_long_again(self, limiter: Limiter, harness: LimiterHarness, ask: Ask) -> None:
        """It ends after the renewal, and is released by the draw that the renewal returned."""
        plan = Plan((LONGER,))  # a busy machine has almost a second to go on in time
        lost, kept = ask(plan), ask(plan)
        assert bool(lost)
        rest(harness, 1.1)
        kept = refunding(limiter).renew("account", kept, *harness.now())
        rest(harness, 1.1)
        assert left(ask(plan, 0)) == [1]
        refunding(limiter).refund("account", kept, 0, *harness.now())
        assert left(ask(plan, 0)) == [2]

    @needs("refund")
    def test_threads_hold_so_many_places_and_no_more(self, limiter: Limiter, harness: LimiterHarness) -> None:
        """Eight threads that take a place and release it: never more at once, and all are free in the end."""
        plan = Plan((AtOnce(PLACES),))
        taken: list[int] = []
        most: list[int] = []

        def work(_: int) -> None:
            for _ in range(20):
                draw = limiter.draw("account", plan, 1, *harness.now())
                if draw:
                    taken.append(1)
                    most.append(len(taken))
                    taken.pop()
                    refunding(limiter).refund("account", draw, 0, *harness.now())

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(work, range(THREADS)))
        assert 1 <= max(most) <= PLACES
        assert left(limiter.draw("account", plan, 0, *harness.now())) == [PLACES]
