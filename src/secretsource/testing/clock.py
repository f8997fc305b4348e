"""A clock that stands still until a test moves it."""

from __future__ import annotations

from threading import Lock

from secretsource._ground.clock import Instant

__all__ = ["FakeClock"]


class FakeClock:
    """Both of the resolver's clocks under a test's control.

    Args:
        mono: Monotonic seconds to start at.
        wall: Seconds since 1970 UTC to start at; the default is 2025-01-01.
    """

    def __init__(self, *, mono: float = 1_000.0, wall: float = 1_735_689_600.0) -> None:
        self._mono = mono
        self._wall = wall
        self._lock = Lock()
        self.slept: list[float] = []
        """Seconds of every ``sleep``, in order."""

    def now(self) -> Instant:
        """Return both clocks, read together."""
        with self._lock:
            return Instant(self._mono, self._wall)

    def sleep(self, seconds: float) -> None:
        """Move both clocks by ``seconds`` at once, and note the request in ``slept``."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks; they must not be negative, because monotonic time never goes back."""
        if seconds < 0:
            raise ValueError("a monotonic clock cannot go back: use step_wall to set the wall clock back")
        with self._lock:
            self._mono += seconds
            self._wall += seconds

    def freeze(self, seconds: float) -> None:
        """Let ``seconds`` pass while the process is frozen: the wall clock moves, the monotonic clock does not."""
        if seconds < 0:
            raise ValueError("a process cannot be frozen for a negative time: use step_wall to set the wall clock back")
        self.step_wall(seconds)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back when ``seconds`` is negative, as a time server does."""
        with self._lock:
            self._wall += seconds
