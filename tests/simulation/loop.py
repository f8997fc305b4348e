"""An event loop whose time is made up and whose order is drawn from a seed: one seed is one schedule, for ever.

    clock = SimulatedClock()
    with SeededLoop(Random(seed), clock) as loop:
        loop.run(main())

Nothing waits for real: when no callback is ready, the clock jumps to the next timer. Which of several ready callbacks
runs next is drawn; asyncio would take them in turn, and a program must not depend on that. Nothing of the resolver is
known here: whatever takes a `Clock` and runs on an event loop can be put on this one.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from secretsource._ground.clock import Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context
    from random import Random
    from typing import Self

__all__ = ["SeededLoop", "SimulatedClock", "Stuck"]

T = TypeVar("T")

MOST_STEPS = 100_000
"""Callbacks after which a schedule counts as one that never ends."""

STEP = 1e-6
"""Seconds that a callback takes, so that no two events are at one time."""


class Stuck(AssertionError):
    """A schedule in which somebody waits for what will never happen."""


class SimulatedClock:
    """Both clocks of a process, moved by the loop that runs on them; a secretsource `Clock`.

    Attributes:
        mono: Monotonic seconds.
        offset: By how much the wall clock is ahead of them; a test changes it to make the clock jump.
        frozen: Seconds for which the process has been frozen so far.
    """

    def __init__(self) -> None:
        self.mono = 1_000.0
        self.offset = 1_735_688_600.0
        self.frozen = 0.0

    def now(self) -> Instant:
        """Both clocks, read together."""
        return Instant(self.mono, self.mono + self.offset)

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self.mono += seconds

    def freeze(self, seconds: float) -> None:
        """Stop the process for ``seconds``: the wall clock goes on, the monotonic one does not."""
        self.offset += seconds
        self.frozen += seconds


# To a type checker an abstract class, whose sockets and processes would all have to be written; at run time they raise.
Loop: Any = asyncio.AbstractEventLoop


class SeededLoop(Loop):  # type: ignore[misc]
    """Runs tasks and timers in an order drawn from ``random``, in the time of ``clock``; a context manager.

    It has no sockets, no threads and no signals; what asks for them finds a `NotImplementedError`.
    """

    def __init__(self, random: Random, clock: SimulatedClock) -> None:
        self._random = random
        self._clock = clock
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.faults: list[dict[str, Any]] = []
        """What callbacks raised that nobody caught."""

    def __enter__(self) -> Self:
        events._set_running_loop(self)
        return self

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(None)
        self._closed = True

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until ``main`` is done.

        Raises:
            Stuck: It waits, and nothing is left that could happen.
        """
        task = self.create_task(main)
        for _ in range(MOST_STEPS):
            if task.done():
                return task.result()
            self._step()
        raise Stuck(f"not done after {MOST_STEPS} steps")

    def settle(self) -> None:
        """Run what is left until nothing is."""
        while self._due() or self._timers:
            self._step()

    def _step(self) -> None:
        if not self._due():
            if not self._timers:
                raise Stuck("somebody waits, and nothing is left that could happen")
            self._clock.mono = max(self._clock.mono, self._timers[0][0])
            return
        ready = self._ready
        drawn = int(self._random.random() * len(ready))
        ready[drawn], ready[-1] = ready[-1], ready[drawn]
        handle = ready.pop()
        self._clock.mono += STEP
        if not handle.cancelled():
            handle._run()

    def _due(self) -> bool:
        """Whether a callback is ready, after those are whose time has come."""
        timers, now = self._timers, self._clock.mono
        while timers and (timers[0][0] <= now or timers[0][2].cancelled()):
            handle = heapq.heappop(timers)[2]
            if not handle.cancelled():
                self._ready.append(handle)
        return bool(self._ready)

    # -- what asyncio asks of a loop ------------------------------------------------------------------------------

    def time(self) -> float:
        return self._clock.mono

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name=name or "", context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers leave the heap when their time comes."""
