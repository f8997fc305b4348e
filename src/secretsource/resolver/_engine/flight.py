"""One flight: a call to a provider that several readers share, failure included.

A flight is joined by threads (which wait) and by tasks (which are called back), so that `get_secret` and
`aget_secret` never ask for the same thing twice. Nothing here knows what is fetched.
"""

from __future__ import annotations

from functools import partial
from threading import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from secretsource.providers.base import Outcome
    from secretsource.resolver._walk.resolution import Ask, Reply

__all__ = ["Berth", "Flight"]


class Berth:
    """The flights to one place: the one that is planned, and those under way in the order in which they began."""

    __slots__ = ("aloft", "planned")

    def __init__(self) -> None:
        self.planned: Flight | None = None
        self.aloft: tuple[Flight, ...] = ()


class Flight:
    """One call, from the moment it is planned until it has landed.

    Args:
        ask: The document that is being fetched.
        until: Monotonic second of its deadline; nobody joins it after that.
        anew: Whether the driver is to give up what it holds for this document.

    Attributes:
        berth: Where it stands on the board; None for one that nobody can join.
        number: Its place in the order in which calls begin; 0 until it has begun.
        counts: Whether its answer may be kept; not after a later call has answered, nor after it has landed.
        crossed: The answers of other calls while this was under way: nobody knows which of them read first.
        pilot: Identifier of the thread that carries the flight.
        giver: Identifier of the thread that has handed it over to another one, if any.
        loop: The event loop that lands the flight in time, whatever happens, so that a reader there need not watch the
            clock; None for a flight that a thread carries.
    """

    __slots__ = (
        "_callbacks",
        "anew",
        "ask",
        "berth",
        "counts",
        "crossed",
        "giver",
        "loop",
        "number",
        "pilot",
        "reply",
        "until",
    )

    def __init__(self, ask: Ask, until: float, *, anew: bool = False) -> None:
        self.ask = ask
        self.until = until
        self.anew = anew
        self.number = 0
        self.berth: Berth | None = None
        self.counts = True
        self.crossed: tuple[Outcome, ...] = ()
        self.pilot = get_ident()
        self.giver: int | None = None
        self.loop: AbstractEventLoop | None = None
        self.reply: Reply | None = None
        self._callbacks: list[Callable[[], object]] = []

    def is_carried_here(self) -> bool:
        """Return whether this thread carries it further up, so that it must not wait for it."""
        here = get_ident()
        return self.pilot == here and self.giver != here

    def land(self, reply: Reply) -> None:
        """Give the reply to every reader that joined; may be called again if a signal cut it short."""
        self.reply = reply
        if self._callbacks:
            for callback in list(self._callbacks):
                self._call(callback)

    def wait(self, timeout: float) -> Reply | None:
        """Block until the flight has landed, at most ``timeout`` seconds; None when it has not."""
        from queue import Empty, SimpleQueue

        # A queue, since it may be put into again and at any moment; an Event costs more than the rest of a flight.
        gate: SimpleQueue[None] = SimpleQueue()
        wake = partial(gate.put, None)
        try:
            self.on_landing(wake)
            gate.get(timeout=timeout)
        except Empty:
            pass
        finally:
            self.forget(wake)
        return self.reply

    def on_landing(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the flight has landed, from the thread that lands it, or now if it has.

        It may be called twice, when the flight lands while it is handed over.
        """
        self._callbacks.append(callback)
        if self.reply is not None:
            self._call(callback)

    def forget(self, callback: Callable[[], object]) -> None:
        """Do not call ``callback`` any more; it may have been called already."""
        try:
            self._callbacks.remove(callback)
        except ValueError:
            return

    def _call(self, callback: Callable[[], object]) -> None:
        # First called and then forgotten: a signal in between wakes a reader twice, and not never.
        callback()
        self.forget(callback)
