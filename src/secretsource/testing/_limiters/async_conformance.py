"""The rules for every limiter for event loops: all of `LimiterConformance`, and the effects of a loop.

class TestTurnstile(AsyncLimiterConformance):
    @pytest.fixture
    def harness(self, turnstile_url):
        return TurnstileHarness(turnstile_url)          # an AsyncLimiterHarness: `open` gives an AsyncLimiter
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from secretsource.limiters.base import Plan, Rate
from secretsource.testing._limiters.conformance import MANY, LimiterConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from secretsource.limiters.base import AsyncLimiter, Draw, Limiter
    from secretsource.testing.limiter_harness import AsyncLimiterHarness

    Answer = TypeVar("Answer")

__all__ = ["AsyncLimiterConformance"]


class OnALoop:
    """An asynchronous limiter for the cases of threads: each draw runs on the event loop of its own thread.

    Args:
        limiter: The limiter under test.
    """

    def __init__(self, limiter: AsyncLimiter) -> None:
        self.limiter = limiter
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def play(self, scenario: Coroutine[Any, Any, Answer]) -> Answer:
        """Play a scenario on the loop."""
        return asyncio.run_coroutine_threadsafe(scenario, self._loop).result()

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        """Await the method of this name."""

        async def scenario() -> Draw:
            return await self.limiter.draw(key, plan, cost, mono, wall)

        return self.play(scenario())

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        """Await the method of this name."""
        limiter: Any = self.limiter
        self.play(limiter.refund(key, draw, cost, mono, wall))

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
        """Await the method of this name."""
        limiter: Any = self.limiter
        renewed: Draw = self.play(limiter.renew(key, draw, mono, wall))
        return renewed

    def close(self) -> None:
        """Close the limiter, where it can be closed, and end the loop."""
        closing: Any = getattr(self.limiter, "close", None)
        if closing is not None:
            self.play(closing())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __repr__(self) -> str:
        return repr(self.limiter)


class AsyncLimiterConformance(LimiterConformance):
    """The cases of every `AsyncLimiter`; subclass it and override the ``harness`` fixture."""

    def opened(self, harness: Any) -> Limiter:
        """Return a limiter of the harness, bridged to the cases for threads."""
        return OnALoop(harness.open())

    def test_tasks_are_granted_the_limit_and_no_more(
        self, another: Callable[[], OnALoop], harness: AsyncLimiterHarness
    ) -> None:
        """Tasks of one loop that all ask at once, twice as many as a limit grants, get exactly the limit."""
        bridge, plan = another(), Plan((Rate(MANY, 86400, MANY, "day"),))

        async def scenario() -> list[Draw]:
            now = harness.now()
            return await asyncio.gather(*(bridge.limiter.draw("account", plan, 1, *now) for _ in range(2 * MANY)))

        assert sum(map(bool, bridge.play(scenario()))) == MANY

    def test_a_draw_may_be_cancelled(self, another: Callable[[], OnALoop], harness: AsyncLimiterHarness) -> None:
        """A cancelled draw may have been charged; no later draw gets its answer."""
        bridge, plan, other = another(), Plan((Rate(9, 86400, 9, "day"),)), Plan((Rate(7, 3600, 7, "hour"),))

        async def scenario() -> tuple[Draw, Draw]:
            limiter = bridge.limiter
            for _ in range(3):
                asked = asyncio.ensure_future(limiter.draw("account", plan, 1, *harness.now()))
                await asyncio.sleep(0)
                asked.cancel()
                await asyncio.wait({asked})
            return (
                await limiter.draw("another", other, 1, *harness.now()),
                await limiter.draw("account", plan, 1, *harness.now()),
            )

        apart, after = bridge.play(scenario())
        assert [left.remaining for left in apart.states] == [6]
        assert after.states[0].remaining in {5, 6, 7, 8}
