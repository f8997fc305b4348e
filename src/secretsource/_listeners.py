"""Who is told of what happens: one mechanism for both halves.

A listener that raises harms nobody: its first error is named in the log, and each counts in `Listeners.failures`. A
listener that is slow harms nobody either, where it is called *aside*: in a thread of its own, in order, up to ten
thousand events behind. That thread begins with an event and ends when there has been none for a second.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from secretsource import _fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

E = TypeVar("E")

MOST_WAITING = 10_000
"""Events that wait for a slow listener; it never hears of those that come then."""
IDLE = 1.0
"""Seconds without an event after which the thread of a listener ends."""

LONGEST_SETTLING = 5.0
"""Seconds that closing waits for a slow listener."""


class Listeners(dict[object, Any], Generic[E]):
    """The listeners of one kind of event; false while there are none, for the price of a truth test.

    Attributes:
        failures: How many times a listener raised.
    """

    __slots__ = ("_named", "failures")

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self._named = False

    def add(self, listener: Callable[[E], object], *, aside: bool = False) -> Callable[[], None]:
        """Tell a listener of each event from now on.

        Args:
            listener: What to call with the event.
            aside: Whether to call it in a thread of its own, where it harms nobody by being slow.

        Returns:
            What to call for the listener to hear no more; it still hears what happened before.
        """
        ticket = object()
        self[ticket] = told = _Aside(self, listener) if aside else listener

        def stop() -> None:
            self.pop(ticket, None)
            if isinstance(told, _Aside):
                told.end()

        return stop

    def tell(self, event: E) -> None:
        """Tell every listener; this never raises."""
        for listener in tuple(self.values()):
            self.call(listener, event)

    def call(self, listener: Callable[[E], object], event: E) -> None:
        """Call one listener, and contain what it raises."""
        try:
            listener(event)
        except Exception as error:
            name = type(error).__name__
        else:
            return
        self.failures += 1
        if not self._named:
            self._named = True  # an event may come ten thousand times a second, and each would fill the log
            import logging

            logging.getLogger("secretsource").warning("a listener for %s raised %s", type(event).__name__, name)

    def settle(self, timeout: float) -> None:
        """Wait until the listeners aside have heard all that they were told.

        Args:
            timeout: Seconds to wait for each, at most.
        """
        for told in tuple(self.values()):
            if isinstance(told, _Aside):
                told.end().wait(timeout)


class _Aside(Generic[E]):
    """A listener that is called in a thread of its own, in the context (`contextvars`) of each event."""

    __slots__ = ("__weakref__", "_calls", "_listener", "_listeners", "_lock", "_waiting")

    def __init__(self, listeners: Listeners[E], listener: Callable[[E], object]) -> None:
        self._listeners = listeners
        self._listener = listener
        self.after_fork()
        _fork.tell(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child: what was told before is its parent's to hear."""
        self._lock = threading.RLock()  # a signal may come in the middle of an event, and be one
        self._waiting: SimpleQueue[tuple[Context, E] | threading.Event] = SimpleQueue()
        self._calls = False

    def __call__(self, event: E) -> None:
        if self._waiting.qsize() < MOST_WAITING:
            self._put((copy_context(), event))

    def end(self) -> threading.Event:
        """Let the thread end once it has called all that waits; the next event begins another.

        Returns:
            What is set then.
        """
        ended = threading.Event()
        with self._lock:
            if self._calls:
                self._put(ended)
            else:
                ended.set()
        return ended

    def _put(self, told: tuple[Context, E] | threading.Event) -> None:
        with self._lock:
            self._waiting.put(told)
            if not self._calls:
                self._calls = True
                try:
                    threading.Thread(target=self._call, name="secretsource-listener", daemon=True).start()
                except RuntimeError:  # no threads left; it waits for the next event
                    self._calls = False

    def _call(self) -> None:
        while True:
            try:
                told = self._waiting.get(timeout=IDLE)
            except Empty:
                told = None
            if isinstance(told, tuple):
                context, event = told
                context.run(self._listeners.call, self._listener, event)
                del context, event, told
                continue
            is_over = self._may_end()
            if told is not None:
                told.set()
            if is_over:
                return

    def _may_end(self) -> bool:
        with self._lock:
            self._calls = not self._waiting.empty()
            return not self._calls
