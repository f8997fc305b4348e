"""The source of the time for the resolver and the checks of keys, unless a test or an application replaces it.

Ages are measured on the monotonic clock; instants shown to people are aware UTC. Both are read together, because their
drift reveals that the process was frozen (a suspended laptop, a thawed Lambda sandbox).
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Protocol

    class Clock(Protocol):
        """A source of the time for a resolver; tests pass a fake one."""

        def now(self) -> Instant:
            """Return both clocks, read together."""
            ...

        def sleep(self, seconds: float) -> None:
            """Wait ``seconds`` on this clock."""
            ...


LAST_INSTANT = 253_402_128_000.0
"""9999-12-30, in seconds since 1970 UTC: the last day that is a date in every time zone."""


class Instant:
    """One moment, read from both clocks.

    Attributes:
        mono: Monotonic seconds; only differences mean anything.
        wall: Seconds since 1970-01-01 UTC.
    """

    __slots__ = ("mono", "wall")

    def __init__(self, mono: float, wall: float) -> None:
        self.mono = mono
        self.wall = wall

    @property
    def drift(self) -> float:
        """Wall seconds minus monotonic seconds; jumps forward when the process has been frozen."""
        return self.wall - self.mono

    def utc(self) -> datetime:
        """Return the moment as an aware UTC datetime."""
        return utc(self.wall)


def utc(wall: float) -> datetime:
    """Return seconds since 1970 as an aware UTC datetime."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(wall, UTC)


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    def now(self) -> Instant:
        """Return both clocks, read together."""
        return Instant(time.monotonic(), time.time())

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


def readings(clock: Clock) -> tuple[Callable[[], float], Callable[[], tuple[float, float]]]:
    """Return how to read the monotonic clock alone, and both together; those of the system without an `Instant`."""
    if clock is SYSTEM_CLOCK:
        monotonic, wall_time = time.monotonic, time.time
        return monotonic, lambda: (monotonic(), wall_time())

    def read() -> tuple[float, float]:
        now = clock.now()
        return now.mono, now.wall

    return lambda: clock.now().mono, read


def wall_reading(clock: Clock) -> Callable[[], float]:
    """Return how to read the wall clock alone, in seconds since 1970 UTC."""
    return time.time if clock is SYSTEM_CLOCK else lambda: clock.now().wall
