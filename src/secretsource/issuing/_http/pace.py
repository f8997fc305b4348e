"""Refusals at a moment that tells nothing: it follows from when a request came, not from why its key is refused.

A key that we have not sealed is refused without a look-up, an unknown one after it, a wrong secret perhaps from the
cache. All of them are answered a fixed time after they came; a check that took longer, after a multiple of it.

The timers of an event loop count whole milliseconds from when they are set, which shows when the check had ended. So
one thread of the process keeps the time, and sleeps exactly; a request that waits costs its place in a heap.
"""

from __future__ import annotations

import asyncio
import math
import threading
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING

from secretsource import _fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Sleeper: TypeAlias = "tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]"


def release(came: float, now: float, every: float) -> float:
    """When to answer a request: the first multiple of ``every`` after it came that has not passed.

    Args:
        came: When it came, in monotonic seconds.
        now: The present, in monotonic seconds.
        every: Seconds, over 0.
    """
    return came + every * max(1, math.ceil((now - came) / every))


def pause(came: float, every: float) -> None:
    """Wait until a request may be answered, in its own thread; see `release`."""
    now = monotonic()
    sleep(release(came, now, every) - now)


async def settle(came: float, every: float, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
    """Wait until a request may be answered; see `release`.

    Args:
        came: When it came, in monotonic seconds.
        every: Seconds, over 0.
        meanwhile: What to do while waiting. It is given up at that moment, and may raise.
    """
    due = release(came, monotonic(), every)
    task = None if meanwhile is None else asyncio.ensure_future(_quietly(meanwhile))
    try:
        await _BELL.wait_until(due)
    finally:
        if task is not None:
            task.cancel()


async def _quietly(work: Callable[[], Awaitable[object]]) -> None:
    with suppress(Exception):
        await work()


class Bell:
    """Wakes tasks of any event loop at their moment, by one thread, which begins with the first of them."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew in a forked child, which has none of its parent's threads and loops."""
        self._changed = threading.Condition()
        self._sleepers: list[Sleeper] = []
        self._order = count()
        self._rings = False

    async def wait_until(self, due: float) -> None:
        """Wait until a moment, in monotonic seconds."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        with self._changed:
            heappush(self._sleepers, (due, next(self._order), loop, woken))
            if not self._rings and not self._start():
                loop.call_later(due - monotonic(), _wake, woken)
            if self._sleepers[0][3] is woken:
                self._changed.notify()
        await woken

    def _start(self) -> bool:
        """Whether there is a thread now; without one, loops have to keep the time themselves."""
        try:
            threading.Thread(target=self._ring, name="secretsource-bell", daemon=True).start()
        except RuntimeError:  # can't start new thread
            return False
        self._rings = True
        return True

    def _ring(self) -> None:
        while True:
            _, _, loop, woken = self._next()
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(_wake, woken)

    def _next(self) -> Sleeper:
        with self._changed:
            while True:
                pause = self._sleepers[0][0] - monotonic() if self._sleepers else None
                if pause is not None and pause <= 0:
                    return heappop(self._sleepers)
                self._changed.wait(pause)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():  # the request was not given up
        woken.set_result(None)


_BELL = Bell()
_fork.tell(_BELL)
