"""The moment of a refusal, which depends on when the request came and not on the reason.

A key without our seal is refused without a look-up, an unknown key after a look-up, and a wrong secret perhaps from the
cache. All are answered a fixed time after they came, or at a multiple of it after a longer check.

The timers of an event loop count whole milliseconds from when they are set, which shows when the check ended. So one
thread of the process keeps the time, and sleeps exactly; a waiting request costs its place in a heap.
"""

from __future__ import annotations

import asyncio
import math
import threading
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from secretsource._ground import fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class _Sleeper(NamedTuple):
    """A request that waits; requests are ordered by their moment, and then as they came.

    Attributes:
        due: The moment of its refusal, in monotonic seconds.
        number: Its place among all that came; no two have the same, so nothing behind it is compared.
        loop: Its event loop.
        woken: Its future.
    """

    due: float
    number: int
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Future[None]


def release(came: float, now: float, every: float) -> float:
    """Return when to answer a request: the first multiple of ``every`` after its arrival that has not passed.

    Args:
        came: Its arrival, in monotonic seconds.
        now: The present, in monotonic seconds.
        every: Seconds, over 0.
    """
    return came + every * max(1, math.ceil((now - came) / every))


def pause(came: float, every: float) -> None:
    """Wait in its own thread until a request may be answered; see `release`."""
    now = monotonic()
    sleep(release(came, now, every) - now)


async def settle(came: float, every: float, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
    """Wait until a request may be answered; see `release`.

    Args:
        came: Its arrival, in monotonic seconds.
        every: Seconds, over 0.
        meanwhile: A call to make while waiting. It is cancelled at that moment, and may raise.
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
    """A thread that wakes tasks of any event loop at their moment; it starts with the first of them."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Start anew in a forked child, which has none of its parent's threads and loops."""
        self._changed = threading.Condition()
        self._sleepers: list[_Sleeper] = []
        self._order = count()
        self._rings = False

    async def wait_until(self, due: float) -> None:
        """Wait until a moment, in monotonic seconds."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        with self._changed:
            heappush(self._sleepers, _Sleeper(due, next(self._order), loop, woken))
            if not self._rings and not self._start():
                loop.call_later(due - monotonic(), _wake, woken)
            if self._sleepers[0].woken is woken:
                self._changed.notify()
        await woken

    def _start(self) -> bool:
        """Return whether the thread runs; without it, loops have to keep the time themselves."""
        try:
            threading.Thread(target=self._ring, name="secretsource-bell", daemon=True).start()
        except RuntimeError:  # can't start new thread
            return False
        self._rings = True
        return True

    def _ring(self) -> None:
        while True:
            sleeper = self._next()
            with suppress(RuntimeError):  # its loop is closed
                sleeper.loop.call_soon_threadsafe(_wake, sleeper.woken)

    def _next(self) -> _Sleeper:
        with self._changed:
            while True:
                pause = self._sleepers[0].due - monotonic() if self._sleepers else None
                if pause is not None and pause <= 0:
                    return heappop(self._sleepers)
                self._changed.wait(pause)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():  # the waiting task was not cancelled
        woken.set_result(None)


_BELL = Bell()
fork.tell(_BELL)
