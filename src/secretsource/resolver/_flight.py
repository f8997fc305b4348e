"""One flight per reference: who asks first asks for all, and everybody gets what it brings, failure included.

A flight is joined by threads (which wait) and by tasks (which are called back), so that `get_secret` and
`aget_secret` never ask for the same thing twice. Nothing here knows what is fetched.
"""

from __future__ import annotations

from threading import Event, get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.resolver._resolution import Ask, Reply

__all__ = ["Flight"]


class Flight:
    """One call under way.

    Args:
        ask: What is being fetched.

    Attributes:
        pilot: Identifier of the thread that carries the flight, for a reader on that thread, which must not wait for
            itself; None for a thread that runs nothing but flights.
    """

    __slots__ = ("_callbacks", "_landed", "ask", "pilot", "reply")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.pilot: int | None = get_ident()
        self.reply: Reply | None = None
        self._landed = Event()
        self._callbacks: list[Callable[[], object]] = []

    def land(self, reply: Reply) -> None:
        """Give everyone who joined the reply."""
        self.reply = reply
        self._landed.set()
        while self._callbacks:
            self._callbacks.pop()()

    def wait(self, timeout: float) -> Reply | None:
        """Block until the flight has landed, at most ``timeout`` seconds; None when it has not."""
        self._landed.wait(timeout)
        return self.reply

    def on_landing(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the flight has landed, from the thread that lands it, or now if it has."""
        self._callbacks.append(callback)
        # Landing may have emptied the list before the line above: whoever takes the callback out calls it, once.
        if self._landed.is_set():
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return
            callback()
