"""Refreshes behind the caller's back: a few daemon threads, which come when there is work and go when there is none."""

from __future__ import annotations

from collections import deque
from threading import Condition, RLock, Thread, current_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Background"]

MAX_THREADS = 32
IDLE_SECONDS = 5.0


class Background:
    """Runs jobs on at most 32 daemon threads; none exists before the first job, none outlives the last by long.

    Daemon threads do not hold up the end of the interpreter; a refresh that it cuts off is simply lost.

    Args:
        idle_seconds: How long a thread waits for another job before it leaves.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._jobs: deque[Callable[[], object]] = deque()
        # Entered again by a signal handler that asks for a secret; a Condition of its own could be left locked.
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._idle = 0
        self._crew: set[Thread] = set()

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return sum(thread.is_alive() for thread in tuple(self._crew))

    def submit(self, job: Callable[[], object]) -> bool:
        """Run ``job`` soon; False when there is no thread for it and none can be started, as when Python ends."""
        with self._lock:
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._changed.notify()
                return True
            if self.threads >= MAX_THREADS:
                return True
            thread = Thread(target=self._work, name="secretsource-refresh", daemon=True)
            self._crew.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._crew.discard(thread)
                if not self.threads:
                    self._jobs.remove(job)
                    return False
            return True

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except BaseException:  # noqa: S112 - a driver that calls sys.exit ends its own call, not what others wait for
                continue

    def _next(self) -> Callable[[], object] | None:
        with self._lock:
            if not self._jobs:
                self._idle += 1
                self._changed.wait(self._idle_seconds)
                self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._crew.discard(current_thread())
            return None
