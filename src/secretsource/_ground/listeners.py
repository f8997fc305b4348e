"""Listeners, and the one way in which both halves tell them of an event.

A listener that raises harms nobody: the log names its first error, and `Listeners.failures` counts each. A listener
that is slow harms nobody either when it is called *aside*: in a thread of its own, in order.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, TypeVar

    from secretsource._ground.aside import Aside

    E = TypeVar("E")

    class ByTicket(dict[object, Any], Generic[E]):
        """Listeners of one kind of event, each under a ticket of its own."""
else:
    E, ByTicket = object, dict  # `typing` would make it generic at run time too, and takes long to import

__all__ = ["LONGEST_SETTLING", "Listeners"]

LONGEST_SETTLING = 5.0
"""Seconds that closing waits for a slow listener."""


class Listeners(ByTicket[E]):
    """The listeners of one kind of event; false while it is empty, for the price of a truth test.

    Attributes:
        failures: How many times a listener raised.
    """

    __slots__ = ("_asides", "_named", "failures")

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self._named = False
        self._asides: dict[object, Aside[E]] = {}

    def add(self, listener: Callable[[E], object], *, aside: bool = False) -> Callable[[], None]:
        """Call a listener with each event from now on.

        Args:
            listener: The function to call with the event.
            aside: Whether to call it in a thread of its own, where it harms nobody by being slow.

        Returns:
            A function that stops it; a listener aside still gets the events before that.
        """
        ticket = object()
        if aside:
            from secretsource._ground.aside import Aside

            self._asides[ticket] = listener = Aside(self._call_aside, listener)
        self[ticket] = listener

        def stop() -> None:
            self.pop(ticket, None)
            calls = self._asides.pop(ticket, None)
            if calls is not None:
                calls.end()

        return stop

    def tell(self, event: E) -> None:
        """Announce an event to every listener; this never raises."""
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
        self._note(event, name)

    def _call_aside(self, listener: Callable[[E], object], event: E) -> None:
        """Call one listener in its thread, which goes on whatever it raises: `sys.exit` ends nothing from there."""
        try:
            self.call(listener, event)
        except BaseException as error:
            name = type(error).__name__
        else:
            return
        self._note(event, name)

    def _note(self, event: E, name: str) -> None:
        self.failures += 1
        if not self._named:
            self._named = True  # an event may come ten thousand times a second, and each would fill the log
            import logging

            logging.getLogger("secretsource").warning("a listener for %s raised %s", type(event).__name__, name)

    def settle(self, timeout: float) -> None:
        """Wait until the listeners aside have got all events so far.

        Args:
            timeout: Seconds to wait for each, at most.
        """
        for calls in tuple(self._asides.values()):
            calls.end().wait(timeout)
