"""A listener in a thread of its own, up to ten thousand events behind.

The thread begins with an event, and ends when there has been none for a second.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from secretsource._ground import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

__all__ = ["Aside"]

E = TypeVar("E")

MOST_WAITING = 10_000
"""Events that wait for a slow listener; it misses those that come then."""

IDLE = 1.0
"""Seconds without an event after which the thread of a listener ends."""


class Aside(Generic[E]):
    """Calls a listener in a thread, in the context (`contextvars`) of each event.

    Args:
        call: Calls the listener with an event, and contains what it raises.
        listener: The listener.
    """

    __slots__ = ("__weakref__", "_call", "_listener", "_lock", "_runs", "_waiting")

    def __init__(self, call: Callable[[Callable[[E], object], E], None], listener: Callable[[E], object]) -> None:
        self._call = call
        self._listener = listener
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child: earlier events belong to its parent."""
        self._lock = threading.RLock()  # a signal may come in the middle of an event, and be one
        self._waiting: SimpleQueue[tuple[Context, E] | threading.Event] = SimpleQueue()
        self._runs = False

    def __call__(self, event: E) -> None:
        if self._waiting.qsize() < MOST_WAITING:
            self._put((copy_context(), event))

    def end(self) -> threading.Event:
        """Let the thread end once it has called all that waits; the next event begins another.

        Returns:
            An event that is set then.
        """
        ended = threading.Event()
        with self._lock:
            if self._runs:
                self._put(ended)
            else:
                ended.set()
        return ended

    def _put(self, told: tuple[Context, E] | threading.Event) -> None:
        with self._lock:
            self._waiting.put(told)
            if not self._runs:
                self._runs = True
                try:
                    threading.Thread(target=self._run, name="secretsource-listener", daemon=True).start()
                except RuntimeError:  # no threads left; it waits for the next event
                    self._runs = False

    def _run(self) -> None:
        while True:
            try:
                told = self._waiting.get(timeout=IDLE)
            except Empty:
                told = None
            if isinstance(told, tuple):
                context, event = told
                context.run(self._call, self._listener, event)
                del context, event, told
                continue
            is_over = self._may_end()
            if told is not None:
                told.set()
            if is_over:
                return

    def _may_end(self) -> bool:
        with self._lock:
            self._runs = not self._waiting.empty()
            return not self._runs
