"""One flight per reference: who asks first asks for all, and everybody gets what it brings, failure included.

A flight is joined by threads (which wait) and by tasks (which are called back), so that `get_secret` and
`aget_secret` never ask for the same thing twice. Nothing here knows what is fetched.
"""

from __future__ import annotations

from threading import Lock, get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from secretsource.resolver._resolution import Ask, Reply

__all__ = ["Flight"]


class Flight:
    """One call under way.

    Args:
        ask: What is being fetched.
        until: Monotonic second of its deadline; nobody joins it after that.
        anew: Whether the driver is to give up what it holds for this document.

    Attributes:
        pilot: Identifier of the thread that carries the flight, for a reader on that thread, which must not wait for
            itself; None while the flight waits for a thread.
        loop: The event loop that lands the flight in time, whatever happens, so that a reader there need not watch the
            clock; None for a flight that a thread carries.
    """

    __slots__ = ("_callbacks", "anew", "ask", "loop", "pilot", "reply", "until")

    def __init__(self, ask: Ask, until: float, *, anew: bool = False) -> None:
        self.ask = ask
        self.until = until
        self.anew = anew
        self.pilot: int | None = get_ident()
        self.loop: AbstractEventLoop | None = None
        self.reply: Reply | None = None
        self._callbacks: list[Callable[[], object]] = []

    def land(self, reply: Reply) -> None:
        """Give everyone who joined the reply."""
        self.reply = reply
        if self._callbacks:
            for callback in list(self._callbacks):
                self._call(callback)

    def wait(self, timeout: float) -> Reply | None:
        """Block until the flight has landed, at most ``timeout`` seconds; None when it has not."""
        gate = Lock()  # an Event would cost more than all the rest of a flight
        gate.acquire()
        self.on_landing(gate.release)
        gate.acquire(timeout=timeout)
        self.forget(gate.release)
        return self.reply

    def on_landing(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the flight has landed, from the thread that lands it, or now if it has."""
        self._callbacks.append(callback)
        if self.reply is not None:
            self._call(callback)

    def forget(self, callback: Callable[[], object]) -> None:
        """Do not call ``callback`` any more; it may have been called already."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        # The thread that lands and the one that joins may both come here: whoever takes the callback out calls it.
        try:
            self._callbacks.remove(callback)
        except ValueError:
            return
        callback()
