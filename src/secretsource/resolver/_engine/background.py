"""Refreshes behind the caller's back: a few daemon threads, which start when there is work and end without it."""

from __future__ import annotations

from collections import deque
from threading import RLock, Thread, current_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue
    from typing import TypeAlias

    Job: TypeAlias = Callable[[], object]

__all__ = ["Background"]

MAX_THREADS = 32
IDLE_SECONDS = 5.0


class Background:
    """A pool of at most 32 daemon threads; they start with the first job, and end soon after the last.

    Daemon threads do not hold up the end of the interpreter; a refresh that it cuts off is simply lost.

    A signal may strike a thread that submits, and its handler may submit too. So an idle thread waits at a queue of its
    own, which is put into in one step: a `Condition` that is struck while it notifies loses the next notice.

    Args:
        idle_seconds: How long a thread waits for another job before it leaves.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._jobs: deque[Job] = deque()
        self._lock = RLock()
        self._idle: list[SimpleQueue[Job]] = []
        self._crew: set[Thread] = set()

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return sum(thread.is_alive() for thread in tuple(self._crew))

    def submit(self, job: Job) -> bool:
        """Run ``job`` soon; False when there is no thread for it and none can be started, as when Python ends."""
        with self._lock:
            try:
                self._idle.pop().put(job)
                return True
            except IndexError:  # not looked for first: a signal handler in between may take the last one
                pass
            if self.threads < MAX_THREADS and self._started(job):
                return True
            if not self.threads:
                return False
            self._jobs.append(job)
            return True

    def _started(self, job: Job) -> bool:
        thread: Thread | None = None
        try:
            # Made here, too: an interpreter within another one may refuse a daemon thread as such.
            thread = Thread(target=self._work, args=(job,), name="secretsource-refresh", daemon=True)
            self._crew.add(thread)
            thread.start()
        except RuntimeError:
            if thread is not None:
                self._crew.discard(thread)
            return False
        return True

    def _work(self, first: Job) -> None:
        from contextlib import suppress
        from queue import SimpleQueue

        inbox: SimpleQueue[Job] = SimpleQueue()
        job: Job | None = first
        while job is not None:
            with suppress(BaseException):  # a driver that calls sys.exit ends its own call, not what others wait for
                job()
            job = self._next(inbox)

    def _next(self, inbox: SimpleQueue[Job]) -> Job | None:
        from queue import Empty

        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._idle.append(inbox)
        try:
            # Without the lock: a thread that a signal struck while it had it may wait for this very job.
            return inbox.get(timeout=self._idle_seconds)
        except Empty:
            pass
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
            if not inbox.empty():  # a thread that submits had struck it off by then
                return inbox.get()
            self._crew.discard(current_thread())
        return None
